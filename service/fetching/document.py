"""What a feed document says: the values that pass between reading, cleaning and storing.

``parse`` makes them (through ``jsonfeed`` for JSON), ``parsers`` carries them between processes, and
``intake`` stores them. Nothing here reads, cleans or decides, and every value can be pickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.fetching.outcomes import Outcome


@dataclass(frozen=True)
class ParseOptions:
    """What the newsroom knows about a feed better than the feed itself."""

    feed_id: str = ""
    """Scopes the identities of entries that have no usable link."""
    language: str | None = None
    """BCP 47; wins over what the document claims."""
    charset: str | None = None
    """Wins over header, declaration and detection."""
    date_zone: str | None = None
    """IANA name: the zone of dates that name none."""
    date_format: str | None = None
    """A ``strptime`` pattern that is tried before all other rules."""
    date_policy: str = "feed"
    """``first_seen`` drops the dates of a feed that cannot be trusted with them; the raw text stays."""
    link_policy: str = "direct"
    """``opaque``: every link of this feed is a wrapper that does not tell the article's address."""
    max_items: int = 200
    """Entries kept of one document, the newest first to stay."""


@dataclass(frozen=True)
class ParseJob:
    """One document and all that is needed to read it."""

    body: bytes
    url: str
    """Where it came from, after redirects: the base of relative links."""
    now: datetime
    content_type: str | None = None
    options: ParseOptions = ParseOptions()
    known: Mapping[str, datetime | None] = field(default_factory=dict)
    """The items of the last document by their hash, with their dates; those need no parsing (``unseen``)."""


@dataclass(frozen=True)
class RawEntry:
    """An entry as written, before any cleaning."""

    link: str | None
    guid: str | None
    title: str
    summary: str
    author: str | None
    language: str | None
    dates: tuple[str, ...]
    """Candidates in order of trust: published, updated, created."""
    plain: bool = False
    """Title and summary are text, not markup (JSON Feed's ``title`` and ``content_text``)."""


@dataclass(frozen=True)
class RawFeed:
    """A document as written, before any cleaning."""

    title: str
    homepage: str | None
    language: str | None
    entries: tuple[RawEntry, ...]
    ttl: str | None = None
    update_period: str | None = None
    update_frequency: str | None = None
    hub: str | None = None
    self_url: str | None = None


@dataclass(frozen=True)
class ParsedEntry:
    """An entry fit to be stored: every text plain, every link absolute http or https."""

    key: str
    """The story's identity (``normalize.identity``)."""
    link: str | None
    guid: str | None
    title: str
    summary: str
    author: str | None
    language: str | None
    published_at: datetime | None
    date_raw: str | None
    date_rule: str
    opaque: bool
    """The link is an aggregator's wrapper that does not tell the article's address."""
    content_hash: str


@dataclass(frozen=True)
class ParsedFeed:
    """A feed document with at least one entry."""

    title: str
    homepage: str | None
    language: str | None
    ttl_minutes: int | None
    update_period: int | None
    """Seconds between updates, by the syndication module (``sy:``)."""
    skip_hours: tuple[int, ...]
    """Hours of the day, UTC, in which the publisher asks not to be visited."""
    skip_days: tuple[int, ...]
    """Weekdays, Monday is 0."""
    hub: str | None
    self_url: str | None
    newest: datetime | None
    entries: tuple[ParsedEntry, ...]
    charset: str
    dates: tuple[datetime | None, ...] = ()
    """One for each item that the document lists, in its order; None where no date could be read."""
    hashes: tuple[str, ...] = ()
    """One for each item as well, or none at all where the next document must be parsed whole."""
    damaged: str | None = None
    """What was wrong with a document that gave entries all the same."""
    links_shared: bool = False
    """Several entries of this document have one address or guid, so it names none of them. Such a feed must be
    parsed whole: from a few unseen slices the sharing cannot be seen."""
    seconds: float = field(default=0.0, compare=False)
    """How long the parser's process took to read it."""


@dataclass(frozen=True)
class Unreadable:
    """A document that gave no entries, and why."""

    outcome: Outcome
    detail: str
    seconds: float = field(default=0.0, compare=False)
    """How long the parser's process took to find out."""


Parsed = ParsedFeed | Unreadable
