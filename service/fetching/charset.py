"""Bytes of a feed document → text, with the name of the charset that was used.

Order of trust: the newsroom's own option, a byte order mark, the HTTP header, the XML declaration, UTF-8,
detection. A name that is unknown or does not decode falls through to the next. Bytes that are valid UTF-8
beyond chance are UTF-8 whatever a header says: servers send a default charset far more often than a text
in another charset happens to be valid UTF-8. Called by ``parse``; knows nothing about feeds.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What a document means by a label, where that is more than the label says (as in the WHATWG Encoding Standard).
_MEANT = {
    "ascii": ("utf-8", "cp1252", "latin-1"),
    "iso8859-1": ("cp1252", "latin-1"),
    "cp1252": ("cp1252", "latin-1"),
    "iso8859-9": ("cp1254", "iso8859-9"),
    "iso8859-11": ("cp874", "iso8859-11"),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "big5": ("big5hkscs", "cp950"),
    "shift_jis": ("cp932", "shift_jis"),
    "euc_kr": ("cp949",),
    "utf-8-sig": ("utf-8",),
}
# Python also offers codecs that are no charsets of documents (idna, unicode_escape, utf-7, rot13 …).
_CHARSETS = re.compile(
    r"utf-(8|8-sig|16|32)(-[lb]e)?|ascii|cp(125\d|874|866|932|949|950|1361)|iso8859-\d+|koi8-[rut]|gb(2312|k|18030)"
    r"|big5(hkscs)?|hz|shift_jis(x0213|_2004)?|euc_(jp|kr)|iso2022_(jp|kr)|tis-620|mac-(cyrillic|roman)|ptcp154"
)
_DECLARATION = re.compile(rb"""\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_HEADER = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)

# How ISO 2022 and HZ say within ASCII bytes that the next ones are half letters of another charset.
_SHIFTED = re.compile(rb"\x1b[$(]|~\{")

_SAMPLE = 32_000
# What undeclared feeds turn out to be in; a closed list keeps the detector from exotic look-alikes.
_DETECTABLE = [
    *("gb18030", "big5", "big5hkscs", "shift_jis", "euc_jp", "cp949", "cp874"),
    *("cp1251", "koi8_r", "cp1256", "cp1252", "cp1254", "cp1250", "cp1253", "cp1255", "cp1257"),
]
# The byte after a high one may be the second half of a character, so a run of ASCII begins one later.
_MARKUP = re.compile(rb"<[^<>]*>|(?<![\x80-\xff])[\x00-\x7f]{40,}")


@dataclass(frozen=True)
class Decoded:
    """A document as text."""

    text: str
    charset: str
    broken: bool = False
    """Some bytes fit no candidate and became U+FFFD."""


def decode(body: bytes, content_type: str | None, charset: str | None = None) -> Decoded:
    """The document's text; never fails.

    Args:
        body: the document, already decompressed.
        content_type: the HTTP header, if there was one.
        charset: the newsroom's own setting for this feed.
    """
    for mark, name in _BOMS:
        if body.startswith(mark) and charset is None:
            return Decoded(body[len(mark) :].decode(name, "replace"), name)
    wide = _unmarked_wide(body)
    unicode = None if wide or charset else _decoded(body, "utf-8")
    if unicode is not None and (_beyond_chance(body) or (body.isascii() and not _SHIFTED.search(body))):
        return Decoded(unicode, "utf-8")
    for name in _candidates(body, content_type, charset, wide):
        text = _decoded(body, name)
        if text is not None:
            return Decoded(text.removeprefix("\ufeff"), name)
    if unicode is not None:
        return Decoded(unicode, "utf-8")
    if _mostly_unicode(body):
        return Decoded(body.decode("utf-8", "replace"), "utf-8", broken=True)
    found = _detected(body)
    if found is not None:
        text = _decoded(body, found)
        return Decoded(text if text is not None else body.decode(found, "replace"), found, broken=text is None)
    return Decoded(body.decode("cp1252", "replace"), "cp1252", broken=True)


def _candidates(body: bytes, content_type: str | None, charset: str | None, wide: str | None) -> Iterator[str]:
    header = _HEADER.search(content_type or "")
    declaration = _DECLARATION.match(body[:400])
    labels = [charset, wide, header and header[1], declaration and declaration[1].decode("ascii")]
    for label in labels:
        name = _known(label) if label else None
        # A document whose declaration can be read byte by byte is not in a charset of two or four bytes.
        if name and (label in (charset, wide) or wide or not name.startswith(("utf-16", "utf-32"))):
            yield from _MEANT.get(name, (name,))


def _known(label: str) -> str | None:
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    return name if _CHARSETS.fullmatch(name) else None


def _decoded(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except UnicodeDecodeError:
        return None


def _unmarked_wide(body: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark shows in the zero bytes around the first "<" (XML 1.0, appendix F)."""
    start = body[:4]
    wide = {b"<\0\0\0": "utf-32-le", b"\0\0\0<": "utf-32-be"}.get(start)
    return wide or ({b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(start[:2]) if len(start) == 4 else None)


def _beyond_chance(body: bytes) -> bool:
    return len(body.translate(None, bytes(range(128)))) > 8


def _mostly_unicode(body: bytes) -> bool:
    """Whether it is UTF-8 with a few bytes damaged: a cut character, or one comment in another charset."""
    text = body.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    beyond = sum(1 for character in text[:200_000] if character > "\x7f") - wrong
    return beyond > wrong * 10


def _detected(body: bytes) -> str | None:
    from charset_normalizer import from_bytes  # here: most processes never meet a document that declares no charset

    # Tags and long runs of ASCII say nothing about the charset and drown what does.
    sample = _MARKUP.sub(b" ", body)
    if len(sample) > _SAMPLE:
        sample = sample[:_SAMPLE].rpartition(b" ")[0] or sample[:_SAMPLE]
    matches = from_bytes(sample, cp_isolation=_DETECTABLE)
    best = matches.best()
    if best is None:
        return None
    name = codecs.lookup(best.encoding).name
    # Western text also looks like good Central European and Baltic text, but is far more common; the
    # detector itself rejects it for text that really is Polish, Czech or Lithuanian.
    western = any("cp1252" in match.could_be_from_charset for match in matches)
    if name in ("cp1250", "cp1257") and western:
        name = "cp1252"
    return _MEANT.get(name, (name,))[0]
