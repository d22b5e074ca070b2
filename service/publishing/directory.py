"""What tells programs where everything is: the OPML of all streams, the sitemap, robots.txt.

Pure. Used by ``page_routes``.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from lxml import etree

from service.partnerships import places
from service.partnerships.tiers import Tier
from service.publishing.edition import Site
from service.publishing.formats.markup import add, clean, rfc3339, xml_bytes
from service.publishing.streams import Stream, every_stream, peopled_regions
from service.translations import LANGUAGES, SOURCE

SITEMAP_LIMIT = 50_000
"""Addresses that one sitemap may hold (sitemaps.org)."""
_XHTML = "http://www.w3.org/1999/xhtml"
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_PAGES = ("/daily.html", "/latest.html", "/archive", "/map", "/partnerships.html", "/about", "/status")


def write_opml(site: Site) -> bytes:
    """Every stream by one dimension as OPML 2.0, for any reader program to import."""
    opml = etree.Element("opml", {"version": "2.0"})
    add(add(opml, "head"), "title", clean(f"{site.title}: all lists"))
    body = add(opml, "body")
    _outline(body, site, clean(site.title), "/daily")
    _outline(body, site, clean(f"{site.title}: latest"), "/latest")
    regions = _group(body, "Regions")
    for key in peopled_regions():
        _outline(regions, site, places.region_name(key), Stream(region=key).path)
    tiers = _group(body, "Tiers")
    for tier in Tier:
        _outline(tiers, site, tier.facts.name_en, Stream(tier=tier.value).path)
    for key in peopled_regions():
        members = [code for code, place in places.places().items() if place.region == key]
        partners = _group(body, places.region_name(key))
        for code in sorted(members, key=places.name):
            _outline(partners, site, places.name(code), Stream(country=code).path)
    return xml_bytes(opml)


def write_sitemap(site: Site, *, days: Sequence[tuple[date, int]], stories: Sequence[tuple[str, datetime]]) -> bytes:
    """The pages that a search engine may index: the fixed ones, streams, days and stories.

    Each stands once, by its English address, with the addresses of all its languages as alternates.
    """
    spaces: Any = {None: _SITEMAP, "xhtml": _XHTML}  # Any: lxml's stubs forget the default namespace
    root = etree.Element(f"{{{_SITEMAP}}}urlset", nsmap=spaces)
    found: list[tuple[str, datetime | None]] = [(page, None) for page in _PAGES]
    found += [(f"{stream.path}.html", None) for stream in every_stream()]
    found += [(f"/editions/{day}.html", None) for day, _ in days]
    found += [(f"/stories/{story_id}", moment) for story_id, moment in stories]
    for path, moment in found[:SITEMAP_LIMIT]:
        url = add(root, f"{{{_SITEMAP}}}url")
        add(url, f"{{{_SITEMAP}}}loc", site.page_url(path, SOURCE))
        if moment is not None:
            add(url, f"{{{_SITEMAP}}}lastmod", rfc3339(moment))
        for language in LANGUAGES:
            address = site.page_url(path, language)
            add(url, f"{{{_XHTML}}}link", rel="alternate", hreflang=language, href=address)
    return xml_bytes(root)


def write_robots(site: Site) -> bytes:
    """Everything public may be read; the desk and the API are no pages (RFC 9309)."""
    closed = "".join(f"Disallow: {path}\n" for path in ("/api/", "/desk", "/setup/"))
    return f"User-agent: *\n{closed}\nSitemap: {site.base_url}/sitemap.xml\n".encode()


def _group(parent: etree._Element, words: str) -> etree._Element:
    return add(parent, "outline", text=words, title=words)


def _outline(parent: etree._Element, site: Site, words: str, path: str) -> None:
    add(
        parent,
        "outline",
        type="rss",
        text=words,
        title=words,
        xmlUrl=f"{site.base_url}{path}.rss",
        htmlUrl=f"{site.base_url}{path}.html",
    )
