"""WebSub as a subscriber: the rules, and the whole way with a real hub on loopback and the real app."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from service.app import open_service
from service.fetching import websub
from service.fetching.catalogue import feed_options
from service.fetching.hubs import (
    FORGET_AFTER,
    LEASE_LEAST,
    LEASE_MOST,
    POLL_AT_LEAST_EVERY,
    Hub,
    Step,
    SubscriptionState,
    can_be_reached,
    granted_lease,
    hub_of,
    is_signed,
    link_relations,
    next_step,
    poll_interval,
)
from service.fetching.parsers import ParserPool
from service.fetching.run import read_feed
from service.models import Feed, Fetch, Story, Subscription
from service.runtime import Runtime
from tests.builders import a_feed, stored
from tests.conftest import NOON, SettableClock, serving, settings_for
from tests.feed_server import Answer
from tests.hub_server import HubServer

PUBLIC = "https://desk.example"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# The rules


@pytest.mark.parametrize(
    ("base", "reachable"),
    [
        ("https://daily.example.org", True),
        ("https://93.184.216.34", True),
        ("http://daily.example.org", False),
        ("https://localhost", False),
        ("https://desk", False),
        ("https://desk.internal", False),
        ("https://desk.local.", False),
        ("https://10.0.0.7", False),
        ("https://127.0.0.1:8000", False),
        ("https://[::1]", False),
    ],
)
def test_a_hub_can_only_call_back_a_public_https_address(base: str, reachable: bool) -> None:
    assert can_be_reached(base) is reachable


def test_link_headers_come_before_the_document_and_both_links_are_needed() -> None:
    named = {"hub": "https://hub.example/", "self_url": "https://paper.example/rss"}
    header = '<https://other.example/hub>; rel="hub", </feed.xml>; title="x"; rel="self alternate"'
    url = "https://paper.example/feed"
    assert hub_of(**named, link_header=None, url=url) == Hub("https://hub.example/", "https://paper.example/rss")
    assert hub_of(**named, link_header=header, url=url) == Hub(
        "https://other.example/hub", "https://paper.example/feed.xml"
    )
    assert hub_of(**named, link_header="<https://other.example/hub>; rel=hub", url=url) == Hub(
        "https://hub.example/", "https://paper.example/rss"
    )
    assert hub_of(hub="https://hub.example/", self_url=None, link_header=None, url=url) is None
    assert hub_of(hub="javascript:1", self_url=url, link_header=None, url=url) is None


def test_a_secret_is_not_sent_in_the_clear_for_a_topic_that_is_encrypted() -> None:
    plain = {"hub": "http://hub.example/", "link_header": None, "url": "x"}
    assert hub_of(self_url="https://paper.example/rss", **plain) is None
    assert hub_of(self_url="http://paper.example/rss", **plain) == Hub(
        "http://hub.example/", "http://paper.example/rss"
    )


@given(st.text(max_size=300))
def test_any_link_header_is_read_without_an_error(header: str) -> None:
    assert isinstance(link_relations(header, "https://paper.example/"), dict)


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_every_digest_of_the_recommendation_is_understood(method: str) -> None:
    proof = hmac.new(b"secret", b"body", getattr(hashlib, method)).hexdigest()
    assert is_signed("secret", f"{method}={proof}", b"body")
    assert is_signed("secret", f"{method.upper()}={proof.upper()}", b"body")
    assert not is_signed("secret", f"{method}={proof}", b"body2")
    assert not is_signed("other", f"{method}={proof}", b"body")


@pytest.mark.parametrize("signature", [None, "", "sha256=", "md5=abc", "sha256", "sha256=ü", "=", "sha999=00"])
def test_what_is_no_signature_proves_nothing(signature: str | None) -> None:
    assert not is_signed("secret", signature, b"body")


@given(st.none() | st.text(max_size=20) | st.integers().map(str))
def test_a_granted_lease_is_within_what_we_believe(text: str | None) -> None:
    assert LEASE_LEAST <= granted_lease(text) <= LEASE_MOST


@given(st.timedeltas(timedelta(minutes=1), timedelta(days=30)))
def test_a_pushed_feed_is_polled_less_but_never_left_alone(interval: timedelta) -> None:
    assert poll_interval(interval, pushed=False) == interval
    assert interval <= poll_interval(interval, pushed=True) <= max(interval, POLL_AT_LEAST_EVERY)


def step(state: SubscriptionState, *, asked: timedelta, lease: timedelta | None = None, **more: object) -> Step | None:
    values = {"failures": 0, "live": True, **more}
    until = NOON + lease if lease is not None else None
    return next_step(state, asked_at=NOON - asked, lease_until=until, now=NOON, **values)  # type: ignore[arg-type]


def test_what_is_due_follows_from_state_and_time() -> None:
    states = SubscriptionState
    assert step(states.WANTED, asked=timedelta(0)) is Step.SUBSCRIBE
    assert step(states.ASKED, asked=HOUR / 2) is None
    assert step(states.ASKED, asked=HOUR) is Step.SUBSCRIBE
    assert step(states.ASKED, asked=HOUR, failures=3) is None
    assert step(states.ASKED, asked=DAY, failures=900) is Step.SUBSCRIBE
    assert step(states.ACTIVE, asked=3 * DAY, lease=4 * DAY) is None
    assert step(states.ACTIVE, asked=6 * DAY, lease=1 * DAY) is Step.SUBSCRIBE
    assert step(states.ACTIVE, asked=timedelta(minutes=1), lease=-DAY) is None
    assert step(states.ACTIVE, asked=DAY, lease=-HOUR) is Step.SUBSCRIBE
    assert step(states.DENIED, asked=DAY) is None
    assert step(states.DENIED, asked=7 * DAY) is Step.SUBSCRIBE
    assert step(states.LEAVING, asked=timedelta(0)) is Step.UNSUBSCRIBE
    assert step(states.ACTIVE, asked=DAY, lease=DAY, live=False) is Step.UNSUBSCRIBE
    assert step(states.ENDED, asked=HOUR) is None
    assert step(states.ENDED, asked=FORGET_AFTER) is Step.FORGET
    assert step(states.DENIED, asked=FORGET_AFTER, live=False) is Step.FORGET


@given(lease=st.timedeltas(LEASE_LEAST, LEASE_MOST), state=st.sampled_from(SubscriptionState))
def test_a_renewal_is_asked_before_the_lease_ends_and_not_at_once(lease: timedelta, state: SubscriptionState) -> None:
    def due(at: timedelta) -> Step | None:
        return next_step(state, asked_at=NOON, lease_until=NOON + lease, failures=0, live=True, now=NOON + at)

    if state is SubscriptionState.ACTIVE:
        assert due(timedelta(seconds=59)) is None
        assert due(lease) is Step.SUBSCRIBE


# The whole way


@dataclass
class Newsroom:
    """The app at its public name, a runtime beside it on the same database, a hub, and a feed that names it."""

    runtime: Runtime
    parsers: ParserPool
    hub: HubServer
    feed: Feed
    clock: SettableClock
    base: str

    async def read(self, **more: object) -> None:
        """Fetch the feed and note its hub, as a round of fetching does."""
        async with self.runtime.database.read() as session:
            feed = await session.get_one(Feed, self.feed.id)
        answer = await read_feed(self.runtime, self.parsers, feed, feed_options(feed), now=self.clock())
        async with self.runtime.database.write() as session:
            await websub.note_hubs(session, [(feed, answer)], settings=self.runtime.settings, now=self.clock())

    async def subscription(self) -> Subscription | None:
        async with self.runtime.database.read() as session:
            return await session.get(Subscription, self.feed.id)

    async def stories(self) -> list[str]:
        async with self.runtime.database.read() as session:
            return list((await session.exec(select(Story.title).order_by(col(Story.title)))).all())

    async def change(self, **columns: object) -> None:
        async with self.runtime.database.write() as session:
            (await session.get_one(Feed, self.feed.id)).sqlmodel_update(columns)

    async def subscribed(self) -> None:
        """Go all the way to an active subscription."""
        await self.read()
        assert await websub.tend_subscriptions(self.runtime) == 1
        assert (await self.hub.verify(self.hub.asked[-1])).status_code == 200


def rss(*titles: str, links: str = "") -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>https://paper.example/{title.replace(' ', '-')}</link>"
        "<pubDate>Tue, 24 Nov 2026 09:00:00 GMT</pubDate></item>"
        for title in titles
    )
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
        f"<title>Paper</title><link>https://paper.example/</link>{links}{items}</channel></rss>"
    ).encode()


@asynccontextmanager
async def a_newsroom(url: str, clock: SettableClock, *, verifies: bool = False) -> AsyncIterator[Newsroom]:
    settings = settings_for(url, base_url=PUBLIC)
    async with (
        serving(settings, clock=clock) as base,
        HubServer(base, verifies=verifies) as hub,
        open_service(settings, clock=clock) as runtime,
        ParserPool(workers=1) as parsers,
    ):
        topic = hub.url("/rss.xml")
        links = f'<atom:link rel="hub" href="{hub.address}"/><atom:link rel="self" href="{topic}"/>'
        hub.on("/rss.xml", Answer(body=rss("One", links=links), headers={"Content-Type": "application/rss+xml"}))
        feed = a_feed(url=topic, url_key=topic, host="127.0.0.1")
        await stored(runtime.database, feed)
        yield Newsroom(runtime, parsers, hub, feed, clock, base)


@pytest.fixture
async def newsroom(database_url: str, clock: SettableClock) -> AsyncIterator[Newsroom]:
    async with a_newsroom(database_url, clock) as opened:
        yield opened


@pytest.mark.anyio
async def test_a_feed_that_names_a_hub_is_subscribed_verified_and_pushed(newsroom: Newsroom) -> None:
    await newsroom.read()
    assert await websub.tend_subscriptions(newsroom.runtime) == 1
    [asked] = newsroom.hub.asked
    assert (asked.mode, asked.topic, asked.lease_seconds) == ("subscribe", newsroom.feed.url, "604800")
    assert asked.callback.startswith(f"{PUBLIC}/websub/")
    assert asked.secret
    assert len(asked.secret) >= 40
    early = await newsroom.hub.push(asked, body=rss("Too early"))
    assert early.status_code == 410, "nothing is taken before it was verified"

    answer = await newsroom.hub.verify(asked)
    assert (answer.status_code, answer.text) == (200, "a-random-challenge")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    row = await newsroom.subscription()
    assert row is not None
    assert (row.state, row.lease_until) == ("active", NOON + timedelta(days=7))

    assert (await newsroom.hub.push(asked, body=rss("Two", "Three"))).status_code == 202
    assert await newsroom.stories() == ["Three", "Two"]
    assert (await newsroom.hub.push(asked, body=rss("Two", "Three"), method="sha512")).status_code == 202
    assert await newsroom.stories() == ["Three", "Two"]
    async with newsroom.runtime.database.read() as session:
        fetches = (await session.exec(select(Fetch).order_by(col(Fetch.id)))).all()
        pushed = await websub.pushed_feeds(session, [newsroom.feed.id, "other"], now=newsroom.clock())
    assert [(f.outcome, f.items, f.new, f.detail) for f in fetches] == [
        ("ok", 2, 2, "pushed by its hub"),
        ("ok", 2, 0, "pushed by its hub"),
    ]
    assert pushed == {newsroom.feed.id}
    assert await websub.tend_subscriptions(newsroom.runtime) == 0, "nothing more is due"


@pytest.mark.anyio
async def test_a_hub_may_verify_before_it_answers(sqlite_url: str, clock: SettableClock) -> None:
    async with a_newsroom(sqlite_url, clock, verifies=True) as newsroom:
        await newsroom.read()
        assert await websub.tend_subscriptions(newsroom.runtime) == 1
        assert newsroom.hub.verified == [200]
        row = await newsroom.subscription()
        assert row is not None
        assert row.state == "active"


@pytest.mark.anyio
async def test_only_what_we_asked_is_confirmed(newsroom: Newsroom) -> None:
    await newsroom.read()
    await websub.tend_subscriptions(newsroom.runtime)
    [asked] = newsroom.hub.asked
    assert (await newsroom.hub.verify(asked, topic="https://else.example/")).status_code == 404
    assert (await newsroom.hub.verify(asked, mode="unsubscribe")).status_code == 404
    assert (await newsroom.hub.verify(asked, mode="publish")).status_code == 404
    async with httpx.AsyncClient(trust_env=False) as client:
        query = {"hub.mode": "subscribe", "hub.topic": asked.topic, "hub.challenge": "x"}
        assert (await client.get(f"{newsroom.base}/websub/not-ours", params=query)).status_code == 404
        assert (await client.get(f"{newsroom.base}/websub/not-ours")).status_code == 404
        assert (await client.post(f"{newsroom.base}/websub/not-ours", content=b"x")).status_code == 410
    row = await newsroom.subscription()
    assert row is not None
    assert row.state == "asked"


@pytest.mark.anyio
async def test_a_push_without_our_signature_is_dropped_without_a_word(newsroom: Newsroom) -> None:
    await newsroom.subscribed()
    [asked] = newsroom.hub.asked
    for signature in ("sha256=" + "0" * 64, "md5=00", None):
        answer = await newsroom.hub.push(asked, body=rss("Forged"), signature=signature)
        assert (answer.status_code, answer.content) == (202, b"")
    assert await newsroom.stories() == []


@pytest.mark.anyio
async def test_a_push_that_is_no_feed_or_too_large_stores_nothing(newsroom: Newsroom) -> None:
    await newsroom.subscribed()
    [asked] = newsroom.hub.asked
    assert (await newsroom.hub.push(asked, body=b"<html>no</html>")).status_code == 202
    await newsroom.change(options={"max_bytes": 1_000})
    assert (await newsroom.hub.push(asked, body=rss("Large", links=" " * 2_000))).status_code == 413
    assert await newsroom.stories() == []
    async with newsroom.runtime.database.read() as session:
        [fetch] = (await session.exec(select(Fetch))).all()
    assert fetch.outcome == "html"


@pytest.mark.anyio
async def test_a_lease_is_renewed_in_time_and_pushes_go_on_meanwhile(newsroom: Newsroom) -> None:
    await newsroom.subscribed()
    newsroom.clock.move(days=5)
    assert await websub.tend_subscriptions(newsroom.runtime) == 0
    newsroom.clock.move(days=1)
    assert await websub.tend_subscriptions(newsroom.runtime) == 1
    first, second = newsroom.hub.asked
    assert (second.callback, second.secret) == (first.callback, first.secret)
    assert (await newsroom.hub.push(first, body=rss("Meanwhile"))).status_code == 202
    assert await newsroom.stories() == ["Meanwhile"]
    assert (await newsroom.hub.verify(second)).status_code == 200
    row = await newsroom.subscription()
    assert row is not None
    assert row.lease_until == newsroom.clock() + timedelta(days=7)


@pytest.mark.anyio
async def test_a_hub_that_fails_is_asked_less_and_less(newsroom: Newsroom) -> None:
    newsroom.hub.status = 500
    await newsroom.read()
    asked = []
    for _ in range(48):
        before = len(newsroom.hub.asked)
        assert await websub.tend_subscriptions(newsroom.runtime) == 0
        asked.append(len(newsroom.hub.asked) - before)
        newsroom.clock.move(hours=1)
    assert asked[0] == 1
    assert 3 <= sum(asked) <= 6


@pytest.mark.anyio
async def test_a_denial_is_noted_and_respected_for_a_week(newsroom: Newsroom) -> None:
    await newsroom.read()
    await websub.tend_subscriptions(newsroom.runtime)
    assert (await newsroom.hub.verify(newsroom.hub.asked[0], mode="denied")).status_code == 200
    row = await newsroom.subscription()
    assert row is not None
    assert row.state == "denied"
    newsroom.clock.move(days=6)
    assert await websub.tend_subscriptions(newsroom.runtime) == 0
    newsroom.clock.move(days=1)
    assert await websub.tend_subscriptions(newsroom.runtime) == 1


@pytest.mark.anyio
async def test_a_paused_feed_leaves_its_hub_and_a_resumed_one_begins_anew(newsroom: Newsroom) -> None:
    await newsroom.subscribed()
    await newsroom.change(enabled=False)
    assert (await newsroom.hub.push(newsroom.hub.asked[0], body=rss("Late"))).status_code == 410
    assert await websub.tend_subscriptions(newsroom.runtime) == 1
    subscribed, left = newsroom.hub.asked
    assert (left.mode, left.callback, left.secret) == ("unsubscribe", subscribed.callback, None)
    assert (await newsroom.hub.verify(left)).text == "a-random-challenge"
    assert (await newsroom.hub.verify(subscribed)).status_code == 404, "it is over"
    await newsroom.change(enabled=True)
    await newsroom.read()
    row = await newsroom.subscription()
    assert row is not None
    assert row.state == "wanted"
    assert await websub.tend_subscriptions(newsroom.runtime) == 1
    assert newsroom.hub.asked[-1].callback != subscribed.callback
    assert newsroom.hub.asked[-1].secret != subscribed.secret


@pytest.mark.anyio
async def test_a_feed_that_names_no_hub_any_more_is_left_and_forgotten(newsroom: Newsroom) -> None:
    await newsroom.subscribed()
    newsroom.hub.on("/rss.xml", Answer(body=rss("One more")))
    await newsroom.read()
    assert await websub.tend_subscriptions(newsroom.runtime) == 1
    assert newsroom.hub.asked[-1].mode == "unsubscribe"
    newsroom.clock.move(days=1)
    assert await websub.tend_subscriptions(newsroom.runtime) == 0
    assert await newsroom.subscription() is None


@pytest.mark.anyio
async def test_another_hub_begins_anew_under_another_secret(newsroom: Newsroom) -> None:
    await newsroom.subscribed()
    before = await newsroom.subscription()
    header = f'<{newsroom.hub.url("/hub2")}>; rel="hub", <{newsroom.feed.url}>; rel="self"'
    newsroom.hub.on("/rss.xml", Answer(body=rss("One"), headers={"Link": header}))
    await newsroom.read()
    after = await newsroom.subscription()
    assert before is not None
    assert after is not None
    assert after.hub == newsroom.hub.url("/hub2")
    assert after.state == "wanted"
    assert {before.callback, before.secret}.isdisjoint({after.callback, after.secret})


@pytest.mark.anyio
async def test_without_a_public_address_nobody_is_asked(sqlite_url: str, clock: SettableClock) -> None:
    async with (
        a_newsroom(sqlite_url, clock) as newsroom,
        open_service(settings_for(sqlite_url), clock=clock) as private,
    ):
        newsroom.runtime = private
        await newsroom.read()
        assert await newsroom.subscription() is None
        assert await websub.tend_subscriptions(private) == 0


@pytest.mark.anyio
async def test_the_guard_stands_before_hubs_too(sqlite_url: str, clock: SettableClock) -> None:
    settings = settings_for(sqlite_url, base_url=PUBLIC, allowed_networks=())
    async with HubServer("http://127.0.0.1:9") as hub, open_service(settings, clock=clock) as runtime:
        feed = a_feed()
        await stored(runtime.database, feed)
        row = Subscription(
            feed_id=feed.id,
            hub=hub.address,
            topic=feed.url,
            callback="callback",
            secret="secret",
            state="wanted",
            asked_at=clock(),
        )
        await stored(runtime.database, row)
        assert await websub.tend_subscriptions(runtime) == 0
        assert hub.requests == []
        async with runtime.database.read() as session:
            assert (await session.get_one(Subscription, feed.id)).failures == 1


@pytest.mark.anyio
async def test_of_two_processes_one_asks(newsroom: Newsroom) -> None:
    await newsroom.read()
    async with newsroom.runtime.database.read() as session:
        errands = await websub.due_errands(session, now=newsroom.clock())
        again = await websub.due_errands(session, now=newsroom.clock())
    now: datetime = newsroom.clock.move(seconds=1)
    async with newsroom.runtime.database.write() as session:
        assert await websub.begin_errand(session, errands[0], now)
    async with newsroom.runtime.database.write() as session:
        assert not await websub.begin_errand(session, again[0], now)
