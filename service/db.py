"""The database: engine, sessions and the rules of a transaction.

* ``read()`` gives a ``ReadSession`` that never commits.
* ``write()`` gives a ``WriteSession`` that commits once when its block ends and rolls back if it raises.
  On SQLite it begins IMMEDIATE: a deferred transaction that reads and then writes loses updates or fails
  with "database is locked" under concurrency (docs/decisions/0002).
* Both answer ``Unavailable`` within seconds when the database is away, locked, full or silent, and serve on by
  themselves when it is back.

This is the only module that commits. It knows no table; ``models`` does. Called by ``runtime``; everyone
else is handed a session.
"""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NewType

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel.ext.asyncio.session import AsyncSession

from service.errors import SetupError, Unavailable
from service.tracing import trace_statements

ReadSession = NewType("ReadSession", AsyncSession)
WriteSession = NewType("WriteSession", AsyncSession)

_WRITE = "huoban_write"


@dataclass
class _Writing:
    """A write that was begun; it knows its end, since tasks that it starts inherit it and may outlive it."""

    database: "Database"
    over: bool = False


_writing: ContextVar[_Writing | None] = ContextVar("huoban_writing", default=None)
"""The write that this task, or the one that started it, is in."""
BUSY_TIMEOUT_MS = 15_000
"""How long a writer waits for another one on SQLite; writes here are milliseconds, so this is ample."""
LEAST_ROOM = 4 * 2**20
"""Bytes free beside the SQLite file below which nothing more can safely be stored: what its log may grow by."""
_FREE_SECONDS = 10
"""How long a caller waits for a connection of the pool."""
_AWAY = "The database does not answer at this moment. Look whether your act was stored before you repeat it."
_LOCKED = "Another program keeps the database locked. Nothing was changed; try again."
_FULL = "The disk of the database is full. Nothing was changed; the operator must make room."
_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _AWAY,
    sqlite3.SQLITE_IOERR: _AWAY,
    sqlite3.SQLITE_CANTOPEN: _AWAY,
}
"""By primary result code (sqlite.org/rescode.html)."""


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # isolation_level=None hands BEGIN to our own listener; the driver's own rule starts a transaction
    # only before the first write, which is the lost update of docs/decisions/0002.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",  # before anything that may have to wait
        "journal_mode=WAL",  # the file is in it already (``prepare_folder``) unless it is a copy of another
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _keep_write_ahead_log(connection: sqlite3.Connection) -> None:
    # The switch needs the file for itself and does not wait its turn, whatever busy_timeout says: of processes
    # that start together one makes it, and the others find it made.
    for patience in range(BUSY_TIMEOUT_MS // 100, -1, -1):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not patience or "locked" not in str(error):
                raise
            time.sleep(0.1)
        else:
            return


def why_unavailable(error: SQLAlchemyError) -> str | None:
    """What to tell a caller whom the database failed for the moment; None where the fault is in what was asked."""
    if isinstance(error, NoConnectionFree):
        return _AWAY
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _SQLITE_AWAY.get((getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF)
    away = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return _AWAY if away else None


@asynccontextmanager
async def _available() -> AsyncIterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        reason = why_unavailable(error)
        if reason is None:
            raise
        raise Unavailable(reason) from error


def _for_postgresql() -> dict[str, Any]:
    from service.impatient import CONNECT_SECONDS, ImpatientConnection  # the driver, which SQLite does not need

    return {
        "pool_size": 10,
        "pool_pre_ping": True,
        "pool_timeout": _FREE_SECONDS,
        "connect_args": {"connect_timeout": CONNECT_SECONDS, "async_creator_fn": ImpatientConnection.connect},
    }


class Database:
    """One engine and its two kinds of session."""

    def __init__(self, url: str) -> None:
        """Open nothing yet; connections are made when first used.

        Raises:
            SetupError: the URL is not one of the two databases that the service runs on.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise SetupError(
                "HUOBAN_DATABASE_URL is not a database URL. Write for example "
                "sqlite+aiosqlite:///./data/huoban.db or postgresql+psycopg://user:password@host/name."
            ) from error
        if parsed.drivername not in ("sqlite+aiosqlite", "postgresql+psycopg"):
            raise SetupError(
                f"HUOBAN_DATABASE_URL begins with {parsed.drivername}://, which is not supported. "
                "Use sqlite+aiosqlite:// or postgresql+psycopg://."
            )
        self.url = parsed
        self.is_sqlite = parsed.drivername.startswith("sqlite")
        options = {} if self.is_sqlite else _for_postgresql()
        # SQLite writes one at a time: those of this process wait here, in the order they came and without a connection.
        # Left to SQLite, they would poll for its lock out of order, each with a connection that readers then lack.
        self._turn = asyncio.Lock() if self.is_sqlite else None
        self.engine: AsyncEngine = create_async_engine(parsed, **options)
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        trace_statements(self.engine.sync_engine)
        readers = self.engine if self.is_sqlite else self.engine.execution_options(postgresql_readonly=True)
        self._reads = async_sessionmaker(readers, class_=AsyncSession, expire_on_commit=False)
        self._writes = async_sessionmaker(
            self.engine.execution_options(**{_WRITE: True}), class_=AsyncSession, expire_on_commit=False
        )

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None on PostgreSQL and for a database in memory."""
        if not self.is_sqlite or not self.url.database or self.url.database == ":memory:":
            return None
        return Path(self.url.database)

    def prepare_folder(self) -> None:
        """Make the SQLite file's folder, and say plainly when it cannot be written.

        Raises:
            SetupError: the folder cannot be made, or the file cannot be opened for writing.
        """
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            probe = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_MS / 1000)
            try:
                _keep_write_ahead_log(probe)
                probe.execute("BEGIN IMMEDIATE")
                probe.rollback()
            finally:
                probe.close()
        except (OSError, sqlite3.Error) as error:
            raise SetupError(
                f"The database file {self.path} cannot be written ({error}). Give this user the right to "
                "write the file and its folder, or point HUOBAN_DATABASE_URL elsewhere."
            ) from error

    def require_room(self) -> None:
        """Check that there is room on the disk for what is to be stored; on PostgreSQL its server knows.

        Raises:
            Unavailable: there is not.
        """
        if self.path is not None and shutil.disk_usage(self.path.absolute().parent).free < LEAST_ROOM:
            raise Unavailable(_FULL)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session for reading; nothing done in it is kept.

        Raises:
            Unavailable: the database cannot be used at this moment.
        """
        async with _available(), self._reads() as session:
            yield ReadSession(session)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """A session for one change: committed when the block ends, undone when it raises.

        Raises:
            RuntimeError: asked for within another, which it would wait for, and that one for it, for ever.
            Unavailable: the database cannot be used at this moment.
        """
        around = _writing.get()
        if around is not None and around.database is self and not around.over:
            raise RuntimeError("a write has begun here already: hand its session on instead of beginning another")
        own = _Writing(self)
        _writing.set(own)
        try:
            async with self._in_turn(), _available(), self._writes() as session:
                # Begin now: on SQLite the lock is taken here and not at the first statement, so that what
                # an action reads cannot have changed when it writes.
                await session.connection()
                yield WriteSession(session)
                await session.commit()
        finally:
            own.over = True

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        if self._turn is None:
            yield
            return
        try:
            async with asyncio.timeout(BUSY_TIMEOUT_MS / 1000):
                await self._turn.acquire()
        except TimeoutError as error:
            raise Unavailable(_LOCKED) from error
        try:
            yield
        finally:
            self._turn.release()

    async def close(self) -> None:
        """Give back every connection."""
        await self.engine.dispose()
