"""Who may fetch from which host now: expiring leases in the database, shared by any number of processes.

One process at a time holds a host, so requests to it stay one by one with its gap between them, whoever
schedules. A lease ends by itself when its holder dies; each claim counts the host's token up, so a holder that
was only slow notices that its lease is gone. On SQLite it is the same lease, taken by one writer after the other.
Called by ``run``, ``writing`` and ``turns``.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.among import among
from service.db import WriteSession
from service.fetching.pace import CEILING
from service.models import Feed, Host

LEASE = timedelta(minutes=10)
"""How long a host is ours without another word; what a killed process held is free after this."""
MARGIN = timedelta(hours=1)
"""By how much the clocks of our machines may differ before a moment on one of them is taken for a mistake."""
FEEDS_PER_CLAIM = 4
"""A host with more due feeds is given back in between, so that it never waits long for its results to be stored."""


@dataclass(frozen=True, eq=False)
class Claim:
    """A host that is ours until its lease ends, and the feeds of it that are to be fetched."""

    host: str
    token: int
    feeds: tuple[Feed, ...]
    until: datetime | None = None
    """When the lease ends; nothing is begun that might last longer."""


async def claim_hosts(
    session: WriteSession,
    *,
    owner: str,
    limit: int,
    only: Collection[str] | None,
    now: datetime,
    lease: timedelta = LEASE,
) -> list[Claim]:
    """Take up to ``limit`` hosts that are free, ready and have a feed to fetch: one that is due, or one of ``only``.

    The feeds that have waited longest come first. ``only`` may hold some hundreds of ids. On PostgreSQL hosts that
    another claim is just taking are passed over; on SQLite writers take turns.
    """
    wanted = _wanted(only, now)
    free = or_(col(Host.lease_until).is_(None), col(Host.lease_until) < now)
    # From the feeds to their hosts, so that the index on the due time gives the first few without a look at the rest.
    waiting = (
        select(col(Feed.id), col(Feed.host))
        .join(Host, col(Host.name) == col(Feed.host))
        .where(wanted, free, col(Host.ready_at) <= now)
        .order_by(col(Feed.next_due_at), col(Feed.id))
        .limit(limit * FEEDS_PER_CLAIM)
        .with_for_update(of=Host, skip_locked=True)
    )
    chosen = _by_host(await (await session.connection()).execute(waiting), limit)
    if not chosen:
        return []
    taken = (
        update(Host)
        .where(among(col(Host.name), sorted(chosen)))
        .values(lease_owner=owner, lease_until=now + lease, lease_token=Host.lease_token + 1)
        .returning(col(Host.name), col(Host.lease_token))
    )
    tokens = dict(iter(await (await session.connection()).execute(taken)))
    order = {feed_id: place for place, feed_id in enumerate(i for ids in chosen.values() for i in ids)}
    feeds: dict[str, list[Feed]] = {}
    # Asked again, now that the hosts are ours: another process may have fetched one since the first look.
    for feed in await session.exec(select(Feed).where(wanted, among(col(Feed.id), order))):
        feeds.setdefault(feed.host, []).append(feed)
    return [
        Claim(host, tokens[host], tuple(sorted(feeds.get(host, ()), key=lambda feed: order[feed.id])), now + lease)
        for host in chosen
    ]


def _wanted(only: Collection[str] | None, now: datetime) -> ColumnElement[bool]:
    asked = col(Feed.next_due_at) <= now if only is None else among(col(Feed.id), only)
    return and_(col(Feed.enabled).is_(True), asked, col(Feed.removed_at).is_(None), col(Feed.paused_at).is_(None))


def _by_host(rows: Iterable[tuple[str, str]], limit: int) -> dict[str, list[str]]:
    """Host → the ids of its feeds, both in the order in which they came."""
    chosen: dict[str, list[str]] = {}
    for feed_id, host in rows:
        if host in chosen or len(chosen) < limit:
            ids = chosen.setdefault(host, [])
            if len(ids) < FEEDS_PER_CLAIM:
                ids.append(feed_id)
    return chosen


async def claims_still_held(session: WriteSession, claims: Collection[Claim]) -> set[Claim]:
    """Those of ``claims`` that nobody took over, nor can until this transaction ends."""
    hosts = {claim.host for claim in claims}
    query = select(Host.name, Host.lease_token).where(among(col(Host.name), hosts)).order_by(col(Host.name))
    tokens = dict((await session.exec(query.with_for_update())).all())
    return {claim for claim in claims if tokens.get(claim.host) == claim.token}


async def release_hosts(session: WriteSession, gaps: Mapping[Claim, float], *, now: datetime) -> None:
    """Give hosts back, unless somebody took them over; the next request to each waits for its gap, in seconds."""
    if not gaps:
        return
    ours = and_(col(Host.name) == bindparam("b_name"), col(Host.lease_token) == bindparam("b_token"))
    free: dict[str, Any] = {"lease_owner": None, "lease_until": None, "ready_at": bindparam("b_ready")}
    rows = [
        {"b_name": claim.host, "b_token": claim.token, "b_ready": now + timedelta(seconds=gap)}
        for claim, gap in sorted(gaps.items(), key=lambda pair: pair[0].host)
    ]
    await (await session.connection()).execute(update(Host).where(ours).values(free), rows)


async def release_owner(session: WriteSession, owner: str, *, gap: float, now: datetime) -> None:
    """Give back whatever this owner still holds; for the end of a round that was broken off."""
    free = {"lease_owner": None, "lease_until": None, "ready_at": now + timedelta(seconds=gap)}
    await (await session.connection()).execute(update(Host).where(col(Host.lease_owner) == owner).values(free))


async def soonest_turn(session: AsyncSession, feed_ids: Collection[str], *, now: datetime) -> datetime | None:
    """When the first host of these feeds wants to be asked again; None if none of the feeds is to be fetched."""
    query = select(Host.ready_at).join(Feed, col(Feed.host) == col(Host.name)).where(_wanted(feed_ids, now))
    return (await session.exec(query.order_by(col(Host.ready_at)).limit(1))).first()


async def pull_back_fetches(session: WriteSession, *, now: datetime) -> int:
    """Let feeds and hosts be asked that wait for longer than anything here does: the clock was set back meanwhile.

    Answers how many. A lease is ended as if its holder had died.
    """
    connection = await session.connection()
    far, lease = now + CEILING + MARGIN, now + LEASE + MARGIN
    pulled = 0
    for statement in (
        update(Feed).where(col(Feed.enabled).is_(True), col(Feed.next_due_at) > far).values(next_due_at=now),
        update(Host).where(col(Host.ready_at) > far).values(ready_at=now),
        update(Host).where(col(Host.lease_until) > lease).values(lease_owner=None, lease_until=None),
    ):
        pulled += (await connection.execute(statement)).rowcount
    return pulled
