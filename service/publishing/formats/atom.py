"""Atom 1.0 (RFC 4287), with archive links (RFC 5005) and tombstones for what was withdrawn (RFC 6721).

The article behind an item is its ``via`` link. There is no ``source`` element: that one belongs to entries
copied out of another feed, and ours are our own, with ids of our own. Found by extension through ``formats``.
"""

from copy import deepcopy
from functools import lru_cache
from typing import Any

from lxml import etree

from service.publishing.edition import PublicEdition, PublicItem, Site, Tombstone
from service.publishing.formats import facts, wording
from service.publishing.formats.markup import (
    ATOM,
    HISTORY,
    XML_LANG,
    add,
    clean,
    language_tag,
    rfc3339,
    web_address,
    xml_bytes,
)
from service.publishing.formats.pages import REMEMBERED, item_content

_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
_NAMESPACES: Any = {None: ATOM, "at": _TOMBSTONES, "fh": HISTORY}  # Any: lxml's stubs forget the default namespace


def render_atom(edition: PublicEdition) -> bytes:
    """The list as an Atom document; a list without items says so in its subtitle."""
    feed = etree.Element(f"{{{ATOM}}}feed", nsmap=_NAMESPACES)
    about = (clean(edition.description), wording.notice(edition))
    _add(feed, "id", facts.feed_id(edition))
    _add(feed, "title", clean(edition.title))
    _add(feed, "subtitle", " · ".join(part for part in about if part))
    _add(feed, "updated", rfc3339(edition.updated_at))
    # An entry names its editor; this author stands for a feed without entries (RFC 4287 §4.1.1).
    _add(_add(feed, "author"), "name", clean(edition.site.title))
    _add(feed, "generator", "Huoban")
    _add(feed, "link", rel="self", type="application/atom+xml", href=edition.url("atom"))
    _add(feed, "link", rel="alternate", type="text/html", href=edition.url("html"))
    for relation, url in facts.feed_links(edition, "atom"):
        _add(feed, "link", rel=relation, href=url)
    if facts.is_archive(edition):
        add(feed, f"{{{HISTORY}}}archive")
    for stone in edition.tombstones:
        _add_tombstone(feed, stone)
    for item in edition.items:
        feed.append(deepcopy(_entry(edition.site, item)))
    return xml_bytes(feed)


@lru_cache(REMEMBERED)
def _entry(site: Site, item: PublicItem) -> etree._Element:
    entry = etree.Element(f"{{{ATOM}}}entry", nsmap=_NAMESPACES)
    _add(entry, "id", item.uri)
    own = [_add(entry, "title", clean(item.headline), type="text")]
    _add(entry, "updated", rfc3339(item.updated_at))
    _add(entry, "published", rfc3339(item.published_at))
    _add(_add(entry, "author"), "name", clean(item.editor) or clean(site.title))
    _add(entry, "link", rel="alternate", type="text/html", href=item.permalink)
    if via := web_address(item.source_url):
        _add(entry, "link", rel="via", type="text/html", title=facts.source_name(item), href=via)
    for scheme, term, label in facts.item_categories(site, item):
        _add(entry, "category", term=term, scheme=scheme, label=label)
    own.append(_add(entry, "summary", clean(item.blurb), type="text"))
    # The content is HTML in two languages, which it marks itself.
    _add(entry, "content", item_content(item, site.zone), type="html")
    if language := language_tag(item.language):
        for element in own:
            element.set(XML_LANG, language)
    return entry


def _add_tombstone(feed: etree._Element, stone: Tombstone) -> None:
    deleted = add(feed, f"{{{_TOMBSTONES}}}deleted-entry", ref=stone.uri, when=rfc3339(stone.withdrawn_at))
    add(deleted, f"{{{_TOMBSTONES}}}comment", clean(stone.reason))
    _add(deleted, "link", rel="alternate", type="text/html", href=stone.permalink)


def _add(parent: etree._Element, name: str, text: str | None = None, **attributes: str | None) -> etree._Element:
    return add(parent, f"{{{ATOM}}}{name}", text, **attributes)
