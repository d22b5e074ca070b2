"""Opens the things a process shares (database, HTTP client, clock) once and hands them out.

It does not choose the HTTP transport: the doors pass the guarded one (``fetching/guard``), so that no
client exists that could go around the guard. Called by ``app`` and ``cli``.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from service import __version__
from service.clock import Clock
from service.db import Database
from service.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """What every edge of one process may use."""

    settings: Settings
    database: Database
    client: httpx.AsyncClient
    clock: Clock


def user_agent(settings: Settings) -> str:
    """How we introduce ourselves to publishers: name, version, and where to find us."""
    contact = settings.contact or settings.base_url
    return f"Huoban/{__version__} (+{contact}; news desk)"


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, clock: Clock, transport: httpx.AsyncBaseTransport
) -> AsyncIterator[Runtime]:
    """Open everything for as long as the block lasts.

    Redirects stay off (``fetching/download`` follows them one guarded hop at a time) and the environment's
    proxies are ignored, since a proxy would resolve names behind the guard's back.
    """
    database = Database(settings.database_url)
    client = httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": user_agent(settings)},
    )
    try:
        async with client:
            yield Runtime(settings=settings, database=database, client=client, clock=clock)
    finally:
        await database.close()
