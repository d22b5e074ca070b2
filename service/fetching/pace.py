"""When to look at a feed again: a pure function of what happened, what the publisher asks and how it posts.

The answer is never in the past, never sooner than the floor and never later than the ceiling, whatever a
server claims. It samples nothing: the caller passes ``now`` and a random number for the jitter. Used by
``health`` after each fetch; the database keeps the due time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service.fetching.outcomes import ANSWERED, Outcome

FLOOR = timedelta(minutes=5)
"""No feed is looked at more often, unless its own configured interval is shorter."""
CEILING = timedelta(hours=24)
"""No feed is left alone for longer: a forged Retry-After must not silence a source (CVE-2025-68148)."""
HINT_CEILING = timedelta(hours=6)
"""How far a publisher's caching hints alone may stretch the pace."""
RATE_LIMIT_BASE = timedelta(minutes=30)
"""The first pause after a 429 that names none."""
ALARM_AT = 3.0
"""Weighted failures in a row at which the desk is told; the feed is then tried once a day."""
FULL_FETCH_EVERY = timedelta(hours=12)
"""After this long a fetch goes out without validators: some publishers never change their ETag."""
JITTER = 0.1
"""The largest part of the wait that is added at random, so that feeds spread out."""


@dataclass(frozen=True)
class Hints:
    """What the publisher asks for, all optional."""

    max_age: float | None = None
    """Seconds from Cache-Control (RFC 9111 §5.2.2.1)."""
    expires_in: float | None = None
    """Seconds until Expires."""
    ttl: float | None = None
    """Seconds from RSS ``<ttl>``, which is in minutes there."""
    update_period: float | None = None
    """Seconds between updates by the RSS syndication module (``sy:``)."""
    skip_hours: frozenset[int] = frozenset()
    """Hours of the day in GMT in which RSS ``<skipHours>`` asks not to be read."""
    skip_days: frozenset[int] = frozenset()
    """Weekdays (Monday 0) of RSS ``<skipDays>``."""
    retry_after: float | None = None
    """Seconds from Retry-After, already capped."""


def next_check(
    *,
    now: datetime,
    outcome: Outcome,
    interval: timedelta,
    failures: float,
    posts_per_day: float | None,
    hints: Hints,
    jitter: float,
) -> datetime:
    """The moment at which this feed is due again.

    ``failures`` is the weighted count after this fetch; ``jitter`` is a random number in [0, 1).
    """
    floor = min(FLOOR, interval)
    wait = _steady(interval, posts_per_day, hints) if outcome in ANSWERED else _backed_off(interval, failures)
    if outcome is Outcome.RATE_LIMITED and hints.retry_after is None:
        wait = max(wait, RATE_LIMIT_BASE * 2 ** min(failures, 8))
    if hints.retry_after is not None:
        wait = max(wait, timedelta(seconds=min(hints.retry_after, CEILING.total_seconds())))
    wait = min(max(wait, floor), CEILING)
    wait += min(wait * JITTER * jitter, CEILING - wait)
    if hints.skip_hours or hints.skip_days:
        return min(_outside_skipped(now + wait, hints), now + CEILING)
    return now + wait


def host_pause(outcome: Outcome, retry_after: float | None) -> timedelta:
    """How long no feed of a host is asked after this answer of one: a 429 or 503 speaks for the whole host."""
    if outcome is not Outcome.RATE_LIMITED:
        return timedelta(0)
    if retry_after is None:
        return RATE_LIMIT_BASE
    return timedelta(seconds=min(max(retry_after, 0.0), CEILING.total_seconds()))


def _steady(interval: timedelta, posts_per_day: float | None, hints: Hints) -> timedelta:
    wait = interval
    if posts_per_day is not None:
        # Look twice for each item expected, but stay within sight of what the newsroom configured.
        ideal = timedelta(days=min(0.5 / posts_per_day, 30)) if posts_per_day > 0.01 else interval * 4
        wait = min(max(ideal, interval / 4), interval * 4)
    asked = max((h for h in (hints.max_age, hints.expires_in, hints.ttl, hints.update_period) if h), default=0.0)
    return max(wait, timedelta(seconds=min(asked, HINT_CEILING.total_seconds())))


def _backed_off(interval: timedelta, failures: float) -> timedelta:
    if failures >= ALARM_AT:
        return CEILING
    return min(interval * 2**failures, CEILING)


def _outside_skipped(moment: datetime, hints: Hints) -> datetime:
    # At most a week of hours: a feed that asks to be skipped always is not obeyed.
    candidate = moment.astimezone(UTC)
    for _ in range(24 * 7):
        if candidate.hour not in hints.skip_hours and candidate.weekday() not in hints.skip_days:
            return candidate
        candidate = candidate.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return moment


def posting_rate(dates: Iterable[datetime], *, now: datetime) -> float | None:
    """Items a day over the span that the feed shows; None when too few dates tell.

    Counts up to ``now``, so that a feed which went quiet slows down.
    """
    known = sorted(date for date in dates if date <= now)
    if len(known) < 2:
        return None
    days = (now - known[0]).total_seconds() / 86_400
    return len(known) / max(days, 1 / 24)


def failures_after(outcome: Outcome, before: float, weight: float) -> float:
    """The weighted failures in a row; an answer clears them."""
    return 0.0 if outcome in ANSWERED else min(before + weight, 1_000.0)


def is_stale(*, newest_at: datetime | None, posts_per_day: float | None, stale_after: timedelta, now: datetime) -> bool:
    """Whether a feed that answers has gone quiet: nothing new for longer than its own norm.

    The norm is ten times its usual gap between items, and at least ``stale_after``. A feed without a dated
    item cannot tell.
    """
    if newest_at is None:
        return False
    usual_gap = timedelta(days=min(1 / posts_per_day, 365)) if posts_per_day else timedelta(0)
    return now - newest_at > max(stale_after, usual_gap * 10)
