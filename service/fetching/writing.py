"""What the fetches of a round brought → the database, several feeds a transaction.

A result waits a moment for company, is written with it, and counts only if its host is still ours. A crash costs
at most what waits: those feeds stay due and are fetched again. Nothing here touches the network. Called by ``run``.

next: ``fetching.intake``
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

import structlog
from sqlalchemy import bindparam, insert, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import col, select

from service.among import among
from service.db import WriteSession
from service.fetching import health, intake
from service.fetching.catalogue import apply_move
from service.fetching.claims import Claim, claims_still_held, release_hosts
from service.fetching.options import FetchOptions
from service.fetching.outcomes import ANSWERED, Outcome
from service.fetching.websub import note_hubs, pushed_feeds
from service.models import Feed, Fetch
from service.runtime import Runtime

log = structlog.get_logger(__name__)

BATCH_ENTRIES = 1_000
"""Entries after which a batch is written; a crash costs at most this much, fetched again later."""
BATCH_WAIT = 0.25
"""Seconds that a result waits for company before its batch is written."""

_ASKED = ("url", "alt_urls", "options", "language", "body_hash")
"""What of a feed's row a fetch depends on; an editor's change of any of it has the feed read afresh."""


@dataclass(frozen=True)
class FetchReport:
    """One fetch, as the operator sees it."""

    feed: str
    outcome: Outcome
    status: int | None
    items: int
    """Items that the document lists; 0 where there was none to read."""
    new: int
    """Stories that were not known before."""
    bytes: int
    seconds: float
    detail: str | None


@dataclass(frozen=True)
class Result:
    """One fetch, ready to be written."""

    claim: Claim
    feed: Feed
    options: FetchOptions
    answer: health.Answer
    started_at: datetime
    finished_at: datetime

    @property
    def size(self) -> int:
        """How much there is to write, counted in entries."""
        return 1 + (len(self.answer.parsed.entries) if self.answer.parsed else 0)


@dataclass(frozen=True)
class Done:
    """A claim of which nothing more will be fetched: its host can be given back when its results are written."""

    claim: Claim
    gap: float
    """Seconds that the host is to be left alone."""


class Order(Enum):
    """What else the writer is told."""

    WRITE = "write"
    """Nothing more will come for a while: do not wait for company."""
    END = "end"


Batch = list[Result | Done]


class Writer:
    """Writes what is put into ``todo`` until it is told to end; ``on_written`` hears what was done, batch by batch."""

    def __init__(self, runtime: Runtime, *, on_written: Callable[[Batch, Sequence[FetchReport]], None]) -> None:
        self.todo: asyncio.Queue[Result | Done | Order] = asyncio.Queue()
        self._runtime = runtime
        self._on_written = on_written

    async def run(self) -> None:
        """Write in batches: when one is full, when its oldest part has waited long enough, and at the end."""
        going = True
        while going:
            batch: Batch = []
            size = 0
            thing = await self.todo.get()
            deadline = asyncio.get_running_loop().time() + BATCH_WAIT
            while not isinstance(thing, Order):
                batch.append(thing)
                size += thing.size if isinstance(thing, Result) else 0
                if size >= BATCH_ENTRIES:
                    break
                try:
                    async with asyncio.timeout_at(deadline):
                        thing = await self.todo.get()
                except TimeoutError:
                    break
            going = thing is not Order.END
            if batch:
                results = [thing for thing in batch if isinstance(thing, Result)]
                done = [thing for thing in batch if isinstance(thing, Done)]
                self._on_written(batch, await self._written(results, done))

    async def _written(self, results: Sequence[Result], done: Sequence[Done]) -> list[FetchReport]:
        """Write a batch; if the database refuses something in it, each feed alone, and the refused one as a failure.

        One document that cannot be stored must not keep the others from being stored, round after round.
        """
        try:
            return await write_batch(self._runtime, results, done)
        except (DataError, IntegrityError) as error:
            if len(results) > 1:
                alone = [await self._written([result], ()) for result in results]
                return [report for reports in alone for report in reports] + await self._written((), done)
            if not results or results[0].answer.parsed is None:
                raise
            log.exception("feed_not_stored", feed=results[0].feed.id)
            answer = health.broken_answer(results[0].feed, f"it could not be stored: {type(error).__name__}")
            return await write_batch(self._runtime, [replace(results[0], answer=answer)], done)


async def write_batch(runtime: Runtime, results: Sequence[Result], done: Sequence[Done]) -> list[FetchReport]:
    """Store results and give hosts back, in one transaction; answers what was stored."""
    now = runtime.clock()
    async with runtime.database.write() as session:
        held = await claims_still_held(session, {r.claim for r in results} | {d.claim for d in done})
        kept = [result for result in results if result.claim in held]
        documents = [intake.Batch(r.feed.id, r.answer.parsed.entries) for r in kept if r.answer.parsed]
        brought = await intake.take_in(session, documents, now=now, compare=False) if documents else {}
        reports = [_report(result, brought.get(result.feed.id, 0)) for result in kept]
        if kept:
            rows = [_fetch_row(result, report) for result, report in zip(kept, reports, strict=True)]
            await (await session.connection()).execute(insert(Fetch), rows)
            await _update_feeds(session, kept, now)
            answers = [(result.feed, result.answer) for result in kept]
            await note_hubs(session, answers, settings=runtime.settings, now=now)
        await release_hosts(session, {d.claim: d.gap for d in done if d.claim in held}, now=now)
    for result in results:
        if result.claim not in held:
            log.warning("lease_lost", feed=result.feed.id, host=result.claim.host)
    for report in reports:
        (log.debug if report.outcome in ANSWERED else log.warning)("fetched", **_log_fields(report))
    return reports


async def _update_feeds(session: WriteSession, results: Sequence[Result], now: datetime) -> None:
    """Write what the fetches taught; of a feed that a person changed meanwhile only if it is still asked the same."""
    stored = await _still_the_same(session, results)
    pushed = await pushed_feeds(session, list(stored), now=now)
    rows: dict[frozenset[str], list[dict[str, Any]]] = {}
    moves = []
    for result in results:
        feed = result.feed
        if feed.id not in stored:
            log.info("feed_changed_meanwhile", feed=feed.id)
            continue
        changes = health.feed_after(
            feed, result.options, result.answer, now=now, jitter=random.random(), pushed=feed.id in pushed
        )
        state = {name: value for name, value in changes.items() if name in health.STATE}
        rows.setdefault(frozenset(state), []).append({"b_id": feed.id, **state})
        if changes.keys() - state.keys():
            moves.append((feed, {name: changes[name] for name in changes.keys() - state.keys()}))
    connection = await session.connection()
    for names, states in rows.items():
        values: dict[str, Any] = {name: bindparam(name) for name in names}
        await connection.execute(update(Feed).where(col(Feed.id) == bindparam("b_id")).values(values), states)
    for feed, changes in moves:
        await apply_move(session, feed, changes, now=now)


async def _still_the_same(session: WriteSession, results: Sequence[Result]) -> set[str]:
    """The feeds that are still to be asked as they were, locked against people until this transaction ends.

    A new name changes nothing for the fetcher; a new address or option means that the feed is to be read afresh.
    """
    fetched = {result.feed.id: result.feed for result in results}
    query = select(Feed.id, Feed.version).where(among(col(Feed.id), fetched)).order_by(col(Feed.id)).with_for_update()
    versions = dict((await session.exec(query)).all())
    same = {feed_id for feed_id, version in versions.items() if version == fetched[feed_id].version}
    for feed_id in versions.keys() - same:
        before, after = fetched[feed_id], await session.get_one(Feed, feed_id)
        if all(getattr(before, name) == getattr(after, name) for name in _ASKED):
            same.add(feed_id)
    return same


def _report(result: Result, new: int) -> FetchReport:
    answer = result.answer
    return FetchReport(
        feed=result.feed.id,
        outcome=answer.outcome,
        status=answer.download.status,
        items=len(answer.parsed.dates) if answer.parsed else 0,
        new=new,
        bytes=answer.download.received,
        seconds=round((result.finished_at - result.started_at).total_seconds(), 3),
        detail=answer.detail,
    )


def _fetch_row(result: Result, report: FetchReport) -> dict[str, Any]:
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
        "url": health.addresses(result.feed)[result.answer.place],
        "parse_seconds": result.answer.parse_seconds,
    }


def _log_fields(report: FetchReport) -> dict[str, Any]:
    shown = ("feed", "status", "items", "new", "detail")
    return {"outcome": report.outcome.value, **{name: getattr(report, name) for name in shown}}
