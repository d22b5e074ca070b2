"""A round of fetching against a real server: politeness, what is stored, what people and faults do meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import event, func
from sqlmodel import col, select

from service.app import open_service
from service.fetching import asking, catalogue
from service.fetching.claims import claim_hosts
from service.fetching.options import Catalogue, FeedSpec, FetchOptions
from service.fetching.outcomes import Outcome
from service.fetching.parsers import ParserPool
from service.fetching.reports import prune_fetches
from service.fetching.run import due_feeds, run_round
from service.fetching.writing import FetchReport
from service.models import Feed, Fetch, Host, Story
from service.runtime import Runtime
from tests.conftest import NOON, SettableClock, settings_for
from tests.feed_server import Answer, FeedServer, Request

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the module, so that its tests can share the parser processes."""
    return "asyncio"


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, unless a test is marked ``on_both``: most of a round is the same on either."""
    url: str = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url")
    return url


on_both = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture(scope="module")
async def parsers() -> AsyncIterator[ParserPool]:
    async with ParserPool(workers=1) as pool:
        yield pool


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer(every_loopback=True) as started:
        yield started


def a_document(*numbers: int, paper: str = "paper", head: str = "") -> bytes:
    items = "".join(
        f"<item><title>{paper} {number}</title><link>https://{paper}.example/{number}</link>"
        f"<guid isPermaLink='false'>{number}</guid>"
        f"<pubDate>{format_datetime(NOON - timedelta(hours=number))}</pubDate></item>\n"
        for number in numbers
    )
    return f"<rss version='2.0'><channel><title>{paper}</title>{head}{items}</channel></rss>".encode()


async def add(runtime: Runtime, server: FeedServer, path: str, host: str = "127.0.0.1", **options: Any) -> str:
    """A feed on this server, due now; ``alt_urls`` and the options of fetching as keywords."""
    alt_urls = tuple(options.pop("alt_urls", ()))
    async with runtime.database.write() as session:
        row = await catalogue.add_feed(session, url=server.url(path, host), name=path.strip("/"), now=NOON)
        row.alt_urls, row.options = list(alt_urls), replace(FetchOptions(), **options).as_json()
        hosts = {catalogue.feed_host(url) for url in alt_urls} - {row.host}
        known = set((await session.exec(select(Host.name))).all())
        session.add_all(Host(name=name, ready_at=NOON) for name in hosts - known)
        return row.id


async def feed(runtime: Runtime, feed_id: str) -> Feed:
    async with runtime.database.read() as session:
        return await session.get_one(Feed, feed_id)


async def host(runtime: Runtime, name: str = "127.0.0.1") -> Host:
    async with runtime.database.read() as session:
        return await session.get_one(Host, name)


async def titles(runtime: Runtime) -> list[str]:
    async with runtime.database.read() as session:
        return list((await session.exec(select(Story.title).order_by(Story.title))).all())


def outcomes(reports: list[FetchReport]) -> list[str]:
    return [report.outcome.value for report in reports]


# What is asked and stored


@on_both
async def test_round_stores_stories_and_says_when_to_come_back(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    server.on("/a", Answer(body=a_document(1, 2), etag='"1"'))
    feed_id = await add(runtime, server, "/a")
    [report] = await run_round(runtime, parsers)
    assert (report.feed, report.outcome, report.status, report.items, report.new) == (feed_id, "ok", 200, 2, 2)
    assert await titles(runtime) == ["paper 1", "paper 2"]
    row = await feed(runtime, feed_id)
    assert (row.etag, row.last_outcome, row.failures, len(row.item_hashes)) == ('"1"', "ok", 0.0, 2)
    assert row.next_due_at > NOON
    async with runtime.database.read() as session:
        [fetch] = (await session.exec(select(Fetch))).all()
    assert (fetch.outcome, fetch.new, fetch.url) == ("ok", 2, row.url)
    assert (await host(runtime)).lease_owner is None
    assert await run_round(runtime, parsers) == []


async def test_unchanged_feed_is_asked_conditionally_and_twice_a_day_not(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock
) -> None:
    server.on("/a", Answer(body=a_document(1), etag='"1"', last_modified="Tue, 24 Nov 2026 09:00:00 GMT"))
    feed_id = await add(runtime, server, "/a")
    seen = outcomes(await run_round(runtime, parsers))
    for _ in range(2):
        clock.move(hours=7)
        seen += outcomes(await run_round(runtime, parsers, only=[feed_id]))
    assert seen == ["ok", "not_modified", "same_body"]
    first, second, third = server.requests
    assert "if-none-match" not in first.headers
    assert second.headers["if-none-match"] == '"1"'
    assert second.headers["if-modified-since"] == "Tue, 24 Nov 2026 09:00:00 GMT"
    assert "if-none-match" not in third.headers


async def test_server_that_fails_on_the_question_what_changed_is_asked_without_it(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    def paper(request: Request) -> Answer:
        if "if-none-match" in request.headers:  # a body where none may be, in the same packet
            return Answer(raw=b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n<rss>")
        return Answer(body=a_document(1), etag='"1"')

    server.on("/a", paper)
    feed_id = await add(runtime, server, "/a")
    seen = [outcomes(await run_round(runtime, parsers, only=[feed_id])) for _ in range(4)]
    assert seen == [["ok"], ["http_error"], ["same_body"], ["http_error"]]
    assert (await feed(runtime, feed_id)).alarm is None


async def test_validators_are_stored_only_with_what_they_validate(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    server.on("/a", Answer(body=b"<rss><channel><item>", etag='"bad"'), Answer(body=a_document(1), etag='"good"'))
    feed_id = await add(runtime, server, "/a")
    assert outcomes(await run_round(runtime, parsers)) == ["bad_feed"]
    assert (await feed(runtime, feed_id)).etag is None
    assert outcomes(await run_round(runtime, parsers, only=[feed_id])) == ["ok"]
    assert "if-none-match" not in server.requests[1].headers
    assert (await feed(runtime, feed_id)).etag == '"good"'


async def test_only_unseen_items_are_stored_again_and_the_rate_stays_right(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    server.on("/a", Answer(body=a_document(3, 4, 5)), Answer(body=a_document(1, 2, 3, 4)))
    feed_id = await add(runtime, server, "/a")
    await run_round(runtime, parsers)
    [report] = await run_round(runtime, parsers, only=[feed_id])
    assert (report.items, report.new) == (4, 2)
    row = await feed(runtime, feed_id)
    assert row.newest_at == NOON - timedelta(hours=1)
    assert row.posts_per_day == pytest.approx(4 / (4 / 24))
    assert len(row.item_hashes) == 4
    assert len(await titles(runtime)) == 5


async def test_include_rules_hold_and_a_change_of_them_has_the_feed_read_afresh(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock
) -> None:
    server.on("/a", Answer(body=a_document(1, 2, 3)))
    spec = FeedSpec(id="a", name="A", url=server.url("/a"), options=FetchOptions(include="/2$"))
    async with runtime.database.write() as session:
        await catalogue.sync_feeds(session, Catalogue((spec,)), now=NOON)
    await run_round(runtime, parsers)
    assert await titles(runtime) == ["paper 2"]
    async with runtime.database.write() as session:
        await catalogue.sync_feeds(
            session, Catalogue((replace(spec, options=FetchOptions()),)), now=clock.move(hours=1)
        )
    [report] = await run_round(runtime, parsers)
    assert (report.outcome, report.new) == ("ok", 2)


async def test_paused_disabled_and_removed_feeds_are_left_alone(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    ids = [await add(runtime, server, f"/{name}") for name in ("paused", "off", "removed")]
    async with runtime.database.write() as session:
        (await session.get_one(Feed, ids[0])).paused_at = NOON
        (await session.get_one(Feed, ids[1])).enabled = False
        (await session.get_one(Feed, ids[2])).removed_at = NOON
    assert await run_round(runtime, parsers) == []
    assert await run_round(runtime, parsers, only=ids, patience=timedelta(seconds=5)) == []
    async with runtime.database.read() as session:
        assert await due_feeds(session, now=None, only=None) == frozenset()
    assert server.requests == []


# Politeness


async def test_one_request_per_host_at_a_time_with_its_gap(
    database_url: str, parsers: ParserPool, server: FeedServer
) -> None:
    """With the real clock: the gap is between the end of one answer and the start of the next request."""
    gap, slow = 0.15, 0.1
    async with open_service(settings_for(database_url, host_gap=gap)) as runtime:
        ids = []
        for place in range(5):  # more than one claim holds
            server.on(f"/{place}", Answer(body=a_document(place, paper=f"p{place}"), delay=slow))
            ids.append(await add(runtime, server, f"/{place}"))
        server.on("/else", Answer(body=a_document(9)))
        ids.append(await add(runtime, server, "/else", host="127.0.0.2"))
        reports = await run_round(runtime, parsers, only=ids, patience=timedelta(seconds=20))
    assert len(reports) == 6
    assert server.most_at_once["127.0.0.1"] == 1
    times = [request.at for request in server.requests if request.host == "127.0.0.1"]
    assert all(later - earlier >= gap + slow for earlier, later in pairwise(times))
    assert server.requests_for("/else")[0].at < times[1], "another host does not wait"


@on_both
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_speaks_for_the_host(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock, status: int
) -> None:
    server.on("/limited", Answer(status=status, headers={"Retry-After": "7200"}), Answer(body=a_document(1)))
    server.on("/other", Answer(body=a_document(2)))
    limited, other = await add(runtime, server, "/limited"), await add(runtime, server, "/other")
    async with runtime.database.write() as session:
        (await session.get_one(Feed, other)).next_due_at = NOON + timedelta(seconds=1)
    clock.move(seconds=2)
    assert outcomes(await run_round(runtime, parsers)) == ["rate_limited"]
    assert (await host(runtime)).ready_at == clock.now + timedelta(hours=2)
    assert (await feed(runtime, limited)).next_due_at >= clock.now + timedelta(hours=2)
    clock.move(minutes=119)
    assert await run_round(runtime, parsers) == []
    assert await run_round(runtime, parsers, only=[other], patience=timedelta(seconds=30)) == []
    assert server.count("/other") == 0
    clock.move(minutes=2)
    assert "other" in {report.feed for report in await run_round(runtime, parsers)}
    assert server.count("/other") == 1


async def test_absurd_retry_after_is_capped_and_told(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock
) -> None:
    server.on("/a", Answer(status=429, headers={"Retry-After": "99999999999"}))
    await add(runtime, server, "/a")
    [report] = await run_round(runtime, parsers)
    assert report.detail is not None
    assert "more than a day" in report.detail
    assert (await host(runtime)).ready_at == clock.now + timedelta(hours=24)


async def test_rate_limit_without_a_header_rests_the_host_too(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock
) -> None:
    server.on("/a", Answer(status=429))
    await add(runtime, server, "/a")
    await run_round(runtime, parsers)
    assert (await host(runtime)).ready_at == clock.now + timedelta(minutes=30)


# Leases


@on_both
async def test_host_that_another_process_holds_is_left_until_its_lease_ends(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock
) -> None:
    server.on("/a", Answer(body=a_document(1)))
    await add(runtime, server, "/a")
    async with runtime.database.write() as session:
        [claim] = await claim_hosts(session, owner="gone", limit=5, only=None, now=NOON, lease=timedelta(minutes=2))
    assert [row.url for row in claim.feeds] == [server.url("/a")]
    clock.move(seconds=119)
    assert await run_round(runtime, parsers) == []
    clock.move(seconds=2)
    assert outcomes(await run_round(runtime, parsers)) == ["ok"]


@on_both
async def test_result_of_a_lease_that_was_lost_is_not_written(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock
) -> None:
    async def steal(request: Request) -> Answer:
        now = clock.move(minutes=11)
        async with runtime.database.write() as session:
            assert await claim_hosts(session, owner="thief", limit=5, only=None, now=now)
        return Answer(body=a_document(1))

    server.on("/a", steal)
    feed_id = await add(runtime, server, "/a")
    assert await run_round(runtime, parsers) == []
    assert (await feed(runtime, feed_id)).last_fetch_at is None
    assert await titles(runtime) == []
    assert (await host(runtime)).lease_owner == "thief"


async def test_nothing_is_begun_that_might_outlast_the_lease(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock
) -> None:
    def late(request: Request) -> Answer:
        clock.move(minutes=9)
        return Answer(body=a_document(1))

    server.on("/a", late)
    server.on("/b", Answer(body=a_document(2)))
    await add(runtime, server, "/a")
    await add(runtime, server, "/b")
    reports = await run_round(runtime, parsers)
    assert len(server.requests) == 2
    assert outcomes(reports) == ["ok", "ok"]
    assert (await host(runtime)).lease_token == 2, "the second was fetched under a lease of its own"


@on_both
async def test_cancelled_round_writes_what_it_has_and_gives_hosts_back(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    server.on("/quick", Answer(body=a_document(1)))
    server.on("/hangs", Answer(body=a_document(2), delay=30))
    quick = await add(runtime, server, "/quick", host="127.0.0.1")
    hangs = await add(runtime, server, "/hangs", host="127.0.0.2")
    task = asyncio.create_task(run_round(runtime, parsers))
    async with asyncio.timeout(10):
        while not await titles(runtime):  # noqa: ASYNC110 - another connection's commit makes no event here
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await feed(runtime, quick)).last_outcome == "ok"
    assert (await feed(runtime, hangs)).last_fetch_at is None
    for name in ("127.0.0.1", "127.0.0.2"):
        assert (await host(runtime, name)).lease_owner is None


async def test_stop_finishes_the_request_under_way_and_begins_nothing_more(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    stopping = False

    def first(request: Request) -> Answer:
        nonlocal stopping
        stopping = True
        return Answer(body=a_document(1))

    for place in range(3):
        server.on(f"/{place}", first)
        await add(runtime, server, f"/{place}")
    reports = await run_round(runtime, parsers, keep_going=lambda: not stopping)
    assert (len(reports), len(server.requests)) == (1, 1)
    assert (await host(runtime)).lease_owner is None


# What people and faults do meanwhile


@on_both
async def test_feed_that_a_person_changed_in_flight_is_read_afresh(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    async def change(request: Request) -> Answer:
        async with runtime.database.write() as session:
            row = await session.get_one(Feed, feed_id)
            row.options = {**row.options, "include": "/2$"}
            row.version += 1
        return Answer(body=a_document(1, 2), etag='"1"')

    server.on("/a", change)
    feed_id = await add(runtime, server, "/a")
    assert outcomes(await run_round(runtime, parsers, only=[feed_id])) == ["ok"]
    row = await feed(runtime, feed_id)
    assert (row.etag, row.last_fetch_at, row.next_due_at) == (None, None, NOON)


@on_both
async def test_new_name_in_flight_costs_no_second_request(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    async def rename(request: Request) -> Answer:
        async with runtime.database.write() as session:
            row = await session.get_one(Feed, feed_id)
            row.name, row.version = "New name", row.version + 1
        return Answer(body=a_document(1))

    server.on("/a", rename)
    feed_id = await add(runtime, server, "/a")
    await run_round(runtime, parsers)
    row = await feed(runtime, feed_id)
    assert (row.name, row.last_outcome) == ("New name", "ok")
    assert row.next_due_at > NOON


async def test_feed_that_breaks_our_code_costs_only_itself(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is put into the hash of bodies, since there is no known document that does it."""
    sound = asking.body_hash

    def faulty(body: bytes) -> str:
        if b"poison" in body:
            raise ZeroDivisionError
        return sound(body)

    monkeypatch.setattr(asking, "body_hash", faulty)
    server.on("/bad", Answer(body=a_document(1, paper="poison")))
    server.on("/good", Answer(body=a_document(2)))
    bad = await add(runtime, server, "/bad", host="127.0.0.1")
    await add(runtime, server, "/good", host="127.0.0.2")
    assert sorted(outcomes(await run_round(runtime, parsers))) == ["bad_feed", "ok"]
    row = await feed(runtime, bad)
    assert (row.failures, row.last_outcome) == (1.0, "bad_feed")
    assert row.next_due_at > NOON


async def test_document_that_the_database_refuses_costs_only_itself(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    async with runtime.database.write() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON story WHEN NEW.title LIKE 'poison%'"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    server.on("/bad", Answer(body=a_document(1, paper="poison")))
    server.on("/good", Answer(body=a_document(2)))
    await add(runtime, server, "/bad", host="127.0.0.1")
    await add(runtime, server, "/good", host="127.0.0.2")
    reports = {report.feed: report for report in await run_round(runtime, parsers)}
    assert reports["good"].outcome is Outcome.OK
    assert reports["bad"].outcome is Outcome.BAD_FEED
    assert reports["bad"].detail is not None
    assert "could not be stored" in reports["bad"].detail
    assert await titles(runtime) == ["paper 2"]


@on_both
async def test_permanent_move_is_followed_after_three_fetches_over_a_day(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock
) -> None:
    server.on("/old", Answer(status=301, headers={"Location": server.url("/new", "127.0.0.9")}))
    server.on("/new", Answer(body=a_document(1)))
    feed_id = await add(runtime, server, "/old")
    for _ in range(3):
        await run_round(runtime, parsers, only=[feed_id])
        clock.move(hours=13)
    row = await feed(runtime, feed_id)
    assert (row.url, row.host) == (server.url("/new", "127.0.0.9"), "127.0.0.9")
    assert row.alarm is not None
    assert outcomes(await run_round(runtime, parsers, only=[feed_id])) == ["ok"] or row.url.endswith("/new")


# Alternatives


@on_both
async def test_alternatives_are_tried_in_order_told_and_left_when_the_own_address_is_back(
    runtime: Runtime, parsers: ParserPool, server: FeedServer, clock: SettableClock
) -> None:
    server.on("/own", Answer(status=404), Answer(status=404), Answer(body=a_document(3)))
    server.on("/first", Answer(body=b"<html><body>moved</body></html>"))
    server.on("/second", Answer(body=a_document(1), etag='"s"'))
    alternatives = [server.url("/first"), server.url("/second", "127.0.0.2")]
    feed_id = await add(runtime, server, "/own", alt_urls=alternatives)
    [report] = await run_round(runtime, parsers)
    assert (report.outcome, report.new) == ("ok", 1)
    assert report.detail == "its own address: not_found; read from alternative 2"
    row = await feed(runtime, feed_id)
    assert (row.alt_used, row.failures, row.etag) == (2, 0.0, '"s"')
    assert row.alarm is not None
    assert "alternative 2 (127.0.0.2)" in row.alarm
    assert [request.path for request in server.requests] == ["/own", "/first", "/second"]

    clock.move(hours=2)
    assert outcomes(await run_round(runtime, parsers, only=[feed_id])) == ["not_modified"]
    assert [request.path for request in server.requests[3:]] == ["/second"], "the one that answered last comes first"
    assert server.requests[-1].headers["if-none-match"] == '"s"'
    assert (await feed(runtime, feed_id)).alarm == row.alarm

    clock.now = NOON.replace(hour=9) + timedelta(days=1)
    await run_round(runtime, parsers, only=[feed_id])
    assert server.requests[4].path == "/own", "once a day it is tried"
    clock.move(days=1)
    assert outcomes(await run_round(runtime, parsers, only=[feed_id])) == ["ok"]
    row = await feed(runtime, feed_id)
    assert (row.alt_used, row.alarm) == (0, None)
    assert "if-none-match" not in server.requests[-1].headers, "validators belong to the address that gave them"


async def test_where_no_address_gives_a_feed_its_own_answer_counts(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    server.on("/own", Answer(status=404))
    feed_id = await add(runtime, server, "/own", alt_urls=[server.url("/x", "127.0.0.2"), server.url("/y")])
    [report] = await run_round(runtime, parsers)
    assert (report.outcome, report.status) == ("not_found", 404)
    assert report.detail is not None
    assert "no feed at 2 alternatives either" in report.detail
    assert (await feed(runtime, feed_id)).failures == 0.5
    assert (await host(runtime, "127.0.0.2")).lease_owner is None


async def test_outage_does_not_send_us_to_alternatives(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    server.on("/own", Answer(status=500))
    await add(runtime, server, "/own", alt_urls=[server.url("/second")])
    assert outcomes(await run_round(runtime, parsers)) == ["http_error"]
    assert server.count("/second") == 0


async def test_feeds_own_headers_stay_with_its_host(runtime: Runtime, parsers: ParserPool, server: FeedServer) -> None:
    server.on("/own", Answer(status=404))
    server.on("/second", Answer(body=a_document(1)))
    await add(
        runtime, server, "/own", alt_urls=[server.url("/second", "127.0.0.2")], headers={"Authorization": "secret"}
    )
    assert outcomes(await run_round(runtime, parsers)) == ["ok"]
    own, second = server.requests
    assert own.headers["authorization"] == "secret"
    assert "authorization" not in second.headers


async def test_suspicious_emptiness_is_an_alarm(runtime: Runtime, parsers: ParserPool, server: FeedServer) -> None:
    server.on("/a", Answer(body=a_document()))
    feed_id = await add(runtime, server, "/a", empty_is_suspect=2)
    assert outcomes(await run_round(runtime, parsers)) == ["empty"]
    assert (await feed(runtime, feed_id)).alarm is None
    assert outcomes(await run_round(runtime, parsers, only=[feed_id])) == ["same_body"]
    assert (await feed(runtime, feed_id)).alarm == "Answers, but 2 times in a row without a single item."


# Many feeds


@on_both
async def test_history_is_kept_to_the_newest_fifty(runtime: Runtime, server: FeedServer) -> None:
    ids = [await add(runtime, server, path) for path in ("/a", "/b")]
    async with runtime.database.write() as session:
        for feed_id, count in zip(ids, (70, 20), strict=True):
            session.add_all(
                Fetch(feed_id=feed_id, started_at=NOON + timedelta(minutes=n), seconds=0.1, outcome="ok", items=n)
                for n in range(count)
            )
    await prune_fetches(runtime.database)
    async with runtime.database.read() as session:
        for feed_id, oldest, count in zip(ids, (20, 0), (50, 20), strict=True):
            kept = (await session.exec(select(Fetch.items).where(Fetch.feed_id == feed_id))).all()
            assert (min(kept), len(kept)) == (oldest, count)


@on_both
async def test_due_round_takes_many_hosts_at_once_and_few_statements(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    """300 feeds: results are written together, and no question grows with the number of feeds."""
    count = 300
    specs = []
    for place in range(count):
        path, address = f"/{place}", f"127.0.{2 + place // 200}.{1 + place % 200}"
        server.on(path, Answer(body=a_document(1, paper=f"p{place}"), delay=0.02))
        specs.append(FeedSpec(id=f"f{place}", name=path, url=server.url(path, address)))
    async with runtime.database.write() as session:
        await catalogue.sync_feeds(session, Catalogue(tuple(specs)), now=NOON)
    commits = 0

    def count_commit(_connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(runtime.database.engine.sync_engine, "commit", count_commit)
    reported: list[FetchReport] = []
    reports = await run_round(runtime, parsers, on_report=reported.append)
    event.remove(runtime.database.engine.sync_engine, "commit", count_commit)
    assert len(reports) == len(reported) == len({report.feed for report in reports}) == count
    assert set(outcomes(reports)) == {"ok"}
    async with runtime.database.read() as session:
        assert (await session.exec(select(func.count()).select_from(Story))).one() == count
        assert (await session.exec(select(func.count()).where(col(Host.lease_owner).is_not(None)))).one() == 0
    assert max(server.most_at_once.values()) == 1
    assert commits < count / 2


async def test_named_feeds_are_fetched_whether_due_or_not_and_nothing_else(
    runtime: Runtime, parsers: ParserPool, server: FeedServer
) -> None:
    for path in ("/a", "/b"):
        server.on(path, Answer(body=a_document(1)))
    one = await add(runtime, server, "/a")
    await add(runtime, server, "/b", host="127.0.0.2")
    await run_round(runtime, parsers, only=[one])
    await run_round(runtime, parsers, only=[one], patience=timedelta(seconds=1))
    assert [request.path for request in server.requests] == ["/a", "/a"]
    assert await run_round(runtime, parsers, only=["unheard-of"], patience=timedelta(seconds=5)) == []
