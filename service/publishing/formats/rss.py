"""Step 8 of 8: the list becomes RSS 2.0, the last thing that happens to a story.

By the RSS 2.0.11 specification and the RSS Advisory Board's profile, with Atom's links (RFC 4287), Dublin
Core and the content module. Item order is the list's own. Found by extension through ``formats``;
``publishing/caching`` keeps the bytes.
"""

from copy import deepcopy
from functools import lru_cache
from html import escape

from lxml import etree

from service.publishing.edition import PublicEdition, PublicItem, Site
from service.publishing.formats import facts, wording
from service.publishing.formats.markup import (
    ATOM,
    HISTORY,
    add,
    clean,
    language_tag,
    rfc822,
    rfc3339,
    web_address,
    xml_bytes,
)
from service.publishing.formats.pages import REMEMBERED, item_content

_DC = "http://purl.org/dc/elements/1.1/"
_CONTENT = "http://purl.org/rss/1.0/modules/content/"
_NAMESPACES = {"atom": ATOM, "content": _CONTENT, "dc": _DC, "fh": HISTORY}


def render_rss(edition: PublicEdition) -> bytes:
    """The list as an RSS document; a list without items says so in its description."""
    rss = etree.Element("rss", {"version": "2.0"}, nsmap=_NAMESPACES)
    channel = add(rss, "channel")
    about = (clean(edition.description), wording.notice(edition))
    add(channel, "title", clean(edition.title))
    add(channel, "link", edition.url("html"))
    add(channel, "description", escape(" · ".join(part for part in about if part) or clean(edition.title), quote=False))
    if language := language_tag(edition.site.language):
        add(channel, "language", language)
    add(channel, "lastBuildDate", rfc822(edition.updated_at))
    add(channel, "generator", "Huoban")
    add(channel, f"{{{ATOM}}}link", rel="self", type="application/rss+xml", href=edition.url("rss"))
    for relation, url in facts.feed_links(edition, "rss"):
        add(channel, f"{{{ATOM}}}link", rel=relation, href=url)
    if facts.is_archive(edition):
        add(channel, f"{{{HISTORY}}}archive")
    for item in edition.items:
        channel.append(deepcopy(_entry(edition.site, item)))
    return xml_bytes(rss)


@lru_cache(REMEMBERED)
def _entry(site: Site, item: PublicItem) -> etree._Element:
    entry = etree.Element("item", nsmap=_NAMESPACES)
    add(entry, "title", clean(item.headline))
    add(entry, "link", item.permalink)
    add(entry, "guid", item.uri, isPermaLink="false")
    add(entry, "pubDate", rfc822(item.published_at))
    add(entry, f"{{{ATOM}}}updated", rfc3339(item.updated_at))
    add(entry, f"{{{_DC}}}creator", clean(item.editor))
    if language := language_tag(item.language):
        add(entry, f"{{{_DC}}}language", language)
    # Readers take a description for HTML, so that plain text is escaped once for HTML and once for XML.
    add(entry, "description", escape(clean(item.blurb), quote=False))
    add(entry, f"{{{_CONTENT}}}encoded", item_content(item, site.zone))
    for scheme, term, _ in facts.item_categories(site, item):
        add(entry, "category", term, domain=scheme)
    # The element needs an address; the outlet's own is the better one, the article's is the one we always have.
    if url := web_address(item.source.url) or web_address(item.source_url):
        add(entry, "source", facts.source_name(item), url=url)
    return entry
