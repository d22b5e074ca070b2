"""From the address of a page to the feeds behind it, each tried before it is offered.

A URL that is a feed answers itself. Else the page's own announcements are tried (``link rel=alternate``, WHATWG
HTML §4.6.7.1); only a page that announces nothing has the usual places looked at, one after the other, politely.
Every request goes through the guarded client and takes its host's turn. It stores nothing and chooses nothing.
Called by ``routes`` and the command line.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from lxml import etree

from service.errors import FieldError, Invalid
from service.fetching.catalogue import new_feed
from service.fetching.health import Answer
from service.fetching.normalize import clean_text
from service.fetching.options import FeedSpec, FetchOptions
from service.fetching.outcomes import ANSWERED, Outcome
from service.fetching.parsers import ParserPool
from service.fetching.run import read_feed
from service.fetching.turns import host_turn
from service.fetching.vocabulary import BadValue, check_name, check_url, feed_host, url_key
from service.runtime import Runtime

MOST_TRIED = 8
"""Announced feeds that are tried; a page that announces hundreds is no help to anybody."""
READ_OF_PAGE = 1_000_000
"""Bytes of a page that are looked at. Announcements stand in its head; a tag of megabytes costs ten times its size."""
DEADLINE = 45.0
"""Seconds after which nothing more is tried."""
USUAL_PLACES = ("/feed", "/rss", "/rss.xml", "/atom.xml", "/feed.xml", "/index.xml", "/feed.json")
_OPTIONS = FetchOptions(timeout=timedelta(seconds=15))
_FEED_TYPES = frozenset(
    f"application/{name}" for name in ("rss+xml", "atom+xml", "feed+json", "rdf+xml", "x-rss+xml", "xml")
) | {"text/xml"}
_WORTH_ASKING_ON = frozenset({Outcome.NOT_FOUND, Outcome.GONE, Outcome.HTML, Outcome.BAD_FEED, Outcome.EMPTY})
"""Ways in which a usual place is simply not there; after any other the host is left in peace."""


@dataclass(frozen=True)
class FoundFeed:
    """An address that is a feed, or that its page calls one, and what a first look at it showed."""

    url: str
    title: str
    outcome: Outcome
    items: int
    newest: datetime | None
    language: str | None
    how: str
    """``itself``, ``announced`` by the page, or found in a ``usual_place``."""
    detail: str | None = None

    @property
    def works(self) -> bool:
        """It answered as a feed."""
        return self.outcome in ANSWERED


@dataclass(frozen=True)
class Announced:
    """What a page says about one feed."""

    url: str
    title: str


async def discover(runtime: Runtime, parsers: ParserPool, url: str, *, now: datetime) -> tuple[FoundFeed, ...]:
    """The feeds behind an address, in the page's order; empty where there are none.

    Announced feeds that do not answer are among them with their outcome; a page that does not answer is the
    one result, with its outcome and ``how`` = ``itself``.

    Raises:
        Invalid: not an http or https address.
        NotNow: its host is busy.
    """
    try:
        check_url(url)
    except BadValue as error:
        raise Invalid(f"{error}.", errors=[FieldError("url", error.message, error.suggestions)]) from error
    search = _Search(runtime, parsers, now)
    answer = await search.read(url)
    if answer.outcome is not Outcome.HTML:
        return (_found(url, "", "itself", answer),)
    page = answer.download
    announced = await asyncio.to_thread(announced_feeds, page.body, page.url)
    if announced:
        return await search.try_announced(announced[:MOST_TRIED])
    return await search.try_usual_places(page.url)


async def feed_to_add(
    runtime: Runtime, parsers: ParserPool, url: str, *, now: datetime, itself: bool = False
) -> FoundFeed:
    """The one feed that an address means: itself, or the only one behind it unless ``itself`` is asked for.

    An address that does not answer stands for itself; it may be down for the moment.

    Raises:
        Invalid: it is a web page; the feeds behind it that work are the suggestions.
        NotNow: its host is busy.
    """
    found = await discover(runtime, parsers, url, now=now)
    if found and found[0].how == "itself":
        return found[0]
    working = [feed for feed in found if feed.works]
    if len(working) == 1 and not itself:
        return working[0]
    message = "this is a web page, not a feed"
    message += (
        f"; behind it are {', '.join(feed.url for feed in working)}" if working else ", and none was found behind it"
    )
    raise Invalid(f"Not added: {message}.", errors=[FieldError("url", message, tuple(feed.url for feed in working))])


def name_of(found: FoundFeed) -> str | None:
    """The feed's own title, where it can be a source's name; a publisher may write anything there."""
    try:
        return check_name(found.title)
    except BadValue:
        return None


class _Search:
    """One discovery: what it has asked already, and how long it may go on."""

    def __init__(self, runtime: Runtime, parsers: ParserPool, now: datetime) -> None:
        self._runtime = runtime
        self._parsers = parsers
        self._now = now
        self._asked_hosts: set[str] = set()
        self._ends_at = asyncio.get_running_loop().time() + DEADLINE

    @property
    def over(self) -> bool:
        return asyncio.get_running_loop().time() >= self._ends_at

    async def read(self, url: str) -> Answer:
        """Ask for one address, after the host's gap if it was asked before."""
        host = feed_host(url)
        if host in self._asked_hosts:
            await asyncio.sleep(self._runtime.settings.host_gap)
        self._asked_hosts.add(host)
        feed = new_feed(FeedSpec(id="candidate", name=host, url=url), origin="desk", now=self._now)
        async with host_turn(self._runtime, url):
            return await read_feed(self._runtime, self._parsers, feed, _OPTIONS, now=self._now)

    async def try_announced(self, announced: list[Announced]) -> tuple[FoundFeed, ...]:
        found = []
        for candidate in announced:
            if not self.over:
                answer = await self.read(candidate.url)
                found.append(_found(candidate.url, candidate.title, "announced", answer))
        return tuple(found)

    async def try_usual_places(self, page: str) -> tuple[FoundFeed, ...]:
        for place in USUAL_PLACES:
            if self.over:
                break
            url = urljoin(page, place)
            answer = await self.read(url)
            if answer.parsed is not None:
                return (_found(url, "", "usual_place", answer),)
            if answer.outcome not in _WORTH_ASKING_ON:
                break
        return ()


def _found(url: str, title: str, how: str, answer: Answer) -> FoundFeed:
    parsed = answer.parsed
    return FoundFeed(
        url=url,
        title=(parsed.title if parsed else "") or title,
        outcome=answer.outcome,
        items=len(parsed.entries) if parsed else 0,
        newest=parsed.newest if parsed else None,
        language=parsed.language if parsed else None,
        how=how,
        detail=answer.detail,
    )


def announced_feeds(page: bytes, url: str) -> list[Announced]:
    """The feeds that an HTML page announces, each address once, in its order; ``url`` is the page's own.

    Its beginning is read as a stream of tags, so that nesting costs no memory, and whatever is wrong with it ends
    the reading and no more.
    """
    links = _Links()
    target: Any = links  # lxml's protocol also allows bytes, which an HTML parser never hands over
    parser = etree.HTMLParser(target=target, no_network=True)
    try:
        parser.feed(page[:READ_OF_PAGE])
        parser.close()
    except (etree.LxmlError, ValueError):  # a page may be broken anywhere; what came before counts
        pass
    found: dict[str, Announced] = {}
    for href, title in links.feeds:
        address = _resolved(links.base, href, url)
        if address is not None:
            found.setdefault(url_key(address), Announced(address, clean_text(title, markup=False)[:200]))
    return list(found.values())


def _resolved(base: str, href: str, url: str) -> str | None:
    try:
        target = urljoin(urljoin(url, base), href.strip())
        return check_url(target.partition("#")[0])
    except ValueError:  # no address, or one that we would not take (``BadValue`` is a ValueError)
        return None


class _Links:
    """Receives a page's tags and keeps those that matter (the interface is lxml's parser target)."""

    def __init__(self) -> None:
        self.base = ""
        self.feeds: list[tuple[str, str]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """One opening tag."""
        if tag == "base" and not self.base:
            self.base = attributes.get("href", "").strip()[:2_000]
        elif tag == "link" and len(self.feeds) < 100 and _announces(attributes):
            self.feeds.append((attributes["href"], attributes.get("title", "")))

    def end(self, tag: str) -> None:
        """One closing tag; says nothing."""

    def close(self) -> None:
        """The end of the page."""


def _announces(attributes: dict[str, str]) -> bool:
    href = attributes.get("href", "").strip()
    kind = attributes.get("type", "").partition(";")[0].strip().lower()
    words = set(_words(attributes.get("rel", "")))
    if not href or not words & {"alternate", "feed"}:
        return False
    # Plain JSON beside a page is most often an API; a feed of that type says so in its address.
    as_json = kind == "application/json" and "feed" in href.lower()
    return kind in _FEED_TYPES or as_json or (words == {"feed"} and not kind)


def _words(text: str) -> Iterator[str]:
    return (word.lower() for word in text.split())
