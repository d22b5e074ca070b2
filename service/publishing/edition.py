"""What a format may know: frozen values, no database, no web, no clock.

``load`` makes them out of rows; ``formats`` and ``digest`` turn them into bytes. Everything here is
already public: a draft never becomes a ``PublicItem`` outside the desk's own preview.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import urlsplit

from service.translations import SOURCE


@dataclass(frozen=True)
class Site:
    """The facts about this newsroom that stand in every document."""

    title: str
    base_url: str
    """The public address without a trailing slash."""
    zone: str
    """IANA name of the newsroom's time zone."""
    language: str = "en"
    """BCP 47 tag of the language that its editors write in."""
    hub: str | None = None
    """The WebSub hub that is told of every change."""
    interface: str = SOURCE
    """The language of ``service/translations`` that our own words are in."""

    @property
    def root(self) -> str:
        """The path that everything of ours lives under: links work under whatever host name they are read."""
        return urlsplit(self.base_url).path.rstrip("/")

    @property
    def pages(self) -> str:
        """The path that the pages in this language live under: ``/fr``; English has the plain one."""
        return f"{self.root}{prefix_of(self.interface)}"

    def page_path(self, address: str, language: str | None = None) -> str:
        """The path and query of a page, given without language; in this site's language unless told."""
        return f"{self.root}{prefix_of(language or self.interface)}{address}"

    def page_url(self, address: str, language: str | None = None) -> str:
        """The absolute address of a page, given and answered like ``page_path``."""
        return f"{self.base_url}{prefix_of(language or self.interface)}{address}"


def prefix_of(language: str) -> str:
    """What the addresses of pages in a language begin with; nothing for English."""
    return "" if language == SOURCE else f"/{language}"


@dataclass(frozen=True)
class PublicSource:
    """The outlet whose article it is."""

    name: str
    url: str | None
    """The outlet's own page, not the article."""
    language: str | None


@dataclass(frozen=True)
class PublicTag:
    """A partner and China's tier towards it on the story's date."""

    code: str
    """ISO 3166-1 alpha-2, or ``X-…`` for an organisation."""
    name: str
    flag: str
    """The emoji flag, or an empty string for an organisation."""
    region: str
    """One of the region keys of ``partnerships/places``."""
    tier: str
    label_en: str
    label_zh: str
    tier_now: str
    """The tier by the register today; the same as ``tier`` unless the relation changed since."""


@dataclass(frozen=True)
class PublicItem:
    """One published story, as it stands in a list."""

    id: str
    """The story's id."""
    uri: str
    """The tag URI that names it in every feed and never changes."""
    permalink: str
    """Our own page about it."""
    source_url: str
    """The article."""
    edition: date
    position: int
    """1 for the top of its edition."""
    headline: str
    blurb: str
    language: str | None
    source: PublicSource
    tags: tuple[PublicTag, ...]
    editor: str
    """The name of the person who published it."""
    source_published_at: datetime | None
    published_at: datetime
    updated_at: datetime
    correction: str | None
    """The note of the latest correction."""
    decision: str
    """The hash of the journal record behind it."""


@dataclass(frozen=True)
class Tombstone:
    """A withdrawn item: it was public, and says that it no longer is."""

    id: str
    uri: str
    permalink: str
    withdrawn_at: datetime
    reason: str
    edition: date | None = None
    """The day whose list it stood in."""


@dataclass(frozen=True)
class Correction:
    """A published item that was corrected after readers had been sent it."""

    item: PublicItem
    """As it stands now."""
    headline_before: str
    """As it was sent; the same as now where only the blurb or the tags were wrong."""
    notes: tuple[str, ...]
    """Why, oldest first: one note for each correction."""


@dataclass(frozen=True)
class Issue:
    """What a digest says besides the list itself."""

    number: int | None = None
    """Counted from 1; None until the edition is closed."""
    revision: int | None = None
    """1 for the first closing of the day."""
    corrected: tuple[Correction, ...] = ()
    """Items sent before that were corrected since the last digest."""
    withdrawn: tuple[Tombstone, ...] = ()
    """Items sent before that were withdrawn since the last digest."""


@dataclass(frozen=True)
class PublicEdition:
    """A day's list, or a stream of items, ready for any format."""

    site: Site
    title: str
    """For example the site's title and the day, or the stream's name."""
    description: str
    path: str
    """Where this list lives, without extension, beginning with a slash: ``/daily``, ``/editions/2026-11-24``."""
    items: tuple[PublicItem, ...]
    """In the editors' order for an edition, newest first for a stream; a format never reorders them."""
    updated_at: datetime
    """The latest public change; the edition's own day at midnight for a list that never had an item."""
    tombstones: tuple[Tombstone, ...] = ()
    day: date | None = None
    """The edition's day; None for a stream."""
    state: str = "open"
    """``open`` or ``closed`` for an edition; streams are always open."""
    closed_at: datetime | None = None
    cutoff_at: datetime | None = None
    """When this edition closes by the clock."""
    previous: date | None = None
    next: date | None = None
    links: dict[str, str] = field(default_factory=dict)
    """Further link relations of the whole list, relation → absolute URL; ``{ext}`` stands for the extension."""
    query: str = ""
    """What narrows a stream, in the one canonical spelling: ``region=africa&language=ar``."""
    page: str = ""
    """Which archive page of the stream this is: ``week=2026-W47``; part of its address, but not of its identity."""

    def url(self, extension: str) -> str:
        """The absolute address of this list in one format."""
        address = self._address(extension)
        return self.site.page_url(address) if extension == "html" else f"{self.site.base_url}{address}"

    @property
    def address(self) -> str:
        """Path and query of its page, without language."""
        return self._address("html")

    def _address(self, extension: str) -> str:
        query = "&".join(part for part in (self.query, self.page) if part)
        return f"{self.path}.{extension}{f'?{query}' if query else ''}"
