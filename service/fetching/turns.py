"""A turn at a host for whoever is no fetch round: discovery and dry runs at the desk.

They ask the same publishers as the rounds do, so they take the same lease for a moment: one request per host
at a time and the host's gap after it, whichever process asks. A host that no feed of ours lives on has no
lease, and nothing else of ours asks it. No session is open during the turn. Called by ``discovery`` and
``date_trial``.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import or_, update
from sqlmodel import col

from service.errors import NotNow
from service.fetching.claims import Claim, release_hosts
from service.fetching.vocabulary import feed_host
from service.models import Host
from service.runtime import Runtime

LEASE = timedelta(minutes=2)
"""Longer than one request with its deadline."""
PATIENCE = 15.0
"""Seconds to wait for a host that is busy or whose gap has not passed."""
_ASK_AGAIN = 0.25


@asynccontextmanager
async def host_turn(runtime: Runtime, url: str, *, patience: float = PATIENCE) -> AsyncIterator[None]:
    """Hold the host of an accepted URL for one request.

    Raises:
        NotNow: it was not free within ``patience`` seconds.
    """
    host = feed_host(url)
    claim = await _claim(runtime, host, patience)
    try:
        yield
    finally:
        if claim is not None:
            async with runtime.database.write() as session:
                await release_hosts(session, {claim: runtime.settings.host_gap}, now=runtime.clock())


async def _claim(runtime: Runtime, host: str, patience: float) -> Claim | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        async with runtime.database.read() as session:
            if await session.get(Host, host) is None:
                return None
        token = await _take(runtime, host)
        if token is not None:
            return Claim(host, token, ())
        if loop.time() >= deadline:
            raise NotNow(f"{host} is being asked for something else, or wants to be left alone. Try again in a while.")
        await asyncio.sleep(_ASK_AGAIN)


async def _take(runtime: Runtime, host: str) -> int | None:
    """The token of our lease, or None while the host is not to be asked."""
    now = runtime.clock()
    free = or_(col(Host.lease_until).is_(None), col(Host.lease_until) < now)
    taking = (
        update(Host)
        .where(col(Host.name) == host, free, col(Host.ready_at) <= now)
        .values(lease_owner=secrets.token_hex(8), lease_until=now + LEASE, lease_token=Host.lease_token + 1)
        .returning(col(Host.lease_token))
    )
    async with runtime.database.write() as session:
        return (await (await session.connection()).execute(taking)).scalar_one_or_none()
