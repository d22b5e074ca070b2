"""Text, addresses, languages and times, made fit to stand in any document we publish.

Every format and the digest pass what people and feeds wrote through ``clean``, ``web_address`` and
``language_tag``, so that all outputs hold the same text and none can be broken by it. Escaping is left
to lxml, ``json`` and Jinja. Nothing here knows what an item is.
"""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Literal
from urllib.parse import quote, urlsplit

from lxml import etree

ATOM = "http://www.w3.org/2005/Atom"
"""The Atom namespace (RFC 4287 §1.2), which RSS borrows its link relations from."""
HISTORY = "http://purl.org/syndication/history/1.0"
"""The feed history namespace (RFC 5005 §1.1)."""
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

# XML 1.0 §2.2 allows neither C0 controls nor surrogates nor U+FFFE and U+FFFF; HTML calls C1 controls an error.
_FORBIDDEN = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff"
# Embeddings, overrides and isolates: one left open turns round whatever text comes after it. Direction is ours
# to say, by ``dir``; the marks that Arabic and Hebrew typing needs (U+200E, U+200F, U+061C) stay.
_STEERING = "\u202a-\u202e\u2066-\u2069"
# Not the no-break spaces and the ideographic one, which are part of how French and Chinese are set.
_BREAKS = "\t\n\x0b\x0c\r\x85\u2028\u2029"
_ILLEGAL, _STEERS, _BLANKS = re.compile(f"[{_FORBIDDEN}]"), re.compile(f"[{_STEERING}]"), re.compile(f"[{_BREAKS} ]+")
# Most texts hold nothing that would be changed, and one look costs a third of three passes.
_UNCLEAN = re.compile(f"[{_FORBIDDEN}{_STEERING}{_BREAKS}]|  |^ | $")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ku", "nqo", "ps", "sd", "ug", "ur", "yi"})

Direction = Literal["ltr", "rtl", "auto"]


def clean(text: str) -> str:
    """The text on one line, legal in XML, JSON and HTML alike.

    Runs of blanks and line breaks become one space, forbidden characters U+FFFD, and bidirectional embeddings and
    overrides go, since they would also turn the words of others. Applying it twice changes nothing.
    """
    if _UNCLEAN.search(text) is None:
        return text
    return _BLANKS.sub(" ", _ILLEGAL.sub("\ufffd", _STEERS.sub("", text))).strip(" ")


@lru_cache(4096)  # each item's addresses stand in every format, and an outlet's in all of its items
def web_address(url: str | None) -> str | None:
    """The address in plain ASCII (RFC 3986), or None for anything that is not http or https with a host.

    A second lock behind intake's: whatever a row holds, no document of ours links to ``javascript:``.
    """
    if not url:
        return None
    ascii_url = quote(clean(url), safe="!#$%&'()*+,/:;=?@[]~")
    try:
        parts = urlsplit(ascii_url)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # brackets that hold no IPv6 address
        return None
    return ascii_url if fit else None


def language_tag(language: str | None) -> str | None:
    """The language as BCP 47 writes it, or None when it does not look like a tag."""
    tag = (language or "").strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def direction(language: str | None) -> Direction:
    """Which way text in that language runs; ``auto`` leaves an unknown one to the reader's program."""
    tag = language_tag(language)
    if tag is None:
        return "auto"
    return "rtl" if tag.split("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"


def rfc3339(moment: datetime) -> str:
    """UTC to the second, as Atom and JSON Feed want it: ``2026-11-24T05:30:00Z``."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def rfc822(moment: datetime) -> str:
    """UTC to the second with a four-digit year, as RSS wants it: ``Tue, 24 Nov 2026 05:30:00 +0000``."""
    return format_datetime(moment.astimezone(UTC))


def add(parent: etree._Element, tag: str, text: str | None = None, **attributes: str | None) -> etree._Element:
    """A new last child; an attribute that is None is left out."""
    present = {name: value for name, value in attributes.items() if value is not None}
    child = etree.SubElement(parent, tag, present)
    child.text = text
    return child


def xml_bytes(root: etree._Element) -> bytes:
    """The document with declaration, in UTF-8, indented by one space, ending in a line break."""
    etree.indent(root, " ")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8")) + b"\n"
