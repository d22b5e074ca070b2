"""Four real processes on one database, one of them killed in the middle: each feed is asked once, and none is lost."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func
from sqlmodel import col, select

from service.clock import utc_now
from service.db import Database
from service.fetching.catalogue import Catalogue, FeedSpec, sync_feeds
from service.models import Feed, Fetch, Host, Story
from tests.feed_server import Answer, FeedServer, Request

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
FEEDS, WORKERS, LEASE = 72, 4, 3.0


def a_document(number: int) -> bytes:
    item = f"<item><title>Title {number}</title><link>https://paper{number}.example/1</link></item>"
    return f"<rss version='2.0'><channel><title>Paper {number}</title>{item}</channel></rss>".encode()


def asked_by(request: Request) -> str:
    """The worker's name out of its user agent: ``Huoban/1.0 (+NAME; news desk)``."""
    return request.headers["user-agent"].partition("(+")[2].partition(";")[0]


@asynccontextmanager
async def workers(url: str) -> AsyncIterator[dict[str, Process]]:
    command = [sys.executable, "-m", "tests.fetching.round_worker", url]
    names = [f"worker-{number}" for number in range(WORKERS)]
    started = {
        name: await asyncio.create_subprocess_exec(
            *command, name, str(LEASE), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=ROOT
        )
        for name in names
    }
    try:
        for process in started.values():
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        for process in started.values():
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        yield started
    finally:
        for process in started.values():
            if process.returncode is None:
                process.kill()
            await process.wait()


async def stored(database: Database) -> int:
    async with database.read() as session:
        return (
            await session.exec(select(func.count()).select_from(Feed).where(col(Feed.last_ok_at).is_not(None)))
        ).one()


async def test_workers_share_the_feeds_and_take_over_from_one_that_is_killed(database_url: str) -> None:
    database = Database(database_url)
    async with FeedServer(every_loopback=True) as server:
        specs = []
        for number in range(FEEDS):
            # Some hosts have several feeds, and every answer takes a while.
            path, host = f"/{number}", f"127.0.0.{1 + number // 2 if number < 20 else number}"
            server.on(path, Answer(body=a_document(number), delay=0.3))
            specs.append(FeedSpec(id=f"feed-{number}", name=path, url=server.url(path, host)))
        async with database.write() as session:
            await sync_feeds(session, Catalogue(tuple(specs)), now=utc_now())
        async with workers(database_url) as processes:
            victim = await the_first_to_be_in_the_middle(server)
            processes[victim].kill()
            await processes[victim].wait()
            asked_before = list(server.requests)
            async with asyncio.timeout(40):
                while await stored(database) < FEEDS:  # noqa: ASYNC110 - another process's commit makes no event here
                    await asyncio.sleep(0.1)
            for name, process in processes.items():
                if name != victim:
                    await process.communicate(b"")
                    assert process.returncode == 0
    await check(database, server, victim, asked_before)
    await database.close()


async def the_first_to_be_in_the_middle(server: FeedServer) -> str:
    """The name of a worker that has just begun requests, none of them answered yet."""
    async with asyncio.timeout(40):
        while True:
            for request in server.requests:
                mine = [one for one in server.requests if asked_by(one) == asked_by(request)]
                if len(mine) >= 3:
                    return asked_by(request)
            await asyncio.sleep(0.005)


async def check(database: Database, server: FeedServer, victim: str, asked_before: list[Request]) -> None:
    async with database.read() as session:
        fetches = dict((await session.exec(select(Fetch.feed_id, func.count()).group_by(col(Fetch.feed_id)))).all())
        stories = (await session.exec(select(func.count()).select_from(Story))).one()
        held = (await session.exec(select(Host.lease_owner).where(col(Host.lease_owner).is_not(None)))).all()
    assert fetches == {f"feed-{number}": 1 for number in range(FEEDS)}
    assert stories == FEEDS
    assert held == [], "the workers that were stopped gave everything back"
    assert max(server.most_at_once.values()) == 1
    askers = defaultdict(list)
    for request in server.requests:
        askers[request.path].append(asked_by(request))
    assert len({name for names in askers.values() for name in names}) == WORKERS, "all of them had something to do"
    again = {path: names for path, names in askers.items() if len(names) > 1}
    assert all(names[0] == victim and len(names) == 2 for names in again.values()), again
    assert again, "the killed one was in the middle of something"
    unfinished = {one.path for one in asked_before if asked_by(one) == victim}
    assert again.keys() <= unfinished
