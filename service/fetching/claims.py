"""Who may fetch from which host now: expiring leases in the database, shared by any number of processes.

One process at a time holds a host, so requests to it stay one by one with its gap between them, whoever
schedules. A lease ends by itself when its holder dies; each claim counts the host's token up, so a holder that
was only slow notices that its lease is gone. Called by ``run``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, update
from sqlmodel import col, select

from service.db import WriteSession
from service.models import Feed, Host

LEASE = timedelta(minutes=10)
"""Longer than a claim can take: its feeds times the deadline of one fetch, with their gaps."""
FEEDS_PER_CLAIM = 4


@dataclass(frozen=True, eq=False)
class Claim:
    """A host that is ours until its lease ends, and the feeds of it that are to be fetched."""

    host: str
    token: int
    feeds: tuple[Feed, ...]


async def claim_hosts(
    session: WriteSession, *, owner: str, limit: int, only: Collection[str] | None, now: datetime
) -> list[Claim]:
    """Take up to ``limit`` hosts that are free, ready and have a feed to fetch: one that is due, or one of ``only``.

    On PostgreSQL rows that another claim is just taking are passed over; on SQLite writers take turns.
    """
    wanted = and_(
        col(Feed.enabled).is_(True),
        col(Feed.removed_at).is_(None),
        col(Feed.next_due_at) <= now if only is None else col(Feed.id).in_(only),
    )
    free = or_(col(Host.lease_until).is_(None), col(Host.lease_until) < now)
    hosts = (
        select(Host.name)
        .where(free, col(Host.ready_at) <= now, select(Feed.id).where(wanted, Feed.host == Host.name).exists())
        .order_by(col(Host.ready_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    names = list((await session.exec(hosts)).all())
    if not names:
        return []
    taken = (
        update(Host)
        .where(col(Host.name).in_(names))
        .values(lease_owner=owner, lease_until=now + LEASE, lease_token=Host.lease_token + 1)
        .returning(col(Host.name), col(Host.lease_token))
    )
    tokens: dict[str, int] = dict(iter(await (await session.connection()).execute(taken)))
    due = select(Feed).where(wanted, col(Feed.host).in_(names)).order_by(col(Feed.next_due_at), col(Feed.id))
    feeds: dict[str, list[Feed]] = {name: [] for name in names}
    for feed in await session.exec(due):
        if len(feeds[feed.host]) < FEEDS_PER_CLAIM:
            feeds[feed.host].append(feed)
    return [Claim(name, tokens[name], tuple(feeds[name])) for name in names]


async def claims_still_held(session: WriteSession, claims: Collection[Claim]) -> set[Claim]:
    """Those of ``claims`` that nobody took over."""
    query = select(Host.name, Host.lease_token).where(col(Host.name).in_({claim.host for claim in claims}))
    tokens = dict((await session.exec(query)).all())
    return {claim for claim in claims if tokens.get(claim.host) == claim.token}


async def release_hosts(session: WriteSession, gaps: Mapping[Claim, float], *, now: datetime) -> None:
    """Give hosts back; the next request to each waits for its gap, in seconds."""
    connection = await session.connection()
    for claim, gap in gaps.items():
        await connection.execute(
            update(Host)
            .where(col(Host.name) == claim.host, col(Host.lease_token) == claim.token)
            .values(lease_owner=None, lease_until=None, ready_at=now + timedelta(seconds=gap))
        )
