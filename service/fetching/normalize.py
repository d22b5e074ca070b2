"""What is the same article, and what of its text is fit to be shown: pure rules, no network, no feed parser.

Three things live here: the identity of an article (``canonical_url``, ``identity``), links and text made safe
(``clean_link``, ``clean_text``, ``clean_summary``), and the fingerprint that tells an edit from noise
(``content_hash``). Text that leaves is plain text, never markup, and must still be escaped where it is shown.
Called by ``parse``, by ``intake`` and by whatever takes an address from a person.
"""

import hashlib
import html
import re
import unicodedata
from datetime import date
from urllib.parse import quote, urljoin, urlsplit

import nh3

from service.fetching.addresses import canonical_url, is_opaque, uncounted, unwrap

__all__ = [
    "address_key",
    "canonical_url",
    "clean_link",
    "clean_summary",
    "clean_text",
    "content_hash",
    "identity",
    "is_opaque",
    "shorten",
    "uncounted",
    "unwrap",
]

TITLE_LIMIT = 500
SUMMARY_LIMIT = 2_000
_LONGEST_LINK = 2_000
_LONGEST_KEY = 2_000
_LONGEST_MARKUP = 30_000

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_IN_LINK = re.compile(
    r"[\x00-\x20\x7f-\xa0\u00ad\u034f\u061c\u115f\u1160\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    r"\ufeff\ufff9-\uffff\ud800-\udfff<>\"{}|^`\\]"
)
_LINE_ENDS = re.compile(r"[\t\n\x0b\x0c\r\x1c-\x1f\x85]")
_SILENT = {"script", "style", "template", "iframe", "object", "svg", "math", "title"}
_BLOCK_ENDS = re.compile(
    r"<br\b[^<>]*>"
    r"|</?(?:p|div|li|[uo]l|h[1-6]|tr|table|blockquote|section|article|figure|figcaption|pre|d[ltd]|hr)\b[^<>]*>",
    re.IGNORECASE,
)
_CELL_ENDS = re.compile(r"</(?:td|th|option)\b[^<>]*>", re.IGNORECASE)
# What still looks like markup after one reading was escaped twice by the publisher.
_STILL_MARKUP = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|center|div|em|font|h[1-6]|hr|i|iframe|img|li|ol|p|pre|q|s|script|small|span|strong"
    r"|style|sub|sup|table|t[drh]|u|ul|video)(?:\s[^<>]*)?/?>|&(?:#\d{2,6}|#x[0-9a-f]{2,6}|[a-z]{2,8}\d?);",
    re.IGNORECASE,
)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u202a-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e0fff]+"
)
# The same for text in ASCII, as bytes to be deleted: most text of most feeds, and ten times as fast.
_INVISIBLE_BYTES = bytes(code for code in range(128) if _INVISIBLE.match(chr(code)))
# Joiners and direction marks have their use inside Persian, Indic and emoji words, one at a time.
_JOINERS = re.compile(
    "(?:^|(?<=\\s))[\u200c-\u200f\u061c]+|[\u200c-\u200f\u061c]+(?=\\s|$)|([\u200c-\u200f\u061c])[\u200c-\u200f\u061c]+"
)
_MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILED_MARKS = re.compile(f"({_MARK}{{3}}){_MARK}+")

# What a publisher's template moves without the news having changed. Both patterns begin with a plain class of
# characters, which lets the search skip what cannot match.
_MOVING_NUMBER = re.compile(
    r"\d(?<!\d\d)(?:\d{3}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d?[-/.]\d{1,2}[-/.]\d{4}\b"
    r"|\d?[:h]\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b\.?)?"
    r"|\d*\s+(?:second|minute|hour|day|week|month|min|hr|sec)s?\s+ago\b|\d*\s*(?:秒|分钟|分鐘|小时|小時|天|日|周)前"
    r"|[\d.,]*\s*[km]?\s*(?:comments?|views?|shares?|reads?|likes?|repl(?:y|ies)|votes?|points?|reactions?|commentaires?"
    r"|comentarios?|comentários?|partages?|vues?|kommentare?)\b)",
    re.IGNORECASE,
)
_MOVING_WORDS = re.compile(
    r"\b(?:(?:an?|one)\s+\w+\s+ago|(?:il y a|hace|há|vor)\s+\w+\s+\w+"
    r"|(?:last\s+)?(?:updated|modified|published|posted)(?:\s+(?:on|at))?)\b"
    r"|(?:阅读|閱讀|浏览|瀏覽|评论|評論|点击|點擊|播放|点赞|热度)[量数數]?\s*[:：(（]?\s*[\d.,]+\s*[万萬次条]?",
    re.IGNORECASE,
)
_ASCII_HINTS = 8
_MOVING_HINTS = (
    *("ago", "il y a", "hace", "vor", "updated", "modified", "published", "posted"),
    *("há", "读", "讀", "览", "覽", "论", "論", "击", "擊", "播", "赞", "热"),
)
# Not \W: vowel signs of Indic scripts are letters to their readers, though not to Python.
_NOT_WORDS = re.compile("[\\s!-/:-@\\[-`{-~\xa1-\xbf\u2000-\u206f\u3000-\u303f\ufe10-\ufe6f\uff00-\uff0f]+")
_NOT_WORD_BYTES = bytes(code for code in range(128) if _NOT_WORDS.match(chr(code)))


def clean_link(raw: str | None, base: str) -> str | None:
    """An absolute http or https address, or None for anything that is not fit to be followed.

    Control characters are dropped before the scheme is judged, because browsers do the same (URL Standard,
    "basic URL parser"); entities are read for the same reason. User-info is refused: it makes one host look
    like another.
    """
    link = _controls_gone(raw or "").replace("\\", "/")
    while "&amp;" in link:
        link = link.replace("&amp;", "&")
    revealed = _controls_gone(html.unescape(link))
    scheme = _SCHEME.match(revealed)
    if not link or len(link) > _LONGEST_LINK or (scheme and scheme[0].lower() not in ("http:", "https:")):
        return None
    try:
        # urljoin would read "https:" and "https://" as relative to the base.
        parts = urlsplit(link if scheme else urljoin(base, link))
        fit = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return None
    found = _IN_LINK.sub(lambda wild: quote(wild[0], errors="replace"), parts.geturl())
    return found if fit and not _IN_LINK.search(parts.netloc) and len(found) <= _LONGEST_LINK else None


def _controls_gone(text: str) -> str:
    return _INVISIBLE.sub("", _LINE_ENDS.sub("", text)).strip()


def clean_text(raw: str | None, *, markup: bool = True) -> str:
    """One line of plain text out of HTML (or of text, with ``markup=False``), fit for any place that escapes it.

    No control characters, overrides of direction, invisible fillers or lone surrogates; white space folded;
    Unicode NFC. Markup that was escaped twice is read a second time, but not a third.
    """
    return " ".join(_plain(raw or "", markup).split())


def clean_summary(raw: str | None, limit: int = SUMMARY_LIMIT, *, markup: bool = True) -> str:
    """Like ``clean_text``, but a paragraph is a line, and at most ``limit`` characters are kept, cut at a word."""
    lines = (" ".join(line.split()) for line in _plain(raw or "", markup).splitlines())
    return shorten("\n".join(line for line in lines if line), limit)


def shorten(text: str, limit: int) -> str:
    """The text, or as many whole words of it as fit with an ellipsis into ``limit`` characters."""
    if len(text) <= limit:
        return text
    cut = text[: max(limit - 1, 0)]
    space = max(cut.rfind(" "), cut.rfind("\n"))
    if space > limit * 0.8 and not text[len(cut)].isspace():
        cut = cut[:space]
    return f"{cut.rstrip(' ,;:.-–—')}…" if limit > 0 else ""


def _plain(text: str, markup: bool) -> str:
    text = _visible(text[:_LONGEST_MARKUP])
    if markup and ("<" in text or "&" in text):
        text = _without_markup(text)
        if _STILL_MARKUP.search(text):
            text = _without_markup(text)
        text = _visible(text)  # again: entities may have named what was taken out before
    if not text.isascii():
        text = unicodedata.normalize("NFC", _PILED_MARKS.sub(r"\1", _JOINERS.sub(r"\1", text)))
    return text


def _visible(text: str) -> str:
    if text.isascii():
        return text.encode("ascii").translate(None, _INVISIBLE_BYTES).decode("ascii")
    return _INVISIBLE.sub("", text)


def _without_markup(text: str) -> str:
    if "<" in text:
        # Source line ends are only spaces in HTML; the ends of blocks are the lines that a reader sees.
        # The tags themselves can go: nested by the thousand they would cost the HTML parser seconds.
        text = _CELL_ENDS.sub(" ", _BLOCK_ENDS.sub("\n", " ".join(text.split())))
        text = nh3.clean(text, tags=set(), clean_content_tags=_SILENT)
    return html.unescape(text) if "&" in text else text


def content_hash(title: str, summary: str) -> str:
    """A fingerprint that changes when the news does: 64 hexadecimal digits.

    Letter case, punctuation and white space never count. In the summary, clock times, full dates, "3 hours
    ago" and counters of views or comments do not count either; every other number does, in the title all of
    them do, since a death toll is news.
    """
    summary = _MOVING_NUMBER.sub(" ", summary)
    lowered = summary.lower()
    if any(hint in lowered for hint in (_MOVING_HINTS[:_ASCII_HINTS] if summary.isascii() else _MOVING_HINTS)):
        summary = _MOVING_WORDS.sub(" ", summary)
    words = _words(title) + "\x1f" + _words(summary)
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()


def _words(text: str) -> str:
    if text.isascii():
        return text.encode("ascii").lower().translate(None, _NOT_WORD_BYTES).decode("ascii")
    return _NOT_WORDS.sub("", unicodedata.normalize("NFKC", text).casefold())


def identity(*, link: str | None, guid: str | None, title: str, day: date | None, feed_id: str) -> str:
    """The key that makes two entries one story: the canonical address, else the guid, else title and day.

    Only an address means the same everywhere; guid and title are scoped to their feed, because publishers
    number from 1 and rubrics repeat their headings. At most 2,060 characters.
    """
    if link:
        return address_key(canonical_url(link))
    if guid:
        return f"guid:{feed_id}:{_digest(guid.strip())}"
    return f"title:{feed_id}:{day.isoformat() if day else 'undated'}:{_digest(_words(title))}"


def address_key(address: str) -> str:
    """The identity of an article whose canonical address is known."""
    if len(address) > _LONGEST_KEY:
        address = f"{address[:_LONGEST_KEY]}…{_digest(address)}"
    return f"url:{address}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
