"""Every partner that a story may be tagged with: countries and organisations, their names, flags and regions.

Pure: no database and no web. The list is data of our own (``data/places.csv``: ISO 3166-1 alpha-2 without
CN, plus XK, plus organisations as ``X-…``), so that a new release of a library cannot change what may be
tagged; a code never leaves it. Names of countries come from CLDR by way of Babel, except where that file
says better. Listing a code says how ISO files it and takes no side on anyone's status. Used by ``register``,
the desk, the public pages and the map. Says nothing about tiers.
"""

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Literal

from babel import Locale

from service import translations
from service.errors import FieldError

LANGUAGES = tuple(translations.LANGUAGES)
"""The languages that every place and region has a name in, those of the interface; the first answers for all others."""

CHINA = "CN"
"""The other side of every tie, and therefore not among the partners."""


@dataclass(frozen=True)
class Place:
    """A partner that may be tagged."""

    code: str
    kind: Literal["country", "organisation"]
    region: str
    """A key of ``regions()``."""
    alpha3: str = ""
    """ISO 3166-1 alpha-3; empty for an organisation. ``XKX`` for XK is common use, not ISO."""
    un_member: bool = False


def places() -> Mapping[str, Place]:
    """Every partner by code, countries first, each kind in the order of its codes."""
    return _table()[0]


def regions() -> tuple[str, ...]:
    """The newsroom's regions, the closed list that feeds and places share.

    ``china`` and ``global`` are there for feeds; no partner but Antarctica (``global``) lies in them.
    """
    return tuple(_region_names())


def name(code: str, language: str = "en") -> str:
    """What readers of ``language`` call a partner, or China itself.

    A language tag counts by its first part (``pt-BR`` as ``pt``); any language beyond ``LANGUAGES`` gets
    English.

    Raises:
        KeyError: no such code; codes that came from outside go through ``find`` first.
    """
    spoken = _spoken(language)
    ours = _table()[1].get((code, spoken))
    if ours:
        return ours
    if code != CHINA and code not in places():
        raise KeyError(code)
    return _territories(spoken)[code]


def region(code: str) -> str:
    """The key of the region that a partner lies in. Raises KeyError for a code that is not a partner's."""
    return places()[code].region


def region_name(key: str, language: str = "en") -> str:
    """What readers of ``language`` call a region. Raises KeyError for a key that is not in ``regions``."""
    return _region_names()[key][_spoken(language)]


def flag(code: str) -> str:
    """The emoji flag of a two-letter code; empty for an organisation, which has none.

    Two regional indicator symbols spell the code (Unicode Technical Standard 51).
    """
    if not re.fullmatch("[A-Z]{2}", code):
        return ""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code)


def find(word: str) -> Place | None:
    """The partner that ``word`` names for certain: a code, a name in one of the six languages, or an alias.

    Case, accents, points and hyphens do not matter. China, words that fit several partners ("Congo") and
    words that fit none give None; ``unknown_place`` then says which of these it was.
    """
    codes = _index().get(_plain(word), ())
    return places().get(codes[0]) if len(codes) == 1 else None


def near_places(word: str) -> tuple[str, ...]:
    """Up to five codes of partners that someone who wrote ``word`` may have meant, the likeliest first."""
    wanted = _plain(word)
    if not wanted:
        return ()
    index = _index()
    begun = sorted(key for key in index if key.startswith(wanted)) if len(wanted) > 2 else []
    close = difflib.get_close_matches(wanted, index, n=12, cutoff=0.7)
    codes = [code for key in (wanted, *close, *begun) for code in index.get(key, ()) if code != CHINA]
    return tuple(dict.fromkeys(codes))[:5]


def unknown_place(field: str, word: str) -> FieldError:
    """Why ``find`` gave None for ``word``, as an error on ``field`` with what may have been meant."""
    codes = _index().get(_plain(word), ())
    if CHINA in codes:
        message = "China is the other side of every tie on the register; tag the partner that it deals with."
        return FieldError(field, message)
    if len(codes) > 1:
        return FieldError(field, f"“{word}” may be any of several partners; give the code.", codes)
    message = f"“{word}” is no partner; give an ISO 3166-1 code such as KE, or an organisation's such as X-AU."
    return FieldError(field, message, near_places(word))


@cache
def _table() -> tuple[Mapping[str, Place], Mapping[tuple[str, str], str], Mapping[str, tuple[str, ...]]]:
    """The data file as places, our own names by code and language, and aliases by code."""
    found: dict[str, Place] = {}
    names: dict[tuple[str, str], str] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    for row in _rows("places.csv"):
        code, kind = row["code"], row["kind"]
        found[code] = Place(
            code=code,
            kind="country" if kind == "country" else "organisation",
            region=row["region"],
            alpha3=row["alpha3"],
            un_member=row["un_member"] == "yes",
        )
        names.update({(code, language): row[language] for language in LANGUAGES if row[language]})
        aliases[code] = tuple(alias for alias in row["aliases"].split(";") if alias)
    return MappingProxyType(found), MappingProxyType(names), MappingProxyType(aliases)


@cache
def _region_names() -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({row["key"]: row for row in _rows("regions.csv")})


@cache
def _index() -> Mapping[str, tuple[str, ...]]:
    """Plain words → the codes that they may stand for. A code outranks a name, so ``AU`` is Australia."""
    found, _, aliases = _table()
    index: dict[str, tuple[str, ...]] = {}
    for code in (*found, CHINA):
        words = {name(code, language) for language in LANGUAGES} | set(aliases.get(code, ()))
        if len(code) == 2:
            words |= {str(Locale.parse(language).territories[code]) for language in LANGUAGES}
        for word in sorted({_plain(word) for word in words}):
            index[word] = (*index.get(word, ()), code)
    index.update({_plain(place.alpha3): (code,) for code, place in found.items() if place.alpha3})
    index.update({_plain(code): (code,) for code in (*found, CHINA)})
    index[_plain("CHN")] = (CHINA,)
    return MappingProxyType(index)


def _plain(word: str) -> str:
    """``word`` without case, accents and punctuation, so that spellings of one name meet."""
    decomposed = unicodedata.normalize("NFKD", word.replace("&", " and ").casefold())
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    bare = re.sub(r"['\u2019.]", "", bare)
    words = re.sub(r"[\W_]+", " ", bare).split()
    return " ".join("saint" if each == "st" else each for each in words)


def _spoken(language: str) -> str:
    first = re.split("[-_]", language.casefold())[0]
    return first if first in LANGUAGES else LANGUAGES[0]


@cache
def _territories(language: str) -> Mapping[str, str]:
    return MappingProxyType(dict(Locale.parse(language).territories))


def _rows(file: str) -> Iterator[dict[str, str]]:
    text = resources.files("service.partnerships").joinpath("data", file).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
