"""Leases: who gets which host, in what order, and what happens to a holder that was only slow."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, select

from service.db import Database
from service.fetching.claims import (
    FEEDS_PER_CLAIM,
    LEASE,
    Claim,
    claim_hosts,
    claims_still_held,
    release_hosts,
    release_owner,
    soonest_turn,
)
from service.models import Feed, Host
from tests.builders import a_feed, stored
from tests.conftest import NOON

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


async def claim(database: Database, limit: int = 10, *, owner: str = "me", after: timedelta = SECOND) -> list[Claim]:
    async with database.write() as session:
        return await claim_hosts(session, owner=owner, limit=limit, only=None, now=NOON + after)


async def give_back(database: Database, *claims: Claim, gap: float = 0.0) -> None:
    async with database.write() as session:
        await release_hosts(session, dict.fromkeys(claims, gap), now=NOON)


async def test_the_longest_waiting_come_first_a_few_feeds_of_a_host_at_a_time(database: Database) -> None:
    feeds = [
        a_feed(host="busy.example", url_key=f"busy.example/{number}", next_due_at=NOON - number * SECOND)
        for number in range(FEEDS_PER_CLAIM + 2)
    ]
    late = a_feed(host="late.example", next_due_at=NOON)
    early = a_feed(host="early.example", next_due_at=NOON - timedelta(hours=1))
    await stored(database, late, *feeds, early)
    claims = await claim(database)
    assert [one.host for one in claims] == ["early.example", "busy.example", "late.example"]
    assert [feed.id for feed in claims[1].feeds] == [feed.id for feed in reversed(feeds)][:FEEDS_PER_CLAIM]
    assert {one.until for one in claims} == {NOON + SECOND + LEASE}
    await give_back(database, *claims)
    assert [one.host for one in await claim(database, limit=2)] == ["early.example", "busy.example"]


async def test_what_is_not_due_not_ready_or_not_ours_is_left(database: Database) -> None:
    await stored(database, a_feed(next_due_at=NOON + timedelta(hours=1)), a_feed(paused_at=NOON), a_feed(enabled=False))
    resting, held = a_feed(host="resting.example"), a_feed(host="held.example")
    await stored(database, resting, held)
    async with database.write() as session:
        (await session.get_one(Host, "resting.example")).ready_at = NOON + timedelta(minutes=1)
        (await session.get_one(Host, "held.example")).lease_until = NOON + timedelta(minutes=2)
    assert await claim(database) == []
    assert [one.host for one in await claim(database, after=timedelta(minutes=1))] == ["resting.example"]
    assert [one.host for one in await claim(database, after=timedelta(minutes=3))] == ["held.example"]


async def test_holder_that_was_too_slow_neither_writes_nor_releases(database: Database) -> None:
    await stored(database, a_feed(host="paper.example"))
    [slow] = await claim(database)
    [quick] = await claim(database, owner="other", after=LEASE + 2 * SECOND)
    async with database.write() as session:
        assert await claims_still_held(session, [slow, quick]) == {quick}
    await give_back(database, slow)
    async with database.read() as session:
        assert (await session.get_one(Host, "paper.example")).lease_owner == "other"
    await give_back(database, quick, gap=60.0)
    async with database.read() as session:
        host = await session.get_one(Host, "paper.example")
        assert (host.lease_owner, host.lease_until, host.ready_at) == (None, None, NOON + timedelta(minutes=1))


async def test_everything_of_an_owner_can_be_given_back(database: Database) -> None:
    await stored(database, a_feed(), a_feed(), a_feed(next_due_at=NOON - SECOND))
    assert len(await claim(database, limit=1, owner="other")) == 1
    assert len(await claim(database)) == 2
    async with database.write() as session:
        await release_owner(session, "me", gap=5.0, now=NOON)
    async with database.read() as session:
        owners = (await session.exec(select(Host.lease_owner).where(col(Host.lease_owner).is_not(None)))).all()
    assert owners == ["other"]


async def test_processes_that_claim_at_once_never_get_the_same_host(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    await stored(databases[0], *(a_feed() for _ in range(40)))
    takings = await asyncio.gather(*(claim(one, 15, owner=str(place)) for place, one in enumerate(databases)))
    hosts = [one.host for taken in takings for one in taken]
    assert len(hosts) == len(set(hosts))
    rest = await claim(databases[0], 40)
    assert len(hosts) + len(rest) == 40, "what was passed over while it was locked is still there"
    for one in databases:
        await one.close()


async def test_named_feeds_tell_when_the_first_of_their_hosts_is_ready(database: Database) -> None:
    one, other, gone = a_feed(), a_feed(), a_feed(enabled=False)
    await stored(database, one, other, gone)
    async with database.write() as session:
        for feed, minutes in ((one, 5), (other, 3), (gone, 0)):
            (await session.get_one(Host, feed.host)).ready_at = NOON + timedelta(minutes=minutes)
    async with database.read() as session:
        ids = [feed.id for feed in (one, other, gone)]
        assert await soonest_turn(session, ids, now=NOON) == NOON + timedelta(minutes=3)
        assert await soonest_turn(session, [gone.id], now=NOON) is None
        assert await soonest_turn(session, [], now=NOON) is None
        assert (await session.get_one(Feed, one.id)).last_fetch_at is None
