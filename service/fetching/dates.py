"""The date that a feed wrote → an aware moment in UTC, and the name of the rule that read it.

Feeds write dates in every way there is, and a wrong date that looks right is worse than none. So each shape
is a rule with a name that is kept on the story beside the raw text, and whatever no rule reads for certain
stays unread. Pure. Called by ``parse``; ``huoban feeds check`` shows its answers before a rule goes live.

Answers of ``parse_date``: ``(moment, rule)`` where the rule is ``format``, ``iso8601``, ``rfc822``,
``month_name``, ``numeric``, ``chinese`` or ``epoch``; with ``+day`` where no time was given, and ``+zone`` or
``+utc`` where no zone was given and the feed's own zone or UTC was assumed. ``clamped`` is a moment slightly
ahead of the clock, brought back to it. ``None`` comes with ``missing``, ``unreadable``, ``ambiguous``,
``ancient`` or ``future``.
"""

import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.fetching.zones import abbreviation_offset

_EARLIEST = 1990
_SKEW = timedelta(days=1)

# First letters that tell a month, without accents: English, French, Spanish, Portuguese, German, Italian, Dutch,
# Indonesian, Swahili, Turkish, Russian, Ukrainian, Arabic. The longest prefix decides.
_MONTHS = (
    "jan ene gen oca янв січ ينا",
    "feb fev sub фев лют فبر",
    "mar mrz maer maa mac мар бер مار",
    "apr avr abr nis апр кві ابر",
    "may mai mag mei маи мая тра ماي",
    "jun juin giu haz июн чер يون",
    "jul juil lug tem июл лип يول",
    "aug aou ago agu авг сер اغس",
    "sep set eyl сен вер سبت",
    "oct okt out ott eki окт жов اكت",
    "nov noi kas ноя лис نوف",
    "dec dez des dic ara дек гру ديس",
)
_MONTH = {prefix: number for number, words in enumerate(_MONTHS, start=1) for prefix in words.split()}
_ENGLISH = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]

_WORD = r"[^\W\d_]+\.?"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th|er|\.|º|ª|°)?"
_REST = r"(?P<rest>(?:[T\s,;].*)?)"
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("iso8601", rf"(?P<y>\d{{4}})-(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}}){_REST}"),
        ("iso8601", r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?P<rest>(?:T?\d{4,6}(?:\D.*)?)?)"),
        (
            "named",
            rf"(?:{_WORD}[\s,]*)?{_DAY}[\s-]*(?:de\s+)?(?P<name>{_WORD})(?:/{_WORD}(?: {_WORD})?)?,?[\s-]*"
            rf"(?:del?\s+)?(?P<y>\d{{2,4}}){_REST}",
        ),
        ("named", rf"(?:{_WORD},?\s+)?(?P<name>{_WORD})\s+{_DAY},?\s+(?P<y>\d{{4}}){_REST}"),
        ("named", rf"{_WORD}\s+(?P<name>{_WORD})\s+{_DAY}\s+(?P<rest>\d+:\d+(?::\d+)?(?:\s+\S+)?)\s+(?P<y>\d{{4}})"),
        ("chinese", r"(?P<y>\d{4})\s*[年년]\s*(?P<m>\d{1,2})\s*[月월]\s*(?P<d>\d{1,2})\s*[日号號일](?P<rest>.*)"),
        ("numeric", rf"(?P<y>\d{{4}})[/.](?P<m>\d{{1,2}})[/.](?P<d>\d{{1,2}}){_REST}"),
        ("numeric", rf"(?:{_WORD},?\s+){{0,2}}(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}){_REST}"),
        ("slashes", rf"(?:{_WORD},?\s+){{0,2}}(?P<a>\d{{1,2}})[/-](?P<b>\d{{1,2}})[/-](?P<y>\d{{4}}){_REST}"),
    )
)
_EPOCH = re.compile(r"(\d{10})(?:\.\d+|\d{3})?")
_CLOCK = re.compile(
    r"(?:at|à|um|a las|às)?\s*(?P<before>上午|下午|凌晨|早上|中午|晚上|오전|오후)?\s*"
    r"(?P<h>\d{1,2})\s?[:.h]\s?(?P<mi>\d{1,2})(?:[:.](?P<s>\d{1,2})(?:[.,]\d{1,9})?)?\s*(?P<after>[ap]\.?m\b\.?)?(?P<zone>.*)",
    re.IGNORECASE,
)
_PACKED = re.compile(r"T?(?P<h>\d{2})(?P<mi>\d{2})(?P<s>\d{2})?(?P<zone>.*)")
# What follows an offset ("+0800 CST") only repeats it.
_OFFSET = re.compile(
    r"(?:GMT|UTC|UT|Z)?\s*(?P<sign>[+-])\s*(?P<h>\d{1,2})(?::?(?P<m>\d{2}))?(?:\s+[a-z]{2,5})?", re.IGNORECASE
)
_ASIDE_OFFSET = re.compile(r"\(((?:GMT|UTC) ?[+-]\d{1,2}(?::?\d{2})?)\)\s*$", re.IGNORECASE)
_NO_ZONE_YET = re.compile(r"\d:\d{2}$")
_CHINESE_CLOCK = str.maketrans({"时": ":", "時": ":", "点": ":", "點": ":", "시": ":", "分": ":", "분": ":", "秒": " "})
# Marks of direction, which Arabic and Hebrew pages put around their dates; and the comma that they use.
_MARKS = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"), "") | {
    0x60C: ","
}
_PARENTHESIS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


class _Unreadable(Exception):
    """No certain reading; the message is the rule's name."""


@dataclass(frozen=True)
class _Place:
    """What a date without a full zone is read by."""

    zone: ZoneInfo | None
    language: str


def parse_date(
    raw: str | None, *, now: datetime, zone: str | None = None, fmt: str | None = None, language: str | None = None
) -> tuple[datetime | None, str]:
    """The moment that a feed's date text means, in UTC, and the rule that found it.

    Args:
        raw: the text as written.
        now: decides what is the future: up to a day ahead is a wrong clock, further is a wrong date.
        zone: IANA name for dates that name no zone; also settles ambiguous abbreviations such as CST and IST.
        fmt: a ``strptime`` pattern to be tried first.
        language: BCP 47; settles what the zone does not.
    """
    text = _tidy(raw or "")
    if not text:
        return None, "missing"
    place = _Place(_zone(zone), (language or "").lower())
    try:
        moment, rule = _by_format(text, fmt, place) or _by_epoch(text) or _by_shape(text, place)
    except _Unreadable as reason:
        return None, str(reason)
    except (ValueError, OverflowError):  # the 31st of February, hour 25, an offset of 99 hours
        return None, "unreadable"
    if moment.year < _EARLIEST:
        return None, "ancient"
    if moment > now + _SKEW:
        return None, "future"
    return (now.astimezone(UTC), "clamped") if moment > now else (moment, rule)


def _tidy(raw: str) -> str:
    """Full-width digits and colons become plain ones, escaped signs (``&#43;0800``) are read, comments and marks of
    direction go."""
    text = unicodedata.normalize("NFKC", html.unescape(raw[:120])).translate(_MARKS)
    bare = " ".join(_PARENTHESIS.sub(" ", text).split())
    aside = _ASIDE_OFFSET.search(text)
    # The only offset there is may stand in parentheses; beside another one it just repeats it.
    return f"{bare} {aside[1]}" if aside and _NO_ZONE_YET.search(bare) else bare


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the catalogue refuses such a name before it comes here
        return None


def _by_format(text: str, fmt: str | None, place: _Place) -> tuple[datetime, str] | None:
    if not fmt:
        return None
    try:
        moment = datetime.strptime(text, fmt)  # noqa: DTZ007 - the zone is added in the next line
    except ValueError:
        return None
    return _in_zone(moment, place) if moment.tzinfo is None else (moment.astimezone(UTC), "format")


def _in_zone(moment: datetime, place: _Place) -> tuple[datetime, str]:
    zone: tzinfo = place.zone or UTC
    return moment.replace(tzinfo=zone).astimezone(UTC), f"format+{'zone' if place.zone else 'utc'}"


def _by_epoch(text: str) -> tuple[datetime, str] | None:
    found = _EPOCH.fullmatch(text)
    return (datetime.fromtimestamp(int(found[1]), UTC), "epoch") if found else None


def _by_shape(text: str, place: _Place) -> tuple[datetime, str]:
    for rule, shape in _SHAPES:
        found = shape.fullmatch(text)
        if found is None:
            continue
        parts = found.groupdict()
        if rule == "named":
            month, rule = _month(parts["name"])
            if month == 0:
                continue
            parts["m"] = str(month)
        elif rule == "slashes":
            rule = "numeric"
            parts["d"], parts["m"] = _day_and_month(parts["a"], parts["b"], place)
        elif rule == "chinese":
            parts["rest"] = _chinese_clock(parts["rest"])
        return _moment(parts, rule, place)
    raise _Unreadable("unreadable")


def _month(word: str) -> tuple[int, str]:
    """The month's number, 0 for no month, and the rule: English names belong to RFC 822."""
    decomposed = unicodedata.normalize("NFD", word.lower().rstrip("."))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    for length in (5, 4, 3):
        number = _MONTH.get(plain[:length])
        if number:
            return number, "rfc822" if _ENGLISH[number - 1].startswith(plain) else "month_name"
    return 0, ""


def _day_and_month(first: str, second: str, place: _Place) -> tuple[str, str]:
    """03/04/2023 is the 3rd of April nearly everywhere but in the United States."""
    american = place.language == "en-us" or (place.zone is not None and place.zone.key in _MONTH_FIRST_ZONES)
    if int(first) > 12 or first == second:
        return first, second
    if int(second) > 12 or american:
        return second, first
    if place.zone is None and (not place.language or place.language == "en"):
        raise _Unreadable("ambiguous")
    return first, second


_MONTH_FIRST_ZONES = frozenset(
    {"America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix"}
    | {"US/Eastern", "US/Central", "US/Mountain", "US/Pacific", "Asia/Manila"}
)


def _chinese_clock(rest: str) -> str:
    """``星期二 下午3时05分`` → ``下午3:05``."""
    bare = re.sub(r"^\s*(?:星期|周|週|礼拜)[一二三四五六日天]|^\s*[月火水木金土日월화수목금토일]曜?日?\b", " ", rest)
    return bare.translate(_CHINESE_CLOCK).strip().rstrip(":").replace(": ", " ")


def _moment(parts: dict[str, str], rule: str, place: _Place) -> tuple[datetime, str]:
    year = int(parts["y"])
    if len(parts["y"]) == 2:  # RFC 2822 §4.3
        year += 2000 if year < 50 else 1900
    elif len(parts["y"]) == 3:
        year += 1900
    day = datetime(year, int(parts["m"]), int(parts["d"]), tzinfo=UTC)
    rest = parts["rest"].lstrip("Tt ,;-").strip()
    clock = (_CLOCK.fullmatch(rest) or _PACKED.fullmatch(rest)) if rest else None
    if rest and clock is None:
        raise _Unreadable("unreadable")
    written = day + _time_of_day(clock.groupdict()) if clock else day
    suffix = "" if clock else "+day"
    offset = _offset(clock["zone"].strip(), written, place) if clock else None
    if offset is not None:
        return written.replace(tzinfo=timezone(offset)).astimezone(UTC), rule + suffix
    zone: tzinfo = place.zone or UTC
    return written.replace(tzinfo=zone).astimezone(UTC), f"{rule}{suffix}+{'zone' if place.zone else 'utc'}"


def _time_of_day(clock: dict[str, str | None]) -> timedelta:
    hour, minute = int(clock["h"] or 0), int(clock["mi"] or 0)
    second = min(int(clock["s"] or 0), 59) if int(clock["s"] or 0) <= 60 else 61  # a leap second is the 59th
    half = (clock.get("after") or "").lower()[:1] or {
        "下午": "p",
        "晚上": "p",
        "오후": "p",
        "上午": "a",
        "오전": "a",
    }.get(clock.get("before") or "", "")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0) if hour <= 12 else hour
    # 24:00 is the end of the day (ISO 8601-1 §5.3.1.1); anything later is no time.
    if minute > 59 or second > 59 or hour > 24 or (hour == 24 and (minute or second)):
        raise _Unreadable("unreadable")
    return timedelta(hours=hour, minutes=minute, seconds=second)


def _offset(text: str, written: datetime, place: _Place) -> timedelta | None:
    """The offset from UTC that the text names, None where it names none."""
    if not text:
        return None
    found = _OFFSET.fullmatch(text)
    if found:
        size = timedelta(hours=int(found["h"]), minutes=int(found["m"] or 0))
        if size > timedelta(hours=14) or int(found["m"] or 0) > 59:
            raise _Unreadable("unreadable")
        return -size if found["sign"] == "-" else size
    offset = abbreviation_offset(text, written.replace(tzinfo=None), zone=place.zone, language=place.language)
    if offset is None:
        raise _Unreadable("unreadable")
    return offset
