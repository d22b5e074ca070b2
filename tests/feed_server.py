"""A feed server on loopback that does exactly what a test tells it to, byte by byte.

    async with FeedServer() as server:
        server.on("/a.xml", body=FEED, etag='"1"')                      # answers 304 to If-None-Match: "1"
        server.on("/b.xml", Answer(status=503), Answer(body=FEED))      # one after the other, the last stays
        server.on("/c.xml", lambda request: Answer(body=request.path.encode()))
        ... server.url("/a.xml") ... server.count("/a.xml") ... server.requests[0].headers["user-agent"]

It writes its answers itself, without an HTTP library, so that it can break every rule: wrong lengths,
half-sent bodies, headers without end. It keeps every request with its time, and the most that were in
progress at once per host. Any address of 127.0.0.0/8 can be a host of its own (all on one port). Used by
tests, benchmarks and ``serve_captures``; standard library only.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import responses
from types import TracebackType
from typing import Any, Literal, Self

_MAX_HEAD = 65_536


@dataclass(frozen=True)
class Answer:
    """One answer. The defaults are an honest one; each field after ``headers`` bends something."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    """Sent, and compared with If-None-Match: equal gives 304 (only when ``status`` is 200)."""
    last_modified: str | None = None
    """Sent, and compared with If-Modified-Since in the same way, letter by letter."""
    delay: float = 0.0
    """Seconds before the first byte."""
    drip: int = 0
    """Send the body in pieces of so many bytes, ``pause`` seconds apart."""
    pause: float = 0.01
    cut_after: int | None = None
    """Hang up after so many bytes of the body."""
    length: int | Literal["true", "none", "chunked"] = "true"
    """Content-Length: the true one, a false one, none (the end is the hang-up), or chunked transfer."""
    endless: bytes = b""
    """Sent again and again after the body until the client goes away; needs ``length="none"``."""
    raw: bytes | None = None
    """The whole answer verbatim, then hang up. Only ``delay``, ``drip`` and ``endless`` count beside it."""


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    target: str
    """Path and query as sent."""
    host: str
    """The loopback address that the client dialled."""
    headers: Mapping[str, str]
    """Names in lower case; of repeated ones the last."""
    body: bytes
    at: float
    """Seconds on the event loop's clock."""
    connection: int
    """Number of the connection, from 1."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


Handler = Callable[[Request], Answer | Awaitable[Answer]]


class FeedServer:
    """The server; use it as an async context manager, on the event loop of the test.

    Args:
        hosts: loopback addresses to listen on, all on the same port.
        every_loopback: listen for any address of 127.0.0.0/8 instead; callers from elsewhere are hung up on.
        port: 0 lets the system choose one.
        tls: speak TLS with this context.
    """

    def __init__(
        self,
        hosts: Sequence[str] = ("127.0.0.1",),
        *,
        every_loopback: bool = False,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.requests: list[Request] = []
        self.connections = 0
        self.most_at_once: Counter[str] = Counter()
        """Per host: the most requests that were in progress at the same time."""
        # Binding every address is harmless here: ``_talk`` hangs up on whatever does not come by loopback.
        self._hosts = ("0.0.0.0",) if every_loopback else tuple(hosts)
        self._first = "127.0.0.1" if every_loopback else self._hosts[0]
        self._tls = tls
        self._routes: dict[tuple[str | None, str], list[Answer | Handler]] = {}
        self._in_progress: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for host in self._hosts:
            server = await asyncio.start_server(
                self._accept, host, self.port, ssl=self._tls, limit=_MAX_HEAD, backlog=1024
            )
            self._servers.append(server)
            self.port = self.port or server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What a test says and asks

    def url(self, path: str, host: str | None = None) -> str:
        """The address of ``path``, by default on the first host."""
        return f"{'https' if self._tls else 'http'}://{host or self._first}:{self.port}{path}"

    def on(self, path: str, *answers: Answer | Handler, host: str | None = None, **fields: Any) -> None:
        """Say what ``path`` answers, replacing what was said before.

        Several are given one after the other, and the last one from then on; a callable makes its answer from
        the request; keywords are those of one ``Answer``. With ``host`` it holds for that address only.
        """
        self._routes[host, path] = list(answers) or [Answer(**fields)]

    def requests_for(self, path: str, host: str | None = None) -> list[Request]:
        """Every request for ``path`` so far, on one host or on all."""
        return [one for one in self.requests if one.path == path and host in (None, one.host)]

    def count(self, path: str | None = None, host: str | None = None) -> int:
        """How many requests came, for a path, a host, both or in all."""
        return sum(path in (None, one.path) and host in (None, one.host) for one in self.requests)

    # How it answers

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        host = str(writer.get_extra_info("sockname")[0])
        try:
            while host.startswith("127."):
                request = await self._read(reader, host, connection)
                self.requests.append(request)
                self._in_progress[host] += 1
                self.most_at_once[host] = max(self.most_at_once[host], self._in_progress[host])
                try:
                    stay = await self._answer(request, writer)
                finally:
                    self._in_progress[host] -= 1
                if not stay:
                    return
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            return  # the client left, or sent what is no request; the test sees it on its own side
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, host: str, connection: int) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        at = asyncio.get_running_loop().time()
        return Request(method, target, host, headers, body, at, connection)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Send the answer; true if the connection may be used again."""
        answer = await self._choose(request)
        await asyncio.sleep(answer.delay)
        if answer.raw is not None:
            await _send(writer, answer.raw, answer)
            return False
        status, body = (304, b"") if _unchanged(request, answer) else (answer.status, answer.body)
        asked_to = request.headers.get("connection") == "close"
        close = asked_to or answer.length == "none" or answer.cut_after is not None
        writer.write(_head(answer, status, len(body), close=close))
        if request.method == "HEAD" or status == 304:
            await writer.drain()
            return not close
        if answer.length == "chunked":
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body += b"0\r\n\r\n"
        await _send(writer, body[: answer.cut_after], answer)
        return not close

    async def _choose(self, request: Request) -> Answer:
        script = self._routes.get((request.host, request.path)) or self._routes.get((None, request.path))
        if not script:
            return Answer(status=404)
        scripted = script.pop(0) if len(script) > 1 else script[0]
        said = scripted if isinstance(scripted, Answer) else scripted(request)
        return said if isinstance(said, Answer) else await said


async def _send(writer: asyncio.StreamWriter, data: bytes, answer: Answer) -> None:
    step = answer.drip or max(len(data), 1)
    for start in range(0, len(data), step):
        writer.write(data[start : start + step])
        await writer.drain()
        if answer.drip:
            await asyncio.sleep(answer.pause)
    while answer.endless:
        writer.write(answer.endless)
        await writer.drain()
        await asyncio.sleep(answer.pause if answer.drip else 0)


def _unchanged(request: Request, answer: Answer) -> bool:
    asked_tag = request.headers.get("if-none-match")
    asked_date = request.headers.get("if-modified-since")
    if answer.status != 200 or (asked_tag is None and asked_date is None):
        return False
    # A tag decides alone when both are sent (RFC 9110 §13.1.3).
    return asked_tag == answer.etag if asked_tag is not None else asked_date == answer.last_modified


def _head(answer: Answer, status: int, size: int, *, close: bool) -> bytes:
    headers: dict[str, str] = {}
    if isinstance(answer.length, int) or (answer.length == "true" and status not in (204, 304)):
        headers["Content-Length"] = str(size if answer.length == "true" else answer.length)
    if answer.length == "chunked" and status != 304:
        headers["Transfer-Encoding"] = "chunked"
    if answer.etag:
        headers["ETag"] = answer.etag
    if answer.last_modified:
        headers["Last-Modified"] = answer.last_modified
    if close:
        headers["Connection"] = "close"
    headers |= answer.headers
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
