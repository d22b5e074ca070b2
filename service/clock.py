"""The only place that reads the clock.

Every edge (a request, a job, a command) samples ``now`` once from the clock it was given and hands it
down as ``now: datetime``; nothing below an edge asks for the time. Tests give a clock of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Answers the present moment as an aware datetime in UTC."""

_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Calendar:
    """The newsroom's own days: which one it is, when each begins and when its edition closes."""

    zone: ZoneInfo
    digest_at: time
    """Wall time, on the day after, at which an edition closes."""

    def day_of(self, moment: datetime) -> date:
        """The newsroom's calendar day at ``moment``."""
        return moment.astimezone(self.zone).date()

    def begins_at(self, day: date) -> datetime:
        """The instant, in UTC, at which ``day`` begins."""
        return self.instant(day, time(0))

    def cutoff_of(self, day: date) -> datetime:
        """The instant, in UTC, at which the edition of ``day`` closes by the clock."""
        following = day if day == date.max else day + timedelta(days=1)
        return self.instant(following, self.digest_at)

    def instant(self, day: date, at: time) -> datetime:
        """The instant, in UTC, at which the newsroom's wall clock shows ``at`` on ``day``.

        A wall time that daylight saving skips is read with the offset before the jump, and one that comes
        twice is taken the first time (PEP 495, ``fold=0``).
        """
        try:
            return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)
        except OverflowError:  # a few hours beyond the first or the last day that Python can write
            return _FIRST if day.year == 1 else _LAST
