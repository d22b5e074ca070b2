"""From a page's address to the feeds behind it, over a real loopback server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app import open_service
from service.errors import Invalid, NotNow
from service.fetching.discovery import (
    MOST_TRIED,
    USUAL_PLACES,
    FoundFeed,
    announced_feeds,
    discover,
    feed_to_add,
    name_of,
)
from service.fetching.outcomes import Outcome
from service.fetching.parsers import ParserPool
from service.fetching.turns import host_turn
from service.models import Host
from service.runtime import Runtime
from tests.builders import a_feed, stored
from tests.conftest import NOON, SettableClock, settings_for
from tests.feed_server import Answer, FeedServer

HTML = {"Content-Type": "text/html; charset=utf-8"}
RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Nairobi Paper</title><language>en</language>
<item><title>One</title><link>https://paper.example/1</link><pubDate>Tue, 24 Nov 2026 09:00:00 GMT</pubDate></item>
<item><title>Two</title><link>https://paper.example/2</link><pubDate>Mon, 23 Nov 2026 09:00:00 GMT</pubDate></item>
</channel></rss>"""
ATOM = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Sport</title><id>x</id>
<updated>2026-11-24T08:00:00Z</updated><entry><title>A</title><id>a</id><link href="https://paper.example/a"/>
<updated>2026-11-24T08:00:00Z</updated></entry></feed>"""
JSON = b"""{"version": "https://jsonfeed.org/version/1.1", "title": "In JSON",
"items": [{"id": "1", "url": "https://paper.example/j", "title": "J"}]}"""


def page(head: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>Paper</title>{head}</head><body><p>news</p></body></html>".encode()


def alternate(kind: str, href: str, title: str = "") -> str:
    return f'<link rel="alternate" type="{kind}" title="{title}" href="{href}">'


# What a page says


def test_announcements_are_read_in_order_resolved_and_taken_once() -> None:
    html = page(
        '<base href="/news/">'
        + alternate("application/rss+xml", "feed", "All &amp; more")
        + '<LINK REL="Alternate Feed" TYPE="APPLICATION/ATOM+XML; charset=utf-8" HREF="/atom.xml">'
        + alternate("application/feed+json", "https://cdn.example/feed.json#top")
        + alternate("application/rss+xml", "https://paper.example/news/feed/", "the first one again")
        + alternate("application/json", "/wp-json/wp/v2/pages/2", "an API")
        + alternate("application/json", "/feed.json")
        + '<link rel="stylesheet" type="text/css" href="/style.css">'
        + '<link rel="alternate" hreflang="fr" href="/fr/">'
    )
    found = announced_feeds(html, "https://paper.example/start")
    assert [(feed.url, feed.title) for feed in found] == [
        ("https://paper.example/news/feed", "All & more"),
        ("https://paper.example/atom.xml", ""),
        ("https://cdn.example/feed.json", ""),
        ("https://paper.example/feed.json", ""),
    ]


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://user:pass@paper.example/feed",
        "http://[::1",
        "data:,x",
        " ",
    ],
)
def test_an_announcement_that_is_no_web_address_is_none(href: str) -> None:
    assert announced_feeds(page(alternate("application/rss+xml", href)), "https://paper.example/") == []


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes_are_read_without_an_error(html: bytes) -> None:
    assert isinstance(announced_feeds(html, "https://paper.example/"), list)


def test_a_deep_and_large_page_costs_neither_time_nor_memory() -> None:
    deep = b"<div>" * 200_000 + page(alternate("application/rss+xml", "/feed")) + b"<p>x</p>" * 200_000
    assert isinstance(announced_feeds(deep, "https://paper.example/"), list)
    wide = page(
        alternate("application/rss+xml", "/feed") + '<link rel="alternate" type="text/xml" href="/x">' * 100_000
    )
    assert announced_feeds(wide, "https://paper.example/")[0].url == "https://paper.example/feed"


# The search


@dataclass
class Search:
    """A server with pages, and what is needed to look at them."""

    server: FeedServer
    runtime: Runtime
    parsers: ParserPool

    async def find(self, path: str) -> tuple[FoundFeed, ...]:
        return await discover(self.runtime, self.parsers, self.server.url(path), now=NOON)


@pytest.fixture
async def search(sqlite_url: str, clock: SettableClock) -> AsyncIterator[Search]:
    async with (
        FeedServer(hosts=("127.0.0.1", "127.0.0.2")) as server,
        open_service(settings_for(sqlite_url), clock=clock) as runtime,
        ParserPool(workers=1) as parsers,
    ):
        yield Search(server, runtime, parsers)


@pytest.mark.anyio
async def test_the_address_of_a_feed_answers_itself(search: Search) -> None:
    search.server.on("/rss.xml", body=RSS)
    [found] = await search.find("/rss.xml")
    assert found == FoundFeed(
        url=search.server.url("/rss.xml"),
        title="Nairobi Paper",
        outcome=Outcome.OK,
        items=2,
        newest=datetime(2026, 11, 24, 9, tzinfo=UTC),
        language="en",
        how="itself",
    )
    assert search.server.count() == 1
    assert name_of(found) == "Nairobi Paper"


@pytest.mark.anyio
async def test_announced_feeds_are_each_tried_and_no_other_place_is_asked(search: Search) -> None:
    elsewhere = search.server.url("/feed.json", "127.0.0.2")
    head = (
        alternate("application/rss+xml", "/rss.xml")
        + alternate("application/atom+xml", "/atom.xml", "Sport news")
        + alternate("application/feed+json", elsewhere)
        + alternate("application/rss+xml", "/gone.xml", "Old one")
    )
    search.server.on("/", Answer(body=page(head), headers=HTML))
    search.server.on("/rss.xml", body=RSS)
    search.server.on("/atom.xml", body=ATOM)
    search.server.on("/feed.json", body=JSON, host="127.0.0.2")
    search.server.on("/gone.xml", status=410)
    found = await search.find("/")
    assert [(f.title, f.outcome, f.items, f.works, f.how) for f in found] == [
        ("Nairobi Paper", "ok", 2, True, "announced"),
        ("Sport", "ok", 1, True, "announced"),
        ("In JSON", "ok", 1, True, "announced"),
        ("Old one", "gone", 0, False, "announced"),
    ]
    assert search.server.count() == 5
    assert max(search.server.most_at_once.values()) == 1


@pytest.mark.anyio
async def test_usual_places_are_asked_one_by_one_only_where_nothing_is_announced(search: Search) -> None:
    search.server.on("/news/", Answer(body=page(""), headers=HTML))
    search.server.on("/rss", Answer(body=page(""), headers=HTML))
    search.server.on("/atom.xml", body=ATOM)
    [found] = await search.find("/news/")
    assert (found.url, found.title, found.how) == (search.server.url("/atom.xml"), "Sport", "usual_place")
    assert [request.path for request in search.server.requests] == ["/news/", "/feed", "/rss", "/rss.xml", "/atom.xml"]


@pytest.mark.anyio
async def test_a_page_with_nothing_behind_it_answers_nothing(search: Search) -> None:
    search.server.on("/", Answer(body=page(""), headers=HTML))
    assert await search.find("/") == ()
    assert search.server.count() == 1 + len(USUAL_PLACES)


@pytest.mark.anyio
async def test_a_host_that_wants_to_be_left_alone_is_not_asked_on(search: Search) -> None:
    search.server.on("/", Answer(body=page(""), headers=HTML))
    search.server.on("/feed", status=429)
    assert await search.find("/") == ()
    assert search.server.count() == 2


@pytest.mark.anyio
async def test_a_page_that_announces_hundreds_is_tried_in_part(search: Search) -> None:
    head = "".join(alternate("application/rss+xml", f"/{number}.xml") for number in range(300))
    search.server.on("/", Answer(body=page(head), headers=HTML))
    assert len(await search.find("/")) == MOST_TRIED


@pytest.mark.anyio
async def test_a_page_that_does_not_answer_says_how(search: Search) -> None:
    [found] = await search.find("/nothing")
    assert (found.outcome, found.how, found.works) == ("not_found", "itself", False)


@pytest.mark.anyio
async def test_an_announcement_of_a_private_address_is_refused_by_the_guard(
    sqlite_url: str, clock: SettableClock
) -> None:
    settings = settings_for(sqlite_url, allowed_networks=("127.0.0.1/32",))
    async with (
        FeedServer(hosts=("127.0.0.1", "127.0.0.2")) as server,
        open_service(settings, clock=clock) as runtime,
        ParserPool(workers=1) as parsers,
    ):
        inside = server.url("/secret.xml", "127.0.0.2")
        server.on("/", Answer(body=page(alternate("application/rss+xml", inside)), headers=HTML))
        [found] = await discover(runtime, parsers, server.url("/"), now=NOON)
        assert found.outcome == "refused_address"
        assert server.count(host="127.0.0.2") == 0


@pytest.mark.anyio
async def test_what_is_no_address_is_refused_with_a_hint(search: Search) -> None:
    with pytest.raises(Invalid) as refused:
        await discover(search.runtime, search.parsers, "paper.example/news", now=NOON)
    assert refused.value.errors[0].suggestions == ("https://paper.example/news",)


@pytest.mark.anyio
async def test_a_page_stands_for_its_only_feed_or_names_several(search: Search) -> None:
    one, two = alternate("application/rss+xml", "/rss.xml"), alternate("application/atom+xml", "/atom.xml")
    search.server.on("/one", Answer(body=page(one), headers=HTML))
    search.server.on("/two", Answer(body=page(one + two), headers=HTML))
    search.server.on("/rss.xml", body=RSS)
    search.server.on("/atom.xml", body=ATOM)
    found = await feed_to_add(search.runtime, search.parsers, search.server.url("/one"), now=NOON)
    assert found.url == search.server.url("/rss.xml")
    with pytest.raises(Invalid) as refused:
        await feed_to_add(search.runtime, search.parsers, search.server.url("/two"), now=NOON)
    assert refused.value.errors[0].suggestions == (search.server.url("/rss.xml"), search.server.url("/atom.xml"))
    with pytest.raises(Invalid):
        await feed_to_add(search.runtime, search.parsers, search.server.url("/one"), now=NOON, itself=True)


# A turn at a host that our rounds of fetching ask as well


@pytest.mark.anyio
async def test_a_turn_holds_the_host_and_leaves_its_gap(database_url: str, clock: SettableClock) -> None:
    async with open_service(settings_for(database_url, host_gap=30), clock=clock) as runtime:
        feed = a_feed()
        await stored(runtime.database, feed)
        async with host_turn(runtime, feed.url):
            with pytest.raises(NotNow, match="is being asked"):
                async with host_turn(runtime, feed.url, patience=0):
                    pass
        with pytest.raises(NotNow):
            async with host_turn(runtime, feed.url, patience=0):
                pass
        clock.move(seconds=30)
        async with host_turn(runtime, feed.url, patience=0), runtime.database.read() as session:
            assert (await session.get_one(Host, feed.host)).lease_owner is not None


@pytest.mark.anyio
async def test_a_host_that_no_feed_lives_on_needs_no_lease(database_url: str, clock: SettableClock) -> None:
    async with open_service(settings_for(database_url), clock=clock) as runtime:
        async with host_turn(runtime, "https://new.example/"):
            pass
        async with runtime.database.read() as session:
            assert await session.get(Host, "new.example") is None
