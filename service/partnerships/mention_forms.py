"""The words by which texts name a partner: names, demonyms, capitals and common aliases in six languages.

Names come from ``places``; the rest is our own list (``data/mentions.csv``), written from general knowledge.
Demonyms stand there once and are inflected here. ``data/ambiguous.csv`` says what a word needs around it before it
counts as the partner, and takes the place of whatever the other lists say of that word. Pure; read by
``gazetteer``, which finds the words in a text.
"""

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Literal

from service.partnerships import places

Rule = Literal["sure", "exact", "unless", "needs", "person", "block"]

UNSPACED = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
"""Characters of scripts that write words without blanks, as the inside of a character class."""

_ALSO = ("XK", "PS", "VA", "TW", "GL", "PF", "NC", "PR")
"""Partners outside the United Nations that texts name often and without ambiguity."""


@dataclass(frozen=True)
class Reading:
    """What a form may stand for, and on what condition."""

    code: str
    """The partner; empty for words that only look like one (``New Guinea``)."""
    rule: Rule = "sure"
    context: tuple[str, ...] = ()
    """Folded words that the rule looks for in the text."""


@dataclass(frozen=True)
class Form:
    """One way to write a name: its folded words, and which of them begin with a capital."""

    words: tuple[str, ...]
    capitals: tuple[bool, ...]
    written: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class Forms:
    """All forms, the longest first: by first word, and of unspaced scripts by first character."""

    spaced: Mapping[str, tuple[Form, ...]]
    unspaced: Mapping[str, tuple[Form, ...]]


def fold_letters(text: str) -> Iterator[tuple[str, int]]:
    """Each letter without case and accents, and the place in the text that it came from."""
    for place, char in enumerate(text):
        for part in unicodedata.normalize("NFKD", char):
            if not unicodedata.combining(part):
                for letter in part.casefold():
                    yield letter, place


def fold(text: str) -> str:
    """A text as ``fold_letters`` spells it."""
    return "".join(letter for letter, _ in fold_letters(text))


@cache
def forms() -> Forms:
    """Every form that there is. Read from the files once; the same for the life of the process."""
    readings: dict[tuple[tuple[str, ...], tuple[bool, ...]], dict[Reading, str]] = defaultdict(dict)
    for row in _rows("ambiguous.csv"):
        context = tuple(fold(word) for word in row["context"].split(";") if word)
        readings[_key(row["words"])][Reading(row["code"], _rule(row["rule"]), context)] = row["words"]
    ambiguous = frozenset(readings)
    for code, written in _plain_forms():
        key = _key(written)
        if key not in ambiguous:
            readings[key].setdefault(Reading(code), written)
    spaced, unspaced = defaultdict(list), defaultdict(list)
    for (words, capitals), found in readings.items():
        form = Form(words, capitals, next(iter(found.values())), tuple(found))
        if re.match(f"[{UNSPACED}]", words[0]):
            unspaced[words[0][0]].append(form)
        else:
            spaced[words[0]].append(form)
    return Forms(_longest_first(spaced), _longest_first(unspaced))


def _longest_first(groups: Mapping[str, list[Form]]) -> Mapping[str, tuple[Form, ...]]:
    def length(form: Form) -> tuple[int, int, int]:
        # Of two forms with the same letters the one with more capitals is the closer match: India, india.
        return -len(form.words), -sum(map(len, form.words)), -sum(form.capitals)

    return MappingProxyType({first: tuple(sorted(group, key=length)) for first, group in groups.items()})


def _rule(word: str) -> Rule:
    rules: dict[str, Rule] = {r: r for r in ("sure", "exact", "unless", "needs", "person", "block")}
    return rules[word]


def _key(written: str) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    if re.match(f"[{UNSPACED}]", written):
        return (fold(written),), (False,)
    words = re.findall(r"\w+", written)
    return tuple(fold(word) for word in words), tuple(word[0].isupper() for word in words)


def _plain_forms() -> Iterator[tuple[str, str]]:
    for code, place in places.places().items():
        if place.un_member or place.kind == "organisation" or code in _ALSO:
            for language in places.LANGUAGES:
                yield from ((code, spelling) for spelling in _spellings(places.name(code, language)))
    for row in _rows("mentions.csv"):
        for column in ("capitals", "aliases"):
            yield from ((row["code"], word) for word in row[column].split(";") if word)
        for language in ("en", "fr", "es", "pt", "ar"):
            for base in row[language].split(";"):
                yield from ((row["code"], word) for word in inflected(base, language) if word)


def _spellings(name: str) -> Iterator[str]:
    yield name
    if "&" in name:
        yield name.replace("&", "and")
    for short, long in (("St.", "Saint"), ("Saint", "St")):
        if name.startswith(short):
            yield name.replace(short, long, 1).replace("&", "and")


_ENDINGS: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = MappingProxyType(
    {
        # ending of the base → what takes its place; the first ending that fits counts
        "en": (("ese", ("ese",)), ("sh", ("sh",)), ("ch", ("ch",)), ("ss", ("ss",)), ("", ("", "s"))),
        "fr": (
            ("en", ("en", "enne", "ens", "ennes")),
            ("s", ("s", "se", "ses")),
            ("e", ("e", "es")),
            ("", ("", "e", "s", "es")),
        ),
        "es": (
            ("o", ("o", "a", "os", "as")),
            ("és", ("és", "esa", "eses", "esas")),
            ("ís", ("ís", "isa", "ises", "isas")),
            ("í", ("í", "íes", "ís")),
            ("án", ("án", "ana", "anes", "anas")),
            ("", ("", "s")),
        ),
        "pt": (("o", ("o", "a", "os", "as")), ("ês", ("ês", "esa", "eses", "esas")), ("", ("", "s"))),
        "ar": (("ي", ("ي", "ية", "يون", "يين")), ("", ("",))),
    }
)


def inflected(base: str, language: str) -> tuple[str, ...]:
    """A demonym in its genders and numbers; forms that follow no rule are given with ``/`` between them."""
    if not base or "/" in base:
        return tuple(base.split("/"))
    ending, endings = next((end, new) for end, new in _ENDINGS[language] if base.endswith(end))
    stem = base[: len(base) - len(ending)]
    return tuple(stem + new for new in endings)


def _rows(file: str) -> Iterator[dict[str, str]]:
    text = resources.files("service.partnerships").joinpath("data", file).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
