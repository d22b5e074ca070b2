"""The metronome: the only module that knows APScheduler.

It ticks; what is due stands in the database, so any number of schedulers may tick beside each other and a
restart misses nothing. Each job samples ``now`` once, runs to its end once it began, and logs what went wrong.

The computer's clock may be set while this runs (a machine that wakes up, or learns the time only after its start).
Jobs tick on by the seconds that really pass; what a wrong clock put off for longer than anything is put off is pulled
back to now, so that nothing waits for a moment that is years away.

    fetch    every few seconds: the feeds that are due
    publish  every few seconds: scheduled items whose time has come
    close    twice a minute: editions whose cut-off has passed, with their digest
    websub   every minute: subscriptions to hubs that are to be made, renewed or left
    watch    every minute: the sources of what was published in the last three days
    index    every minute: stories that no search has had indexed yet
    seal     every minute: the day's signed checkpoint of the journal, if there is none yet
    outgoing every few seconds: mails, pings and webhooks that are due
    clock    every minute: moments that only a clock which was wrong can have set
    prune    hourly: fetch records beyond the newest fifty of each feed, answers kept for repeated POSTs, title pieces

APScheduler 3 cancels running coroutines when it shuts down, whatever ``wait`` says; so ``stop`` drains them
here first. Called by ``app`` (``serve``) and the command line (``worker``).
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from service import checkpoints
from service.clock import Clock, utc_now
from service.desk import closing, editions, people
from service.desk.closing import Freeze
from service.desk.search_index import catch_up
from service.errors import HuobanError, NotNow
from service.fetching.claims import pull_back_fetches
from service.fetching.parsers import ParserPool
from service.fetching.reports import prune_fetches
from service.fetching.run import run_round
from service.fetching.siblings import prune_shingles
from service.fetching.watch import check_watches
from service.fetching.websub import tend_subscriptions
from service.idempotency import forget_answers
from service.models import Editor
from service.outgoing.outbox import forget_deliveries, pull_back_deliveries
from service.outgoing.sending import send_outgoing
from service.runtime import Runtime
from service.tracing import span

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 10.0
"""How long a stop waits for jobs that run; after that their leases are given back unfinished."""
LAST_SECONDS = 5.0
"""How long what was broken off may take to give back what it holds; a process that is to end, ends."""


@dataclass(frozen=True)
class Job:
    """One thing that happens by the clock."""

    name: str
    every: float
    """Seconds between two ticks."""
    run: Callable[[], Awaitable[None]]


class _Steady(BaseTrigger):  # type: ignore[misc]  # the library has no types
    """Every so many seconds from the last tick, whatever was missed: one tick makes up for all of it.

    APScheduler's own interval would count through each tick that a clock set forward by years has skipped.
    """

    def __init__(self, every: float) -> None:
        self.every = timedelta(seconds=every)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Called by the scheduler."""
        return now + self.every


class Metronome:
    """A running scheduler and the jobs that it has begun; ``clock`` is the one that the scheduler reads, too."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self.stopping = False
        """Set first when a stop begins; long jobs look at it and begin nothing more."""
        self._until = 0.0
        """When what runs is broken off, by the loop's clock, once ``stopping``."""
        self._running: set[asyncio.Task[None]] = set()
        self._clock = clock
        self._watch: asyncio.Task[None] | None = None
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    async def _tick(self, job: Job) -> None:
        # A task of our own: APScheduler cancels the coroutine that it awaits, and this one must survive that.
        task = asyncio.create_task(self._guarded(job), name=job.name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)

    async def _guarded(self, job: Job) -> None:
        if self.stopping:
            return
        called = structlog.contextvars.bound_contextvars(job=job.name, request_id=secrets.token_hex(8))
        with called, span(f"job {job.name}"):
            try:
                await job.run()
            except Exception:
                log.exception("job_failed")

    def start(self, jobs: list[Job], *, now: datetime) -> None:
        """Begin ticking; each job's first tick is now."""
        for job in jobs:
            self._scheduler.add_job(self._tick, _Steady(job.every), args=[job], id=job.name, next_run_time=now)
        self._scheduler.start()
        self._watch = asyncio.create_task(self._watch_clock(min(job.every for job in jobs)))

    async def _watch_clock(self, every: float) -> None:
        # The scheduler waits for a moment on the clock; when that is set back, the moment is far off.
        while True:
            await asyncio.sleep(every)
            now = self._clock()
            for job in self._scheduler.get_jobs():
                if job.next_run_time - now > job.trigger.every:
                    job.modify(next_run_time=now)

    def begin_stop(self) -> None:
        """Begin nothing more. The time that jobs have to finish runs from here on, while connections finish, too."""
        if self.stopping:
            return
        self.stopping, self._until = True, asyncio.get_running_loop().time() + DRAIN_SECONDS
        if self._watch is not None:
            self._watch.cancel()
        self._scheduler.pause()

    async def stop(self) -> None:
        """Begin nothing more, let what runs finish for a while, then cancel the rest."""
        self.begin_stop()
        if self._running:
            left = self._until - asyncio.get_running_loop().time()
            await asyncio.wait(self._running, timeout=max(left, 0))
        for task in list(self._running):
            task.cancel()
        if self._running:
            _, stuck = await asyncio.wait(self._running, timeout=LAST_SECONDS)
            if stuck:
                log.error("jobs_did_not_end", jobs=sorted(task.get_name() for task in stuck))
        self._scheduler.shutdown(wait=False)


@asynccontextmanager
async def scheduling(runtime: Runtime, parsers: ParserPool, *, freeze: Freeze) -> AsyncIterator[Metronome]:
    """Fetch, publish, close and prune by the clock for as long as the block lasts."""
    metronome = Metronome()

    async def fetch() -> None:
        await run_round(runtime, parsers, keep_going=lambda: not metronome.stopping)

    async def publish() -> None:
        await publish_due(runtime)

    async def close() -> None:
        await close_due(runtime, freeze=freeze)

    async def websub() -> None:
        await tend_subscriptions(runtime, keep_going=lambda: not metronome.stopping)

    async def watch() -> None:
        await check_watches(runtime, now=runtime.clock(), keep_going=lambda: not metronome.stopping)

    async def index() -> None:
        await catch_up(runtime.database)

    async def seal() -> None:
        await checkpoint_due(runtime)

    async def outgoing() -> None:
        await send_outgoing(runtime, keep_going=lambda: not metronome.stopping)

    async def clock() -> None:
        await pull_back(runtime)

    async def prune() -> None:
        await prune_fetches(runtime.database)
        async with runtime.database.write() as session:
            await forget_answers(session, now=runtime.clock())
            await people.forget_sessions(session, now=runtime.clock())
            await prune_shingles(session, now=runtime.clock())
            await forget_deliveries(session, now=runtime.clock())

    jobs = [
        Job("fetch", 5, fetch),
        Job("publish", 5, publish),
        Job("close", 30, close),
        Job("websub", 60, websub),
        Job("watch", 60, watch),
        Job("index", 60, index),
        Job("seal", 60, seal),
        Job("outgoing", 5, outgoing),
        Job("clock", 60, clock),
        Job("prune", 3_600, prune),
    ]
    metronome.start(jobs, now=runtime.clock())
    try:
        yield metronome
    finally:
        await metronome.stop()


async def checkpoint_due(runtime: Runtime) -> bool:
    """Sign the newsroom day's checkpoint of the journal; False where it has one, or where nothing is recorded."""
    settings, now = runtime.settings, runtime.clock()
    async with runtime.database.read() as reading:
        last = await checkpoints.last_checkpoint(reading)
    if last is not None and last.day >= settings.calendar.day_of(now):
        return False
    key = settings.ledger_key.get_secret_value() if settings.ledger_key else None
    async with runtime.database.write() as session:
        made = await checkpoints.make_checkpoint(session, ledger_key=key, calendar=settings.calendar, now=now)
    if made is not None:
        log.info("checkpoint_signed", day=str(made.day), records=made.records, key=made.key_id)
    return made is not None


async def pull_back(runtime: Runtime) -> int:
    """Let everything go on that waits for a moment which only a clock that was wrong can have set; answers how many."""
    now = runtime.clock()
    async with runtime.database.write() as session:
        pulled = await pull_back_fetches(session, now=now) + await pull_back_deliveries(session, now=now)
    if pulled:
        log.warning("clock_was_set_back", rows=pulled)
    return pulled


async def publish_due(runtime: Runtime) -> int:
    """Publish scheduled items whose time has come, each in a transaction of its own; answers how many."""
    settings, published = runtime.settings, 0
    now = runtime.clock()
    async with runtime.database.read() as reading:
        due = [(item.edition_date, item.story_id) for item in await editions.due_items(reading, now=now)]
    for day, story_id in due:
        try:
            async with runtime.database.write() as session:
                edition = await editions.edition_for_change(session, day, None, calendar=settings.calendar, now=now)
                item = await editions.item_of(session, edition, story_id)
                if not editions.is_due(item, now=now):
                    raise NotNow("Another process, or a person, was faster.")
                editor = await session.get_one(Editor, item.published_by)
                await editions.publish_item(
                    session,
                    edition,
                    item,
                    calendar=settings.calendar,
                    authority=settings.authority,
                    now=now,
                    by=editor,
                    scheduled=True,
                )
            published += 1
        except NotNow as overtaken:
            log.info("scheduled_item_left", story=story_id, edition=str(day), reason=overtaken.detail)
        except HuobanError as error:
            log.error("scheduled_item_not_published", story=story_id, edition=str(day), reason=error.detail)
    return published


async def close_due(runtime: Runtime, *, freeze: Freeze) -> list[date]:
    """Close the editions whose cut-off has passed, each with its digest; answers their days."""
    calendar, closed = runtime.settings.calendar, []
    now = runtime.clock()
    async with runtime.database.read() as reading:
        days = await closing.days_to_close(reading, calendar=calendar, now=now)
    for day in days:
        try:
            async with runtime.database.write() as session:
                edition = await editions.edition_for_change(session, day, None, calendar=calendar, now=now)
                if day not in await closing.days_to_close(session, calendar=calendar, now=now):
                    raise NotNow("Another process, or a person, was faster.")
                await closing.close_edition(session, edition, freeze=freeze, now=now, by="clock")
            closed.append(day)
            log.info("edition_closed", edition=str(day))
        except NotNow as overtaken:
            log.info("edition_left", edition=str(day), reason=overtaken.detail)
        except HuobanError as error:
            log.error("edition_not_closed", edition=str(day), reason=error.detail)
    return closed
