"""Who asks, by which name and how patiently: on a real server, with raw connections."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
import structlog
import uvicorn
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st

from service.arriving import Arrivals, client_behind
from service.commands.running import bind
from service.connections import HEAD_BYTES, BoundedProtocol
from service.headers import Receive, Scope, Send
from service.web import answer_errors
from tests.conftest import settings_for

pytestmark = pytest.mark.anyio
PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


class QuickProtocol(BoundedProtocol):
    head_seconds = 0.4
    linger_seconds = 3


def an_app(**more: object) -> FastAPI:
    """Tells what it was asked, as the routes behind the layer see it."""
    settings = settings_for("sqlite+aiosqlite:///:memory:", base_url="https://daily.example.org", **more)
    app = FastAPI()
    answer_errors(app)
    app.add_middleware(Arrivals, settings=settings, silence_seconds=0.4, body_seconds=1.2)

    @app.post("/")
    @app.get("/")
    async def tell(request: Request) -> dict[str, object]:
        body = await request.body()
        bound = structlog.contextvars.get_contextvars()
        assert request.client is not None
        return {"client": request.client.host, "size": len(body), "bound": bound}

    return app


class Quick:
    """Has the answer to one path ready, and tells every other after a moment."""

    called = 0

    def at_once(self, scope: Scope) -> tuple[bytes, bytes] | None:
        if scope["path"] != "/ready":
            return None
        return b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n", b"" if scope["method"] == "HEAD" else b"ready"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.called += 1
        if scope["path"] != "/ready":
            await asyncio.sleep(0.2)
        body = scope["path"].removeprefix("/").encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def serve() -> Iterator[object]:
    """Serve an app on a free port, in a thread with a loop of its own."""
    stops = []

    def start(app: Any, **options: Any) -> int:
        listener = bind("127.0.0.1", 0)
        config = uvicorn.Config(app, log_config=None, http=QuickProtocol, proxy_headers=False, **options)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
        thread.start()
        stops.append((server, thread, listener))
        return int(listener.getsockname()[1])

    yield start
    for server, thread, listener in stops:
        server.should_exit = True
        thread.join(10)
        listener.close()


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer_to(port: int, *parts: bytes, pause: float = 0.15) -> bytes:
    """What comes back when these bytes are sent one after the other, with pauses, until the end of the connection."""
    async with raw(port) as (reader, writer), asyncio.timeout(8):

        async def send() -> None:
            with suppress(ConnectionError):  # the server may end it at any part
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(pause)

        sending = asyncio.create_task(send())
        answer = await reader.read()
        sending.cancel()
        await asyncio.wait((sending,))
        return answer


HEAD = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"


async def test_slow_or_long_head_ends_the_connection(serve: object) -> None:
    port = serve(an_app())  # type: ignore[operator]
    drip = [b"GET / HTTP/1.1\r\n", *(b"X-%d: y\r\n" % number for number in range(30))]
    assert (await answer_to(port, *drip)).startswith(b"HTTP/1.1 408 ")
    assert (await answer_to(port)).startswith(b"HTTP/1.1 408 "), "nothing sent at all"
    piece = b"X-Long: " + b"y" * 1000 + b"\r\n"
    flood = [b"GET / HTTP/1.1\r\n", *([piece * 8] * 20)]
    assert (await answer_to(port, *flood, pause=0)).startswith(b"HTTP/1.1 431 ")
    assert (await answer_to(port, b"GET / HTTP/1.1\r\n" + piece * 50 + b"\r\n")).startswith(b"HTTP/1.1 431 ")
    assert (await answer_to(port, b"GET /" + b"a" * (HEAD_BYTES + 1) + b" HTTP/1.1\r\n\r\n")).startswith(
        b"HTTP/1.1 431 "
    )
    assert (await answer_to(port, HEAD + piece * 20 + b"Content-Length: 2\r\n\r\n{}")).startswith(b"HTTP/1.1 200 ")


async def test_body_that_stops_coming_is_answered_408_and_one_that_comes_is_read(serve: object) -> None:
    port = serve(an_app())  # type: ignore[operator]
    body = HEAD + b"Content-Length: 400\r\n\r\n"
    assert (await answer_to(port, body, b"x" * 100)).startswith(b"HTTP/1.1 408 ")
    assert (await answer_to(port, body, *([b"x" * 10] * 40))).startswith(b"HTTP/1.1 408 "), "a drip that never ends"
    assert b'"size":400' in await answer_to(port, body, *([b"x" * 100] * 4))


async def test_who_still_sends_when_refused_can_read_why(serve: object) -> None:
    """Everything is sent before anything is read: a reset in between would take the answer with it."""
    port = serve(an_app())  # type: ignore[operator]

    async def refusal_of(begin: bytes, piece: bytes) -> bytes:
        async with raw(port) as (reader, writer), asyncio.timeout(8):
            writer.write(begin)
            for _ in range(30):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.06)
            return await reader.read()

    cases = (
        (HEAD + b"Content-Length: 1000\r\n\r\n", b"x", b"408"),
        (HEAD.replace(b"close", b"keep-alive") + b"Content-Length: 1000\r\n\r\n", b"x", b"408"),
        (HEAD + b"Content-Length: 9000000\r\n\r\n", b"x" * 100_000, b"413"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"493e0\r\n%b\r\n" % (b"x" * 300_000), b"413"),
        (b"GET / HTTP/1.1\r\n", b"X-Long: %b\r\n" % (b"y" * 30_000), b"431"),
        (b"\x16\x03\x01 this is no HTTP\r\n\r\n", b"nor this", b"400"),
    )
    answers = await asyncio.gather(*(refusal_of(begin, piece) for begin, piece, _ in cases))
    for answer, (_, _, status) in zip(answers, cases, strict=True):
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b"connection: close" in answer.lower()


async def test_who_never_stops_sending_is_not_heard_out_for_ever(serve: object) -> None:
    port = serve(an_app())  # type: ignore[operator]
    refused = HEAD + b"Content-Length: 100000000\r\n\r\n"  # too large
    unread = b"POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000\r\n\r\n"  # 421 before its body

    async def send(begin: bytes, piece: bytes, pause: float) -> None:
        async with raw(port) as (_, writer), asyncio.timeout(8):
            writer.write(begin)
            with suppress(ConnectionError):
                while True:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause)

    await asyncio.gather(send(refused, b"x", 0.05), send(refused, b"x" * 1_000_000, 0), send(unread, b"x", 0.05))


async def test_connection_is_used_for_several_requests(serve: object) -> None:
    port = serve(an_app())  # type: ignore[operator]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        for size in (0, 10, 100_000, 5):
            answer = await client.post("/", content=b"x" * size)
            assert answer.json()["size"] == size
            await asyncio.sleep(0.3)


async def test_what_is_ready_goes_out_without_a_task_and_keeps_every_rule_of_a_connection(serve: object) -> None:
    app = Quick()
    port = serve(app)  # type: ignore[operator]
    ask = b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await answer_to(port, ask + ask, last)
    assert (answer.count(b"HTTP/1.1 200 OK\r\n"), answer.count(b"\r\n\r\nready"), app.called) == (3, 3, 0)
    assert answer.count(b"\r\ndate: ") == 3
    assert answer.count(b"connection: close") == 1
    head = await answer_to(port, last.replace(b"GET", b"HEAD"))
    assert head.endswith(b"\r\n\r\n")
    old = await answer_to(port, b"GET /ready HTTP/1.0\r\n\r\n")
    assert b"connection: close\r\n\r\nready" in old
    assert app.called == 0


async def test_what_is_ready_waits_its_turn_behind_what_is_not(serve: object) -> None:
    app = Quick()
    port = serve(app)  # type: ignore[operator]
    ready, slow = (b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in (b"ready", b"slow"))
    last = b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await answer_to(port, slow + ready * 2_000 + slow + last, pause=2)
    bodies = [part.rpartition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert bodies == [b"slow", *[b"ready"] * 2_000, b"slow", b"ready"]


async def test_connection_that_asks_no_more_is_ended_and_one_that_asks_is_not(serve: object) -> None:
    port = serve(Quick(), timeout_keep_alive=1)  # type: ignore[operator]
    async with raw(port) as (reader, writer):
        began = asyncio.get_running_loop().time()
        for _ in range(4):
            writer.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(0.4)
        asked = asyncio.get_running_loop().time() - began
        answers = await reader.read()
        lasted = asyncio.get_running_loop().time() - began
    assert answers.count(b"HTTP/1.1 200 OK") == 4
    assert 0.3 < lasted - asked < 2


async def test_only_names_that_are_ours_are_answered(serve: object) -> None:
    port = serve(an_app(allowed_hosts=("news.example.net",)))  # type: ignore[operator]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        ours = ("daily.example.org", "DAILY.example.org:8000", "news.example.net", "127.0.0.1", "[::1]:80", "web:8000")
        for host in ours:
            assert (await client.get("/", headers={"Host": host})).status_code == 200, host
        for host in ("evil.example", "daily.example.org.evil.example", "127.0.0.1.nip.example", "[bad", "a.b:80"):
            refused = await client.get("/", headers={"Host": host})
            assert refused.status_code == 421, host
            assert refused.json()["code"] == "misdirected"


async def test_forwarded_address_and_id_are_believed_from_our_proxy_alone(serve: object) -> None:
    claims = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9", "X-Request-ID": "chosen-by-the-proxy"}
    for proxies, client_address in (((), "127.0.0.1"), ((ip_network("127.0.0.0/8"),), "203.0.113.9")):
        port = serve(an_app(trusted_proxies=proxies))  # type: ignore[operator]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            seen = await client.get("/", headers=claims)
            assert seen.json()["client"] == client_address
            request_id = seen.headers["X-Request-ID"]
            assert (request_id == "chosen-by-the-proxy") == bool(proxies)
            assert seen.json()["bound"] == {"request_id": request_id}
            assert seen.headers["Strict-Transport-Security"] == "max-age=31536000"
            unprintable = await client.get("/", headers={"X-Request-ID": "no spaces allowed"})
            assert " " not in unprintable.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([], "10.0.0.1"),
        (["203.0.113.9"], "203.0.113.9"),
        (["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        (["1.2.3.4", "203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        (["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
        (["203.0.113.9, nonsense"], "10.0.0.1"),
        (["2001:db8::5"], "2001:db8::5"),
        (["[2001:db8::5], fd00::1"], "2001:db8::5"),
        (["unknown"], "10.0.0.1"),
    ],
)
def test_client_is_the_last_address_that_is_no_proxy_of_ours(forwarded: list[str], client: str) -> None:
    assert client_behind(forwarded, "10.0.0.1", PROXIES) == client


@given(st.lists(st.text(max_size=40), max_size=4))
def test_nothing_a_client_writes_becomes_anything_but_an_address(lines: list[str]) -> None:
    found = client_behind([*lines, "203.0.113.9"], "10.0.0.1", PROXIES)
    assert found == "203.0.113.9"
    assert json.dumps(client_behind(lines, "10.0.0.1", PROXIES)).isascii()
