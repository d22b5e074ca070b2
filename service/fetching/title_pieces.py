"""Whether two titles seem to report the same news, and by which pieces they can find each other. Pure.

No measure of likeness tells "exports rise" from "exports fall", or one country's deal from its neighbour's. So a
likeness of words only opens the question, and what makes two events different closes it: other numbers, other
countries, opposite directions, a denial. What is left is a hint with its reason, for a person to judge; the
answer never merges, hides or orders anything. Called by ``siblings``.

Words are folded (small letters, no accents, no plural s, no Arabic article); Chinese and Japanese, which write no
blanks, are cut into overlapping pairs of signs.
"""

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, cached_property, lru_cache

from service.fetching.title_words import (
    CHINESE_NUMBERS,
    DENIALS,
    NUMBER_WORDS,
    OPPOSITES,
    SCALES,
    STOP_SIGNS,
    STOP_WORDS,
)
from service.partnerships import places

WINDOW = timedelta(hours=72)
"""Reports further apart are taken for different news."""

_LIKENESS = 0.6
"""Twice the shared words over all words of both: what a rewritten agency title still reaches."""
_FEWEST_SHARED = 3
_LONGEST_WORDS = 4
"""Words of a title that are paired into pieces: the longest, which are mostly the rarest. Of 7,000 rewordings of
real titles that resemble each other, 99 in 100 share such a piece; more pieces cost more than they find."""
_MOST_PIECES = 6
_SHOWN = 4
_LONGEST_TITLE = 300

_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"\d+(?:\.\d+)?|[{_SIGN}]+|[^\W\d_{_SIGN}]+(?:['’][^\W\d_{_SIGN}]+)*")
_THOUSANDS = re.compile(r"(?<=\d)[,.\u00a0\u202f](?=\d{3}(?!\d))")
_AMERICA = re.compile(r"\b(?:USA?|U\.S\.(?:A\.)?)(?!\w)")  # before letters become small: "us" is a pronoun
_CHINESE_NUMBER = re.compile(f"[{CHINESE_NUMBERS}]+")
_POSSESSIVE = re.compile(r"['’](?:s)?$")
_ELISION = re.compile(r"^(?:[cdjlmnst]|qu)['’](?=.{3})")
_ARABIC_ARTICLE = re.compile(r"^(?:وال|بال|كال|فال|لل|ال)(?=.{3})")
_STOP_SIGN = re.compile(f"[{''.join(sorted(STOP_SIGNS))}]")
# "Nigerian" is not of Niger, and "Dominican" mostly of the Dominican Republic.
_OWN_NAMES_BEGIN_OTHERS = frozenset({"niger", "dominica"})
_LONGEST_NAME = 4
_CHINA = frozenset({"china", "chine", "الصين"})
_SHORT_NAMES = frozenset({"uk", "uae", "eu", "drc", "rdc", "eua", "eau"})
"""The only names under four letters that are believed: most short codes are words of some language."""


@dataclass(frozen=True)
class Reason:
    """Why two stories are shown as siblings."""

    text: str
    """A sentence for editors."""
    likeness: float
    """From ``0.6`` to 1; only to choose which few of many to keep, never to order what editors see."""


@dataclass(frozen=True)
class Title:
    """A story's title, read for comparing."""

    language: str
    """The first part of the story's language tag; empty where none is known."""
    at: datetime
    """The story's date."""
    words: dict[str, str]
    """Folded word or pair of signs → as written, in the order of the title; words that only join left out."""
    numbers: frozenset[str]
    spoken: tuple[str, ...] = field(repr=False)
    """All words in small letters without accents, those that only join included."""
    signs: str = field(repr=False)
    """The runs of Chinese or Japanese, joined."""

    @cached_property
    def pieces(self) -> tuple[int, ...]:
        """At most six signed 64-bit numbers; two titles that may be siblings mostly share one."""
        return tuple(sorted({_hash(f"{self.language}\x1f{one}\x1f{two}") for one, two in self._pairs()})[:_MOST_PIECES])

    def _pairs(self) -> Iterator[tuple[str, str]]:
        words = [word for word in self.words if not _is_signs(word)]
        longest = sorted(words, key=lambda word: (-len(word), word))[:_LONGEST_WORDS]
        yield from itertools.combinations(sorted(longest), 2)
        yield from ((one, two) for one, two in itertools.pairwise(self.words) if _is_signs(one) and one[1:] == two[:1])

    @cached_property
    def directions(self) -> frozenset[tuple[int, int]]:
        """Which of two opposite ways, 0 or 1, the title points, for each pair of ways."""
        words, signs = _directions()
        found = {words[word] for word in self.spoken if word in words}
        return frozenset(found | {way for word, way in signs.items() if word in self.signs})

    @cached_property
    def denies(self) -> bool:
        """Whether it says that something is not so."""
        denials = DENIALS.get(self.language, frozenset())
        return not denials.isdisjoint(self.spoken) or not denials.isdisjoint(self.signs) or "n't" in self.spoken

    @cached_property
    def countries(self) -> dict[str, str]:
        """Codes of the partners that the title names, and CN → the name as folded."""
        named: dict[str, str] = {}
        start = 0
        while start < len(self.spoken):
            for length in range(min(_LONGEST_NAME, len(self.spoken) - start), 0, -1):
                code, name = _named(self.spoken[start : start + length])
                if code:
                    named[code] = name
                    start += length - 1
                    break
            start += 1
        rest = self.signs
        for name, code in _sign_names() if rest else ():
            if name in rest:
                named[code] = name
                rest = rest.replace(name, "\x1f")
        return named

    def lacks_only_demonyms_of(self, other: "Title") -> bool:
        """Whether every country that only ``other`` names stands here as an adjective ("Kenyan" for "Kenya")."""
        return all(self._has_demonym(name) for code, name in other.countries.items() if code not in self.countries)

    def _has_demonym(self, name: str) -> bool:
        if len(name) < 4 or name in _OWN_NAMES_BEGIN_OTHERS:
            return False
        return any(word.startswith(name[:-1]) for word in self.spoken)


def read_title(title: str, *, language: str | None, at: datetime) -> Title:
    """Read a story's title; ``language`` is its BCP 47 tag, ``at`` the story's date."""
    spoken_language = re.split("[-_]", (language or "").casefold())[0]
    number_words = NUMBER_WORDS.get(spoken_language, {})
    folded = _folded(_THOUSANDS.sub("", _AMERICA.sub("America", title[:_LONGEST_TITLE])))
    numbers: set[str] = set()
    words: dict[str, str] = {}
    spoken: list[str] = []
    signs: list[str] = []
    for token in _TOKEN.findall(folded):
        if token[0].isdigit():
            numbers.add(token)
        elif _is_signs(token):
            signs.append(token)
            numbers.update(_CHINESE_NUMBER.findall(token))
            words |= {run[i : i + 2]: run[i : i + 2] for run in _STOP_SIGN.split(token) for i in range(len(run) - 1)}
        else:
            spoken.append(token)
            # A letter or two is a scale only after a figure: "3m", "5 bn".
            number = number_words.get(token) or (SCALES.get(token) if len(token) > 2 or numbers else None)
            word = _stem(token)
            if number:
                numbers.add(number)
            elif token not in STOP_WORDS and word not in STOP_WORDS:
                words.setdefault(word, _bare(token))
    return Title(spoken_language, at, words, frozenset(numbers), tuple(spoken), "\x1f".join(signs))


def resemblance(one: Title, other: Title) -> Reason | None:
    """Why these two may report the same news; None where they do not, or where too little is said to tell."""
    if one.language != other.language or abs(one.at - other.at) > WINDOW:
        return None
    shared = one.words.keys() & other.words.keys()
    likeness = 2 * len(shared) / max(len(one.words) + len(other.words), 1)
    if len(shared) < _FEWEST_SHARED or likeness < _LIKENESS or one.numbers != other.numbers:
        return None
    if one.denies != other.denies or _opposed(one, other):
        return None
    if not (one.lacks_only_demonyms_of(other) and other.lacks_only_demonyms_of(one)):
        return None
    return Reason(_sentence(one, other, shared), likeness)


def _opposed(one: Title, other: Title) -> bool:
    """Whether they point in opposite ways; a title that points in both is opposed to none."""
    ours, theirs = one.directions, other.directions
    return any(
        (axis, 1 - way) in theirs and (axis, way) not in theirs and (axis, 1 - way) not in ours for axis, way in ours
    )


def _sentence(one: Title, other: Title, shared: set[str]) -> str:
    said = _runs([word for word in one.words if word in shared], one.words)
    shown = ", ".join(f"“{word}”" for word in said[:_SHOWN])
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    numbers = f", the same numbers ({', '.join(sorted(one.numbers))})" if one.numbers else ""
    places_named = sorted(places.name(code) for code in one.countries.keys() & other.countries.keys())
    countries = f", the same countries ({', '.join(places_named[:_SHOWN])})" if places_named else ""
    hours = round(abs(one.at - other.at).total_seconds() / 3600)
    apart = "within the hour" if hours == 0 else f"{hours} hour{'s' if hours > 1 else ''} apart"
    return f"Both titles say {shown}{more}{numbers}{countries}; {apart}."


def _runs(words: Sequence[str], written: dict[str, str]) -> list[str]:
    """The words as written, overlapping pairs of signs joined again."""
    runs: list[str] = []
    for word in words:
        if runs and _is_signs(word) and runs[-1][-1] == word[0]:
            runs[-1] += word[1:]
        else:
            runs.append(written[word])
    return sorted(runs, key=len, reverse=True)


def _folded(text: str) -> str:
    """Small letters, plain digits, no accents; Korean whole again."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    if not plain.isascii():
        plain = "".join(
            str(unicodedata.digit(sign)) if sign.isdigit() else sign
            for sign in plain
            if not unicodedata.combining(sign)
        )
    return unicodedata.normalize("NFC", plain)


def _stem(word: str) -> str:
    word = _ARABIC_ARTICLE.sub("", _bare(word))
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _bare(word: str) -> str:
    """Without the elided article of the Romance languages and the English possessive."""
    return _POSSESSIVE.sub("", _ELISION.sub("", word))


def _is_signs(token: str) -> bool:
    return "\u3040" <= token[0] <= "\u9fff" or "\uf900" <= token[0] <= "\ufaff"


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


@cache
def _directions() -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    """Words, and runs of signs, that point one of two ways. Cached, like the names below, for the process's life."""
    table = {
        word: (axis, way)
        for axis, ways in enumerate(OPPOSITES)
        for way, words in enumerate(ways)
        for word in words.split()
    }
    signs = {word for word in table if _is_signs(word)}
    return {w: p for w, p in table.items() if w not in signs}, {w: p for w, p in table.items() if w in signs}


@cache
def _sign_names() -> tuple[tuple[str, str], ...]:
    """Chinese names of places and their codes, the longest first, so that no name is found inside another."""
    codes = (*places.places(), places.CHINA)
    names = {_folded(places.name(code, "zh")): code for code in codes}
    return tuple(sorted(names.items(), key=lambda pair: -len(pair[0])))


def _named(words: Sequence[str]) -> tuple[str, str]:
    """The code of the place that these words name, and the name; empty where they name none for certain."""
    for name in (" ".join(words), " ".join(_bare(word) for word in words)):
        code = _code(name) if len(name) > 3 or name in _SHORT_NAMES else ""
        if code:
            return code, name
    return "", ""


@lru_cache(maxsize=20_000)
def _code(name: str) -> str:
    # Remembered, because titles say the same few thousand words all day.
    if name in _CHINA:
        return places.CHINA
    place = places.find(name)
    return place.code if place else ""
