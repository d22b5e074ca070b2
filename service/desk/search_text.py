"""Text as search sees it: one pure rule for what is indexed and for what is asked, on both databases.

Case, accents, Arabic vowel signs, full-width letters and punctuation make no difference. Chinese, Japanese and
Korean stand without blanks, and neither database can cut them into words; so a run of their characters becomes
overlapping pairs (铁路网 → 铁路 路网 网), and whoever asks for two characters that stand side by side finds them.
Called by ``search_index`` when stories are stored and by ``desk.search`` when an editor asks. Knows no database.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

TERMS_MAX = 6_000
"""Terms kept of one story; ample for a title and a summary, and within what PostgreSQL can number (16,383)."""
TERM_MAX = 64
"""Characters kept of one term."""

# Runs without blanks: kana, CJK ideographs with their extensions and compatibility forms, and Hangul.
_UNSPACED = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_UNSPACED_RUN = re.compile(f"([{_UNSPACED}]+)")
# A word is letters, digits and the marks that belong to them; `\w` lacks the vowel signs of Indic scripts.
_MARKS = "\u0900-\u0dff\u0e31-\u0e4e\u0eb1-\u0ece\u0f18-\u0fc6\u102b-\u109d\u135d-\u135f\u1712-\u1734\u17b4-\u17dd"
_WORD = re.compile(f"[\\w{_MARKS}]+")
_QUOTED = re.compile('["“”„«»「」『』]')
_TATWEEL = "\u0640"  # only stretches an Arabic word
_PART_OF_LETTER = frozenset({0, 7, 8, 9})
"""Combining classes that tell letters apart: spacing and vowel signs, nukta, kana voicing, virama."""


@dataclass(frozen=True)
class Phrase:
    """Terms that must stand side by side; with ``prefix``, the last one may go on."""

    terms: tuple[str, ...]
    prefix: bool = False


def fold(text: str) -> str:
    """Text without case, accents and other marks that writers leave out, in one spelling for all its forms."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.replace(_TATWEEL, "")).casefold()
    bare = "".join(char for char in decomposed if unicodedata.combining(char) in _PART_OF_LETTER)
    return unicodedata.normalize("NFKC", bare)  # composes kana and Hangul again


def terms_of(text: str) -> list[str]:
    """The terms of a text in their order: words, and pairs of characters."""
    terms: list[str] = []
    for run, unspaced in _runs(text):
        if unspaced:
            terms += [run[start : start + 2] for start in range(len(run))]
        else:
            terms.append(run[:TERM_MAX])
    return terms


def index_text(*texts: str | None) -> str:
    """What the index keeps of a story: its terms, one blank between them."""
    terms: list[str] = []
    for text in texts:
        if text and len(terms) < TERMS_MAX:
            terms += terms_of(text)
    return " ".join(terms[:TERMS_MAX])


def parse_query(text: str) -> tuple[Phrase, ...]:
    """What an editor asks for: every phrase must be found; empty when there is nothing to look for.

    Words are beginnings (``rail`` finds *railway*), text in quotes stands as it is written, and what joins
    words (``covid-19``) keeps them side by side. There are no operators: whatever else is typed is punctuation.
    An odd quote is none.
    """
    pieces = _QUOTED.split(text)
    if len(pieces) % 2 == 0:
        pieces[-2:] = [f"{pieces[-2]} {pieces[-1]}"]
    phrases: list[Phrase] = []
    for number, piece in enumerate(pieces):
        if number % 2:
            phrases += _phrases(piece, prefix=False)
        else:
            for word in piece.split():
                phrases += _phrases(word, prefix=True)
    return tuple(dict.fromkeys(phrases))


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Words, and runs of characters that stand without blanks (True)."""
    for number, piece in enumerate(_UNSPACED_RUN.split(fold(text).replace("_", " "))):
        if number % 2:
            yield piece, True
        else:
            for word in _WORD.findall(piece):
                yield word, False


def _phrases(text: str, *, prefix: bool) -> Iterator[Phrase]:
    words: tuple[str, ...] = ()
    for run, unspaced in _runs(text):
        if not unspaced:
            words = (*words, run[:TERM_MAX])
            continue
        if words:
            yield Phrase(words)
            words = ()
        pairs = tuple(run[start : start + 2] for start in range(len(run) - 1))
        # One character alone begins a pair, or is the last of its run.
        yield Phrase(pairs) if pairs else Phrase((run,), prefix=True)
    if words:
        # The beginning of one letter would be half the dictionary.
        yield Phrase(words, prefix=prefix and 1 < len(words[-1]) < TERM_MAX)
