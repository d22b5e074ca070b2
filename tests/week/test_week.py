"""A simulated week of many feeds with faults: no story lost, none twice, every publisher asked politely.

The clock is moved to the moment at which the next feed is due, over and over, for seven days; everything else is
real: HTTP on loopback, parser processes, a database file. ``HUOBAN_WEEK_FEEDS=1000`` runs it in full size.
"""

import os
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func
from sqlmodel import col, select

from service.app import open_service
from service.fetching.catalogue import Catalogue, FeedSpec, sync_feeds
from service.fetching.options import FetchOptions
from service.fetching.pace import CEILING
from service.fetching.parsers import ParserPool
from service.fetching.reports import prune_fetches
from service.fetching.run import run_round
from service.models import Feed, Fetch, Host, Story
from service.runtime import Runtime
from tests.conftest import NOON, SettableClock, settings_for
from tests.feed_server import FeedServer
from tests.week.papers import HOPELESS, Paper

pytestmark = pytest.mark.anyio

FEEDS = int(os.environ.get("HUOBAN_WEEK_FEEDS", "100"))
WEEK = timedelta(days=7)
INTERVAL = timedelta(hours=8)
STEP = timedelta(hours=1)
"""The least that the clock moves, so that one round serves several feeds as it does in real life."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """On the event loop that the service itself runs on."""
    return "asyncio", {"use_uvloop": True}


def spec_of(paper: Paper, url: str) -> FeedSpec:
    timeout = timedelta(seconds=0.2) if paper.kind == "slow" else None
    options = FetchOptions(interval=INTERVAL, timeout=timeout)
    return FeedSpec(id=f"paper-{paper.number}", name=f"Paper {paper.number}", url=url, options=options)


def host_of(paper: Paper) -> str:
    """An address of its own, but for two papers of each fifty, which share one."""
    place = paper.number - 1 if paper.number % 50 == 1 else paper.number
    return f"127.0.{1 + place // 200}.{1 + place % 200}"


async def next_moment(runtime: Runtime, now: datetime) -> datetime:
    """When the next feed is due whose host may be asked."""
    async with runtime.database.read() as session:
        query = select(Feed.next_due_at, Host.ready_at).join(Host, col(Host.name) == Feed.host)
        due = min(max(pair) for pair in (await session.exec(query.where(col(Feed.enabled).is_(True)))).all())
    return max(due, now + STEP)


async def live_through_the_week(runtime: Runtime, clock: SettableClock) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    async with ParserPool(workers=2) as parsers:
        while clock.now < NOON + WEEK:
            reports = await run_round(runtime, parsers)
            outcomes.update(report.outcome.value for report in reports)
            clock.now = await next_moment(runtime, clock.now)
    return outcomes


async def test_week_of_many_feeds(sqlite_url: str, clock: SettableClock) -> None:
    papers = [Paper(number, NOON, clock) for number in range(FEEDS)]
    settings = settings_for(sqlite_url, log_level="error")
    async with FeedServer(every_loopback=True) as server, open_service(settings, clock=clock) as runtime:
        specs = []
        for paper in papers:
            path, host = f"/{paper.number}", host_of(paper)
            server.on(path, paper.answer, host=host)
            specs.append(spec_of(paper, server.url(path, host)))
        async with runtime.database.write() as session:
            await sync_feeds(session, Catalogue(tuple(specs)), now=NOON)
        outcomes = await live_through_the_week(runtime, clock)
        await prune_fetches(runtime.database)
        await check_stories(runtime, papers)
        await check_feeds(runtime, papers)
    check_requests(papers, server)
    assert outcomes.keys() >= {
        *(
            "ok",
            "not_modified",
            "same_body",
            "http_error",
            "not_found",
            "bad_feed",
            "rate_limited",
            "timeout",
            "connect",
        )
    }


async def check_stories(runtime: Runtime, papers: list[Paper]) -> None:
    """Each article that a paper had out when it last answered is one story, under its present headline."""
    expected = {}
    for paper in papers:
        if paper.served_until is not None:
            articles = paper.published(paper.served_until)
            expected |= {paper.link(article): paper.headline(article, paper.served_until) for article in articles}
    async with runtime.database.read() as session:
        found = (await session.exec(select(Story.url, Story.title))).all()
    assert len(found) == len(dict(found)), "a story twice"
    assert expected.keys() - dict(found).keys() == set(), "stories lost"
    assert dict(found).keys() - expected.keys() == set(), "stories invented"
    assert dict(found) == expected


async def check_feeds(runtime: Runtime, papers: list[Paper]) -> None:
    """Hopeless feeds are slowed to once a day under an alarm, and no other has one; nothing was dropped."""
    async with runtime.database.read() as session:
        feeds = {feed.id: feed for feed in (await session.exec(select(Feed))).all()}
        history = (await session.exec(select(Fetch.feed_id, func.count()).group_by(col(Fetch.feed_id)))).all()
        held = (await session.exec(select(func.count()).where(col(Host.lease_owner).is_not(None)))).one()
    assert held == 0
    assert len(history) == len(papers)
    assert max(count for _, count in history) <= 50
    for paper in papers:
        feed = feeds[f"paper-{paper.number}"]
        assert feed.enabled
        assert (feed.alarm is not None) == (paper.kind in HOPELESS), (paper.kind, feed.alarm)
        if paper.kind in HOPELESS:
            assert feed.last_fetch_at is not None
            assert feed.next_due_at - feed.last_fetch_at == CEILING
            late = [moment for moment in paper.asked_at if moment > NOON + WEEK - timedelta(days=2)]
            assert 1 <= len(late) <= 3
        elif paper.kind == "slow":  # a temporary failure weighs little, but slows the feed down all the same
            assert feed.last_fetch_at is not None
            assert feed.next_due_at - feed.last_fetch_at > INTERVAL * 2


def check_requests(papers: list[Paper], server: FeedServer) -> None:
    """Nobody is asked more often than the floor allows, more seldom than the ceiling, or while it said no."""
    for paper in papers:
        assert paper.asked_too_soon == 0
        # The server goes on with an answer that we gave up, while days pass on our clock.
        assert server.most_at_once[host_of(paper)] == 1 or paper.kind == "slow"
        waits = [later - earlier for earlier, later in pairwise([*paper.asked_at, NOON + WEEK])]
        assert min(waits[:-1]) >= INTERVAL / 4
        assert len(paper.asked_at) <= WEEK / (INTERVAL / 4)
        if paper.kind != "slow":  # our patience with those is so short that a request may not even have reached them
            assert max(waits) <= CEILING + 2 * STEP
            assert len(paper.asked_at) >= WEEK / CEILING - 1
