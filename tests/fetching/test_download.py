"""What a download asks, follows and reports; real sockets, loopback only."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import Any

import httpx
import pytest

from service.fetching.download import Download, FeedRequest, download
from service.fetching.guard import guarded_transport
from service.fetching.outcomes import Outcome
from tests.feed_server import Answer, FeedServer

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LOOPBACK = (IPv4Network("127.0.0.0/28"),)
FEED = b"<rss version='2.0'><channel><title>t</title></channel></rss>"
TAG, DATE = '"v1"', "Mon, 23 Nov 2026 08:00:00 GMT"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=guarded_transport(LOOPBACK), trust_env=False) as client:
        yield client


@pytest.fixture
async def server(anyio_backend: str) -> AsyncIterator[FeedServer]:
    async with FeedServer(("127.0.0.1", "127.0.0.2")) as server:
        yield server


async def fetch(client: httpx.AsyncClient, url: str, **fields: Any) -> Download:
    return await download(client, FeedRequest(url, "Huoban/test", **{"deadline": 5.0, **fields}), now=NOW)


# What is asked, and what an honest answer gives


@pytest.mark.anyio
async def test_feed_is_read_with_everything_its_headers_say(client: httpx.AsyncClient, server: FeedServer) -> None:
    kind, cache = "application/rss+xml; charset=utf-8", "max-age=600"
    headers = {"Content-Type": kind, "Cache-Control": cache, "Expires": "0"}
    server.on("/a.xml", body=FEED, etag=TAG, last_modified=DATE, headers=headers)
    answer = await fetch(client, server.url("/a.xml"))
    assert (answer.outcome, answer.status, answer.body) == (Outcome.OK, 200, FEED)
    assert (answer.etag, answer.last_modified) == (TAG, DATE)
    assert (answer.content_type, answer.cache_control, answer.expires) == (kind, cache, "0")
    assert (answer.url, answer.moved_to, answer.detail) == (server.url("/a.xml"), None, None)
    assert (answer.received, answer.retry_after) == (len(FEED), None)
    assert 0 < answer.seconds < 5
    asked = server.requests[0].headers
    assert (asked["user-agent"], asked["accept-encoding"]) == ("Huoban/test", "gzip")
    assert "if-none-match" not in asked


@pytest.mark.anyio
async def test_unchanged_feed_is_not_sent_again(client: httpx.AsyncClient, server: FeedServer) -> None:
    server.on("/a.xml", body=FEED, etag=TAG, last_modified=DATE)
    for validators in ({"etag": TAG, "last_modified": DATE}, {"etag": TAG}, {"last_modified": DATE}):
        answer = await fetch(client, server.url("/a.xml"), **validators)
        assert (answer.outcome, answer.body, answer.etag) == (Outcome.NOT_MODIFIED, b"", TAG)
    answer = await fetch(client, server.url("/a.xml"), etag='"v0"')
    assert answer.outcome is Outcome.OK


@pytest.mark.anyio
async def test_validator_that_cannot_be_sent_back_is_not_kept(client: httpx.AsyncClient, server: FeedServer) -> None:
    server.on("/a.xml", body=FEED, etag='"\u00e9"', last_modified="x" * 600)
    answer = await fetch(client, server.url("/a.xml"), etag='"\u00e9"')
    assert (answer.outcome, answer.etag, answer.last_modified) == (Outcome.OK, None, None)
    assert "if-none-match" not in server.requests[0].headers


@pytest.mark.anyio
async def test_each_request_has_a_connection_of_its_own(client: httpx.AsyncClient, server: FeedServer) -> None:
    server.on("/a.xml", status=302, headers={"Location": "/b.xml", "Connection": "keep-alive"})
    server.on("/b.xml", body=FEED, headers={"Connection": "keep-alive"})
    await fetch(client, server.url("/a.xml"))
    await fetch(client, server.url("/b.xml"))
    assert [request.connection for request in server.requests] == [1, 2, 3]


@pytest.mark.anyio
@pytest.mark.parametrize("length", ["true", "none", "chunked"])
async def test_body_is_read_however_its_end_is_marked(
    client: httpx.AsyncClient, server: FeedServer, length: Any
) -> None:
    server.on("/a.xml", body=FEED, length=length, drip=20, pause=0.001)
    answer = await fetch(client, server.url("/a.xml"))
    assert (answer.outcome, answer.body) == (Outcome.OK, FEED)


@pytest.mark.anyio
async def test_fragment_is_not_sent(client: httpx.AsyncClient, server: FeedServer) -> None:
    server.on("/a.xml", body=FEED)
    answer = await fetch(client, server.url("/a.xml?x=1#top"))
    assert server.requests[0].target == "/a.xml?x=1"
    assert answer.url == server.url("/a.xml?x=1")


# Statuses


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, Outcome.HTTP_ERROR),
        (304, Outcome.HTTP_ERROR),
        (401, Outcome.BLOCKED),
        (404, Outcome.NOT_FOUND),
        (410, Outcome.GONE),
        (500, Outcome.HTTP_ERROR),
    ],
)
async def test_status_ends_the_fetch_after_one_request(
    client: httpx.AsyncClient, server: FeedServer, status: int, outcome: Outcome
) -> None:
    server.on("/a.xml", status=status, etag=TAG)
    answer = await fetch(client, server.url("/a.xml"))
    assert (answer.outcome, answer.status, answer.body, answer.etag) == (outcome, status, b"", None)
    assert server.count() == 1


@pytest.mark.anyio
async def test_challenge_page_with_status_200_is_a_block(client: httpx.AsyncClient, server: FeedServer) -> None:
    server.on("/a.xml", body=b"<html>", headers={"cf-mitigated": "challenge"})
    assert (await fetch(client, server.url("/a.xml"))).outcome is Outcome.BLOCKED


@pytest.mark.anyio
async def test_wish_to_be_left_alone_is_passed_on_and_capped(client: httpx.AsyncClient, server: FeedServer) -> None:
    server.on("/a.xml", status=429, headers={"Retry-After": "120"})
    server.on("/b.xml", status=503, headers={"Retry-After": "999999999"})
    server.on("/c.xml", status=429)
    seen = [await fetch(client, server.url(path)) for path in ("/a.xml", "/b.xml", "/c.xml")]
    assert {answer.outcome for answer in seen} == {Outcome.RATE_LIMITED}
    assert [(answer.retry_after, answer.retry_after_capped) for answer in seen] == [
        (120.0, False),
        (86_400.0, True),
        (None, False),
    ]


@pytest.mark.anyio
async def test_304_that_carries_a_body_does_no_harm_to_the_next_request(
    client: httpx.AsyncClient, server: FeedServer
) -> None:
    head = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 60\r\n\r\n"
    at_once, later = Answer(raw=head + FEED), Answer(raw=head + FEED, drip=len(head), pause=0.02)
    server.on("/a.xml", at_once, Answer(body=FEED), later, Answer(body=FEED))
    for expected in (Outcome.HTTP_ERROR, Outcome.NOT_MODIFIED):
        first = await fetch(client, server.url("/a.xml"), etag=TAG)
        second = await fetch(client, server.url("/a.xml"))
        assert first.outcome is expected
        assert (second.outcome, second.body) == (Outcome.OK, FEED)


async def test_words_behind_the_status_mean_nothing_in_any_charset(
    client: httpx.AsyncClient, server: FeedServer
) -> None:
    for reason, number in ((b"Non trouv\xe9", 404), ("好".encode("gb18030"), 200), (b"\xff" * 9, 302)):
        server.on("/a.xml", raw=b"HTTP/1.1 %d %b\r\nLocation: /b.xml\r\n\r\n%b" % (number, reason, FEED))
        server.on("/b.xml", body=FEED)
        answer = await fetch(client, server.url("/a.xml"))
        assert answer.outcome is (Outcome.NOT_FOUND if number == 404 else Outcome.OK)


# Redirects


def moves(server: FeedServer, *statuses: int) -> str:
    for number, status in enumerate(statuses):
        server.on(f"/hop{number}", status=status, headers={"Location": f"/hop{number + 1}"})
    server.on(f"/hop{len(statuses)}", body=FEED, etag=TAG)
    return server.url("/hop0")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("statuses", "for_good"),
    [((301,), True), ((308, 301), True), ((301, 302), False), ((307,), False), ((303,), False)],
)
async def test_new_address_is_reported_only_if_every_hop_was_permanent(
    client: httpx.AsyncClient, server: FeedServer, statuses: tuple[int, ...], for_good: bool
) -> None:
    answer = await fetch(client, moves(server, *statuses))
    last = server.url(f"/hop{len(statuses)}")
    assert (answer.outcome, answer.body, answer.url) == (Outcome.OK, FEED, last)
    assert answer.moved_to == (last if for_good else None)
    assert answer.etag is None, "it belongs to another URL than the one asked next time"


@pytest.mark.anyio
async def test_new_address_that_gives_nothing_is_not_reported(client: httpx.AsyncClient, server: FeedServer) -> None:
    server.on("/a.xml", status=301, headers={"Location": "/nowhere"})
    answer = await fetch(client, server.url("/a.xml"))
    assert (answer.outcome, answer.moved_to) == (Outcome.NOT_FOUND, None)


@pytest.mark.anyio
async def test_redirects_end_at_the_limit_in_a_circle_and_without_target(
    client: httpx.AsyncClient, server: FeedServer
) -> None:
    url = moves(server, *[302] * 6)
    assert (await fetch(client, url, max_redirects=6)).outcome is Outcome.OK
    before = server.count()
    assert (await fetch(client, url, max_redirects=5)).outcome is Outcome.REDIRECTS
    assert server.count() == before + 6
    server.on("/circle", status=302, headers={"Location": "/circle#again"})
    server.on("/blank", status=302)
    server.on("/broken", status=302, headers={"Location": "http://[::1/"})
    for path in ("/circle", "/blank", "/broken"):
        answer = await fetch(client, server.url(path))
        assert (answer.outcome, answer.status) == (Outcome.REDIRECTS, 302)
    server.on("/spaced", status=302, headers={"Location": "/a b"})
    server.on("/a%20b", body=FEED)
    assert (await fetch(client, server.url("/spaced"))).outcome is Outcome.OK


@pytest.mark.anyio
@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://127.0.0.99/", "http://[::1]/",
        "http://2130706433/", "http://127.1/", "http://127\u30020\u30020\u30021/", "//127.0.0.77/",
        "/\\10.0.0.1/",
        "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "data:text/xml,<rss/>",
        "http://user:pw@127.0.0.1/", "http://93.184.215.14:22/", "http://news.example:99999/",
    ],
)  # fmt: skip
async def test_redirect_to_where_the_guard_does_not_go_is_refused(
    client: httpx.AsyncClient, server: FeedServer, target: str
) -> None:
    location = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + target.encode() + b"\r\n\r\n"
    server.on("/a.xml", raw=location)
    answer = await fetch(client, server.url("/a.xml"))
    assert (answer.outcome, answer.status, server.count()) == (Outcome.REFUSED_ADDRESS, 302, 1)
    assert answer.detail
    assert "pw" not in answer.detail


@pytest.mark.anyio
async def test_secrets_and_validators_stay_with_the_origin_they_belong_to(
    client: httpx.AsyncClient, server: FeedServer
) -> None:
    secrets = {"Authorization": "Bearer s", "Cookie": "a=s", "X-Api-Key": "s", "X-Our-Own": "s"}
    server.on("/a.xml", status=302, headers={"Location": "/same"}, host="127.0.0.1")
    server.on("/same", status=302, headers={"Location": server.url("/other", "127.0.0.2")})
    server.on("/other", status=302, headers={"Location": server.url("/back")})
    server.on("/back", body=FEED)
    answer = await fetch(client, server.url("/a.xml"), headers=secrets, etag=TAG, last_modified=DATE)
    assert answer.outcome is Outcome.OK
    start, same, other, back = (request.headers for request in server.requests)
    for name, value in secrets.items():
        assert start[name.lower()] == same[name.lower()] == value
        assert name.lower() not in other
        assert name.lower() not in back, "the way back was chosen by the other origin"
    assert (start["if-none-match"], start["if-modified-since"]) == (TAG, DATE)
    for later in (same, other, back):
        assert not {"if-none-match", "if-modified-since"} & set(later)


@pytest.mark.anyio
async def test_own_headers_cannot_touch_framing_or_what_the_limits_rely_on(
    client: httpx.AsyncClient, server: FeedServer
) -> None:
    server.on("/a.xml", body=FEED)
    own = {"HOST": "evil.example", "Accept-Encoding": "br", "Content-Length": "9", "If-None-Match": TAG}
    await fetch(client, server.url("/a.xml"), headers={**own, "X-Key": "1", "accept": "text/xml"})
    asked = server.requests[0].headers
    assert (asked["host"], asked["accept-encoding"]) == (f"127.0.0.1:{server.port}", "gzip")
    assert (asked["x-key"], asked["accept"]) == ("1", "text/xml")
    assert not {"content-length", "if-none-match"} & set(asked)
    for bad in ({"X-Key": "1\r\nHost: evil.example"}, {"X Key": "1"}, {"X-Key": "\u4eba"}):
        answer = await fetch(client, server.url("/a.xml"), headers=bad)
        assert answer.outcome is Outcome.HTTP_ERROR
    assert server.count() == 1


@pytest.mark.anyio
async def test_neither_details_nor_reprs_hold_a_secret(client: httpx.AsyncClient, server: FeedServer) -> None:
    server.on("/a.xml", Answer(raw=b"HTTP/1.1 nonsense s3cret\r\n\r\n"), Answer(raw=b""), Answer(delay=3))
    for _ in range(3):
        request = FeedRequest(server.url("/a.xml?key=s3cret"), "ua", headers={"X-Api-Key": "s3cret"}, deadline=0.3)
        answer = await download(client, request, now=NOW)
        assert "s3cret" not in repr(request) + repr(answer)
        assert answer.outcome in (Outcome.HTTP_ERROR, Outcome.CONNECT, Outcome.TIMEOUT)
