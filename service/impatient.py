"""PostgreSQL connections that do not wait for ever for a server that has fallen silent.

The driver bounds no exchange with the server: where a machine, a proxy or a cable dies without a word, whoever waits
for an answer waits until the kernel gives up, a quarter of an hour. Here each exchange has its time, after which
the connection is given up. Knows no table. Called by ``db`` and ``desk/live``; apart from them because the driver
need not be loaded for SQLite.
"""

import asyncio
from typing import Any

import psycopg

ANSWER_SECONDS = 15.0
"""For one exchange: a statement and all that its server has to wait for, which is other acts of some milliseconds."""
CONNECT_SECONDS = 5


class ImpatientConnection(psycopg.AsyncConnection[Any]):
    """A connection whose every exchange is over in time; only listening (``notifies``) brings a time of its own."""

    async def wait(self, gen: Any, *args: Any, **more: Any) -> Any:
        """As the driver does it.

        Raises:
            psycopg.OperationalError: no answer came; the driver has given the connection up if it could not even
                call the statement off.
        """
        if more.get("timeout") is not None:
            return await super().wait(gen, *args, **more)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await super().wait(gen, *args, **more)
        except TimeoutError as error:
            raise psycopg.OperationalError(f"no answer from the database within {ANSWER_SECONDS:g} s") from error
