"""A feed of a million items, and a thousand feeds that all fail: a round bears both, and so does whoever reads us."""

import asyncio
import os
import resource
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import col, func, select

from service.fetching import catalogue
from service.fetching.options import Catalogue, FeedSpec, FetchOptions
from service.fetching.parsers import ParserPool
from service.fetching.run import run_round
from service.models import Feed, Fetch, Story
from service.runtime import Runtime
from tests.conftest import NOON, SettableClock, serving
from tests.feed_server import Answer, FeedServer

pytestmark = pytest.mark.anyio
FEEDS = int(os.environ.get("HUOBAN_CHAOS_FEEDS", "60"))
HEAD = b"<rss version='2.0'><channel><title>Paper</title>"
THOUSAND = b"<item><title>Again</title><link>https://paper.example/again</link></item>" * 1_000
SMALL = HEAD + b"<item><title>One</title><link>https://small.example/1</link></item></channel></rss>"
MEGABYTE = 2**20


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: it is about the network, memory and time."""
    return sqlite_url


async def listed(runtime: Runtime, *specs: FeedSpec) -> None:
    async with runtime.database.write() as session:
        await catalogue.sync_feeds(session, Catalogue(specs), now=NOON)


def held() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_feed_of_a_million_items_costs_one_outcome(runtime: Runtime) -> None:
    """Where the cap is left as it is, and where a newsroom has raised it so far that all of it comes."""
    whole = HEAD + THOUSAND * 1_000 + b"</channel></rss>"
    async with FeedServer(every_loopback=True) as server, ParserPool(workers=1) as parsers:
        server.on("/million", body=whole)
        server.on("/small", body=SMALL)
        specs = [
            FeedSpec(id="million", name="Million", url=server.url("/million", "127.0.0.2")),
            FeedSpec(
                id="taken", name="T", url=server.url("/million", "127.0.0.4"), options=FetchOptions(max_bytes=10**8)
            ),
            FeedSpec(id="small", name="Small", url=server.url("/small", "127.0.0.3")),
        ]
        await listed(runtime, *specs)
        most = before = held()

        async def weigh() -> None:
            nonlocal most
            while True:
                most = max(most, held())
                await asyncio.sleep(0.01)

        weighing = asyncio.create_task(weigh())
        async with asyncio.timeout(60):
            reports = {report.feed: report.outcome.value for report in await run_round(runtime, parsers)}
        weighing.cancel()
    assert reports == {"million": "too_large", "taken": "bad_feed", "small": "ok"}
    assert most - before < 5 * len(whole)
    async with runtime.database.read() as session:
        assert (await session.exec(select(func.count()).select_from(Story))).one() == 1


async def test_feeds_that_all_fail_slow_down_and_raise_alarms_while_readers_are_answered(
    runtime: Runtime, clock: SettableClock
) -> None:
    answered: list[int] = []

    async def read(base: str) -> None:
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as reader:
            while True:
                for path in ("/daily.rss", "/status.json", "/health/ready"):
                    answered.append((await reader.get(path)).status_code)
                await asyncio.sleep(0.05)

    async with (
        FeedServer(every_loopback=True) as server,
        ParserPool(workers=1) as parsers,
        serving(runtime.settings, clock=clock) as base,
    ):
        hosts = [f"127.{1 + n // 60_000}.{n // 250 % 240}.{1 + n % 250}" for n in range(FEEDS)]
        server.on("/feed", Answer(status=500))
        urls = [server.url("/feed", host) for host in hosts]
        await listed(runtime, *(FeedSpec(id=f"f{n}", name=f"F {n}", url=url) for n, url in enumerate(urls)))
        reading, before = asyncio.create_task(read(base)), held()
        waits = []
        for _ in range(6):
            reports = await run_round(runtime, parsers)
            assert [report.outcome.value for report in reports] == ["http_error"] * FEEDS
            assert await run_round(runtime, parsers) == [], "nobody is asked again before the time"
            async with runtime.database.read() as session:
                soonest, latest = (
                    await session.exec(select(func.min(col(Feed.next_due_at)), func.max(col(Feed.next_due_at))))
                ).one()
            waits.append(soonest - clock.now)
            clock.now = latest
        reading.cancel()
        await asyncio.wait((reading,))
        grown = held() - before
    assert max(server.most_at_once.values()) == 1
    assert waits == sorted(waits)
    assert waits[-1] >= timedelta(days=1)
    assert set(answered) == {200}
    assert grown < 100 * MEGABYTE
    async with runtime.database.read() as session:
        alarms = (await session.exec(select(func.count()).where(col(Feed.alarm).is_not(None)))).one()
        fetches = (await session.exec(select(func.count()).select_from(Fetch))).one()
    assert (alarms, fetches) == (FEEDS, 6 * FEEDS)
