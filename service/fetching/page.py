"""An article's web page → what it says of itself: title, date, language, author, its own address.

Pure: bytes in, facts out, nothing fetched and nothing stored. Publishers say the same thing in several places and
are careless in all of them, so each fact has an order of trust: the article's JSON-LD (schema.org), Open Graph,
Twitter cards, ``<meta>``, and what a reader sees. A page is a stranger's text: whatever is wrong with it leaves a
fact out and raises nothing. Its body is not read; a newsroom keeps links and its own words, not copies.
Called by ``adding`` and ``watch``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from service.fetching.charset import decode
from service.fetching.dates import parse_date
from service.fetching.linked_data import find_article, first_text
from service.fetching.normalize import TITLE_LIMIT, canonical_url, clean_link, clean_summary, clean_text, shorten
from service.fetching.vocabulary import BadValue, check_language

_NAME_LIMIT = 200
_MOST_FIELDS = 400
"""Elements of one kind that are looked at; a page with more of them is no article."""
_LONGEST_BLOCK = 300_000
"""Characters of one JSON-LD block."""
_MOST_BLOCKS = 20

_META_CHARSET = re.compile(rb"""<meta\s[^>]{0,300}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_HTML_TYPES = re.compile(r"\s*(?:text/html|application/xhtml\+xml)\b", re.IGNORECASE)
_MARKUP_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|!--|\?xml)", re.IGNORECASE)
# What stands in for the article when a publisher's gatekeeper takes us for a robot, and is not its title.
_GATES = re.compile(
    r"just a moment(?:\.\.\.|…)?|attention required! \| cloudflare|access (?:to this page )?(?:has been )?denied\.?"
    r"|(?:error )?403(?: - |: | )?(?:forbidden)?|are you a (?:ro)?bot\??|robot or human\??|please wait(?:\.\.\.|…)?"
    r"|verify(?:ing)? (?:that )?you are (?:a )?human\.?|pardon our interruption(?:\.\.\.|…)?|client challenge"
    r"|security check(?:point)?|ddos-guard|captcha|安全验证|访问验证",
    re.IGNORECASE,
)
_DATE_FIELDS = (
    *("article:published_time", "og:article:published_time", "datepublished", "date.issued", "dc.date.issued"),
    *("dcterms.issued", "dcterms.created", "dc.date", "parsely-pub-date", "sailthru.date", "publishdate", "pubdate"),
    *("publish_date", "publication_date", "publish-date", "cxenseparse:recs:publishtime", "og:pubdate", "date"),
)


@dataclass(frozen=True)
class PageFacts:
    """What a page says of itself: plain text, absolute links, None for what it does not say."""

    title: str | None = None
    description: str = ""
    published_at: datetime | None = None
    date_raw: str | None = None
    date_rule: str = "missing"
    language: str | None = None
    site_name: str | None = None
    author: str | None = None
    canonical_url: str | None = None
    """The address that the page calls its own, when that is on the page's own host; else None."""


def is_web_page(body: bytes, content_type: str | None) -> bool:
    """Whether this is HTML, by its header, or by its first bytes where the header does not say."""
    if content_type and not content_type.lstrip().lower().startswith(("application/octet-stream", "text/plain")):
        return _HTML_TYPES.match(content_type) is not None
    return _MARKUP_BEGINS.match(body[:500]) is not None


def read_page(html: bytes, *, url: str, content_type: str | None, now: datetime) -> PageFacts:
    """Read a page's facts.

    Args:
        html: the document, decompressed and within the caps.
        url: where it came from, after redirects; relative links start there.
        content_type: the HTTP header, if any; only its charset is believed.
        now: the present, for dates in the future.
    """
    found = _collect(html, content_type)
    article = next((one for block in found.blocks if (one := find_article(block))), {})
    language = _language(found, article)
    moment, raw, rule = _date(found, article, language, now)
    site = _line(found.meta.get("og:site_name") or first_text(article.get("publisher")), _NAME_LIMIT)
    return PageFacts(
        title=_title(found, article, site),
        description=_description(found, article),
        published_at=moment,
        date_raw=raw,
        date_rule=rule,
        language=language,
        site_name=site,
        author=_author(found, article),
        canonical_url=_own_address(found, url),
    )


@dataclass
class _Found:
    """The parts of a page that may hold facts, as written."""

    meta: dict[str, str] = field(default_factory=dict)
    """Names in small letters → the first content that is not empty."""
    title: str = ""
    heading: str = ""
    times: list[str] = field(default_factory=list)
    canonical: str | None = None
    language: str | None = None
    blocks: list[str] = field(default_factory=list)


def _collect(html: bytes, content_type: str | None) -> _Found:
    declared = _META_CHARSET.search(html[:4096])
    if declared and "charset" not in (content_type or "").lower():
        content_type = f"text/html; charset={declared[1].decode('ascii')}"
    text = decode(html, content_type).text.replace("\0", "")
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    found = _Found()
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError):  # nothing in it that could be read as a page
        return found
    if root is None:
        return found
    found.language = root.get("lang") or root.get("xml:lang")
    readers: Mapping[str, Callable[[_Found, Any], None]] = {
        "meta": _read_meta,
        "link": _read_link,
        "title": _read_title,
        "h1": _read_heading,
        "time": _read_time,
        "script": _read_script,
    }
    for element in root.iter(*readers):
        readers[element.tag](found, element)
    return found


def _read_meta(found: _Found, element: Any) -> None:
    name = element.get("property") or element.get("name") or element.get("itemprop") or element.get("http-equiv")
    content = (element.get("content") or "").strip()
    if name and content and len(found.meta) < _MOST_FIELDS:
        found.meta.setdefault(name.strip().lower()[:60], content)


def _read_link(found: _Found, element: Any) -> None:
    if found.canonical is None and "canonical" in (element.get("rel") or "").lower().split():
        found.canonical = element.get("href")


def _read_title(found: _Found, element: Any) -> None:
    # The first one is the page's; a drawing inside it (SVG) may have titles of its own.
    found.title = found.title or _inner_text(element)


def _read_heading(found: _Found, element: Any) -> None:
    found.heading = found.heading or _inner_text(element)


def _read_time(found: _Found, element: Any) -> None:
    moment = (element.get("datetime") or "").strip()
    if moment and len(found.times) < _MOST_FIELDS:
        if element.get("pubdate") is not None or "datePublished" in (element.get("itemprop") or ""):
            found.times.insert(0, moment)
        else:
            found.times.append(moment)


def _read_script(found: _Found, element: Any) -> None:
    kind = (element.get("type") or "").partition(";")[0].strip().lower()
    block = element.text or ""
    if kind == "application/ld+json" and len(block) <= _LONGEST_BLOCK and len(found.blocks) < _MOST_BLOCKS:
        found.blocks.append(block)


def _inner_text(element: Any) -> str:
    text = ""
    for part in element.itertext():
        text += part
        if len(text) > TITLE_LIMIT * 4:
            break
    return text


def _line(raw: str | None, limit: int) -> str | None:
    return shorten(clean_text(raw), limit) or None


def _title(found: _Found, article: Mapping[str, Any], site: str | None) -> str | None:
    candidates = (
        first_text(article.get("headline")),
        found.meta.get("og:title"),
        found.meta.get("twitter:title"),
        found.meta.get("dc.title"),
        found.title,
        found.heading,
    )
    for raw in candidates:
        title = _line(raw, TITLE_LIMIT)
        if title and not _GATES.fullmatch(title):
            return _without_site(title, site)
    return None


def _without_site(title: str, site: str | None) -> str:
    """``Rail deal signed | Nairobi Paper`` without the paper's name, where the page tells that name."""
    if site and title.endswith(site):
        bare = title.removesuffix(site).rstrip()
        if bare[-1:] in ("|", "-", "–", "—", "·", ":", "»", "_"):
            return bare[:-1].rstrip() or title
    return title


def _description(found: _Found, article: Mapping[str, Any]) -> str:
    names = ("og:description", "twitter:description", "description", "dc.description")
    candidates = (first_text(article.get("description")), *(found.meta.get(name) for name in names))
    return next((text for raw in candidates if (text := clean_summary(raw))), "")


def _author(found: _Found, article: Mapping[str, Any]) -> str | None:
    names = (found.meta.get(name) for name in ("author", "article:author", "byl", "dc.creator", "parsely-author"))
    for raw in (_people(article.get("author")), *names):
        author = _line(raw, _NAME_LIMIT)
        # Many give the address of an author's profile where the name belongs.
        if author and "://" not in author and not author.startswith("@"):
            return author
    return None


def _people(value: object) -> str:
    several = value if isinstance(value, list) else [value]
    return ", ".join(name for one in several[:10] if (name := first_text(one)))


def _language(found: _Found, article: Mapping[str, Any]) -> str | None:
    candidates = (
        first_text(article.get("inLanguage")),
        found.language,
        found.meta.get("og:locale"),
        found.meta.get("content-language"),
    )
    for raw in candidates:
        try:
            return check_language((raw or "").split(",")[0].strip().replace("_", "-"))
        except BadValue:  # what a page writes of itself may be anything
            continue
    return None


def _date(
    found: _Found, article: Mapping[str, Any], language: str | None, now: datetime
) -> tuple[datetime | None, str | None, str]:
    """The first date that can be read; the raw text of the most trusted one if none can."""
    raw = tuple(dict.fromkeys(_dates(found, article)))
    for text in raw:
        moment, rule = parse_date(text, now=now, language=language)
        if moment is not None:
            return moment, text, rule
    return (None, raw[0], parse_date(raw[0], now=now, language=language)[1]) if raw else (None, None, "missing")


def _dates(found: _Found, article: Mapping[str, Any]) -> Iterator[str]:
    written = (
        first_text(article.get("datePublished")),
        first_text(article.get("dateCreated")),
        *(found.meta.get(name) for name in _DATE_FIELDS),
        *found.times[:3],
    )
    return (text for raw in written if (text := clean_text(raw)[:120]))


def _own_address(found: _Found, url: str) -> str | None:
    """The page's canonical address (RFC 6596), if it may be believed.

    Only on the page's own host: a page may not claim to be another newsroom's story. Templates that name the
    home page on every page are not believed either.
    """
    here = urlsplit(canonical_url(url))
    for raw in (found.canonical, found.meta.get("og:url")):
        link = clean_link(raw, url) if raw else None
        there = urlsplit(canonical_url(link)) if link else None
        if there and there.netloc == here.netloc and (there.path != "/" or here.path == "/"):
            return link
    return None
