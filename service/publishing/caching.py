"""Public documents kept as bytes, and how each is answered so that readers ask for as little as possible.

A document is rendered once per change, compressed once, and kept with its headers ready. Strong ETags, one per
encoding; Last-Modified; 304 for either (RFC 9110 §13); HEAD; ``Vary``; the same freshness rules for all. Pure but
for the shelf, which is memory: it knows no route, no database and no clock. Used by ``serving``.
"""

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

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


@dataclass(frozen=True)
class Answer:
    """What goes out over the wire."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Variant:
    """One encoding of a kept document, with all that is known of it beforehand."""

    etag: bytes
    body: bytes
    headers: Headers
    """Without Last-Modified."""
    unchanged: Headers
    """The headers of its 304, without Last-Modified (RFC 9110 §15.4.5)."""


@dataclass(frozen=True)
class Kept:
    """A document as it stands on the shelf."""

    plain: Variant
    packed: Variant | None
    """In gzip, where that is shorter."""
    modified: datetime
    """Since when these bytes are what we answer: the whole second in which this process first saw them."""
    modified_header: tuple[bytes, bytes]
    any_query: bool


def keep(document: Document, *, seen_at: datetime) -> Kept:
    """Make a document ready to be answered any number of times."""
    modified = seen_at.astimezone(UTC).replace(microsecond=0)
    tag = hashlib.sha256(document.body).hexdigest()[:32]
    packed = gzip.compress(document.body, 6, mtime=0) if len(document.body) >= SMALLEST else document.body
    return Kept(
        plain=_variant(document, tag, document.body, ()),
        packed=_variant(document, f"{tag}-gzip", packed, ((b"content-encoding", b"gzip"),))
        if len(packed) < len(document.body)
        else None,
        modified=modified,
        modified_header=(b"last-modified", format_datetime(modified, usegmt=True).encode()),
        any_query=document.query is None,
    )


def _variant(document: Document, tag: str, body: bytes, encoding: Headers) -> Variant:
    etag = f'"{tag}"'.encode()
    shared = (
        (b"etag", etag),
        (b"cache-control", document.cache_control.encode()),
        (b"vary", b"Accept-Encoding"),
        *headers_for(document.kind),
    )
    text = document.media_type.startswith("text/") or document.media_type.endswith(("json", "xml"))
    content_type = f"{document.media_type}; charset=utf-8" if text else document.media_type
    content = ((b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *encoding)
    return Variant(etag, body, (*content, *shared), shared)


def answer_from(kept: Kept, headers: Iterable[tuple[bytes, bytes]], *, now: datetime) -> Answer:
    """The document in the encoding that the client takes, or 304 when it has these bytes already.

    If-None-Match decides alone when present (RFC 9110 §13.2.2). It names what the client holds, whichever encoding
    that came in: both say the same, and the 304 repeats the tag that was named, for the client to find its copy by.
    """
    encodings, wanted, since = b"", b"", b""
    for name, value in headers:
        if name == b"accept-encoding":
            encodings = value
        elif name == b"if-none-match":
            wanted = wanted + b"," + value if wanted else value
        elif name == b"if-modified-since":
            since = value
    chosen = kept.packed if kept.packed is not None and accepts_gzip(encodings) else kept.plain
    settled = now - kept.modified >= SETTLES
    dated = (kept.modified_header,) if settled else ()
    if wanted:
        held = _held(kept, chosen, wanted)
    else:
        held = chosen if since and settled and _is_after(since, kept.modified) else None
    if held is not None:
        return Answer(304, (*held.unchanged, *dated), b"")
    return Answer(200, (*chosen.headers, *dated), chosen.body)


def _held(kept: Kept, chosen: Variant, wanted: bytes) -> Variant | None:
    if wanted == chosen.etag:
        return chosen
    tags = {part.strip().removeprefix(b"W/") for part in wanted.split(b",")}
    if chosen.etag in tags or b"*" in tags:
        return chosen
    other = kept.plain if chosen is kept.packed else kept.packed
    return other if other is not None and other.etag in tags else None


def _is_after(since: bytes, modified: datetime) -> bool:
    try:
        moment = parsedate_to_datetime(since.decode("latin-1"))
    except ValueError:
        return False  # a date that cannot be read is ignored (RFC 9110 §13.1.3)
    return moment.tzinfo is not None and modified <= moment


def accepts_gzip(header: bytes) -> bool:
    """Whether an Accept-Encoding names gzip with a weight above zero (RFC 9110 §12.5.3)."""
    if b"gzip" not in header:
        return False
    for part in header.split(b","):
        coding, _, weight = part.partition(b";")
        if coding.strip().lower() in (b"gzip", b"x-gzip"):
            return weight.replace(b" ", b"").lower() not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False


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
        if (old := self._take(key)) is not None and (old.plain, old.packed) == (kept.plain, kept.packed):
            kept = old
        size = _size(kept)
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
        self._size -= _size(found[1])
        return found[1]


def _size(kept: Kept) -> int:
    return len(kept.plain.body) + (len(kept.packed.body) if kept.packed else 0)
