"""A process of its own for ``test_workers``: fetches what is due, round after round, until its input is closed.

    python -m tests.fetching.round_worker DATABASE_URL NAME LEASE_SECONDS

Its name is in the user agent, so that the server can tell who asked.
"""

import asyncio
import sys
from datetime import timedelta
from ipaddress import ip_network

from service.app import open_service
from service.fetching.parsers import ParserPool
from service.fetching.run import run_round
from service.settings import Settings


async def work(url: str, name: str, lease: timedelta) -> None:
    """Begin with the first line of standard input, and fetch until the other end of it is closed."""
    settings = Settings(
        database_url=url,
        contact=name,
        host_gap=0.0,
        fetch_concurrency=6,
        fetch_deadline=1.0,
        allowed_networks=(ip_network("127.0.0.0/8"),),
    )
    async with open_service(settings) as runtime, ParserPool(workers=1) as parsers:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        stopping = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        while not stopping.done():
            await run_round(runtime, parsers, lease=lease, keep_going=lambda: not stopping.done())
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], timedelta(seconds=float(sys.argv[3]))))
