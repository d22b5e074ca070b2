"""Step 1 of 8: a round of fetching, from "which feeds are due?" to their stories on the wire.

    claim hosts → download → parse → take in → next due time

The host is the unit of work: whoever holds its lease is the only one who may send it requests, so any number
of processes share one database politely. A claim takes a few feeds of a host at a time; they are fetched one
after the other with the host's gap between them, many hosts at once. Results are written in batches of
several feeds a transaction, and no session is open while the network is used. A killed process loses at most
its unwritten batch, whose feeds are due again when its leases end.

Nothing a publisher does stops a round: ``download`` and ``parse`` answer with outcomes. Called by
``scheduling`` and the command line.

next: ``fetching.download``
"""

import asyncio
import random
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import and_, bindparam, delete, func, insert, select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.fetching import health, intake
from service.fetching.catalogue import apply_move, feed_options
from service.fetching.claims import Claim, claim_hosts, claims_still_held, release_hosts
from service.fetching.document import ParsedFeed, ParseJob, ParseOptions
from service.fetching.download import Download, FeedRequest, download
from service.fetching.options import FetchOptions
from service.fetching.outcomes import ANSWERED, Outcome
from service.fetching.pace import FULL_FETCH_EVERY
from service.fetching.parsers import ParserPool
from service.fetching.slices import body_hash
from service.models import Feed, Fetch
from service.runtime import Runtime, user_agent

log = structlog.get_logger(__name__)

BATCH_ENTRIES = 1_000
"""Entries after which a batch is written; a crash costs at most this much, fetched again later."""
BATCH_WAIT = 0.5
"""Seconds that a result waits for company before its batch is written."""
NO_NEW_CLAIM_FOR = 0.25
"""Seconds before asking again when hosts are due but not ready yet."""


@dataclass(frozen=True)
class FetchReport:
    """One fetch, as the operator sees it."""

    feed: str
    outcome: Outcome
    status: int | None
    items: int
    new: int
    bytes: int
    seconds: float
    detail: str | None


@dataclass(frozen=True)
class _Result:
    """One fetch, ready to be written."""

    claim: Claim
    feed: Feed
    options: FetchOptions
    answer: health.Answer
    started_at: datetime
    finished_at: datetime


@dataclass
class _Round:
    """What the tasks of one round share."""

    runtime: Runtime
    parsers: ParserPool
    owner: str
    on_report: Callable[[FetchReport], None]
    slots: asyncio.Semaphore
    results: "asyncio.Queue[_Result | Claim | None]" = field(default_factory=asyncio.Queue)
    """A fetch to write, a claim whose feeds are all done, or None at the end."""
    reports: list[FetchReport] = field(default_factory=list)


async def run_round(
    runtime: Runtime,
    parsers: ParserPool,
    *,
    only: frozenset[str] | None = None,
    patience: timedelta = timedelta(0),
    keep_going: Callable[[], bool] = lambda: True,
    on_report: Callable[[FetchReport], None] = lambda report: None,
) -> list[FetchReport]:
    """Fetch every feed that is due, or those in ``only`` whether due or not, and store what they bring.

    ``patience`` is how long to wait for hosts that another process holds or whose gap has not passed;
    without it they are left for the next round. When ``keep_going`` says no, nothing more is begun.
    """
    settings = runtime.settings
    job = _Round(runtime, parsers, secrets.token_hex(8), on_report, slots=asyncio.Semaphore(settings.fetch_concurrency))
    writer = asyncio.create_task(_write_results(job))
    working: set[asyncio.Task[None]] = set()
    pending = set(only) if only is not None else None
    deadline = asyncio.get_running_loop().time() + patience.total_seconds()
    try:
        while keep_going() and (pending is None or pending):
            room = settings.fetch_concurrency - len(working)
            claims = await _claim(job, room, pending) if room else []
            for claim in claims:
                working.add(asyncio.create_task(_fetch_host(job, claim)))
                if pending is not None:
                    pending -= {feed.id for feed in claim.feeds}
            if working:
                done, working = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            elif not claims:
                if asyncio.get_running_loop().time() >= deadline:
                    break
                await asyncio.sleep(NO_NEW_CLAIM_FOR)
        if working:
            await asyncio.gather(*working)
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        job.results.put_nowait(None)
        await writer
    return job.reports


async def _claim(job: _Round, room: int, pending: set[str] | None) -> list[Claim]:
    now = job.runtime.clock()
    async with job.runtime.database.write() as session:
        return await claim_hosts(session, owner=job.owner, limit=room, only=pending, now=now)


async def _fetch_host(job: _Round, claim: Claim) -> None:
    """Fetch a host's claimed feeds with its gap between the starts of two requests."""
    turns = asyncio.Semaphore(job.runtime.settings.host_concurrency)

    async def one(feed: Feed) -> None:
        async with turns, job.slots:
            job.results.put_nowait(await _fetch_feed(job, claim, feed))

    tasks: list[asyncio.Task[None]] = []
    try:
        async with asyncio.TaskGroup() as group:
            for feed in claim.feeds:
                if tasks:
                    # With one request at a time the gap begins when the one before has ended.
                    if job.runtime.settings.host_concurrency == 1:
                        await asyncio.wait(tasks)
                    await asyncio.sleep(host_gap(job.runtime, feed))
                tasks.append(group.create_task(one(feed)))
    finally:
        job.results.put_nowait(claim)  # also when cancelled: the host is given back and not left to its lease


def host_gap(runtime: Runtime, feed: Feed) -> float:
    """Seconds to leave between two requests to a feed's host."""
    gap = feed_options(feed).host_min_gap
    return max(runtime.settings.host_gap, gap.total_seconds() if gap else 0.0)


async def _fetch_feed(job: _Round, claim: Claim, feed: Feed) -> _Result:
    options, started_at = feed_options(feed), job.runtime.clock()
    answer = await read_feed(job.runtime, job.parsers, feed, options, now=started_at)
    return _Result(claim, feed, options, answer, started_at, job.runtime.clock())


async def read_feed(
    runtime: Runtime, parsers: ParserPool, feed: Feed, options: FetchOptions, *, now: datetime
) -> health.Answer:
    """Ask for a feed and read what comes; stores nothing. ``feed`` may be one that is in no database."""
    whole = feed.full_fetch_at is None or now - feed.full_fetch_at >= FULL_FETCH_EVERY
    request = FeedRequest(
        url=feed.url,
        user_agent=options.user_agent or user_agent(runtime.settings),
        etag=None if whole else feed.etag,
        last_modified=None if whole else feed.last_modified,
        headers=options.headers,
        deadline=options.timeout.total_seconds() if options.timeout else runtime.settings.fetch_deadline,
        max_bytes=options.max_bytes,
    )
    found = await download(runtime.client, request, now=now)
    outcome, parsed, digest, detail = found.outcome, None, feed.body_hash, found.detail
    if outcome is Outcome.OK:
        digest = body_hash(found.body)
        if digest == feed.body_hash:
            outcome = Outcome.SAME_BODY
        else:
            answer = await parsers.parse(_parse_job(feed, options, found, now))
            if isinstance(answer, ParsedFeed):
                parsed, detail = _wanted(answer, options), answer.damaged
            else:
                outcome, detail = answer.outcome, answer.detail
    unconditional = not (request.etag or request.last_modified)
    return health.Answer(outcome, found, parsed, digest, unconditional, detail)


def _parse_job(feed: Feed, options: FetchOptions, found: Download, now: datetime) -> ParseJob:
    return ParseJob(
        body=found.body,
        url=found.url,
        now=now,
        content_type=found.content_type,
        options=ParseOptions(
            feed_id=feed.id,
            language=feed.language,
            charset=options.charset,
            date_zone=options.date_zone,
            date_format=options.date_format,
            date_policy="first_seen" if options.date_policy == "first_seen" else "feed",
            link_policy="opaque" if options.link_policy == "opaque" else "direct",
            max_items=options.max_items,
        ),
    )


def _wanted(parsed: ParsedFeed, options: FetchOptions) -> ParsedFeed:
    """The document with only the entries that the feed's own rules admit."""
    if not (options.include or options.exclude or options.article_hosts):
        return parsed
    entries = tuple(entry for entry in parsed.entries if entry.link and options.admits(entry.link))
    return replace(parsed, entries=entries)


async def _write_results(job: _Round) -> None:
    """Write results in batches until the round says that no more will come."""
    results: list[_Result] = []
    done: list[Claim] = []
    size, ended = 0, False
    while not ended:
        waited_enough = False
        try:
            async with asyncio.timeout(BATCH_WAIT if results or done else None):
                thing = await job.results.get()
        except TimeoutError:
            waited_enough = True
        else:
            if thing is None:
                ended = True
            elif isinstance(thing, Claim):
                done.append(thing)
            else:
                results.append(thing)
                size += 1 + (len(thing.answer.parsed.entries) if thing.answer.parsed else 0)
        if (results or done) and (ended or waited_enough or size >= BATCH_ENTRIES):
            await _write_batch(job, results, done)
            results, done, size = [], [], 0


async def _write_batch(job: _Round, results: Sequence[_Result], done: Sequence[Claim]) -> None:
    now = job.runtime.clock()
    async with job.runtime.database.write() as session:
        held = await claims_still_held(session, {result.claim for result in results} | set(done))
        kept = [result for result in results if result.claim in held]
        documents = [intake.Batch(r.feed.id, r.answer.parsed.entries) for r in kept if r.answer.parsed]
        brought = await intake.take_in(session, documents, now=now)
        reports = [_report(result, brought.get(result.feed.id, 0)) for result in kept]
        if kept:
            connection = await session.connection()
            await connection.execute(insert(Fetch), [_fetch_row(r, p) for r, p in zip(kept, reports, strict=True)])
            await _update_feeds(session, kept, now)
        await release_hosts(session, {c: _longest_gap(job.runtime, c) for c in done if c in held}, now=now)
    for result in results:
        if result.claim not in held:
            log.warning("lease_lost", feed=result.feed.id, host=result.claim.host)
    for report in reports:
        quiet = report.outcome in ANSWERED
        (log.debug if quiet else log.warning)("fetched", **_log_fields(report))
        job.on_report(report)
    job.reports.extend(reports)


def _longest_gap(runtime: Runtime, claim: Claim) -> float:
    return max((host_gap(runtime, feed) for feed in claim.feeds), default=runtime.settings.host_gap)


async def _update_feeds(session: WriteSession, results: Sequence[_Result], now: datetime) -> None:
    """Write what the fetches taught, unless a person changed the feed meanwhile: then it is due again anyway."""
    rows, moves = [], []
    for result in results:
        changes = health.feed_after(result.feed, result.options, result.answer, now=now, jitter=random.random())
        state = {name: changes.get(name, getattr(result.feed, name)) for name in health.STATE}
        rows.append({"b_id": result.feed.id, "b_version": result.feed.version, **state})
        if changes.keys() - set(health.STATE):
            moves.append((result.feed, {name: changes[name] for name in changes.keys() - set(health.STATE)}))
    same = and_(col(Feed.id) == bindparam("b_id"), col(Feed.version) == bindparam("b_version"))
    connection = await session.connection()
    await connection.execute(update(Feed).where(same).values({name: bindparam(name) for name in health.STATE}), rows)
    for feed, changes in moves:
        await apply_move(session, feed, changes, now=now)


def _report(result: _Result, new: int) -> FetchReport:
    answer = result.answer
    return FetchReport(
        feed=result.feed.id,
        outcome=answer.outcome,
        status=answer.download.status,
        items=len(answer.parsed.entries) if answer.parsed else 0,
        new=new,
        bytes=answer.download.received,
        seconds=round((result.finished_at - result.started_at).total_seconds(), 3),
        detail=answer.detail,
    )


def _fetch_row(result: _Result, report: FetchReport) -> dict[str, Any]:
    return {
        "feed_id": report.feed,
        "started_at": result.started_at,
        "seconds": report.seconds,
        "outcome": report.outcome.value,
        "status": report.status,
        "bytes": report.bytes,
        "items": report.items,
        "new": report.new,
        "detail": report.detail,
        "url": result.feed.url,
    }


def _log_fields(report: FetchReport) -> dict[str, Any]:
    return {
        "feed": report.feed,
        "outcome": report.outcome.value,
        "status": report.status,
        "items": report.items,
        "new": report.new,
        "detail": report.detail,
    }


async def prune_fetches(session: WriteSession, *, keep: int = 50) -> None:
    """Forget all but the newest fetch records of each feed."""
    newest_first = func.row_number().over(partition_by=col(Fetch.feed_id), order_by=col(Fetch.id).desc())
    ranked = select(col(Fetch.id), newest_first.label("rank")).subquery()
    surplus = select(ranked.c.id).where(ranked.c.rank > keep)
    await (await session.connection()).execute(delete(Fetch).where(col(Fetch.id).in_(surplus)))


async def due_feeds(session: AsyncSession, *, now: datetime | None, among: Collection[str] | None) -> frozenset[str]:
    """The ids of enabled feeds: those due at ``now`` (None: due or not), out of ``among`` (None: out of all)."""
    query = select(col(Feed.id)).where(col(Feed.enabled).is_(True), col(Feed.removed_at).is_(None))
    if now is not None:
        query = query.where(col(Feed.next_due_at) <= now)
    if among is not None:
        query = query.where(col(Feed.id).in_(among))
    return frozenset((await (await session.connection()).execute(query)).scalars())
