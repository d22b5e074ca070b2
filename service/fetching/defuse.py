"""A document made fit for the feed parser: what would stall it is taken out, what would confuse it is mended.

Measured on the parser: one megabyte of blanks before the root costs it a minute, 64 KB of dots in an author 15
seconds, and an entity that is not declared throws it into its slow and lossy mode. So everything before the
root goes (DOCTYPE and entities with it), over-long names are cut, characters that XML forbids are removed, and
broken references are mended where strict XML fails. The killable process in ``parsers`` stands behind this.
Called by ``parse``.
"""

import re
from dataclasses import dataclass
from html.entities import html5
from xml.parsers import expat

from service.fetching.outcomes import Outcome
from service.fetching.slices import cut_items

MOST_ITEMS = 2_000
"""More items than any publisher lists; the rest of such a document is not read."""
_DEEPEST = 200
_MOST_ATTRIBUTES = 500
_LONGEST_NAME = 300

_MARK = re.compile(
    r"<(?:(?P<comment>!--)|(?P<instruction>\?)|(?P<root>(?:[\w.-]+:)?(?:rss|feed|rdf|channel)(?=[\s>/]))"
    r"|(?P<other>opml|urlset|sitemapindex|svg)\b|(?P<document>!doctype\s+html|html|head|body)\b"
    r"|(?P<page>script|title|meta|div|center|p)\b|(?P<doctype>!))",
    re.IGNORECASE,
)
_SUBSET_END = re.compile(r"\]\s*>")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
# Elements that the parser searches for an e-mail address with a quadratic expression.
_NAMES = r"(?:[\w.-]+:)?(?:author|creator|managingEditor|webMaster|contributor|publisher|owner|name|email|dc_\w+)"
_LONG_NAME = re.compile(rf"(<{_NAMES}(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?)([^<>\]]{{{_LONGEST_NAME},}})", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#(?P<decimal>\d{1,9});|#[xX](?P<hex>[0-9a-fA-F]{1,8});|(?P<name>[A-Za-z]\w{0,31};))?")
_XML_NAMES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'


class Undefusable(Exception):
    """There is no feed in it, or one that must not be read."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


@dataclass(frozen=True)
class Defused:
    """A document that may be parsed, as UTF-8."""

    document: bytes
    head: str
    """What stands before the first item, for the few elements that the parser does not know."""
    damage: tuple[str, ...]
    cut_off: bool
    """It ends before its root does, so its last entry may be incomplete."""


def defuse(text: str) -> Defused:
    """The feed in a document, without what is known to stall or mislead the parser.

    Raises:
        Undefusable: it is a web page, no feed, or nested deeper than any feed.
    """
    damage = []
    start = _root(text)
    if start > 0 and not text[:start].lstrip().startswith(("<?", "<!")) and text[:start].strip():
        damage.append("text before the feed")
    text = text[start:]
    if _FORBIDDEN.search(text):
        damage.append("characters that XML forbids")
        text = _FORBIDDEN.sub("", text)
    text = _LONG_NAME.sub(lambda found: found[1] + _cut_name(found[2]), text)
    document, error = _bounded(_DECLARATION + text.encode("utf-8"), damage)
    if error is not None:
        mended = _DECLARATION + _mended(document[len(_DECLARATION) :].decode("utf-8")).encode("utf-8")
        damage.append(error)
        document, error = mended, _xml_error(mended)
    first_item = re.search(r"<(?:[\w.-]+:)?(?:item|entry)[\s>]", text)
    head = text[: min(first_item.start() if first_item else len(text), 50_000)]
    return Defused(document, head, tuple(damage), cut_off=error is not None and _ends_in_an_item(text))


def _bounded(document: bytes, damage: list[str]) -> tuple[bytes, str | None]:
    if document.count(b"<item") > MOST_ITEMS or document.count(b"<entry") > MOST_ITEMS:
        slices = cut_items(document)
        if slices is None:
            raise Undefusable(Outcome.BAD_FEED, f"more than {MOST_ITEMS} items that cannot be told apart")
        if len(slices.items) > MOST_ITEMS:
            damage.append(f"only the first {MOST_ITEMS} of {len(slices.items)} items were read")
            document = slices.first(MOST_ITEMS)
    return document, _xml_error(document)


def _ends_in_an_item(text: str) -> bool:
    return any(text.rfind(f"<{name}") > text.rfind(f"</{name}") for name in ("item", "entry"))


def _root(text: str) -> int:
    """Where the feed's own root element starts."""
    page, mark = False, _MARK.search(text)
    while mark:
        position = mark.end()
        match mark.lastgroup:
            case "root":
                return mark.start()
            case "comment":
                position = _after(text, "-->", position)
            case "instruction":
                position = _after(text, "?>", position)
            case "doctype":
                position = _after_doctype(text, position)
            case "other":
                raise Undefusable(Outcome.BAD_FEED, f"not a feed but {mark['other'].lower()}")
            case "document":  # what looks like a feed in a page's scripts is none
                raise Undefusable(Outcome.HTML, "a web page")
            case _:  # may also be a warning of the publisher's software in front of its feed
                page = True
        mark = _MARK.search(text, position)
    if page:
        raise Undefusable(Outcome.HTML, "part of a web page")
    raise Undefusable(Outcome.BAD_FEED, "no RSS, Atom, RDF or JSON feed in it")


def _after(text: str, end: str, position: int) -> int:
    found = text.find(end, position)
    return len(text) if found < 0 else found + len(end)


def _after_doctype(text: str, position: int) -> int:
    """Behind a DOCTYPE and its internal subset; entities declared there are nobody's business but a bomb's."""
    end = text.find(">", position)
    subset = text.find("[", position, end)  # no further than it matters: there may be a million of these
    if end < 0 or subset < 0:
        return len(text) if end < 0 else end + 1
    close = _SUBSET_END.search(text, subset)
    return close.end() if close else len(text)


def _cut_name(name: str) -> str:
    """Not through an entity: half a reference would break the document."""
    cut = name[:_LONGEST_NAME]
    return cut.rpartition("&")[0] if "&" in cut[-12:] else cut


def _xml_error(document: bytes) -> str | None:
    """What strict XML has against the document; None if nothing.

    Raises:
        Undefusable: for elements deeper, or with more attributes, than any feed has.
    """
    depth = 0

    def opened(_name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST or len(attributes) > _MOST_ATTRIBUTES:
            raise Undefusable(Outcome.BAD_FEED, f"an element {depth} deep with {len(attributes)} attributes")

    def closed(_name: str) -> None:
        nonlocal depth
        depth -= 1

    checker = expat.ParserCreate(namespace_separator=" ")
    checker.StartElementHandler = opened
    checker.EndElementHandler = closed
    try:
        checker.Parse(document, True)
    except expat.ExpatError as error:
        return str(error)
    return None


def _mended(text: str) -> str:
    """References that XML does not know become what HTML means by them, or the plain text that they are."""
    pieces, position = [], 0
    while position < len(text):
        start = text.find("<![CDATA[", position)
        end = text.find("]]>", start) if start >= 0 else -1
        if end < 0:
            start = end = len(text)
        pieces += [_REFERENCE.sub(_reference, text[position:start]), text[start:end]]
        position = end
    return "".join(pieces)


def _reference(found: re.Match[str]) -> str:
    if found["name"]:
        if found["name"] in _XML_NAMES:
            return found[0]
        return html5.get(found["name"]) or f"&amp;{found['name']}"
    if found["decimal"] or found["hex"]:
        number = int(found["decimal"]) if found["decimal"] else int(found["hex"], 16)
        allowed = (
            number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number < 0x110000
        )
        return found[0] if allowed else ""
    return "&amp;"
