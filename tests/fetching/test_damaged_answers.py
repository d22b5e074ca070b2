"""Answers that break the rules of HTTP, odd ones and ones damaged at random: each is an outcome, none an error."""

import random
from datetime import UTC, datetime
from ipaddress import IPv4Network

import httpx
import pytest

from service.fetching.download import Download, FeedRequest, download
from service.fetching.guard import guarded_transport
from service.fetching.outcomes import Outcome
from tests.feed_server import FeedServer

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FEED = b"<rss version='2.0'><channel><title>t</title></channel></rss>"
CHUNKED = b"Transfer-Encoding: chunked"


def raw(status: bytes, *headers: bytes, body: bytes = FEED) -> bytes:
    return b"".join(line + b"\r\n" for line in (b"HTTP/1.1 " + status, *headers, b"")) + body


ODD = {
    "no status line": (FEED, Outcome.HTTP_ERROR),
    "nothing": (b"", Outcome.CONNECT),
    "another protocol": (b"ICY 200 OK\r\n\r\n" + FEED, Outcome.HTTP_ERROR),
    "status without words": (raw(b"200"), Outcome.OK),
    "status of four digits": (raw(b"1000 X"), Outcome.HTTP_ERROR),
    "status zero": (raw(b"000 X"), Outcome.HTTP_ERROR),
    "status beyond": (raw(b"999 X"), Outcome.HTTP_ERROR),
    "hints before": (raw(b"103 Early Hints", body=b"") + raw(b"200 OK"), Outcome.OK),
    "nothing but hints": (raw(b"100 Continue", body=b"") * 2_000, Outcome.CONNECT),
    "another protocol to switch to": (raw(b"101 X", b"Upgrade: websocket", b"Connection: upgrade"), Outcome.HTTP_ERROR),
    "part of it": (raw(b"206 X", b"Content-Range: bytes 0-9/100"), Outcome.HTTP_ERROR),
    "choices": (raw(b"300 X", b"Location: /ok"), Outcome.HTTP_ERROR),
    "use a proxy": (raw(b"305 X", b"Location: http://10.0.0.1/"), Outcome.HTTP_ERROR),
    "a proxy's password": (raw(b"407 X", b"Proxy-Authenticate: Basic"), Outcome.HTTP_ERROR),
    "two lengths": (raw(b"200 OK", b"Content-Length: 5", b"Content-Length: 60"), Outcome.HTTP_ERROR),
    "a length below zero": (raw(b"200 OK", b"Content-Length: -5"), Outcome.HTTP_ERROR),
    "length and chunks": (raw(b"200 OK", b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"), Outcome.HTTP_ERROR),
    "a chunk below zero": (raw(b"200 OK", CHUNKED, body=b"-5\r\nhello\r\n"), Outcome.HTTP_ERROR),
    "a chunk beyond numbers": (raw(b"200 OK", CHUNKED, body=b"F" * 20 + b"\r\nhello"), Outcome.HTTP_ERROR),
    "a chunk that lies": (raw(b"200 OK", CHUNKED, body=b"3\r\nhello\r\n0\r\n\r\n"), Outcome.HTTP_ERROR),
    "trailers without end": (raw(b"200 OK", CHUNKED, body=b"0\r\n" + b"X: y\r\n" * 9_000), Outcome.HTTP_ERROR),
    "a header without a name": (raw(b"200 OK", b": c"), Outcome.HTTP_ERROR),
    "two hundred headers": (raw(b"200 OK", *[b"X-%d: y" % number for number in range(200)]), Outcome.HTTP_ERROR),
    "header bytes of no charset": (raw(b"200 OK", b"Content-Type: text/xml; charset=\xff"), Outcome.OK),
    "a redirect to a script": (raw(b"302 X", b"Location: javascript:alert(1)"), Outcome.REFUSED_ADDRESS),
    "a redirect with a tab in it": (raw(b"302 X", b"Location: ht\ttp://10.0.0.1/"), Outcome.REFUSED_ADDRESS),
    "a redirect with a name": (raw(b"302 X", b"Location: http://a:b@127.0.0.1/"), Outcome.REFUSED_ADDRESS),
    "a redirect to open brackets": (raw(b"302 X", b"Location: http://[::1"), Outcome.REDIRECTS),
    "a redirect of eight thousand letters": (raw(b"302 X", b"Location: /" + b"a" * 8_000), Outcome.REFUSED_ADDRESS),
}


async def fetch(client: httpx.AsyncClient, server: FeedServer, answer: bytes) -> Download:
    server.on("/odd", raw=answer)
    request = FeedRequest(server.url("/odd"), "Huoban/test", deadline=2.0, max_bytes=100_000)
    return await download(client, request, now=NOW)


async def test_odd_answer_has_its_outcome() -> None:
    transport = guarded_transport((IPv4Network("127.0.0.1/32"),))
    async with FeedServer() as server, httpx.AsyncClient(transport=transport) as client:
        found = {name: (await fetch(client, server, answer)).outcome for name, (answer, _) in ODD.items()}
    assert found == {name: outcome for name, (_, outcome) in ODD.items()}


async def test_no_damaged_answer_is_more_than_an_outcome() -> None:
    dice = random.Random(11)
    transport = guarded_transport((IPv4Network("127.0.0.1/32"),))
    pieces = [b"\r\n", b"\0", b" ", b":", b"\r\n\r\n", b"0", b"\xff", b"\n", b"-"]
    async with FeedServer() as server, httpx.AsyncClient(transport=transport) as client:
        for _ in range(250):
            answer = bytearray(dice.choice(list(ODD.values()))[0][:2_000])
            for _ in range(dice.randint(1, 6)):
                place = dice.randrange(len(answer) + 1)
                answer[place : place + dice.randint(0, 9)] = dice.choice(pieces)
            found = await fetch(client, server, bytes(answer))
            assert found.seconds < 2.5
            assert found.detail is None or found.detail.isprintable()
