"""Step 1 of 8: a round of fetching, from "which feeds are due?" to their stories on the wire.

    claim hosts → ask (download, parse) → write (take in, next due time, host given back)
                                           … and then some new stories are compared for siblings

The host is the unit of work: whoever holds its lease is the only one who may send it requests, so any number
of processes share one database politely. A claim takes a few feeds of a host at a time; they are fetched one
after the other with the host's gap between them, many hosts at once. No session is open while the network is
used. However many feeds there are, a round holds only those that are under way. A killed process loses at most
its unwritten batch, whose feeds are due again when its leases end.

Nothing a publisher does stops a round: ``download`` and ``parse`` answer with outcomes. Called by
``scheduling``, ``routes`` and the command line.

next: ``fetching.download``
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

import structlog
from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.among import among
from service.errors import HuobanError, Unavailable
from service.fetching.asking import ask_feed, host_gap, read_feed
from service.fetching.catalogue import feed_options
from service.fetching.claims import LEASE, Claim, claim_hosts, release_owner, soonest_turn
from service.fetching.health import Answer, addresses, broken_answer
from service.fetching.hinting import note_pending
from service.fetching.options import FetchOptions
from service.fetching.outcomes import ANSWERED
from service.fetching.pace import host_pause
from service.fetching.parsers import ParserPool
from service.fetching.vocabulary import feed_host
from service.fetching.writing import Batch, Done, FetchReport, Order, Result, Writer
from service.models import Feed
from service.runtime import Runtime

__all__ = ["FetchReport", "due_feeds", "read_feed", "run_round"]

log = structlog.get_logger(__name__)

MOST_UNWRITTEN = 256
"""Fetches that may wait for the database, so that a slow one holds back the network and not the memory."""
LOOK_AGAIN = 0.5
"""Seconds between two looks for more hosts while some are under way, or are not ready yet."""
SAY_EVERY = 15.0
"""Seconds between two lines in the log about a long round."""
_OFFERED = 400  # ids in one question for certain feeds; many more would cost more than they bring
_PARSING = timedelta(seconds=15)


@dataclass
class _Round:
    """What the tasks of one round share."""

    runtime: Runtime
    parsers: ParserPool
    owner: str
    lease: timedelta
    keep_going: Callable[[], bool]
    pending: dict[str, None] | None
    """The ids still to be fetched, in their order; None for whatever is due."""
    writer: Writer
    patient_until: float
    unwritten: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_UNWRITTEN))
    held: int = 0
    """Hosts that are ours and not given back yet; some may have more feeds that are due."""
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a host is done with or has been given back."""


async def run_round(
    runtime: Runtime,
    parsers: ParserPool,
    *,
    only: Collection[str] | None = None,
    patience: timedelta = timedelta(0),
    lease: timedelta = LEASE,
    keep_going: Callable[[], bool] = lambda: True,
    on_report: Callable[[FetchReport], None] = lambda report: None,
) -> list[FetchReport]:
    """Fetch every feed that is due, or those in ``only`` whether due or not, and store what they bring.

    ``patience`` is how long to wait for hosts that another process holds or whose gap has not passed; without it
    they are left for the next round, and so are hosts that want to be left alone for longer. When ``keep_going``
    says no, nothing more is begun; when cancelled, what has been fetched is still written, and hosts are given back.
    """
    tally = _Tally(on_report)
    writer = Writer(runtime, on_written=lambda batch, reports: written(batch, reports))
    now = asyncio.get_running_loop().time()
    pending = None if only is None else dict.fromkeys(sorted(only))
    owner = secrets.token_hex(8)
    job = _Round(runtime, parsers, owner, lease, keep_going, pending, writer, now + patience.total_seconds())

    def written(batch: Batch, reports: Sequence[FetchReport]) -> None:
        for thing in batch:
            if isinstance(thing, Done):
                job.held -= 1
            else:
                job.unwritten.release()
        job.freed.set()
        tally.add(reports)

    writing, fetching = asyncio.create_task(writer.run()), asyncio.create_task(_fetch_hosts(job))
    try:
        # The writer ends first only by failing, and then there is no use in fetching more.
        await asyncio.wait((writing, fetching), return_when=asyncio.FIRST_COMPLETED)
    finally:
        broken_off = not fetching.done()
        fetching.cancel()
        await asyncio.wait((fetching,))
        writer.todo.put_nowait(Order.END)
        await asyncio.wait((writing,))
        if broken_off or fetching.exception() is not None:
            await _give_back(job)
    writing.result()
    fetching.result()
    await note_pending(runtime.database, now=runtime.clock(), keep_going=keep_going)
    tally.say("round_done")
    return tally.reports


async def _give_back(job: _Round) -> None:
    """End all leases of a round that was broken off; a database that is away for a minute is waited for.

    Else a short absence would keep its hosts from being asked until their leases end by themselves.
    """
    for wait in (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, None):
        try:
            async with job.runtime.database.write() as session:
                now = job.runtime.clock()
                await release_owner(session, job.owner, gap=job.runtime.settings.host_gap, now=now)
            return
        except Unavailable:
            if wait is None or not job.keep_going():
                raise
            log.warning("hosts_not_given_back_yet", again_in=wait)
            await asyncio.sleep(wait)


class _Tally:
    """What a round has done so far, for its caller and, while it takes long, for the log."""

    def __init__(self, on_report: Callable[[FetchReport], None]) -> None:
        self.reports: list[FetchReport] = []
        self._on_report = on_report
        self._said_at = asyncio.get_running_loop().time()

    def add(self, reports: Sequence[FetchReport]) -> None:
        self.reports += reports
        for report in reports:
            self._on_report(report)
        if asyncio.get_running_loop().time() - self._said_at >= SAY_EVERY:
            self._said_at = asyncio.get_running_loop().time()
            self.say("round_goes_on")

    def say(self, event: str) -> None:
        if self.reports:
            answered = sum(report.outcome in ANSWERED for report in self.reports)
            new = sum(report.new for report in self.reports)
            log.info(event, fetched=len(self.reports), answered=answered, new=new)


async def _fetch_hosts(job: _Round) -> None:
    """Keep as many hosts under way as the settings allow, until there is nothing more to fetch."""
    most = job.runtime.settings.fetch_concurrency
    loop = asyncio.get_running_loop()
    waiting: deque[Claim] = deque()
    running: set[asyncio.Task[None]] = set()
    look_at = 0.0

    def finished(task: asyncio.Task[None]) -> None:
        running.discard(task)
        job.freed.set()

    async with asyncio.TaskGroup() as group:
        while job.keep_going():
            if not waiting and len(running) < most and (not job.held or loop.time() >= look_at):
                waiting.extend(await _claim(job, most))
                # Fewer than asked for: the rest is not due or not ready, and will not be at once.
                look_at = loop.time() + LOOK_AGAIN if len(waiting) < most else 0.0
            while waiting and len(running) < most:
                task = group.create_task(_fetch_host(job, waiting.popleft()))
                running.add(task)
                task.add_done_callback(finished)
            if not running and job.held:
                job.writer.todo.put_nowait(Order.WRITE)
            elif not running and not await _worth_waiting(job):
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await job.freed.wait()
            job.freed.clear()
        for claim in waiting:
            job.writer.todo.put_nowait(Done(claim, 0.0))


async def _claim(job: _Round, limit: int) -> list[Claim]:
    """Hosts that may be asked now. Of certain feeds some are offered at a time; those not taken go to the end."""
    pending = job.pending
    offered = None if pending is None else list(islice(pending, _OFFERED))
    if offered is not None and not offered:
        return []
    now = job.runtime.clock()
    async with job.runtime.database.write() as session:
        claims = await claim_hosts(session, owner=job.owner, limit=limit, only=offered, now=now, lease=job.lease)
    job.held += len(claims)
    if pending is not None and offered is not None:
        taken = {feed.id for claim in claims for feed in claim.feeds}
        for feed_id in offered:
            del pending[feed_id]
        pending.update(dict.fromkeys(feed_id for feed_id in offered if feed_id not in taken))
    return claims


async def _worth_waiting(job: _Round) -> bool:
    """Whether something may become ready while there is patience. Nothing is under way now."""
    left = job.patient_until - asyncio.get_running_loop().time()
    if left <= 0 or not job.pending:
        return False
    now = job.runtime.clock()
    async with job.runtime.database.read() as session:
        soonest = await soonest_turn(session, job.pending, now=now)
    return soonest is not None and soonest <= now + timedelta(seconds=left)


async def _fetch_host(job: _Round, claim: Claim) -> None:
    """Fetch a host's claimed feeds with its gap between the starts of two requests, and give the host back."""
    settings = job.runtime.settings
    turns = asyncio.Semaphore(settings.host_concurrency)
    pause = timedelta(0)
    gap = 0.0
    begun = 0

    async def one(feed: Feed, options: FetchOptions) -> None:
        nonlocal pause
        try:
            answer = await _fetch_feed(job, claim, feed, options)
            if feed_host(addresses(feed)[answer.place]) == claim.host:
                pause = max(pause, host_pause(answer.outcome, answer.download.retry_after))
        finally:
            turns.release()

    try:
        async with asyncio.TaskGroup() as group:
            for feed in claim.feeds:
                options = feed_options(feed)
                gap = max(gap, host_gap(job.runtime, options))
                await turns.acquire()  # with one request at a time the gap begins when the one before has ended
                if begun:
                    await asyncio.sleep(gap)
                if pause or not job.keep_going() or not _fits(job, claim, feed, options):
                    break
                begun += 1
                group.create_task(one(feed, options))
    finally:
        if job.pending is not None and not pause:
            job.pending.update(dict.fromkeys(feed.id for feed in claim.feeds[begun:]))
        # Also when cancelled: the host is given back and not left to its lease.
        job.writer.todo.put_nowait(Done(claim, max(gap, pause.total_seconds())))


def _fits(job: _Round, claim: Claim, feed: Feed, options: FetchOptions) -> bool:
    """Whether a fetch will be over before the lease ends, even if everything takes as long as it may."""
    if claim.until is None:
        return True
    each = options.timeout or timedelta(seconds=job.runtime.settings.fetch_deadline)
    longest = (each + _PARSING) * len(addresses(feed))
    return claim.until - job.runtime.clock() >= min(longest, job.lease / 2)


async def _fetch_feed(job: _Round, claim: Claim, feed: Feed, options: FetchOptions) -> Answer:
    await job.unwritten.acquire()
    started_at = job.runtime.clock()
    try:
        answer = await ask_feed(job.runtime, job.parsers, feed, options, now=started_at)
    except (asyncio.CancelledError, HuobanError):  # nothing to write, so nobody else gives the place back
        job.unwritten.release()
        raise
    except Exception as error:
        # A mistake of ours must not stop the other feeds, round after round; it is logged, counted and shown.
        log.exception("feed_broke_us", feed=feed.id)
        answer = broken_answer(feed, f"we failed to read it: {type(error).__name__}")
    answer = replace(answer, download=replace(answer.download, body=b""))  # it has been read
    job.writer.todo.put_nowait(Result(claim, feed, options, answer, started_at, job.runtime.clock()))
    return answer


async def due_feeds(session: AsyncSession, *, now: datetime | None, only: Collection[str] | None) -> frozenset[str]:
    """The ids of enabled feeds: those due at ``now`` (None: due or not), out of ``only`` (None: out of all)."""
    running = (col(Feed.enabled).is_(True), col(Feed.removed_at).is_(None), col(Feed.paused_at).is_(None))
    query = select(col(Feed.id)).where(*running)
    if now is not None:
        query = query.where(col(Feed.next_due_at) <= now)
    if only is not None:
        query = query.where(among(col(Feed.id), only))
    return frozenset((await (await session.connection()).execute(query)).scalars())
