"""Opens the service without a web: the guarded runtime, and a database brought to this version and its shipped data.

Shared by ``app`` and the command line, so that ``huoban doctor`` or ``backup`` need not load every route. It serves
nothing and decides nothing.
"""

import gc
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx

from service.auth import invite_first_admin
from service.clock import Clock, utc_now
from service.fetching.catalogue import SyncReport, sync_feeds
from service.fetching.feeds_file import find_feeds_file, load_feeds_file
from service.fetching.guard import guarded_transport
from service.migrating import migrate_database
from service.partnerships.register import ship_register
from service.runtime import Runtime, open_runtime
from service.settings import Settings


def open_service(
    settings: Settings, *, clock: Clock = utc_now, transport: httpx.AsyncBaseTransport | None = None
) -> AbstractAsyncContextManager[Runtime]:
    """The runtime as both doors open it: with the guard in front of the network unless a test brings another."""
    guarded = transport or guarded_transport(settings.allowed_networks, connections=settings.fetch_concurrency)
    return open_runtime(settings, clock=clock, transport=guarded)


async def prepare(runtime: Runtime, *, feeds_file: Path | None = None) -> SyncReport:
    """Bring the database to this version and its shipped data: schema, sources, register. Safe to repeat.

    Raises:
        SetupError: the database or the feeds file is not fit; the message says what to do.
    """
    catalogue = load_feeds_file(feeds_file or find_feeds_file(runtime.settings))
    await migrate_database(runtime.database)
    now = runtime.clock()
    async with runtime.database.write() as session:
        report = await sync_feeds(session, catalogue, now=now)
        await ship_register(session, now=now)
    return report


async def first_admin_link(runtime: Runtime) -> str | None:
    """The one-time link that creates the first admin; None once there is an account in use."""
    now = runtime.clock()
    async with runtime.database.write() as session:
        secret = await invite_first_admin(session, now=now)
    return f"{runtime.settings.base_url}/setup/{secret}" if secret else None


def spare_collector() -> None:
    """Keep Python's garbage collector from walking again and again over what lives as long as the process.

    For a process of our own, when everything is imported. A pass of fetching makes many objects and few cycles;
    without this a third of the work of an unchanged pass was looking for them.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
