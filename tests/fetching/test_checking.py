"""A dry run: what each feed would answer, with nothing stored and one request per host at a time."""

import pytest

from service.app import open_service
from service.errors import NotFound
from service.fetching.checking import check_feeds, chosen
from service.fetching.options import Catalogue, FeedSpec
from service.fetching.parsers import ParserPool
from tests.conftest import NOON, SettableClock, settings_for
from tests.feed_server import Answer, FeedServer

pytestmark = pytest.mark.anyio

DOCUMENT = (
    b"<rss version='2.0'><channel><title>t</title><item><title>T</title><link>https://e.org/1</link>"
    b"<pubDate>Tue, 24 Nov 2026 12:00:00 +0000</pubDate></item></channel></rss>"
)


def a_spec(name: str, url: str = "https://e.org/rss", **more: bool) -> FeedSpec:
    return FeedSpec(id=name, name=name, url=url, **more)  # type: ignore[arg-type]


async def test_each_feed_answers_in_the_given_order_and_nothing_is_stored(
    sqlite_url: str, clock: SettableClock
) -> None:
    async with FeedServer(every_loopback=True) as server:
        server.on("/good", Answer(body=DOCUMENT, delay=0.05))
        server.on("/page", Answer(body=b"<html><body>x</body></html>", delay=0.05))
        urls = [server.url("/good"), server.url("/gone"), server.url("/page"), server.url("/good", "127.0.0.2")]
        specs = [a_spec(f"feed-{place}", url) for place, url in enumerate(urls)]
        async with open_service(settings_for(sqlite_url), clock=clock) as runtime, ParserPool(workers=1) as parsers:
            checked = await check_feeds(runtime, parsers, specs)
    assert [(one.feed, one.outcome.value, one.items) for one in checked] == [
        ("feed-0", "ok", 1),
        ("feed-1", "not_found", 0),
        ("feed-2", "html", 0),
        ("feed-3", "ok", 1),
    ]
    assert (checked[0].newest, checked[0].status) == (NOON, 200)
    assert server.most_at_once == {"127.0.0.1": 1, "127.0.0.2": 1}


def test_feeds_are_chosen_by_id_or_address() -> None:
    catalogue = Catalogue((a_spec("one"), a_spec("two", "https://e.org/2"), a_spec("off", enabled=False)))
    assert [spec.id for spec in chosen(catalogue, ())] == ["one", "two"]
    assert [spec.url for spec in chosen(catalogue, ["off", "https://x.org/f"])] == [
        "https://e.org/rss",
        "https://x.org/f",
    ]
    with pytest.raises(NotFound, match="no feed 'tow'") as refused:
        chosen(catalogue, ["tow"])
    assert refused.value.errors[0].suggestions == ("two",)
