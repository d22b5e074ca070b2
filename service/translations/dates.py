"""Days, months and moments in words, in every language of the interface. Pure.

By CLDR, through Babel; English reads as it does in Nairobi and London, the clock has twenty-four hours everywhere,
and weeks begin on Monday (ISO 8601). Zones are named by whoever prints a moment. Used by ``publishing`` and the desk.
"""

from datetime import date, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_timedelta, get_datetime_format, get_day_names

from service.translations import SOURCE

_ENGLISH = "en_GB"
_ENGLISH_DAY = "EEEE d MMMM y"  # without the comma that few newspapers print


def day_words(day: date, language: str = SOURCE) -> str:
    """``Tuesday 24 November 2026``."""
    return format_date(day, _ENGLISH_DAY if language == SOURCE else "full", locale=_locale(language))


def date_words(day: date, language: str = SOURCE) -> str:
    """``24 November 2026``."""
    return format_date(day, "long", locale=_locale(language))


def month_words(day: date, language: str = SOURCE) -> str:
    """The month that a day lies in: ``November 2026``."""
    return format_skeleton("yMMMM", day, locale=_locale(language))


def moment_words(moment: datetime, zone: str, language: str = SOURCE) -> str:
    """``24 November 2026, 06:00`` by the wall clock of a zone (IANA name)."""
    local, locale = moment.astimezone(ZoneInfo(zone)), _locale(language)
    joined = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return joined.replace("{0}", f"{local:%H:%M}").replace("{1}", format_date(local, "long", locale=locale))


def ago_words(moment: datetime, now: datetime, language: str = SOURCE) -> str:
    """How long ago a moment was, in the largest unit that fits: ``12 minutes ago``."""
    return format_timedelta(moment - now, add_direction=True, locale=_locale(language))


def age_words(moment: datetime, now: datetime, language: str = SOURCE) -> str:
    """How old something is, in few letters and the largest unit that fits: ``4 min``; what is to come says so."""
    ahead = moment > now
    return format_timedelta(
        moment - now,
        "minute",
        threshold=1,
        add_direction=ahead,
        format="short",
        locale="en" if language == SOURCE else _locale(language),
    )


def clock_words(moment: datetime, zone: ZoneInfo, language: str = SOURCE) -> str:
    """A moment by a wall clock, with the zone's name: ``24 Nov 06:10 EAT``."""
    local = moment.astimezone(zone)
    return f"{_short_day(local.date(), language)} {local:%H:%M} {local:%Z}"


@lru_cache(maxsize=1_000)
def _short_day(day: date, language: str) -> str:
    # A screen of the desk says a hundred moments of a few days.
    return format_skeleton("MMMd", day, locale=_locale(language))


@cache
def weekday_heads(language: str = SOURCE) -> tuple[tuple[str, str], ...]:
    """The weekdays as the heads of a calendar's columns: letter and name, Monday first."""
    narrow, wide = (get_day_names(width, "stand-alone", _locale(language)) for width in ("narrow", "wide"))
    return tuple((narrow[number], wide[number]) for number in range(7))


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(_ENGLISH if language == SOURCE else language)
