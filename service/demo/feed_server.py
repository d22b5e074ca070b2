"""A small HTTP/1.1 server on the loopback that plays the outlets of the demonstration.

It answers GET and HEAD for the feeds under ``/feeds/`` (with ETag, Last-Modified and 304), for an HTML page
per sample article and per outlet, and 404 for anything else, one of the listed feeds among it. As time
passes more stories appear in the feeds (``samples.fill``). It is not a server for the public: one answer per
connection, no ranges, no compression. ``huoban demo`` and the tests run it.
"""

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from html import escape
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from service.demo.samples import (
    SampleArticle,
    SampleFeed,
    changed_after,
    fill,
    sample_articles,
    sample_documents,
    sample_feeds,
)

HOST = "127.0.0.1"
HEAD_LIMIT = 16 * 1024
"""Bytes that a request line and its header fields may have in all."""
PATIENCE = 10.0

_CONTENT_TYPES: Mapping[str, str] = {
    "rss": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "rdf": "application/rdf+xml",  # the document itself says which charset
    "json": "application/feed+json",
    "xml": "text/xml",
    "html": "text/html; charset=utf-8",
}
_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class _Answer:
    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class _BadRequest(Exception):
    """What came is not an HTTP request that this server reads."""


class SampleServer:
    """The outlets, open for as long as the ``async with`` block lasts: ``server.base`` is their address."""

    def __init__(
        self,
        *,
        now: datetime,
        ticks: Callable[[], float] = time.monotonic,
        port: int = 0,
        patience: float = PATIENCE,
    ) -> None:
        """Open nothing yet.

        Args:
            now: when the demonstration begins; the dates in the feeds count back from it.
            ticks: seconds from any origin, never running backwards; what makes new stories appear.
            port: 0 for any free one.
            patience: seconds that a client may take to send its request.
        """
        self._now = now.astimezone(UTC)
        self._ticks = ticks
        self._port = port
        self._patience = patience
        self._documents = sample_documents()
        self._articles = sample_articles(self._documents)
        self._begun = 0.0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._outlets: Mapping[str, SampleFeed] = {}
        self.base = ""
        """``http://127.0.0.1:PORT``, once open."""

    async def __aenter__(self) -> Self:
        self._begun = self._ticks()
        self._server = await asyncio.start_server(self._converse, HOST, self._port, limit=HEAD_LIMIT)
        self.base = f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"
        self._outlets = {feed.homepage.removeprefix(self.base): feed for feed in sample_feeds(self.base)}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.transport.abort()  # or a client that says nothing would hold us up
            await self._server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            method = "GET"
            try:
                async with asyncio.timeout(self._patience):
                    request = _read_request(await reader.readuntil(b"\r\n\r\n"))
                method, answer = request.method, self._answer(request)
            except TimeoutError:
                answer = _text(HTTPStatus.REQUEST_TIMEOUT)
            except asyncio.LimitOverrunError:
                answer = _text(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            except _BadRequest:
                answer = _text(HTTPStatus.BAD_REQUEST)
            writer.write(self._render(answer, with_body=method != "HEAD"))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            _log.debug("sample server: the client went away: %r", error)
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, request: _Request) -> _Answer:
        if request.method not in ("GET", "HEAD"):
            refusal = _text(HTTPStatus.METHOD_NOT_ALLOWED)
            return _Answer(refusal.status, refusal.body, {**refusal.headers, "Allow": "GET, HEAD"})
        folder, _, name = request.path.strip("/").partition("/")
        if folder == "feeds" and name in self._documents:
            return self._feed(name, request.headers)
        if folder == "articles" and name in self._articles:
            return _page(_article_page(self._articles[name], self.base))
        if request.path in self._outlets:
            return _page(_outlet_page(self._outlets[request.path], self._articles))
        if request.path == "/":
            return _page(_front_page(self._outlets))
        return _text(HTTPStatus.NOT_FOUND)

    def _feed(self, name: str, headers: Mapping[str, str]) -> _Answer:
        elapsed = timedelta(seconds=self._ticks() - self._begun)
        document = self._documents[name]
        body = fill(document, base=self.base, now=self._now, elapsed=elapsed)
        modified = (self._now + changed_after(document, elapsed)).replace(microsecond=0)
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        validators = {"ETag": etag, "Last-Modified": format_datetime(modified, usegmt=True)}
        if is_unchanged(headers, etag=etag, modified=modified):
            return _Answer(HTTPStatus.NOT_MODIFIED, b"", validators)
        content_type = _CONTENT_TYPES[name.rpartition(".")[2]]
        return _Answer(HTTPStatus.OK, body, {"Content-Type": content_type, **validators})

    def _render(self, answer: _Answer, *, with_body: bool) -> bytes:
        moment = self._now + timedelta(seconds=self._ticks() - self._begun)
        fields = {"Date": format_datetime(moment, usegmt=True), "Connection": "close", **answer.headers}
        if answer.status is not HTTPStatus.NOT_MODIFIED:
            fields["Content-Length"] = str(len(answer.body))
        lines = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        head = "\r\n".join(lines).encode("ascii") + b"\r\n\r\n"
        return head + answer.body if with_body else head


def is_unchanged(headers: Mapping[str, str], *, etag: str, modified: datetime) -> bool:
    """Whether a conditional request (field names in lower case) is to be answered with 304.

    If-None-Match is compared weakly and, where present, alone decides; a date that cannot be read counts as
    no date (RFC 9110 §13.1.2, §13.1.3).
    """
    if (wanted := headers.get("if-none-match")) is not None:
        return wanted.strip() == "*" or etag in _ETAG.findall(wanted)
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
    except (ValueError, OverflowError):
        return False
    return modified <= (since if since.tzinfo else since.replace(tzinfo=UTC))


def _read_request(head: bytes) -> _Request:
    first, *rest = head.decode("latin-1").split("\r\n")
    try:
        method, target, version = first.split(" ")
        path = urlsplit(target).path or "/"
    except ValueError as error:
        raise _BadRequest from error
    if not version.startswith("HTTP/1."):
        raise _BadRequest
    pairs = (line.partition(":") for line in rest if line)
    return _Request(method, path, {name.strip().lower(): value.strip() for name, _, value in pairs})


def _text(status: HTTPStatus) -> _Answer:
    return _Answer(status, f"{status.phrase}\n".encode("ascii"), {"Content-Type": "text/plain"})


def _page(document: str) -> _Answer:
    return _Answer(HTTPStatus.OK, document.encode("utf-8"), {"Content-Type": "text/html; charset=utf-8"})


def _document(*, title: str, language: str, head: str, body: str) -> str:
    direction = "rtl" if language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}" dir="{direction}">\n<head>\n'
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n{head}</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _article_page(article: SampleArticle, base: str) -> str:
    title, text, outlet = escape(article.title), escape(article.text), escape(article.outlet)
    head = (
        f'<link rel="canonical" href="{base}/articles/{article.slug}">\n'
        f'<meta name="description" content="{text}">\n'
        f'<meta property="og:title" content="{title}">\n<meta property="og:site_name" content="{outlet}">\n'
    )
    note = '<p lang="en" dir="ltr"><small>Sample article: invented outlet. The event is public history.</small></p>'
    body = f"<article>\n<p>{outlet}</p>\n<h1>{title}</h1>\n<p>{text}</p>\n</article>\n{note}\n"
    return _document(title=article.title, language=article.language, head=head, body=body)


def _outlet_page(outlet: SampleFeed, articles: Mapping[str, SampleArticle]) -> str:
    name, feed = escape(outlet.name), escape(outlet.url)
    own = [article for article in articles.values() if article.outlet == outlet.name]
    links = "".join(f'<li><a href="/articles/{one.slug}">{escape(one.title)}</a></li>\n' for one in own)
    body = f'<h1>{name}</h1>\n<p><a href="{feed}">{feed}</a></p>\n<ul>\n{links}</ul>\n'
    kind = _CONTENT_TYPES[outlet.url.rpartition(".")[2]].partition(";")[0]
    head = f'<link rel="alternate" type="{kind}" href="{feed}" title="{name}">\n'
    return _document(title=outlet.name, language=outlet.language, head=head, body=body)


def _front_page(outlets: Mapping[str, SampleFeed]) -> str:
    links = "".join(
        f'<li><a href="{path}" lang="{outlet.language}">{escape(outlet.name)}</a></li>\n'
        for path, outlet in outlets.items()
    )
    body = f"<h1>Sample outlets</h1>\n<p>All of them are invented.</p>\n<ul>\n{links}</ul>\n"
    return _document(title="Sample outlets", language="en", head="", body=body)
