"""The schema of ``feeds.yaml``: which keys there are, and what each may hold.

Pure: plain values in, checked values out, with no line numbers and no cross-checks; ``feeds_file`` adds
both and is the only caller. Every optional key may be left empty, which means that nothing is said.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from service.fetching.vocabulary import (
    KINDS,
    QUIRKS,
    REGIONS,
    BadValue,
    check_country,
    check_id,
    check_language,
    check_name,
    check_url,
    feed_host,
    nearest,
    one_of,
)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"B": 1, "KB": 1000, "MB": 1_000_000}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a field name, RFC 9110 §5.1
_CHARSETS = ("utf-8", "gb18030", "gbk", "big5", "iso-8859-1", "windows-1251", "windows-1252", "windows-1256")
"""Those that feeds of our field are really in, to propose when a name is mistyped."""
_OURS = frozenset({
    "accept-encoding", "connection", "content-length", "host", "if-modified-since", "if-none-match", "te",
    "trailer", "transfer-encoding", "upgrade", "user-agent",
})  # fmt: skip
"""Headers that the fetcher answers for; ``user_agent`` is a key of its own."""


def _span(value: object, *, least: timedelta, most: timedelta) -> timedelta | None:
    """A duration: a whole number and s, m, h or d."""
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})\s?([smhd])", value) if isinstance(value, str) else None
    if not match:
        raise BadValue(f"bad duration {value!r}: write a number and its unit, such as 20s, 60m or 7d")
    span = timedelta(seconds=int(match.group(1)) * _UNITS[match.group(2)])
    if not least <= span <= most:
        raise BadValue(f"{value} is out of range: it must be from {_words(least)} to {_words(most)}")
    return span


def _words(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    unit = next((name for name in ("d", "h", "m") if seconds and seconds % _UNITS[name] == 0), "s")
    return f"{seconds // _UNITS[unit]}{unit}"


def _size(value: object) -> int | None:
    """A number of bytes, or a number with KB or MB (thousands, not 1,024s)."""
    if value is None:
        return None
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    match = re.fullmatch(r"([0-9]{1,12})\s?(B|KB|MB)?", text)
    if not match:
        raise BadValue(f"bad size {value!r}: write a number of bytes, or such as 500KB or 5MB")
    size = int(match.group(1)) * _SIZES[match.group(2) or "B"]
    if not 1000 <= size <= 100_000_000:
        raise BadValue(f"{value} is out of range: it must be from 1KB to 100MB")
    return size


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (LookupError, ValueError, OSError) as error:
        raise BadValue(f"unknown time zone {value!r}", nearest(value, available_timezones())) from error


def _date_format(value: str) -> str:
    """A strptime format from which at least a whole day comes back."""
    day = datetime(2031, 5, 17, 16, 28, 39, tzinfo=UTC)
    try:
        # Naive on purpose: only the day is compared, and a format need not hold a zone.
        again = datetime.strptime(day.strftime(value), value)  # noqa: DTZ007
    except (ValueError, re.error) as error:
        raise BadValue(f"bad date format {value!r}: {error}") from error
    if again.date() != day.date():
        raise BadValue(f"the date format {value!r} must hold a year (%Y), a month (%m) and a day (%d)")
    return value


def _charset(value: str) -> str:
    try:
        "".encode(value)
    except (LookupError, ValueError, UnicodeError) as error:
        raise BadValue(f"unknown charset {value!r}", nearest(value, _CHARSETS)) from error
    return value


def _pattern(value: str) -> str:
    if len(value) > 500:
        raise BadValue("the regular expression is longer than 500 characters")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadValue(f"bad regular expression {value!r}: {error}") from error
    return value


def _host(value: str) -> str:
    """A bare host name, in small letters and IDNA form."""
    if len(value) > 253 or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", value):
        raise BadValue(f"bad host {value!r}: write the name alone, such as example.org")
    try:
        return feed_host(check_url(f"https://{value}/"))
    except BadValue as error:
        raise BadValue(f"bad host {value!r}: write a name such as example.org") from error


def _line(value: str) -> str:
    if not value.strip() or not value.isprintable() or not value.isascii() or len(value) > 1000:
        raise BadValue("this must be one line of at most 1,000 plain ASCII characters")
    return value


def _header(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise BadValue(f"bad header name {value!r}")
    if value.lower() in _OURS:
        hint = "; use the key user_agent" if value.lower() == "user-agent" else ""
        raise BadValue(f"the header {value!r} is set by the fetcher{hint}")
    return value


def _whole(value: int | None, *, least: int, most: int) -> int | None:
    if value is not None and not least <= value <= most:
        raise BadValue(f"{value} is out of range: it must be from {least} to {most}")
    return value


def _word(what: str, words: tuple[str, ...]) -> Any:
    check: Callable[[str], str] = partial(one_of, what, words=words)
    return AfterValidator(check)


def _between(least: timedelta, most: timedelta) -> Any:
    return BeforeValidator(partial(_span, least=least, most=most))


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_Id = Annotated[str, AfterValidator(check_id)]
_Url = Annotated[str, AfterValidator(check_url)]
_Name = Annotated[str, AfterValidator(check_name)]
_Pattern = Annotated[str, AfterValidator(_pattern)]
_Line = Annotated[str, AfterValidator(_line)]


class _Strict(BaseModel):
    """No unknown keys, no guessing at types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Options(_Strict):
    """What ``defaults``, a group and a feed may all say; the later of them wins, key by key."""

    enabled: bool | None = None
    interval: Annotated[timedelta | None, _between(_MINUTE, 30 * _DAY)] = None
    timeout: Annotated[timedelta | None, _between(timedelta(seconds=1), 10 * _MINUTE)] = None
    max_items: Annotated[int | None, AfterValidator(partial(_whole, least=1, most=2000))] = None
    max_bytes: Annotated[int | None, BeforeValidator(_size)] = None
    stale_after: Annotated[timedelta | None, _between(_HOUR, 3660 * _DAY)] = None
    date_policy: Annotated[str, _word("date policy", ("feed", "first_seen"))] | None = None
    date_zone: Annotated[str, AfterValidator(_zone)] | None = None
    date_format: Annotated[str, AfterValidator(_date_format)] | None = None
    link_policy: Annotated[str, _word("link policy", ("direct", "opaque"))] | None = None
    user_agent: _Line | None = None
    headers: dict[Annotated[str, AfterValidator(_header)], _Line] | None = None
    charset: Annotated[str, AfterValidator(_charset)] | None = None
    include: _Pattern | None = None
    exclude: _Pattern | None = None
    article_hosts: list[Annotated[str, AfterValidator(_host)]] | None = None
    host_min_gap: Annotated[timedelta | None, _between(timedelta(0), _HOUR)] = None
    empty_is_suspect: Annotated[int | None, AfterValidator(partial(_whole, least=1, most=100))] = None

    def said(self) -> dict[str, Any]:
        """The options that this layer has an opinion on."""
        values = {name: getattr(self, name) for name in Options.model_fields}
        return {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
            if value is not None
        }


class GroupEntry(Options):
    """Options that several feeds share."""

    label: _Name | None = None


class FeedEntry(Options):
    """One source."""

    id: _Id
    name: _Name
    url: _Url
    alt_urls: list[_Url] | None = None
    homepage: _Url | None = None
    language: Annotated[str, AfterValidator(check_language)] | None = None
    country: Annotated[str, AfterValidator(check_country)] | None = None
    region: Annotated[str, _word("region", tuple(REGIONS))] | None = None
    kind: Annotated[str, _word("kind", tuple(KINDS))] | None = None
    groups: list[str] | None = None
    core: bool | None = None
    quirks: list[Annotated[str, _word("quirk", tuple(QUIRKS))]] | None = None


def _version(value: object) -> object:
    if value != 1 or isinstance(value, bool):
        raise BadValue(f"this release reads version 1, not {value!r}")
    return value


class FeedsFile(_Strict):
    """The whole file."""

    version: Annotated[int, BeforeValidator(_version)]
    defaults: Options | None = None
    groups: dict[_Id, GroupEntry] | None = None
    feeds: list[FeedEntry] | None = Field(default=None)
