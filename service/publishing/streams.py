"""Which stream a reader asks for: any combination of country, region, tier and language, each with one address.

One dimension alone has its own path (``/countries/KE``), anything else is ``/latest`` with its parameters in one
order and one spelling; whoever spells it otherwise is sent there. A stream is paged back by calendar weeks of the
newsroom, which, once over, gain and lose no item (RFC 5005 §4). Pure. Used by ``routes`` and ``stream_load``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from babel import Locale

from service.errors import FieldError, Invalid, NotFound
from service.partnerships import places
from service.partnerships.tiers import Tier, near_tiers
from service.translations import SOURCE, translations

DIMENSIONS = ("country", "region", "tier", "language")
"""In the order in which an address names them; ``week`` comes last."""
_PATHS = {"country": "/countries", "region": "/regions", "tier": "/tiers"}


@dataclass(frozen=True)
class Stream:
    """The published items that meet every condition set; each condition is in its canonical spelling."""

    country: str | None = None
    """A partner's code: the items tagged with it."""
    region: str | None = None
    tier: str | None = None
    """With a country or region: the tier of that very tag."""
    language: str | None = None
    """The article's language: ``pt`` takes ``pt-BR`` in (RFC 4647 §3.3.1)."""
    week: str | None = None
    """One archive page: an ISO week such as ``2026-W47``; None for the newest items."""

    @property
    def conditions(self) -> dict[str, str]:
        """The conditions that are set, in the canonical order."""
        found = {name: getattr(self, name) for name in DIMENSIONS}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def path(self) -> str:
        """Where it lives, without extension."""
        conditions = self.conditions
        if len(conditions) == 1 and (name := next(iter(conditions))) in _PATHS:
            return f"{_PATHS[name]}/{conditions[name]}"
        return "/latest"

    @property
    def query(self) -> str:
        """The conditions that its path does not tell, as an address spells them."""
        return "" if self.path != "/latest" else urlencode(self.conditions)

    @property
    def page(self) -> str:
        """Its archive page, as an address spells it."""
        return f"week={self.week}" if self.week else ""

    @property
    def full_query(self) -> str:
        """The whole query of its address."""
        return "&".join(part for part in (self.query, self.page) if part)

    @property
    def whole(self) -> "Stream":
        """The stream that this is a page of."""
        return replace(self, week=None)

    def name_in(self, language: str) -> str:
        """What it holds, in the words of the interface: ``Kenya``, ``Africa, strategic partnership, in Arabic``."""
        words = translations(language)
        found = [
            self.country and places.name(self.country, language),
            self.region and places.region_name(self.region, language),
            self.tier and words.gettext(Tier(self.tier).facts.name_en),
            self.language and words.gettext("in %(language)s") % {"language": language_name(self.language, language)},
        ]
        return words.gettext(", ").join(word for word in found if word) or words.gettext("latest")


def read_stream(pairs: Iterable[tuple[str, str]]) -> Stream:
    """The stream that these parameters ask for; empty and unknown ones count for nothing.

    Raises:
        NotFound: there is no such country, region, tier, language or week; near matches are named.
        Invalid: a parameter is given twice.
    """
    asked: dict[str, str] = {}
    for name, value in pairs:
        if name not in (*DIMENSIONS, "week") or not value.strip():
            continue
        if name in asked:
            raise Invalid("A stream has one value of each kind.", errors=[FieldError(name, "it is given twice")])
        asked[name] = value.strip()
    return Stream(
        country=_country(asked["country"]) if "country" in asked else None,
        region=_region(asked["region"]) if "region" in asked else None,
        tier=_tier(asked["tier"]) if "tier" in asked else None,
        language=_language(asked["language"]) if "language" in asked else None,
        week=_week(asked["week"]) if "week" in asked else None,
    )


def every_stream() -> list[Stream]:
    """The streams by one dimension: regions, tiers, then partners. Their combinations are too many to list."""
    return [
        *(Stream(region=key) for key in peopled_regions()),
        *(Stream(tier=tier.value) for tier in Tier),
        *(Stream(country=code) for code in places.places()),
    ]


def peopled_regions() -> tuple[str, ...]:
    """The regions that partners lie in; the others are there for feeds."""
    found = {place.region for place in places.places().values()}
    return tuple(key for key in places.regions() if key in found)


def language_name(language: str, interface: str = SOURCE) -> str:
    """What the language of the interface calls a language; the tag itself where it has no word for it."""
    return str(Locale.parse(interface).languages.get(language.split("-")[0], language))


def week_of(day: date) -> str:
    """The ISO 8601 week that a day lies in: ``2026-W47``."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def monday_of(week: str) -> date:
    """The first day of an ISO week. Raises ValueError for what is none."""
    match = re.fullmatch("([0-9]{4})-W([0-9]{2})", week)
    if match is None:
        raise ValueError(f"no ISO week: {week!r}")
    return date.fromisocalendar(int(match[1]), int(match[2]), 1)


def after_week(week: str) -> date:
    """The Monday after an ISO week."""
    return monday_of(week) + timedelta(days=7)


def _country(word: str) -> str:
    found = places.find(word)
    if found is None:
        raise NotFound(f"There is no partner “{word[:60]}”.", errors=[places.unknown_place("country", word[:60])])
    return found.code


def _region(word: str) -> str:
    key = re.sub(r"[\s_]+", "-", word.casefold())
    known = peopled_regions()
    if key not in known:
        raise NotFound(
            f"There is no region “{word[:60]}”.", errors=[FieldError("region", "The regions are these.", known)]
        )
    return key


def _tier(word: str) -> str:
    key = re.sub(r"[\s-]+", "_", word.casefold())
    if key not in list(Tier):
        near = near_tiers(word[:120]) or tuple(tier.value for tier in Tier)
        raise NotFound(
            f"There is no tier “{word[:60]}”.", errors=[FieldError("tier", "The nearest tiers are these.", near)]
        )
    return key


def _language(word: str) -> str:
    tag = word.replace("_", "-").lower()
    if not re.fullmatch("[a-z]{2,3}(-[a-z0-9]{2,8}){0,2}", tag):
        raise NotFound(
            f"“{word[:40]}” is no language.",
            errors=[FieldError("language", "Write a language tag (BCP 47).", ("ar", "pt-br", "zh-hant"))],
        )
    return tag


def _week(word: str) -> str:
    week = word.upper()
    try:
        after_week(week)
    except (ValueError, OverflowError) as error:
        raise NotFound(
            f"“{word[:40]}” is no week.",
            errors=[FieldError("week", "Write an ISO week.", ("2026-W47",))],
        ) from error
    return week
