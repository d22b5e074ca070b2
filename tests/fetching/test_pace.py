"""When a feed is looked at again: bounds that hold for whatever a server says, and what each hint does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fetching.outcomes import ANSWERED, Outcome, weight
from service.fetching.pace import (
    ALARM_AT,
    CEILING,
    FLOOR,
    HINT_CEILING,
    JITTER,
    RATE_LIMIT_BASE,
    Hints,
    failures_after,
    host_pause,
    is_stale,
    next_check,
    posting_rate,
)
from tests.conftest import NOON

HOUR = timedelta(hours=1)
NOTHING_ASKED = Hints()

seconds = st.none() | st.floats(0, 1e12, allow_nan=False)
hints = st.builds(
    Hints,
    max_age=seconds,
    expires_in=seconds,
    ttl=seconds,
    update_period=seconds,
    skip_hours=st.frozensets(st.integers(0, 23)),
    skip_days=st.frozensets(st.integers(0, 6)),
    retry_after=st.none() | st.floats(0, 86_400),
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
intervals = st.integers(60, 14 * 86_400).map(lambda length: timedelta(seconds=length))


def wait(
    outcome: Outcome = Outcome.OK,
    *,
    interval: timedelta = HOUR,
    failures: float = 0.0,
    rate: float | None = None,
    asked: Hints = NOTHING_ASKED,
    jitter: float = 0.0,
    now: datetime = NOON,
) -> timedelta:
    return (
        next_check(
            now=now,
            outcome=outcome,
            interval=interval,
            failures=failures,
            posts_per_day=rate,
            hints=asked,
            jitter=jitter,
        )
        - now
    )


@given(
    now=moments,
    outcome=st.sampled_from(Outcome),
    interval=intervals,
    failures=st.floats(0, 1_000),
    rate=st.none() | st.floats(0, 1e6),
    asked=hints,
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_next_look_is_never_in_the_past_under_the_floor_or_over_the_ceiling(
    now: datetime,
    outcome: Outcome,
    interval: timedelta,
    failures: float,
    rate: float | None,
    asked: Hints,
    jitter: float,
) -> None:
    found = next_check(
        now=now,
        outcome=outcome,
        interval=interval,
        failures=failures,
        posts_per_day=rate,
        hints=asked,
        jitter=jitter,
    )
    assert found.tzinfo is not None
    assert now < found
    assert min(FLOOR, interval) <= found - now <= CEILING


@given(interval=intervals, rate=st.none() | st.floats(0, 1e6), asked=hints, jitter=st.floats(0, 1, exclude_max=True))
def test_jitter_only_ever_adds_a_tenth(interval: timedelta, rate: float | None, asked: Hints, jitter: float) -> None:
    plain = Hints(asked.max_age, asked.expires_in, asked.ttl, asked.update_period)
    still = wait(interval=interval, rate=rate, asked=plain)
    moved = wait(interval=interval, rate=rate, asked=plain, jitter=jitter)
    assert still <= moved <= min(still * (1 + JITTER), CEILING) + timedelta(microseconds=2)


@given(failures=st.floats(0, 2.9), more=st.floats(0, 5), outcome=st.sampled_from(sorted(set(Outcome) - ANSWERED)))
def test_more_failures_never_shorten_the_wait(failures: float, more: float, outcome: Outcome) -> None:
    assert wait(outcome, failures=failures) <= wait(outcome, failures=failures + more)


def test_feed_that_keeps_failing_is_looked_at_once_a_day() -> None:
    assert wait(Outcome.TIMEOUT, failures=ALARM_AT) == CEILING
    assert wait(Outcome.TIMEOUT, failures=0.25) < 2 * HOUR


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (None, HOUR),
        (12.0, HOUR),  # two looks for each item that is expected
        (24.0, HOUR / 2),
        (1_000.0, HOUR / 4),  # but within sight of what the newsroom set
        (0.5, HOUR * 4),
        (0.0, HOUR * 4),
    ],
)
def test_pace_follows_the_posting_rate(rate: float | None, expected: timedelta) -> None:
    assert wait(rate=rate) == expected


@pytest.mark.parametrize("name", ["max_age", "expires_in", "ttl", "update_period"])
def test_publishers_hint_slows_us_down_within_bounds(name: str) -> None:
    assert wait(asked=Hints(**{name: 7_200.0})) == 2 * HOUR
    assert wait(asked=Hints(**{name: 60.0})) == HOUR
    assert wait(asked=Hints(**{name: 1e9})) == HINT_CEILING


def test_retry_after_is_obeyed_and_capped() -> None:
    assert wait(Outcome.RATE_LIMITED, failures=0.25, asked=Hints(retry_after=10_000.0)) == timedelta(seconds=10_000)
    assert wait(Outcome.RATE_LIMITED, failures=0.25, asked=Hints(retry_after=1e9)) == CEILING
    assert wait(Outcome.HTTP_ERROR, failures=0.5, asked=Hints(retry_after=20_000.0)) == timedelta(seconds=20_000)


def test_rate_limit_without_a_header_backs_off() -> None:
    short = timedelta(minutes=10)
    first = wait(Outcome.RATE_LIMITED, interval=short, failures=0.25)
    assert first >= RATE_LIMIT_BASE
    assert wait(Outcome.RATE_LIMITED, interval=short, failures=2.0) >= first * 2


def test_host_pauses_for_a_rate_limit_only() -> None:
    assert host_pause(Outcome.OK, 3_600.0) == timedelta(0)
    assert host_pause(Outcome.HTTP_ERROR, 3_600.0) == timedelta(0)
    assert host_pause(Outcome.RATE_LIMITED, None) == RATE_LIMIT_BASE
    assert host_pause(Outcome.RATE_LIMITED, 90.0) == timedelta(seconds=90)
    assert host_pause(Outcome.RATE_LIMITED, 1e12) == CEILING
    assert host_pause(Outcome.RATE_LIMITED, -5.0) == timedelta(0)


def test_skipped_hours_and_days_are_left_out() -> None:
    assert NOON.weekday() == 1
    assert wait(asked=Hints(skip_hours=frozenset({13, 14}))) == 3 * HOUR
    found = next_check(
        now=NOON.replace(hour=23),
        outcome=Outcome.OK,
        interval=HOUR,
        failures=0,
        posts_per_day=None,
        hints=Hints(skip_days=frozenset({2})),
        jitter=0,
    )
    assert found == NOON.replace(hour=23) + CEILING  # all of Wednesday is out, and a day is the most we wait
    always = Hints(skip_hours=frozenset(range(24)))
    assert wait(asked=always) == HOUR  # a feed that asks never to be read is not obeyed


@given(st.lists(moments, max_size=30), moments)
def test_posting_rate_is_a_positive_number_or_unknown(dates: list[datetime], now: datetime) -> None:
    rate = posting_rate(dates, now=now)
    assert rate is None or rate > 0


def test_posting_rate_counts_up_to_now() -> None:
    daily = [NOON - timedelta(days=day) for day in range(10)]
    assert posting_rate(daily, now=NOON) == pytest.approx(10 / 9)
    later = posting_rate(daily, now=NOON + timedelta(days=10))
    assert later == pytest.approx(10 / 19)
    assert posting_rate([NOON + HOUR, NOON], now=NOON) is None


def test_failures_add_up_by_their_weight_and_an_answer_clears_them() -> None:
    assert failures_after(Outcome.GONE, 1.0, weight(Outcome.GONE)) == 2.0
    assert failures_after(Outcome.NOT_FOUND, 1.0, weight(Outcome.NOT_FOUND)) == 1.5
    assert failures_after(Outcome.TIMEOUT, 1.0, weight(Outcome.TIMEOUT)) == 1.25
    for outcome in ANSWERED:
        assert failures_after(outcome, 7.0, weight(outcome)) == 0.0
    assert all(weight(outcome) > 0 for outcome in set(Outcome) - ANSWERED)


def test_feed_is_stale_by_its_own_norm() -> None:
    week = timedelta(days=7)
    assert not is_stale(newest_at=None, posts_per_day=1.0, stale_after=week, now=NOON)
    assert not is_stale(newest_at=NOON - timedelta(days=6), posts_per_day=5.0, stale_after=week, now=NOON)
    assert is_stale(newest_at=NOON - timedelta(days=8), posts_per_day=5.0, stale_after=week, now=NOON)
    assert not is_stale(newest_at=NOON - timedelta(days=60), posts_per_day=0.1, stale_after=week, now=NOON)
    assert is_stale(newest_at=NOON - timedelta(days=120), posts_per_day=0.1, stale_after=week, now=NOON)
