"""A partner's register rows as spans of time and as a small chart: when which wording held.

Pure. Positions are percentages of the chart's width, so that a page draws it at any width without script. The bars
stand side by side on one line and say nothing of more or less: Beijing publishes no order. Used by
``stream_pages`` and ``register_routes``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest

from service.models import RegisterEntry
from service.partnerships.tiers import Tier
from service.publishing.formats.wording import label_words, tier_mark
from service.translations import SOURCE, translations
from service.translations.dates import date_words

TICKS = 5
"""Years named under the chart, at the most; as many as a narrow screen can hold."""


@dataclass(frozen=True)
class Span:
    """One wording, for as long as it held."""

    begins: date | None
    """None: no day is known, or none applies."""
    ends: date | None
    """The day on which the next wording began; None for the one that holds."""
    entry: RegisterEntry


@dataclass(frozen=True)
class Bar:
    """A span on the chart."""

    x: float
    width: float
    band: str
    mark: str
    words: str


@dataclass(frozen=True)
class Tick:
    """A year under the chart."""

    x: float
    year: int
    anchor: str
    """Where its text stands: ``start``, ``middle`` or ``end``, so that none runs over the edge."""


@dataclass(frozen=True)
class Timeline:
    """The chart."""

    begins: date
    ends: date
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


def spans_of(history: Sequence[RegisterEntry]) -> tuple[Span, ...]:
    """What holds when, oldest first, of rows in the order of ``register.history``.

    Of rows for one day the last is the one that is known now; the others are superseded.
    """
    by_day: dict[date | None, RegisterEntry] = {entry.in_force_from: entry for entry in history}
    days = sorted(by_day, key=lambda day: day or date.min)
    ends = zip_longest(days, days[1:])
    return tuple(Span(day, end, by_day[day]) for day, end in ends)


def draw_timeline(spans: Sequence[Span], *, today: date, language: str = SOURCE) -> Timeline:
    """The chart from the year of the first dated row to today; without bars where no row has a day.

    ``language`` is the interface's.
    """
    dated = [span for span in spans if span.begins is not None and span.begins <= today]
    first = dated[0].begins if dated else None
    begins = date(first.year, 1, 1) if first else today
    ends = max(today, begins + timedelta(days=366))

    def place(day: date) -> float:
        return round(100 * (day - begins).days / (ends - begins).days, 2)

    bars = []
    for span in dated:
        assert span.begins is not None  # noqa: S101 - chosen above
        until = min(span.ends or ends, ends)
        tier = Tier(span.entry.tier)
        words = _bar_words(span, language)
        x = place(span.begins)
        bars.append(Bar(x, round(place(until) - x, 2), tier.facts.band.value, tier_mark(tier), words))
    return Timeline(begins, ends, tuple(bars), _ticks(begins, ends, place) if bars else ())


def _bar_words(span: Span, language: str) -> str:
    assert span.begins is not None  # noqa: S101 - only dated spans are drawn
    words = translations(language)
    begins = date_words(span.begins, language)
    label = label_words(span.entry.tier, span.entry.label_en, span.entry.label_zh, language)
    if span.ends is None:
        return words.gettext("%(label)s, since %(begins)s") % {"label": label, "begins": begins}
    ends = date_words(span.ends, language)
    return words.gettext("%(label)s, %(begins)s to %(ends)s") % {"label": label, "begins": begins, "ends": ends}


def _ticks(begins: date, ends: date, place: Callable[[date], float]) -> tuple[Tick, ...]:
    years = ends.year - begins.year
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if years / step < TICKS)
    first = begins.year + -begins.year % step
    found = []
    for year in range(first, ends.year + 1, step):
        x = place(date(year, 1, 1))
        found.append(Tick(x, year, "start" if x < 5 else "end" if x > 95 else "middle"))
    return tuple(found)
