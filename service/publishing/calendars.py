"""A year of lists as calendar sheets, month by month. Pure. Used by ``pages``."""

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from service.translations import SOURCE
from service.translations.dates import month_words, weekday_heads


@dataclass(frozen=True)
class Cell:
    """One place on a sheet."""

    day: date | None
    """None: the day belongs to another month."""
    count: int


@dataclass(frozen=True)
class Month:
    """One sheet."""

    name: str
    weekdays: tuple[tuple[str, str], ...]
    """The heads of the columns: letter and name."""
    weeks: tuple[tuple[Cell, ...], ...]


def sheets_of(year: int, counts: Mapping[date, int], language: str = SOURCE) -> Iterator[Month]:
    """The months of a year in which a day has a list, the latest first; ``counts`` has the stories of each day.

    ``language`` is the interface's.
    """
    for number in sorted({day.month for day in counts if day.year == year}, reverse=True):
        weeks = calendar.Calendar().monthdatescalendar(year, number)
        yield Month(
            name=month_words(date(year, number, 1), language),
            weekdays=weekday_heads(language),
            weeks=tuple(
                tuple(Cell(day if day.month == number else None, counts.get(day, 0)) for day in week) for week in weeks
            ),
        )
