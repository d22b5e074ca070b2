"""How the sources do, as rows: one feed, its last fetches; and the record that a person changed the list.

Called by ``routes``, the desk's page of sources, the command line and, for the pruning, ``scheduling``.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import Database, WriteSession
from service.errors import NotFound
from service.fetching.disclosure import holds_secret
from service.journal import Decider, record_decision
from service.models import Feed, Fetch

_PRUNED_AT_ONCE = 200


async def get_feed(session: AsyncSession, feed_id: str) -> Feed:
    """One feed that is still on the list.

    Raises:
        NotFound: there is none with this id.
    """
    feed = await session.get(Feed, feed_id)
    if feed is None or feed.removed_at is not None:
        raise NotFound(f"There is no feed {feed_id[:64]!r}. `huoban feeds list` shows them all.")
    return feed


async def last_fetches(session: AsyncSession, feed_id: str, *, limit: int) -> list[Fetch]:
    """The last attempts to read a feed, newest first.

    Raises:
        NotFound: there is no such feed.
    """
    await get_feed(session, feed_id)
    query = select(Fetch).where(Fetch.feed_id == feed_id).order_by(col(Fetch.id).desc()).limit(limit)
    return list((await session.exec(query)).all())


async def recent_outcomes(session: AsyncSession, feed_ids: Collection[str], *, each: int) -> dict[str, list[str]]:
    """How the last ``each`` attempts at these feeds ended, the oldest first; a feed never tried is left out."""
    newest_first = func.row_number().over(partition_by=col(Fetch.feed_id), order_by=col(Fetch.id).desc())
    chosen = col(Fetch.feed_id).in_(feed_ids)
    ranked = select(Fetch.id, Fetch.feed_id, Fetch.outcome, newest_first.label("rank")).where(chosen).subquery()
    query = select(ranked.c.feed_id, ranked.c.outcome).where(ranked.c.rank <= each).order_by(ranked.c.id)
    outcomes: dict[str, list[str]] = {}
    for feed_id, outcome in (await session.exec(query)).all():
        outcomes.setdefault(feed_id, []).append(outcome)
    return outcomes


async def prune_fetches(database: Database, *, keep: int = 50) -> None:
    """Forget all but the newest fetch records of each feed, a few feeds a transaction so that nobody waits for it."""
    async with database.read() as session:
        feed_ids = list((await session.exec(select(Feed.id).order_by(col(Feed.id)))).all())
    newest_first = func.row_number().over(partition_by=col(Fetch.feed_id), order_by=col(Fetch.id).desc())
    for start in range(0, len(feed_ids), _PRUNED_AT_ONCE):
        some = feed_ids[start : start + _PRUNED_AT_ONCE]
        ranked = select(Fetch.id, newest_first.label("rank")).where(col(Fetch.feed_id).in_(some)).subquery()
        surplus = select(ranked.c.id).where(ranked.c.rank > keep)
        async with database.write() as session:
            await (await session.connection()).execute(delete(Fetch).where(col(Fetch.id).in_(surplus)))


async def record_feed(
    session: WriteSession,
    act: str,
    feed: Feed,
    *,
    now: datetime,
    by: Decider,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    public: bool = True,
) -> None:
    """Journal that a person changed the list of sources; without ``after``, what the feed now is.

    The record of a feed whose address may hold a key is not public, only its hash is; ``public`` = False says
    so of one whose address held a key before.
    """
    now_is = {"url": feed.url, "name": feed.name, "enabled": feed.enabled}
    await record_decision(
        session,
        act=act,
        subject=f"feed:{feed.id}",
        before=before,
        after=now_is if after is None else after,
        now=now,
        by=by,
        public=public and not holds_secret(feed),
    )
