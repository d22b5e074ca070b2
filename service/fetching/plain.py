"""A feed as most publishers write it, read by the standard library: the feed parser's values in a tenth of its time.

It knows a closed list of elements in their usual places and gives up on anything beyond: another vocabulary, markup
inside a text, languages or bases on single elements, twice what should be there once. Then the feed parser reads the
document. So nothing is decided here that it would decide otherwise; a differential test holds that on real feeds.
Pure. Called by ``parse`` with well-formed documents that ``defuse`` has checked.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, fromstring

from service.fetching.document import RawEntry, RawFeed

_ATOM = "{http://www.w3.org/2005/atom}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_SY = "{http://purl.org/rss/1.0/modules/syndication/}"
_XML = "{http://www.w3.org/XML/1998/namespace}"

# Element, in lower case, → the field of ours that it fills; those without a field say nothing to us.
_RSS_FEED: Mapping[str, str] = MappingProxyType(
    {name: name for name in ("title", "link", "language", "ttl")}
    | {_SY + "updateperiod": "update_period", _SY + "updatefrequency": "update_frequency", _ATOM + "link": "links"}
    | dict.fromkeys(("description", "copyright", "generator", "docs", "category", "pubdate", "lastbuilddate"), "")
    | dict.fromkeys(("managingeditor", "webmaster", "cloud", "image", "skiphours", "skipdays", _DC + "rights"), "")
)
_RSS_ENTRY: Mapping[str, str] = MappingProxyType(
    {"title": "title", "link": "link", "guid": "guid", "description": "summary", _CONTENT + "encoded": "content"}
    | {"pubdate": "published", _DC + "date": "updated", "author": "authors", _DC + "creator": "authors"}
    | dict.fromkeys(("category", "comments", "enclosure", _DC + "subject"), "")
    | dict.fromkeys((_MEDIA + "thumbnail", _MEDIA + "content"), "")
    | {"{http://purl.org/rss/1.0/modules/slash/}comments": "", "{http://wellformedweb.org/commentapi/}commentrss": ""}
)
_ATOM_FEED: Mapping[str, str] = MappingProxyType(
    {_ATOM + "title": "title", _ATOM + "link": "links"}
    | {_ATOM + name: "" for name in ("updated", "subtitle", "generator", "icon", "logo", "rights", "category")}
    | {_ATOM + "id": "guid", _ATOM + "author": ""}
)
_ATOM_ENTRY: Mapping[str, str] = MappingProxyType(
    {_ATOM + name: name for name in ("title", "summary", "content", "published", "updated")}
    | {_ATOM + "id": "guid", _ATOM + "link": "links", _ATOM + "author": "authors"}
    | dict.fromkeys((_ATOM + "category", _ATOM + "rights", _MEDIA + "thumbnail", _MEDIA + "content"), "")
)
_MANY = frozenset({"", "links", "authors"})
"""Fields that may be filled by any number of elements."""
_WITH_CHILDREN = frozenset({"image", "skiphours", "skipdays", _ATOM + "author"})
_TEXT_TYPES = frozenset({"text", "html", "text/plain", "text/html"})
_PAGE_TYPES = frozenset({"html", "text/html", "xhtml", "application/xhtml+xml"})
_LINK_ATTRIBUTES = frozenset({"href", "rel", "type", "title", "hreflang", "length"})
_INHERITED = frozenset({"lang", "base", (_XML + "lang").lower(), (_XML + "base").lower()})
# The feed parser reads these as Windows-1252; and it repairs the slashes of such an address.
_CONTROLS = re.compile("[\x80-\x9f]")
_ODD_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.,-]*:///")
_REFERENCE = re.compile("&([A-Za-z0-9_]+);")

_Fields = dict[str, list[Element]]


class _NotPlain(Exception):
    """There is something that only the feed parser knows how to read."""


def read_plain(document: bytes) -> RawFeed | None:
    """What a well-formed document in UTF-8 says; None where the feed parser must read it."""
    root = fromstring(document)  # noqa: S314 - without DOCTYPE and entities, and its depth is bounded (defuse)
    name = root.tag.lower()
    try:
        if name == "rss" and len(root) == 1 and root[0].tag.lower() == "channel":
            return _read_feed(root[0], _language(root), "item", _RSS_FEED, _RSS_ENTRY)
        if name == _ATOM + "feed":
            return _read_feed(root, _language(root), _ATOM + "entry", _ATOM_FEED, _ATOM_ENTRY)
    except _NotPlain:
        pass  # handled by the answer: the caller has the other parser
    return None


def _language(root: Element) -> str | None:
    if any(name.lower() in _INHERITED and name != _XML + "lang" for name in root.attrib):
        raise _NotPlain
    return root.get(_XML + "lang", "").replace("_", "-") or None


def _read_feed(
    feed: Element, language: str | None, entry: str, of_feed: Mapping[str, str], of_entry: Mapping[str, str]
) -> RawFeed:
    if feed.attrib and entry == "item":  # a channel's attributes may stand for its elements
        raise _NotPlain
    head = _fields((child for child in feed if child.tag.lower() != entry), of_feed)
    links = list(map(_link, head.get("links", ())))
    return RawFeed(
        title=_text(head, "title"),
        homepage=_page(head, links),
        language=_text(head, "language") or None if "language" in head else language,
        entries=tuple(_read_entry(child, language, of_entry) for child in feed if child.tag.lower() == entry),
        ttl=_text(head, "ttl"),
        update_period=_text(head, "update_period"),
        update_frequency=_text(head, "update_frequency"),
        hub=next((href for rel, href in links if rel == "hub" and href), None),
        self_url=next((href for rel, href in links if rel == "self" and href), None),
    )


def _read_entry(entry: Element, language: str | None, known: Mapping[str, str]) -> RawEntry:
    if entry.attrib:
        raise _NotPlain
    fields = _fields(entry, known)
    return RawEntry(
        link=_page(fields, list(map(_link, fields.get("links", ())))),
        guid=_address(_text(fields, "guid")) or None,
        title=_text(fields, "title"),
        summary=_text(fields, "summary") or _text(fields, "content"),
        author=_author(fields.get("authors", [])),
        language=language if "title" in fields else None,
        dates=tuple(date for name in ("published", "updated") if (date := _text(fields, name))),
    )


def _fields(children: Iterable[Element], known: Mapping[str, str]) -> _Fields:
    """The children by the field that they fill.

    Raises:
        _NotPlain: one is unknown, comes twice, or has something in or on it that does not belong there.
    """
    found: _Fields = {}
    for child in children:
        name = child.tag.lower()
        field = known.get(name)
        if field is None or (field in found and field not in _MANY) or (len(child) and name not in _WITH_CHILDREN):
            raise _NotPlain
        if child.attrib and not _usual(field, child.attrib):
            raise _NotPlain
        found.setdefault(field, []).append(child)
    return found


def _usual(field: str, attributes: Mapping[str, str]) -> bool:
    if field == "":
        return _INHERITED.isdisjoint(map(str.lower, attributes))
    if field == "links":
        return _LINK_ATTRIBUTES.issuperset(attributes)
    if field == "guid":
        return {"ispermalink"}.issuperset(map(str.lower, attributes))
    kind = attributes.get("type", "").lower()
    return field in ("title", "summary", "content") and len(attributes) == 1 and kind in _TEXT_TYPES


def _text(fields: _Fields, name: str) -> str:
    return _mended((fields[name][0].text or "").strip()) if name in fields else ""


def _mended(text: str) -> str:
    """As the feed parser mends it: UTF-8 that somebody took for Latin-1 and encoded once more is read twice."""
    if text.isascii():
        return text
    if _CONTROLS.search(text):
        raise _NotPlain
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text  # it is what it seems to be


def _page(fields: _Fields, links: list[tuple[str, str]]) -> str | None:
    """Where an entry or a feed has its page: its link, else its guid unless that says that it is no address."""
    pages = [href for rel, href in links if rel == "alternate"]
    if "link" in fields:
        if pages:
            raise _NotPlain  # the later one counts
        link = _address(_text(fields, "link"))
        return _REFERENCE.sub(r"&\1", link.replace("&amp;", "&")) or None
    if pages:
        return pages[-1] or None
    [guid] = fields.get("guid", [None])
    permanent = guid is not None and all(value == "true" for value in guid.attrib.values())
    return _address(_text(fields, "guid")) or None if permanent else None


def _link(link: Element) -> tuple[str, str]:
    """Relation and target of an Atom link."""
    rel, kind = link.get("rel", "alternate").lower(), link.get("type", "text/html").lower()
    href = link.get("href")
    if href is None or (link.text or "").strip() or (rel == "alternate" and kind not in _PAGE_TYPES):
        raise _NotPlain
    return rel, _address(href)


def _address(address: str) -> str:
    if _ODD_ADDRESS.match(address):
        raise _NotPlain
    try:
        return urljoin("", address)
    except ValueError as error:
        raise _NotPlain from error


def _author(authors: list[Element]) -> str | None:
    """The first author's name. One that may hold an e-mail address is taken apart by the feed parser."""
    names = []
    for author in authors:
        if author.tag.lower() == _ATOM + "author":
            parts = [part for part in author if part.tag.lower() == _ATOM + "name"]
            if len(authors) > 1 or len(parts) != 1 or any(len(part) or part.attrib for part in author):
                raise _NotPlain
            names.append((parts[0].text or "").strip())
        else:
            names.append(_mended((author.text or "").strip()))
    if any("@" in name for name in names) or (authors and not any(names)):
        raise _NotPlain
    return next((name for name in names if name), None)
