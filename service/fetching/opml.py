"""OPML 2.0 in and out: a list of feeds as other readers understand it, and as they hand it to us.

Regions become folders, groups become categories, and what OPML has no word for stands in a namespace of
our own, so that our list read back is the same list. Pure: bytes and values only; an import calls
``catalogue.add_feed`` for each feed that it reads here, which refuses what cannot be a feed. Fetch options
are never written: a header may be a secret. Called by ``cli``, ``routes`` and the public pages.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

from service.errors import Invalid
from service.fetching.vocabulary import (
    KINDS,
    REGIONS,
    BadValue,
    check_country,
    check_id,
    check_language,
    check_url,
    one_of,
    slug,
)

MEDIA_TYPE = "text/x-opml; charset=utf-8"
NAMESPACE = "urn:huoban:opml:1"
MAX_BYTES = 1_000_000
MAX_DEPTH = 8
MAX_FEEDS = 2_000

_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2, Char


class ListedFeed(Protocol):
    """What is written about a feed: a row (``models.Feed``) or an ``OpmlFeed``."""

    @property
    def id(self) -> str | None: ...
    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def homepage(self) -> str | None: ...
    @property
    def language(self) -> str | None: ...
    @property
    def country(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def groups(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class OpmlFeed:
    """A feed that a list names. The address is as written there; the rest is known to be acceptable."""

    name: str
    url: str
    id: str | None = None
    homepage: str | None = None
    language: str | None = None
    country: str | None = None
    region: str | None = None
    kind: str | None = None
    groups: tuple[str, ...] = ()


def export_opml(feeds: Iterable[ListedFeed], *, title: str) -> bytes:
    """Write the feeds in the order given, those of a region in its folder, those of none after them."""
    root = etree.Element("opml", {"version": "2.0"}, nsmap={"huoban": NAMESPACE})
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = _writable(title)
    body = etree.SubElement(root, "body")
    folders: dict[str, etree._Element] = {}
    loose = []
    for feed in feeds:
        if feed.region is None:
            loose.append(feed)
            continue
        if feed.region not in folders:
            label = _writable(REGIONS.get(feed.region, feed.region))
            folders[feed.region] = etree.SubElement(body, "outline", {"text": label, "title": label})
        _write_feed(folders[feed.region], feed)
    for feed in loose:
        _write_feed(body, feed)
    etree.indent(root, " ")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8")) + b"\n"


def read_opml(data: bytes) -> tuple[OpmlFeed, ...]:
    """Read the feeds of a list, in its order, each address once.

    A homepage, language, country, region, kind or id that we could not take is left out, since lists of other
    readers hold anything; ``include`` outlines are not followed.

    Raises:
        Invalid: not OPML, with a document type or entities, or larger, deeper or longer than we read.
    """
    if len(data) > MAX_BYTES:
        raise Invalid(f"The list is larger than {MAX_BYTES:,} bytes.")
    body = _parse(data)
    feeds: dict[str, OpmlFeed] = {}
    for outline, folder in _outlines(body, 1, None):
        feed = _read_feed(outline, folder)
        if feed is not None:
            feeds.setdefault(feed.url, feed)
        if len(feeds) > MAX_FEEDS:
            raise Invalid(f"The list holds more than {MAX_FEEDS:,} feeds.")
    return tuple(feeds.values())


def _write_feed(parent: etree._Element, feed: ListedFeed) -> None:
    attributes = {
        "type": "rss",  # OPML's word for any kind of feed
        "text": feed.name,
        "title": feed.name,
        "xmlUrl": feed.url,
        "htmlUrl": feed.homepage,
        "language": feed.language,
        "category": ",".join(f"/{group}" for group in feed.groups) or None,
        f"{{{NAMESPACE}}}id": feed.id,
        f"{{{NAMESPACE}}}country": feed.country,
        f"{{{NAMESPACE}}}region": feed.region,
        f"{{{NAMESPACE}}}kind": feed.kind,
    }
    written = {name: _writable(value) for name, value in attributes.items() if value is not None}
    etree.SubElement(parent, "outline", written)


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)


def _parse(data: bytes) -> etree._Element:
    # Entities stay unresolved, so a bomb cannot go off before its document type is seen and refused.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Invalid(f"The list is not XML that can be read: {error}.") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Invalid("The list has a document type (DOCTYPE), which OPML does not need and we do not read.")
    body = root.find("body")
    if root.tag != "opml" or body is None:
        raise Invalid("The list is XML, but not OPML: it needs an opml element with a body.")
    return body


def _outlines(parent: etree._Element, depth: int, folder: str | None) -> Iterator[tuple[etree._Element, str | None]]:
    """Every outline with the text of the outline around it."""
    for outline in parent.iterchildren("outline"):
        if depth > MAX_DEPTH:
            raise Invalid(f"The list is nested more than {MAX_DEPTH} deep.")
        yield outline, folder
        yield from _outlines(outline, depth + 1, outline.get("text") or outline.get("title"))


def _read_feed(outline: etree._Element, folder: str | None) -> OpmlFeed | None:
    url = (outline.get("xmlUrl") or "").strip()
    if not url:
        return None
    own = {name: outline.get(f"{{{NAMESPACE}}}{name}") for name in ("id", "country", "region", "kind")}
    by_label = {label.lower(): region for region, label in REGIONS.items()}
    groups = [slug(part.rpartition("/")[2]) for part in (outline.get("category") or "").split(",")]
    return OpmlFeed(
        name=" ".join((outline.get("title") or outline.get("text") or url).split()),
        url=url,
        id=_accepted(check_id, own["id"]),
        homepage=_accepted(check_url, (outline.get("htmlUrl") or "").strip()),
        language=_accepted(check_language, outline.get("language")),
        country=_accepted(check_country, own["country"]),
        region=_accepted(lambda word: one_of("region", word, REGIONS), own["region"])
        or by_label.get((folder or "").strip().lower()),
        kind=_accepted(lambda word: one_of("kind", word, KINDS), own["kind"]),
        groups=tuple(group for group in groups if group),
    )


def _accepted(check: Callable[[str], str], value: str | None) -> str | None:
    try:
        return check(value) if value else None
    except BadValue:  # see ``read_opml``: foreign lists hold anything
        return None
