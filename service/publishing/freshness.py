"""Knows, at almost no cost, whether what readers would see has changed since it was last rendered.

Public bytes change by a decision, which stands in the journal, by a row of the register, or because a day ends in
the newsroom's zone. This counts such changes as one version number. Every transaction that this process commits
makes it look again before the next answer; what other processes commit it sees within ``LOOK_EVERY``. What
is not journalled (a source that renames itself in its feed) shows with the next change, at the latest the next day.
Used by ``serving``.
"""

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Connection, event, not_, or_
from sqlalchemy import select as sa_select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import col, func

from service.clock import Calendar
from service.db import Database
from service.errors import Unavailable
from service.models import JournalRecord, RegisterEntry

LOOK_EVERY = 0.1
"""Seconds for which a look holds as long as this process itself commits nothing."""
LOOK_AHEAD = 0.04
"""Seconds before that end from which an answer has the next look taken meanwhile, so that nobody waits for it."""
log = structlog.get_logger(__name__)

_COMMITTING = "huoban_committing"


class Freshness:
    """The version of the public state of one database."""

    def __init__(self, database: Database, calendar: Calendar) -> None:
        self._database, self._calendar = database, calendar
        self._lock = asyncio.Lock()
        self._commits = 0
        self._looked_commits = -1
        self._holds_until = 0.0
        self._day_ends: datetime | None = None
        self._last_seq: int | None = None
        self._rows = 0
        self._version = 0
        self._ahead: asyncio.Task[None] | None = None
        self.looked_at: datetime | None = None
        """When the version was last found to hold."""
        engine = database.engine.sync_engine
        event.listen(engine, "commit", self._begin_commit)
        event.listen(engine, "checkin", self._end_commit)

    def current(self, now: datetime) -> int | None:
        """The version, if it can be told without asking the database; where it ends soon, it is asked meanwhile."""
        if self._looked_commits != self._commits or self._day_ends is None or now >= self._day_ends:
            return None
        left = self._holds_until - asyncio.get_running_loop().time()
        if left <= 0:
            return None
        if left < LOOK_AHEAD and self._ahead is None:
            self._ahead = asyncio.create_task(self._look_ahead(now))
        return self._version

    async def look(self, now: datetime) -> int:
        """The version, by one query on indexes; callers that come at once share it."""
        async with self._lock:
            known = self.current(now)
            return known if known is not None else await self._look(now)

    async def close(self) -> None:
        """Let a look that is under way come to its end."""
        if self._ahead is not None:
            await self._ahead

    async def _look_ahead(self, now: datetime) -> None:
        try:
            async with self._lock:
                await self._look(now)
        except (SQLAlchemyError, Unavailable) as error:  # whoever asks once the last look is over is told
            log.warning("look_ahead_failed", error=repr(error))
        finally:
            self._ahead = None

    async def _look(self, now: datetime) -> int:
        commits = self._commits  # before the query: what is committed meanwhile calls for another look
        started = asyncio.get_running_loop().time()
        last, changes, rows = await self._count(self._last_seq)
        day_ends = self._calendar.begins_at(self._calendar.day_of(now) + timedelta(days=1))
        # A journal that ends earlier than it did: the database is another copy, after a failover or a restore.
        older = last < (self._last_seq or 0)
        if changes or older or rows != self._rows or day_ends != self._day_ends:
            self._version += 1
        self._last_seq, self._rows, self._day_ends = last, rows, day_ends
        self._looked_commits, self._holds_until, self.looked_at = commits, started + LOOK_EVERY, now
        return self._version

    async def _count(self, after: int | None) -> tuple[int, int, int]:
        """The journal's last number, how many records since ``after`` touch the public, and the register's size."""
        seq = col(JournalRecord.seq)
        rows = sa_select(func.count()).select_from(RegisterEntry).scalar_subquery()
        news = sa_select(func.count()).where(seq > (after or 0), _touches_readers()).scalar_subquery()
        last = sa_select(func.coalesce(func.max(seq), 0)).scalar_subquery()
        async with self._database.read() as session:
            connection = await session.connection()
            if after is None:
                # The first look has nothing rendered to compare with, and need not read the journal.
                seen, register = (await connection.execute(sa_select(last, rows))).one()
                return seen, 0, register
            seen, changes, register = (await connection.execute(sa_select(last, news, rows))).one()
            return seen, changes, register

    def _begin_commit(self, connection: Connection) -> None:
        connection.info[_COMMITTING] = True
        self._commits += 1

    def _end_commit(self, _connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        # "commit" is told before the database has committed; the connection comes back to the pool after it.
        if entry.info.pop(_COMMITTING, None):
            self._commits += 1


def _touches_readers() -> ColumnElement[bool]:
    """Everything but what editors do to a story that is not public; the order of a list, for one, is private."""
    return or_(col(JournalRecord.public), not_(col(JournalRecord.subject).like("story:%")))
