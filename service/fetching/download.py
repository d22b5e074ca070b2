"""Step 2 of 8: one feed URL → the bytes behind it, or the reason why there are none.

Asks conditionally, follows redirects one guarded hop at a time, reads within limits of time and size, and
never raises for anything that a network or a publisher can do: each ending is a ``Download`` with an outcome
from the closed list. ``Outcome.OK`` is provisional here: it says that there is a body to parse.

It does not look inside the body, wait between requests, retry, or touch the database. Called by
``fetching.run`` with the guarded client; next: ``fetching.parse``.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urljoin, urlsplit

import aiohttp
import httpx

from service.fetching.body import BadEncoding, Body, TooLarge
from service.fetching.guard import RefusedAddress, check_url
from service.fetching.outcomes import Outcome
from service.fetching.verdict import (
    describe,
    one_line,
    outcome_of_answer,
    outcome_of_error,
    parse_retry_after,
)

FEED_TYPES = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 20.0
"""Longest wait for the next byte; the deadline bounds the whole."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_HEADER_LENGTH = 500
_LINKS_LENGTH = 2_000
# Ours to set, on every request: framing, the connection, and what the limits and validators rely on.
_MANAGED = frozenset(
    [
        "host",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
        "content-length",
        "transfer-encoding",
        "expect",
        "accept-encoding",
        "range",
        "if-none-match",
        "if-modified-since",
    ]
)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_EXPECTED = (
    RefusedAddress,
    BadEncoding,
    TooLarge,
    httpx.HTTPError,
    aiohttp.ClientError,
    OSError,  # includes TimeoutError and TLS errors that no library has wrapped
)


@dataclass(frozen=True)
class FeedRequest:
    """What to ask for, and within which limits."""

    url: str = field(repr=False)
    user_agent: str
    etag: str | None = None
    last_modified: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """This feed's own headers, taken for secret: they go to the origin of ``url`` only."""
    accept: str = FEED_TYPES
    deadline: float = 60.0
    """Seconds for everything: name lookup, waiting for a connection, all hops, the last byte."""
    max_bytes: int = 5_000_000
    """Most bytes of the body, both as received and unpacked."""
    max_redirects: int = 5


@dataclass(frozen=True)
class Download:
    """How it ended. Header values are as the last server sent them, cut to a sane length."""

    outcome: Outcome
    url: str = field(repr=False)
    """The last URL asked, after redirects; may hold secrets in its query."""
    seconds: float
    status: int | None = None
    body: bytes = field(default=b"", repr=False)
    moved_to: str | None = field(default=None, repr=False)
    """The last URL, when a body came from it and every hop to it was permanent (301 or 308)."""
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None
    cache_control: str | None = None
    expires: str | None = None
    link: str | None = field(default=None, repr=False)
    """The Link headers (RFC 8288), joined by commas: some publishers name their WebSub hub there."""
    retry_after: float | None = None
    """Seconds to stay away, on 429 and 503, at most a day."""
    retry_after_capped: bool = False
    """The server asked for more than a day."""
    received: int = 0
    """Bytes of the body as they came over the network."""
    detail: str | None = None
    """One line for people, free of secrets."""


async def download(client: httpx.AsyncClient, request: FeedRequest, *, now: datetime) -> Download:
    """Fetch one feed; ``now`` is used only to read a Retry-After date.

    Cancelling it cancels the request. A closed client or a wrong type still raises: those are our mistakes.
    """
    attempt = _Attempt(request, now)
    unsendable = next((name for name, value in request.headers.items() if not _sendable(name, value)), None)
    if unsendable is not None:
        return attempt.end(Outcome.HTTP_ERROR, detail=f"this feed's header {unsendable!r} cannot be sent")
    try:
        async with asyncio.timeout(request.deadline):
            return await _follow(client, attempt)
    except _EXPECTED as error:
        return attempt.end(outcome_of_error(error), detail=describe(error))


class _Attempt:
    """What is known so far; ``end`` turns it into the answer, also when an exception cut it short."""

    def __init__(self, request: FeedRequest, now: datetime) -> None:
        self.request = request
        self.now = now
        self.url = _without_fragment(request.url)
        self.visited = [self.url]
        self.permanent = True
        self.trusted = True
        self.status: int | None = None
        self.answer: dict[str, str] = {}
        """The headers of the last answer, names in lower case."""
        self.received = 0
        self._started = asyncio.get_running_loop().time()

    @property
    def conditional(self) -> bool:
        """Whether validators are due: they belong to the feed's own URL, not to where it redirects."""
        return len(self.visited) == 1 and bool(self.request.etag or self.request.last_modified)

    def question(self) -> dict[str, str]:
        """The headers for the next hop, names in lower case."""
        headers = {"accept": self.request.accept, "user-agent": self.request.user_agent}
        if self.trusted:
            own = {name.lower(): value for name, value in self.request.headers.items()}
            headers |= {name: value for name, value in own.items() if name not in _MANAGED}
        headers["accept-encoding"] = "gzip"
        headers["connection"] = "close"
        if self.conditional and (etag := _validator(self.request.etag)):
            headers["if-none-match"] = etag
        if self.conditional and (moment := _validator(self.request.last_modified)):
            headers["if-modified-since"] = moment
        return headers

    def move(self, status: int, url: str) -> None:
        """Go on to ``url``; once an origin has been left, the feed's own headers stay behind for good."""
        self.permanent = self.permanent and status in _PERMANENT
        self.trusted = self.trusted and _origin(url) == _origin(self.url)
        self.url = url
        self.visited.append(url)

    def end(self, outcome: Outcome, *, body: bytes = b"", cut_off: bool = False, detail: str | None = None) -> Download:
        """The finished answer; without validators if the body is not whole, so that it is asked for again."""
        wait = parse_retry_after(self._header("retry-after"), self.now) if self.status in (429, 503) else None
        redirected = len(self.visited) > 1
        # What a redirect's target says of itself would be sent to the feed's own URL next time.
        validated = outcome in (Outcome.OK, Outcome.NOT_MODIFIED) and not cut_off and not redirected
        return Download(
            outcome=outcome,
            url=self.url,
            seconds=asyncio.get_running_loop().time() - self._started,
            status=self.status,
            body=body,
            moved_to=self.url if outcome is Outcome.OK and redirected and self.permanent else None,
            etag=_validator(self.answer.get("etag")) if validated else None,
            last_modified=_validator(self.answer.get("last-modified")) if validated else None,
            content_type=self._header("content-type"),
            cache_control=self._header("cache-control"),
            expires=self._header("expires"),
            link=self._header("link", _LINKS_LENGTH),
            retry_after=wait.seconds if wait else None,
            retry_after_capped=wait.capped if wait else False,
            received=self.received,
            detail=one_line(detail) if detail else None,
        )

    def _header(self, name: str, length: int = _HEADER_LENGTH) -> str | None:
        value = self.answer.get(name)
        return value[:length] if value else None


async def _follow(client: httpx.AsyncClient, attempt: _Attempt) -> Download:
    """Ask, and go where the answer points, until there is a final one."""
    limits = httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS, pool=None)
    while True:
        check_url(attempt.url)  # as written by the publisher, before the client tidies it up
        async with client.stream(
            "GET", attempt.url, headers=attempt.question(), timeout=limits, auth=None, follow_redirects=False
        ) as response:
            status = attempt.status = response.status_code
            attempt.answer = dict(response.headers.items())
            outcome = outcome_of_answer(status, attempt.answer, conditional=attempt.conditional)
            if outcome is Outcome.OK:
                return await _read(response, attempt)
            if outcome is Outcome.NOT_MODIFIED:
                return attempt.end(outcome)
            if outcome is Outcome.BLOCKED or status not in _REDIRECTS:
                return attempt.end(outcome, detail=f"the server answered {status}")
            target = _target(attempt.url, response.extensions.get("location", ""))
        if target is None:
            return attempt.end(Outcome.REDIRECTS, detail="a redirect without a usable target")
        if target in attempt.visited:
            return attempt.end(Outcome.REDIRECTS, detail="redirects go round in a circle")
        if len(attempt.visited) > attempt.request.max_redirects:
            return attempt.end(Outcome.REDIRECTS, detail="too many redirects")
        attempt.move(status, target)


async def _read(response: httpx.Response, attempt: _Attempt) -> Download:
    """Collect the body. A transfer that breaks off is a failure; a packed stream that stops short is not,
    since such a server would send the same again: what came through is still worth parsing."""
    body = Body(response.extensions.get("content_encoding"), attempt.request.max_bytes)
    async for chunk in response.aiter_raw():
        attempt.received += len(chunk)
        body.feed(chunk)
    unpacked = body.finish()
    detail = "the packed body stops before its end" if body.cut_off else None
    return attempt.end(Outcome.OK, body=unpacked, cut_off=body.cut_off, detail=detail)


def _target(url: str, location: str) -> str | None:
    """Where a redirect leads, without its fragment; blanks, which some servers leave in, are escaped."""
    if not location:
        return None
    try:
        return _without_fragment(urljoin(url, location.replace(" ", "%20")))
    except ValueError:
        return None  # brackets that hold no address: leads nowhere


def _without_fragment(url: str) -> str:
    return url.partition("#")[0]


def _origin(url: str) -> tuple[str, str | None, int]:
    """Scheme, host and port (RFC 6454 §4) of a URL that the guard has accepted or is about to check."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1  # the guard refuses such a port before anything is sent
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _sendable(name: str, value: str) -> bool:
    return bool(_TOKEN.fullmatch(name)) and value.isascii() and value.isprintable()


def _validator(value: str | None) -> str | None:
    """A validator as received, if it can be sent back unchanged; else none."""
    fit = value and len(value) <= _HEADER_LENGTH and value.isascii() and value.isprintable()
    return value if fit else None
