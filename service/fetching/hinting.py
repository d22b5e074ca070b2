"""Which stored stories were not yet compared with the others: their sibling hints, worked off after a round.

Comparing costs more than storing, and no reader waits for a hint. So a round stores its stories first, in short
transactions, and then a bounded number of stories is compared, oldest first; what is left, after a crash too, has
its turn after the next round. A mark among the shingles says that a story has been compared. The comparing itself
is done by ``siblings``. Called by ``run``.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert
from sqlalchemy import select as sql_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import Database, WriteSession
from service.fetching.siblings import NewStory, note_siblings
from service.fetching.title_pieces import WINDOW
from service.models import Shingle, Sibling, Story

MOST_COMPARED = 600
"""Stories compared after one round: some tenths of a second."""
AT_ONCE = 100
"""Stories compared in one transaction, so that no editor waits for it."""
MARK = 0
"""The hash that says "compared"; pieces of titles are 63 random bits."""
OVERLAP = timedelta(seconds=30)
"""How far behind the newest mark to look again: transactions of other processes may have ended later."""
_LOCK = 0x48554E54
"""Any number of ours: PostgreSQL's advisory lock that lets one process at a time compare."""


async def note_pending(database: Database, *, now: datetime, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Compare stories that were stored but not compared yet; answers how many were."""
    compared = 0
    while compared < MOST_COMPARED and keep_going():
        async with database.read() as session:
            if not await _pending(session, now):  # most rounds bring nothing, and then nothing is written
                break
        async with database.write() as session:
            stories = await _pending(session, now) if await _is_our_turn(session) else []
            if stories:
                await note_siblings(session, [NewStory.of(row) for row in stories], now=now)
                marks = [{"story_id": row["id"], "hash": MARK, "received_at": row["received_at"]} for row in stories]
                await (await session.connection()).execute(insert(Shingle), marks)
        if not stories:
            break
        compared += len(stories)
    return compared


async def _pending(session: AsyncSession, now: datetime) -> list[dict[str, Any]]:
    """The oldest stories of the window without a mark; one that was compared as it came has left other traces."""
    newest = select(func.max(col(Shingle.received_at))).where(Shingle.hash == MARK)
    marked = (await session.exec(newest)).one()
    since = max(now - WINDOW, marked - OVERLAP) if marked else now - WINDOW
    columns = (col(Story.id), col(Story.feed_id), col(Story.title), col(Story.language), col(Story.dated_at))
    query = (
        sql_select(*columns, col(Story.received_at))
        .where(
            col(Story.received_at) >= since,
            ~select(Shingle.hash).where(Shingle.story_id == Story.id).exists(),
            ~select(Sibling.story_id).where(Sibling.other_id == Story.id).exists(),
        )
        .order_by(col(Story.received_at), col(Story.id))
        .limit(AT_ONCE)
    )
    found = (await (await session.connection()).execute(query)).mappings()
    return [dict(row) for row in found]


async def _is_our_turn(session: WriteSession) -> bool:
    """On PostgreSQL one process compares at a time; on SQLite, BEGIN has seen to that."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool((await session.exec(select(func.pg_try_advisory_xact_lock(_LOCK)))).one())
