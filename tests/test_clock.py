"""The newsroom's days."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.clock import Calendar, utc_now

ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Africa/Casablanca")
calendars = st.builds(Calendar, st.sampled_from(ZONES).map(ZoneInfo), st.times().map(lambda t: t.replace(tzinfo=None)))


@given(calendars, st.dates())
def test_every_day_that_can_be_written_has_a_beginning_and_a_cut_off(calendar: Calendar, day: date) -> None:
    begins, cutoff = calendar.begins_at(day), calendar.cutoff_of(day)
    assert begins.tzinfo is UTC
    assert cutoff.tzinfo is UTC
    assert begins <= cutoff or day == date.max


@given(calendars, st.dates(date(1950, 1, 1), date(2090, 1, 1)))
def test_a_day_begins_in_itself_and_the_moment_before_is_another(calendar: Calendar, day: date) -> None:
    begins = calendar.begins_at(day)
    if calendar.day_of(begins) != day:
        assert calendar.zone.key == "Pacific/Apia", "only a zone that crossed the date line skips a whole day"
        return
    assert calendar.day_of(begins - timedelta(microseconds=1)) < day


@pytest.mark.parametrize("day", [date.min, date.max])
@pytest.mark.parametrize("zone", ZONES)
def test_the_ends_of_the_calendar_do_not_fall_over(day: date, zone: str) -> None:
    calendar = Calendar(ZoneInfo(zone), time(6))
    assert calendar.begins_at(day).year == day.year or abs(calendar.begins_at(day).year - day.year) == 1
    assert calendar.cutoff_of(day) >= calendar.begins_at(day)


def test_skipped_and_doubled_wall_times() -> None:
    calendar = Calendar(ZoneInfo("America/New_York"), time(2, 30))
    assert calendar.cutoff_of(date(2026, 3, 7)) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert calendar.instant(date(2026, 11, 1), time(1, 30)) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_a_moment_in_any_zone_has_the_newsrooms_day() -> None:
    calendar = Calendar(ZoneInfo("Asia/Shanghai"), time(6))
    moment = datetime(2026, 11, 24, 3, tzinfo=timezone(timedelta(hours=-14)))
    assert calendar.day_of(moment) == date(2026, 11, 25)


def test_the_real_clock_is_aware() -> None:
    assert utc_now().tzinfo is UTC
