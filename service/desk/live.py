"""What happens at every desk, told within a second: the journal as a stream, across processes.

Each process has one ``JournalWatch`` that knows the newest record: on PostgreSQL it hears of it (``LISTEN``; the
recording transaction notifies with the number alone), on SQLite it looks twice a second while anybody listens.
Each stream remembers only the last record that it sent and reads on from there, so a slow client costs nothing,
misses nothing, and comes back where it left off. Called by ``events_routes``; the watch is started by ``app``.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime

import structlog
from pydantic import BaseModel, Field
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import Database
from service.journal import CHANNEL
from service.models import Edition, Editor, Feed, Item, JournalRecord, Story

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks at the journal on SQLite."""
LOOK_ANYWAY = 30.0
"""Seconds after which PostgreSQL is asked although it told nothing: a lost connection may look like silence."""
STREAM_LASTS = 300.0
"""Seconds until a stream ends by itself; the client comes back, and is asked again who it is."""
BATCH = 200
SHOWN_KINDS = ("story", "edition", "feed", "partner")
"""What the events are about; acts on accounts are nobody else's affair."""


class EventOut(BaseModel):
    """One decision, as it is told to every desk."""

    seq: int = Field(description="Its place in the journal, and the id of the event.", examples=[42])
    at: datetime
    by: str = Field(description="The editor's name, `clock` or `operator`.", examples=["Amina Test"])
    act: str = Field(examples=["publish"])
    subject: str = Field(description="`kind:id`.", examples=["edition:2026-11-24"])
    version: int | None = Field(description="The subject's version now; read again what you hold of an older one.")
    edition: date | None = Field(description="The day's list that a story stands in now.")


class JournalWatch:
    """Knows the newest record of the journal, and wakes those who wait for a newer one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bell = asyncio.Event()
        self.latest = 0
        self.listeners = 0
        self.closing = False

    def close(self) -> None:
        """End every stream: the process is stopping."""
        self.closing = True
        self._ring()

    async def newer_than(self, seq: int, *, wait: float) -> bool:
        """Wait for a record after ``seq``, at most ``wait`` seconds; False if none came."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while self.latest <= seq and not self.closing:
                    await self._bell.wait()
        return self.latest > seq and not self.closing

    async def look(self) -> int:
        """Ask the database for the newest record; answers its number, 0 for none."""
        async with self._database.read() as session:
            self._hear((await session.exec(select(func.max(JournalRecord.seq)))).one() or 0)
        return self.latest

    def _hear(self, seq: int) -> None:
        if seq > self.latest:
            self.latest = seq
            self._ring()

    def _ring(self) -> None:
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    async def run(self) -> None:
        """Watch until cancelled; a database that is away is tried again every second."""
        while True:
            try:
                await (self._poll() if self._database.is_sqlite else self._listen())
            except Exception:
                log.exception("journal_watch_failed")
                await asyncio.sleep(1)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self.listeners:
                await self.look()

    async def _listen(self) -> None:
        # Only here: the driver is nine megabytes that a newsroom on SQLite need not carry.
        from service.impatient import CONNECT_SECONDS, ImpatientConnection

        url = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connecting = ImpatientConnection.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)
        async with await connecting as connection:
            await connection.execute(f"LISTEN {CHANNEL}")  # a constant of ours, which no statement takes as a value
            while True:
                await connection.execute("SELECT 1")  # raises where the silence was a connection that has died
                await self.look()
                async for notice in connection.notifies(timeout=LOOK_ANYWAY):
                    self._hear(int(notice.payload))


@asynccontextmanager
async def watching(database: Database) -> AsyncIterator[JournalWatch]:
    """A watch for as long as the block lasts."""
    watch = JournalWatch(database)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        watch.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def stream_events(
    database: Database, watch: JournalWatch, *, after: int, welcome: Callable[[], Awaitable[bool]]
) -> AsyncIterator[EventOut]:
    """Every event after a record, those of the past first, then each as it happens, for five minutes.

    ``welcome`` says before anything is told whether whoever listens still may.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + STREAM_LASTS
    watch.listeners += 1
    try:
        while not watch.closing and loop.time() < until:
            async with database.read() as session:
                records = await _records_after(session, after)
                events = await _told(session, records)
            if events and not await welcome():
                return
            for event in events:
                yield event
            if records:
                after = records[-1].seq
            else:
                await watch.newer_than(after, wait=until - loop.time())
    finally:
        watch.listeners -= 1


async def _records_after(session: AsyncSession, seq: int) -> Sequence[JournalRecord]:
    query = select(JournalRecord).where(col(JournalRecord.seq) > seq).order_by(col(JournalRecord.seq)).limit(BATCH)
    return (await session.exec(query)).all()


async def _told(session: AsyncSession, records: Sequence[JournalRecord]) -> list[EventOut]:
    named = ((record, *record.subject.partition(":")) for record in records)
    shown = [(record, kind, name) for record, kind, _, name in named if kind in SHOWN_KINDS]
    if not shown:
        return []
    wanted: dict[str, set[str]] = {kind: {name for _, k, name in shown if k == kind} for kind in SHOWN_KINDS}
    days = {date.fromisoformat(day) for day in wanted["edition"]}
    stories = await session.exec(select(Story.id, Story.version).where(col(Story.id).in_(wanted["story"])))
    editions = await session.exec(select(col(Edition.day), col(Edition.version)).where(col(Edition.day).in_(days)))
    feeds = await session.exec(select(Feed.id, Feed.version).where(col(Feed.id).in_(wanted["feed"])))
    placed = select(col(Item.story_id), col(Item.edition_date)).where(col(Item.story_id).in_(wanted["story"]))
    places = await session.exec(placed)
    versions = {
        **{f"story:{story_id}": version for story_id, version in stories},
        **{f"edition:{day}": version for day, version in editions},
        **{f"feed:{feed_id}": version for feed_id, version in feeds},
    }
    place_of = {f"story:{story_id}": day for story_id, day in places}
    authors = {record.by for record, _, _ in shown if record.by}
    names = {e.id: e.name for e in await session.exec(select(Editor).where(col(Editor.id).in_(authors)))}
    return [
        EventOut(
            seq=record.seq,
            at=record.at,
            by=names[record.by] if record.by else str(record.content()["by"]),
            act=record.act,
            subject=record.subject,
            version=versions.get(record.subject),
            edition=place_of.get(record.subject),
        )
        for record, _, _ in shown
    ]
