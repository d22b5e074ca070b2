"""What a fetch changes about its feed: validators, pace, failures, alarms, moves. Pure; ``run`` writes it down.

A feed is never dropped silently. Failures slow it to once a day and raise an alarm; a move is followed, and a
feed that is gone is switched off, only when three fetches over at least a day say the same, and both say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

from service.fetching import pace
from service.fetching.document import ParsedFeed
from service.fetching.download import Download
from service.fetching.options import FetchOptions
from service.fetching.outcomes import ANSWERED, Outcome, weight
from service.fetching.pace import Hints
from service.models import Feed

SURE_AFTER_FETCHES = 3
SURE_AFTER = timedelta(days=1)

STATE = (
    "etag",
    "last_modified",
    "body_hash",
    "next_due_at",
    "full_fetch_at",
    "last_fetch_at",
    "last_ok_at",
    "last_outcome",
    "failures",
    "alarm",
    "newest_at",
    "posts_per_day",
    "moved_to",
    "moved_seen",
    "moved_since",
)
"""The columns that fetching owns; it changes others (``url``, ``enabled``) only when a publisher moved or went."""

_FORGET_MOVE: Mapping[str, Any] = MappingProxyType({"moved_to": None, "moved_seen": 0, "moved_since": None})


@dataclass(frozen=True)
class Answer:
    """One fetch, read and judged."""

    outcome: Outcome
    download: Download
    parsed: ParsedFeed | None
    body_hash: str | None
    unconditional: bool
    """It went out without validators, so the answer is the whole truth about the feed."""
    detail: str | None


def feed_after(feed: Feed, options: FetchOptions, answer: Answer, *, now: datetime, jitter: float) -> dict[str, Any]:
    """The columns of the feed's row that this answer changes. ``jitter`` is a random number in [0, 1)."""
    outcome, download = answer.outcome, answer.download
    failures = pace.failures_after(outcome, feed.failures, weight(outcome))
    changes: dict[str, Any] = {
        "last_fetch_at": now,
        "last_outcome": outcome.value,
        "failures": failures,
        **_learned(feed, answer, now),
        **_moved(feed, download, outcome, now),
    }
    posts_per_day = changes.get("posts_per_day", feed.posts_per_day)
    changes["next_due_at"] = pace.next_check(
        now=now,
        outcome=outcome,
        interval=options.interval,
        failures=failures,
        posts_per_day=posts_per_day,
        hints=hints_of(answer, now),
        jitter=jitter,
    )
    newest_at = changes.get("newest_at", feed.newest_at)
    if "alarm" not in changes:
        changes["alarm"] = _alarm(outcome, failures, newest_at, posts_per_day, options, now)
    return changes


def _learned(feed: Feed, answer: Answer, now: datetime) -> dict[str, Any]:
    if answer.outcome not in ANSWERED:
        # Validators are only ever stored with what they validate: after a failure the next answer is read whole.
        return {}
    learned: dict[str, Any] = {"last_ok_at": now}
    if answer.unconditional:
        learned["full_fetch_at"] = now
    if answer.outcome is not Outcome.NOT_MODIFIED:
        learned |= {
            "etag": answer.download.etag,
            "last_modified": answer.download.last_modified,
            "body_hash": answer.body_hash,
        }
    if answer.parsed is not None:
        dates = [e.published_at for e in answer.parsed.entries if e.published_at is not None]
        learned["posts_per_day"] = pace.posting_rate(dates, now=now)
        if answer.parsed.newest is not None:
            learned["newest_at"] = max(answer.parsed.newest, feed.newest_at or answer.parsed.newest)
    return learned


def _moved(feed: Feed, download: Download, outcome: Outcome, now: datetime) -> dict[str, Any]:
    target = download.moved_to if outcome in ANSWERED else "" if outcome is Outcome.GONE else None
    if target is None or target == feed.url:
        return dict(_FORGET_MOVE) if feed.moved_seen and outcome in ANSWERED else {}
    if feed.moved_to != target or feed.moved_since is None:
        return {"moved_to": target, "moved_seen": 1, "moved_since": now}
    seen = feed.moved_seen + 1
    if seen < SURE_AFTER_FETCHES or now - feed.moved_since < SURE_AFTER:
        return {"moved_seen": seen}
    if not target:
        return {
            "enabled": False,
            "alarm": f"The publisher said {seen} times since {feed.moved_since:%Y-%m-%d} that this feed is gone for "
            "good (410). It is switched off; give it another URL or remove it.",
        }
    return {
        "url": target,
        "alarm": f"Moved by the publisher from {feed.url}; write the new URL into feeds.yaml.",
        **_FORGET_MOVE,
    }


def _alarm(
    outcome: Outcome,
    failures: float,
    newest_at: datetime | None,
    posts_per_day: float | None,
    options: FetchOptions,
    now: datetime,
) -> str | None:
    if failures >= pace.ALARM_AT:
        return f"Keeps failing ({outcome.value}); tried once a day until it answers."
    if pace.is_stale(newest_at=newest_at, posts_per_day=posts_per_day, stale_after=options.stale_after, now=now):
        return f"Has gone quiet: answers, but its newest item is of {newest_at:%Y-%m-%d}."
    return None


def hints_of(answer: Answer, now: datetime) -> Hints:
    """What the publisher asks for, out of the headers and the document."""
    download, parsed = answer.download, answer.parsed
    return Hints(
        max_age=_max_age(download.cache_control),
        expires_in=_expires_in(download.expires, now),
        ttl=parsed.ttl_minutes * 60 if parsed and parsed.ttl_minutes else None,
        update_period=parsed.update_period if parsed else None,
        skip_hours=frozenset(parsed.skip_hours) if parsed else frozenset(),
        skip_days=frozenset(parsed.skip_days) if parsed else frozenset(),
        retry_after=download.retry_after,
    )


def _max_age(cache_control: str | None) -> float | None:
    for part in (cache_control or "").split(","):
        name, _, value = part.strip().partition("=")
        digits = value.strip(' "')
        if name.lower() == "max-age" and digits.isascii() and digits.isdigit():
            return float(digits[:9])
    return None


def _expires_in(expires: str | None, now: datetime) -> float | None:
    if not expires:
        return None
    try:
        moment = parsedate_to_datetime(expires)
    except ValueError:
        return None  # "0" and "-1" are common and mean: already stale (RFC 9111 §5.3)
    if moment.tzinfo is None:
        return None
    return max((moment - now).total_seconds(), 0.0)
