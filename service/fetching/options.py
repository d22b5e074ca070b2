"""How a feed is to be fetched and read, and what a catalogue of feeds says about each: frozen values.

Pure: it knows neither the file they are written in (``feeds_file``) nor the rows they become
(``catalogue``). ``run`` reads the options of the feed that it is about to fetch.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from service.fetching.vocabulary import BadValue, check_url, feed_host

_SPANS = frozenset({"interval", "timeout", "stale_after", "host_min_gap"})


@dataclass(frozen=True)
class FetchOptions:
    """How one feed is fetched and read. These are also the values where nobody says anything."""

    interval: timedelta = timedelta(minutes=60)
    """The time between two fetches that ``pace`` starts from."""
    timeout: timedelta | None = None
    """The time that one fetch may take in all; None for the service's own deadline."""
    max_items: int = 500
    """Entries read from one document; the rest of it is left."""
    max_bytes: int = 5_000_000
    """The size that a document may have, decompressed."""
    stale_after: timedelta = timedelta(days=7)
    """How old the newest entry may be before the feed is shown as stale."""
    date_policy: str = "feed"
    """``feed`` believes the entries' dates; ``first_seen`` takes the time at which we first saw each."""
    date_zone: str | None = None
    """IANA time zone of dates that name none."""
    date_format: str | None = None
    """A ``strptime`` format for dates that no general rule reads."""
    link_policy: str = "direct"
    """``direct``: a link names its article; ``opaque``: a wrapper whose links tell nothing about it."""
    user_agent: str | None = None
    """Sent in place of the service's own."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with each request to the feed's own origin. May be secret: never logged, never exported."""
    charset: str | None = None
    """The encoding to read the document in, whatever it declares."""
    include: str | None = None
    """Only entries whose link this regular expression finds."""
    exclude: str | None = None
    """No entry whose link this regular expression finds."""
    article_hosts: tuple[str, ...] = ()
    """Hosts (and their subdomains) that articles may live on; empty for any."""
    host_min_gap: timedelta | None = None
    """The least time between two requests to this host; None for the service's own gap."""
    empty_is_suspect: int | None = None
    """After so many empty answers in a row something is wrong; None where empty is normal."""
    quirks: tuple[str, ...] = ()
    """Peculiarities for people to know, out of ``QUIRKS``."""

    def admits(self, link: str) -> bool:
        """Whether an entry with this link is wanted."""
        if self.include and not re.search(self.include, link):
            return False
        if self.exclude and re.search(self.exclude, link):
            return False
        if not self.article_hosts:
            return True
        try:
            host = feed_host(check_url(link))
        except BadValue:  # no address at all is on none of the wanted hosts
            return False
        return any(host == wanted or host.endswith("." + wanted) for wanted in self.article_hosts)

    def as_json(self) -> dict[str, Any]:
        """The form that ``Feed.options`` holds: spans in seconds, lists for tuples."""
        values = asdict(self)
        for name, value in values.items():
            if isinstance(value, timedelta):
                values[name] = value.total_seconds()
            elif isinstance(value, tuple):
                values[name] = list(value)
        return values

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of ``as_json``; what ``stored`` lacks is our default, what we do not know is left."""
        values = {option.name: stored[option.name] for option in fields(cls) if option.name in stored}
        for name, value in values.items():
            if isinstance(value, list):
                values[name] = tuple(value)
            elif name in _SPANS and value is not None:
                values[name] = timedelta(seconds=value)
        return cls(**values)


@dataclass(frozen=True)
class FeedSpec:
    """One source as the file describes it, with defaults and groups applied."""

    id: str
    name: str
    url: str
    alt_urls: tuple[str, ...] = ()
    homepage: str | None = None
    language: str | None = None
    country: str | None = None
    region: str | None = None
    kind: str | None = None
    groups: tuple[str, ...] = ()
    core: bool = False
    enabled: bool = True
    options: FetchOptions = FetchOptions()


@dataclass(frozen=True)
class Catalogue:
    """A feeds file that was accepted: ids and addresses in it are unique."""

    specs: tuple[FeedSpec, ...]
    path: Path | None = None
