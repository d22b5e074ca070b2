"""What a fetch changes about its feed: validators, pace, failures, alarms, moves. Pure; ``writing`` writes it down.

A feed is never dropped silently. Failures slow it to once a day and raise an alarm; a move is followed, and a
feed that is gone is switched off, only when three fetches over at least a day say the same, and both say so.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from service.fetching import pace
from service.fetching.document import ParsedFeed
from service.fetching.download import Download
from service.fetching.hubs import poll_interval
from service.fetching.options import FetchOptions
from service.fetching.outcomes import ANSWERED, Outcome, weight
from service.fetching.pace import Hints
from service.fetching.slices import recall, remember
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
    "alt_used",
    "empty_answers",
    "item_hashes",
)
"""The columns that fetching owns; it changes others (``url``, ``enabled``) only when a publisher moved or went."""

_MOVED = "Moved by the publisher"
_TAKEN = "The publisher moved this feed"
"""These begin alarms that stay until a person changes the feed; the others are judged again at each fetch."""
_FORGET_MOVE: Mapping[str, Any] = MappingProxyType({"moved_to": None, "moved_seen": 0, "moved_since": None})


@dataclass(frozen=True)
class Answer:
    """One fetch, read and judged."""

    outcome: Outcome
    download: Download
    parsed: ParsedFeed | None
    body_hash: str | None
    whole: bool
    """It was asked without validators and would have been parsed whole: the answer is the full truth."""
    detail: str | None
    place: int = 0
    """Which address it is of: 0 for the feed's own, n for the nth of its alternatives."""
    parse_seconds: float | None = None
    """How long the parser took; None where there was nothing to parse."""


def broken_answer(feed: Feed, detail: str) -> Answer:
    """What is recorded of a feed that our own code failed on."""
    nothing = Download(outcome=Outcome.BAD_FEED, url=feed.url, seconds=0.0)
    return Answer(Outcome.BAD_FEED, nothing, None, None, whole=False, detail=detail)


def addresses(feed: Feed) -> tuple[str, ...]:
    """A feed's own address and its alternatives, in the order in which they are tried."""
    return (feed.url, *feed.alt_urls)


def feed_after(
    feed: Feed, options: FetchOptions, answer: Answer, *, now: datetime, jitter: float, pushed: bool = False
) -> dict[str, Any]:
    """The columns of the feed's row that this answer changes.

    ``jitter`` is a random number in [0, 1); ``pushed`` says that a hub delivers the feed meanwhile.
    """
    outcome = answer.outcome
    failures = pace.failures_after(outcome, feed.failures, weight(outcome))
    changes: dict[str, Any] = {
        "last_fetch_at": now,
        "last_outcome": outcome.value,
        "failures": failures,
        **_learned(feed, answer, now),
        **(_moved(feed, answer, now) if answer.place == 0 else {}),
    }
    changes["next_due_at"] = pace.next_check(
        now=now,
        outcome=outcome,
        interval=poll_interval(options.interval, pushed=pushed and outcome in ANSWERED),
        failures=failures,
        posts_per_day=changes.get("posts_per_day", feed.posts_per_day),
        hints=hints_of(answer, now),
        jitter=jitter,
    )
    if "alarm" not in changes:
        changes["alarm"] = _alarm(feed, options, outcome, changes, now)
    return changes


def _learned(feed: Feed, answer: Answer, now: datetime) -> dict[str, Any]:
    outcome, parsed = answer.outcome, answer.parsed
    if outcome not in ANSWERED:
        # Validators are only ever stored with what they validate: after a failure the next answer is read whole.
        return {}
    learned: dict[str, Any] = {"last_ok_at": now, "alt_used": answer.place}
    if answer.whole:
        learned["full_fetch_at"] = now
    if outcome is not Outcome.NOT_MODIFIED:
        learned |= {
            "etag": answer.download.etag,
            "last_modified": answer.download.last_modified,
            "body_hash": answer.body_hash,
        }
    # While nothing changes, an empty feed stays empty.
    still_empty = outcome in (Outcome.NOT_MODIFIED, Outcome.SAME_BODY) and feed.empty_answers > 0
    learned["empty_answers"] = feed.empty_answers + 1 if outcome is Outcome.EMPTY or still_empty else 0
    if parsed is not None:
        learned["item_hashes"] = remember(parsed.hashes, parsed.dates) if parsed.hashes else []
        if parsed.newest is not None:
            learned["newest_at"] = max(parsed.newest, feed.newest_at or parsed.newest)
    return learned | _posting_rate(feed, parsed, now)


def _posting_rate(feed: Feed, parsed: ParsedFeed | None, now: datetime) -> dict[str, Any]:
    """By all items of the document, also of one that did not change: a feed that went quiet slows down."""
    dates: Collection[datetime | None] = parsed.dates if parsed else recall(feed.item_hashes).values()
    known = [date for date in dates if date is not None]
    return {"posts_per_day": pace.posting_rate(known, now=now)} if parsed or known else {}


def _moved(feed: Feed, answer: Answer, now: datetime) -> dict[str, Any]:
    outcome, download = answer.outcome, answer.download
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
        "alarm": f"{_MOVED} from {feed.url}; write the new URL into feeds.yaml.",
        **_FORGET_MOVE,
    }


def _alarm(
    feed: Feed, options: FetchOptions, outcome: Outcome, changes: Mapping[str, Any], now: datetime
) -> str | None:
    """The gravest thing to tell, by what the row is about to hold."""

    def after(name: str) -> Any:
        return changes.get(name, getattr(feed, name))

    if after("failures") >= pace.ALARM_AT:
        return f"Keeps failing ({outcome.value}); tried once a day until it answers."
    if options.empty_is_suspect and after("empty_answers") >= options.empty_is_suspect:
        return f"Answers, but {after('empty_answers')} times in a row without a single item."
    newest_at, rate = after("newest_at"), after("posts_per_day")
    if pace.is_stale(newest_at=newest_at, posts_per_day=rate, stale_after=options.stale_after, now=now):
        return f"Has gone quiet: answers, but its newest item is of {newest_at:%Y-%m-%d}."
    place = after("alt_used")
    if 0 < place <= len(feed.alt_urls):
        host = urlsplit(feed.alt_urls[place - 1]).hostname
        return f"Its own address gives no feed; read from alternative {place} ({host}). The own one is tried daily."
    return feed.alarm if (feed.alarm or "").startswith((_MOVED, _TAKEN)) else None


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
    except (ValueError, TypeError, OverflowError, IndexError):
        return None  # "0" and "-1" are common and mean: already stale (RFC 9111 §5.3)
    if moment.tzinfo is None:
        return None
    return max((moment - now).total_seconds(), 0.0)
