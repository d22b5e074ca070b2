"""Public documents kept as bytes, and how each is answered so that readers ask for as little as possible.

A document is rendered once per change, compressed once, and kept with its headers ready. Strong ETags, one per
encoding; Last-Modified; 304 for either (RFC 9110 §13); HEAD; ``Vary``; the same freshness rules for all. Pure but
for the shelf, which is memory: it knows no route, no database and no clock. Used by ``serving``.
"""

import gzip
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache, partial
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

import brotli

from service.headers import Headers, Kind, headers_for

FRESH = "public, max-age=60, stale-while-revalidate=60, stale-if-error=86400"
"""A list may be a minute old; while our side is down, a day."""
FROZEN = "public, max-age=300, stale-if-error=604800"
"""A closed day changes only by a chief's hand."""
MOVED = "public, max-age=86400"
"""Where a list lives does not change from one day to the next."""

SETTLES = timedelta(seconds=2)
"""Last-Modified counts whole seconds. A moment is given out and compared only once its second is over and every other
process has noticed what happened in it; else a later change within it would look like the same moment."""
SMALLEST = 400
"""Bytes; below it, compression saves nothing that a packet would notice."""
IDENTITY = "identity"
_PACKERS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        # Quality 5 packs a list of 200 items in some milliseconds; 11 takes half a second for a fifth less.
        "br": partial(brotli.compress, mode=brotli.MODE_TEXT, quality=5),
        "gzip": partial(gzip.compress, compresslevel=6, mtime=0),
    }
)
"""In the order in which we like them."""
_SAME = MappingProxyType({"x-gzip": "gzip"})
_LEAST = 0.0001
"""Below every weight that can be written."""
LARGEST_SHELF = 64 * 2**20
"""Bytes kept in one process; a year of editions in every format is about half of that."""


@dataclass(frozen=True)
class Document:
    """One rendered answer, as a route hands it over."""

    body: bytes
    media_type: str
    cache_control: str = FRESH
    kind: Kind = Kind.PUBLIC
    query: str | None = None
    """The canonical query that it answers; None when the query, whatever it is, makes no difference."""
    link: str | None = None
    """Its ``Link`` header (RFC 8288)."""


class Answer(NamedTuple):
    """What goes out over the wire; a tuple because they are compared."""

    status: int
    headers: Headers
    body: bytes
    head: bytes = b""
    """Status and headers as HTTP/1.1 writes them (RFC 9112 §2.1), without what the server adds and the line that ends
    them; empty where nobody sends it that way."""


@dataclass(frozen=True)
class Variant:
    """One encoding of a kept document, with its two answers ready."""

    etag: bytes
    whole: Answer
    unchanged: Answer
    """Its 304 (RFC 9110 §15.4.5)."""


@dataclass(frozen=True)
class Kept:
    """A document as it stands on the shelf."""

    variants: Mapping[str, Variant]
    """By content coding: ``identity`` always, ``gzip`` and ``br`` where they are shorter."""
    dated: Mapping[str, Variant]
    """The same with Last-Modified, for once the moment has settled."""
    modified: datetime
    """Since when these bytes are what we answer: the whole second in which this process first saw them."""
    any_query: bool

    @property
    def size(self) -> int:
        """Bytes of all its encodings."""
        return sum(len(variant.whole.body) for variant in self.variants.values())


def keep(document: Document, *, seen_at: datetime) -> Kept:
    """Make a document ready to be answered any number of times."""
    modified = seen_at.astimezone(UTC).replace(microsecond=0)
    tag = hashlib.sha256(document.body).hexdigest()[:32]
    variants = {IDENTITY: _variant(document, tag, document.body, ())}
    if len(document.body) >= SMALLEST:
        for coding, pack in _PACKERS.items():
            packed = pack(document.body)
            if len(packed) < len(document.body):
                encoding = ((b"content-encoding", coding.encode()),)
                variants[coding] = _variant(document, f"{tag}-{coding}", packed, encoding)
    last_modified = ((b"last-modified", format_datetime(modified, usegmt=True).encode()),)
    return Kept(
        variants=variants,
        dated={coding: _with(variant, last_modified) for coding, variant in variants.items()},
        modified=modified,
        any_query=document.query is None,
    )


def _variant(document: Document, tag: str, body: bytes, encoding: Headers) -> Variant:
    etag = f'"{tag}"'.encode()
    freshness = (
        (b"etag", etag),
        (b"cache-control", document.cache_control.encode()),
        (b"vary", b"Accept-Encoding"),
    )
    link = ((b"link", document.link.encode("ascii")),) if document.link else ()
    every = (*link, *headers_for(document.kind))
    # A cache keeps what it was told of a document beside it (RFC 9111 §3.2). What scripts of other sites may read is
    # said again, since some browsers ask the answer that they have just received.
    again = tuple(pair for pair in every if pair[0].startswith(b"access-control-"))
    text = document.media_type.startswith("text/") or document.media_type.endswith(("json", "xml"))
    content_type = f"{document.media_type}; charset=utf-8" if text else document.media_type
    content = ((b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *encoding)
    whole, unchanged = (*content, *freshness, *every), (*freshness, *again)
    return Variant(etag, _answer(HTTPStatus.OK, whole, body), _answer(HTTPStatus.NOT_MODIFIED, unchanged, b""))


def _with(variant: Variant, more: Headers) -> Variant:
    whole, unchanged = variant.whole, variant.unchanged
    return Variant(
        variant.etag,
        _answer(HTTPStatus.OK, (*whole.headers, *more), whole.body),
        _answer(HTTPStatus.NOT_MODIFIED, (*unchanged.headers, *more), unchanged.body),
    )


def _answer(status: HTTPStatus, headers: Headers, body: bytes) -> Answer:
    lines = (f"HTTP/1.1 {status} {status.phrase}".encode(), *(name + b": " + value for name, value in headers))
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise ValueError("a header holds the end of a line")
    return Answer(status.value, headers, body, b"\r\n".join((*lines, b"")))


def answer_from(kept: Kept, headers: Iterable[tuple[bytes, bytes]], *, now: datetime) -> Answer:
    """The document in the encoding that the client likes best, or 304 when it has these bytes already.

    If-None-Match decides alone when present (RFC 9110 §13.2.2). It names what the client holds, whichever encoding
    that came in: all say the same, and the 304 repeats the tag that was named, for the client to find its copy by.
    """
    encodings, wanted, since = b"", b"", b""
    for name, value in headers:
        if name == b"accept-encoding":
            encodings = encodings + b"," + value if encodings else value
        elif name == b"if-none-match":
            wanted = wanted + b"," + value if wanted else value
        elif name == b"if-modified-since":
            since = value
    settled = now - kept.modified >= SETTLES
    variants = kept.dated if settled else kept.variants
    for coding in codings_for(encodings):
        if coding in variants:  # the last of them always is
            break
    chosen = variants[coding]
    if wanted:
        held = _held(variants, chosen, wanted)
    else:
        held = chosen if since and settled and _is_after(since, kept.modified) else None
    return chosen.whole if held is None else held.unchanged


def _held(variants: Mapping[str, Variant], chosen: Variant, wanted: bytes) -> Variant | None:
    if wanted == chosen.etag:
        return chosen
    tags = {part.strip().removeprefix(b"W/") for part in wanted.split(b",")}
    if chosen.etag in tags or b"*" in tags:
        return chosen
    return next((variant for variant in variants.values() if variant.etag in tags), None)


def _is_after(since: bytes, modified: datetime) -> bool:
    try:
        moment = parsedate_to_datetime(since.decode("latin-1"))
    except ValueError:
        return False  # a date that cannot be read is ignored (RFC 9110 §13.1.3)
    return moment.tzinfo is not None and modified <= moment


@lru_cache(256)  # there are a few dozen spellings in the world, and each request brings one
def codings_for(header: bytes) -> tuple[str, ...]:
    """The codings of an Accept-Encoding that we may use, the best first (RFC 9110 §12.5.3); ours break a tie.

    ``identity`` stands last even where it is refused: a document that has no other form is sent in the one it has,
    rather than not at all (§12.4.1 leaves that to the server).
    """
    weights: dict[str, float] = {}
    for part in header.decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights[_SAME.get(name, name)] = _weight(parameters)
    others = weights.get("*", 0.0)
    # Plain bytes are fine for all who do not refuse them, but whoever names a coding likes that better.
    plain = weights.get(IDENTITY, others if "*" in weights else _LEAST)
    found = {coding: weights.get(coding, others) for coding in _PACKERS} | {IDENTITY: plain}
    liked = sorted((coding for coding in found if found[coding] > 0), key=lambda coding: -found[coding])
    return (*liked, IDENTITY) if IDENTITY not in liked else tuple(liked)


def _weight(parameters: Iterable[str]) -> float:
    """The weight that the parameters of one coding give it; none if it cannot be read (RFC 9110 §12.4.2)."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if re.fullmatch(r"\s*(0(\.[0-9]{0,3})?|1(\.0{0,3})?)", value) else 0.0
    return 1.0


Key = tuple[str, bytes]
"""Path and query string as asked for."""


class Shelf:
    """Kept documents by address, each with the version of the public state that it was rendered from."""

    def __init__(self, largest: int = LARGEST_SHELF) -> None:
        self._largest = largest
        self._size = 0
        self._kept: dict[Key, tuple[int, Kept]] = {}

    def find(self, path: str, query: bytes, version: int) -> Kept | None:
        """The document at this address if it is of this very version."""
        found = self._kept.get((path, query))
        if found is None and query:
            found = self._kept.get((path, b""))
            if found is not None and not found[1].any_query:
                return None
        return found[1] if found is not None and found[0] == version else None

    def put(self, path: str, document: Document, version: int, *, seen_at: datetime) -> Kept:
        """Keep a document. One with the bytes and headers of its predecessor keeps the moment of that one, too."""
        key = (path, (document.query or "").encode())
        kept = keep(document, seen_at=seen_at)
        if (old := self._take(key)) is not None and old.variants == kept.variants:
            kept = old
        size = kept.size
        while self._kept and self._size + size > self._largest:
            self._take(next(iter(self._kept)))  # the one that was rendered longest ago
        if size <= self._largest:
            self._kept[key] = (version, kept)
            self._size += size
        return kept

    def _take(self, key: Key) -> Kept | None:
        found = self._kept.pop(key, None)
        if found is None:
            return None
        self._size -= found[1].size
        return found[1]
