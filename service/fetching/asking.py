"""One feed asked and read: download, compare, parse; and its alternatives where its own address gives no feed.

Stores nothing and needs no row in a database. An alternative on another host takes that host's turn like anybody
else, so one request per host at a time holds for it too. Called by ``run``; dry runs use ``read_feed`` alone.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from service.errors import NotNow
from service.fetching.document import ParsedFeed
from service.fetching.download import Download, FeedRequest, download
from service.fetching.health import Answer, addresses
from service.fetching.options import FetchOptions
from service.fetching.outcomes import ANSWERED, Outcome
from service.fetching.pace import FULL_FETCH_EVERY
from service.fetching.parsers import ParserPool
from service.fetching.reading import admitted, parse_job
from service.fetching.slices import body_hash, recall
from service.fetching.turns import host_turn
from service.fetching.vocabulary import feed_host
from service.models import Feed
from service.runtime import Runtime, user_agent
from service.tracing import span

ELSEWHERE = frozenset({Outcome.GONE, Outcome.NOT_FOUND, Outcome.HTML})
"""Answers after which the next address is tried: this one will hardly give a feed again soon."""


async def ask_feed(
    runtime: Runtime, parsers: ParserPool, feed: Feed, options: FetchOptions, *, now: datetime
) -> Answer:
    """Ask a feed whose host is ours, at the address that answered last, else at the others in their order.

    Its own address is tried first once a day (UTC) while an alternative is in use, and whenever the newsroom
    changed the feed. Where no address gives a feed, the answer of its own one counts.
    """
    answers: dict[int, Answer] = {}
    for place in _order(feed, now):
        if answers and feed_host(addresses(feed)[place]) == feed.host:
            await asyncio.sleep(host_gap(runtime, options))
        answer = await _ask_place(runtime, parsers, feed, options, place, now=now)
        if answer is not None:
            answers[place] = answer
            if answer.outcome not in ELSEWHERE:
                return _told(answer, answers)
    own, tried = answers[0], len(answers) - 1
    return replace(own, detail=_joined(own.detail, f"no feed at {tried} alternatives either")) if tried else own


def host_gap(runtime: Runtime, options: FetchOptions) -> float:
    """Seconds to leave between two requests to a feed's host."""
    gap = options.host_min_gap
    return max(runtime.settings.host_gap, gap.total_seconds() if gap else 0.0)


def _order(feed: Feed, now: datetime) -> Iterator[int]:
    """The places of a feed's addresses in the order in which they are tried."""
    places = range(len(feed.alt_urls) + 1)
    new_day = feed.last_fetch_at is None or feed.last_fetch_at.date() != now.date()
    first = 0 if new_day or feed.body_hash is None or feed.alt_used not in places else feed.alt_used
    yield first
    yield from (place for place in places if place != first)


async def _ask_place(
    runtime: Runtime, parsers: ParserPool, feed: Feed, options: FetchOptions, place: int, *, now: datetime
) -> Answer | None:
    """The answer of one address; None if its host is busy for long."""
    url = addresses(feed)[place]
    if feed_host(url) == feed.host:
        return await read_feed(runtime, parsers, feed, options, now=now, place=place)
    try:
        async with host_turn(runtime, url):
            return await read_feed(runtime, parsers, feed, options, now=now, place=place)
    except NotNow:
        return None


def _told(answer: Answer, answers: dict[int, Answer]) -> Answer:
    """An alternative's answer with the reason why it was asked."""
    own = answers.get(0)
    if own is None or own is answer or answer.outcome not in ANSWERED:
        return answer
    why = f"its own address: {own.outcome.value}; read from alternative {answer.place}"
    return replace(answer, detail=_joined(answer.detail, why))


def _joined(*texts: str | None) -> str | None:
    return "; ".join(text for text in texts if text) or None


async def read_feed(
    runtime: Runtime, parsers: ParserPool, feed: Feed, options: FetchOptions, *, now: datetime, place: int = 0
) -> Answer:
    """Ask one address of a feed and read what comes. ``feed`` may be one that is in no database.

    What the feed's row remembers (validators, the hash of the body, known items) belongs to the address that
    answered last and counts for that one only. Unchanged bodies are not parsed, and known items neither; twice a
    day, and after an answer that made no sense, the feed is asked without validators, and what is new then is read
    whole: some servers fail on nothing but the question whether anything changed.
    """
    remembered = place == feed.alt_used and feed.body_hash is not None
    full_fetch_due = feed.full_fetch_at is None or now - feed.full_fetch_at >= FULL_FETCH_EVERY
    whole = not remembered or full_fetch_due or feed.last_outcome == Outcome.HTTP_ERROR
    with span("fetch", feed=feed.id, host=feed.host):
        found = await download(runtime.client, _request(runtime, feed, options, place, whole), now=now)
    outcome, parsed, detail = found.outcome, None, _detail(found)
    parse_seconds: float | None = None
    digest = feed.body_hash if remembered else None
    if outcome is Outcome.OK:
        digest = body_hash(found.body)
        if remembered and digest == feed.body_hash:
            outcome = Outcome.SAME_BODY
        else:
            job = parse_job(feed, options, body=found.body, url=found.url, content_type=found.content_type, now=now)
            known = {} if whole else recall(feed.item_hashes)
            with span("parse", feed=feed.id):
                answer = await parsers.parse(replace(job, known=known))
            parse_seconds = answer.seconds
            if isinstance(answer, ParsedFeed):
                parsed, detail = admitted(answer, options), _joined(detail, answer.damaged)
            else:
                outcome, detail = answer.outcome, answer.detail
    return Answer(outcome, found, parsed, digest, whole, detail, place, parse_seconds)


def _request(runtime: Runtime, feed: Feed, options: FetchOptions, place: int, whole: bool) -> FeedRequest:
    return FeedRequest(
        url=addresses(feed)[place],
        user_agent=options.user_agent or user_agent(runtime.settings),
        etag=None if whole else feed.etag,
        last_modified=None if whole else feed.last_modified,
        # A feed's own headers may be secret: they are for the host that they were given for.
        headers=options.headers if feed_host(addresses(feed)[place]) == feed_host(feed.url) else {},
        deadline=options.timeout.total_seconds() if options.timeout else runtime.settings.fetch_deadline,
        max_bytes=options.max_bytes,
    )


def _detail(found: Download) -> str | None:
    """What the download says, and whether it asked for an absurd pause."""
    if not found.retry_after_capped:
        return found.detail
    return _joined(found.detail, "it asked us to stay away for more than a day, which is as long as we do")
