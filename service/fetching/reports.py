"""How the sources do, as rows: one feed, its last fetches; and the record that a person changed the list.

Called by ``routes`` and the command line.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.errors import NotFound
from service.fetching.disclosure import holds_secret
from service.journal import Decider, record_decision
from service.models import Feed, Fetch


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
