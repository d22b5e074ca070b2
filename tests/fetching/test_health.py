"""What a fetch changes about its feed: one answer after the other, as the row would see them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.fetching.document import ParsedFeed
from service.fetching.download import Download
from service.fetching.health import STATE, Answer, feed_after, hints_of
from service.fetching.options import FetchOptions
from service.fetching.outcomes import Outcome
from service.models import Feed
from tests import builders
from tests.conftest import NOON

OPTIONS = FetchOptions()
DAY = timedelta(days=1)


def a_feed(**more: Any) -> Feed:
    return builders.a_feed(**{"item_hashes": [], **more})


def parsed(*dates: datetime, **more: Any) -> ParsedFeed:
    values: dict[str, Any] = {
        "title": "Paper",
        "homepage": None,
        "language": "en",
        "ttl_minutes": None,
        "update_period": None,
        "skip_hours": (),
        "skip_days": (),
        "hub": None,
        "self_url": None,
        "newest": max(dates, default=None),
        "entries": (),
        "charset": "utf-8",
        "dates": dates,
        "hashes": tuple(f"{place:032x}" for place in range(len(dates))),
        **more,
    }
    return ParsedFeed(**values)


def answer(outcome: Outcome = Outcome.OK, document: ParsedFeed | None = None, **more: Any) -> Answer:
    download_only = {name: more.pop(name) for name in list(more) if name in Download.__dataclass_fields__}
    download = Download(outcome=outcome, url="https://paper.example/rss", seconds=0.1, **download_only)
    values: dict[str, Any] = {"body_hash": "b" * 64, "whole": False, "detail": None, **more}
    return Answer(outcome, download, document, **values)


def after(feed: Feed, said: Answer, *, now: datetime = NOON, options: FetchOptions = OPTIONS, **more: Any) -> Feed:
    """The feed's row after this answer."""
    changes = feed_after(feed, options, said, now=now, jitter=0.0, **more)
    return Feed(**{**feed.model_dump(), **changes})


def test_answer_sets_validators_and_clears_failures() -> None:
    feed = a_feed(failures=2.5, alarm="Keeps failing (timeout)")
    said = answer(document=parsed(NOON - DAY / 24, NOON - DAY / 12), etag='"1"', last_modified="yesterday", whole=True)
    row = after(feed, said)
    assert (row.etag, row.last_modified, row.body_hash) == ('"1"', "yesterday", "b" * 64)
    assert (row.failures, row.alarm, row.last_outcome) == (0.0, None, "ok")
    assert (row.last_fetch_at, row.last_ok_at, row.full_fetch_at) == (NOON, NOON, NOON)
    assert row.newest_at == NOON - DAY / 24
    assert len(row.item_hashes) == 2


def test_failure_keeps_what_the_last_answer_taught() -> None:
    feed = after(a_feed(), answer(document=parsed(NOON - DAY), etag='"1"', whole=True))
    row = after(feed, answer(Outcome.BAD_FEED, etag='"2"'), now=NOON + DAY)
    kept = ("etag", "body_hash", "item_hashes", "full_fetch_at", "last_ok_at", "newest_at")
    assert [getattr(row, name) for name in kept] == [getattr(feed, name) for name in kept]
    assert (row.failures, row.last_outcome) == (1.0, "bad_feed")


def test_unchanged_answer_does_not_touch_validators() -> None:
    feed = a_feed(etag='"1"', last_modified="x", body_hash="a" * 64)
    assert "etag" not in feed_after(feed, OPTIONS, answer(Outcome.NOT_MODIFIED), now=NOON, jitter=0)
    changes = feed_after(feed, OPTIONS, answer(Outcome.SAME_BODY, etag='"2"'), now=NOON, jitter=0)
    assert changes["etag"] == '"2"'
    assert "item_hashes" not in changes


def test_fetching_writes_only_columns_of_its_own_unless_the_publisher_moved() -> None:
    for outcome in Outcome:
        assert feed_after(a_feed(), OPTIONS, answer(outcome), now=NOON, jitter=0.5).keys() <= set(STATE)


def test_posting_rate_is_the_same_whether_the_document_changed_or_not() -> None:
    dates = [NOON - timedelta(hours=hour) for hour in range(1, 25)]
    feed = after(a_feed(), answer(document=parsed(*dates)))
    whole = feed_after(feed, OPTIONS, answer(document=parsed(*dates)), now=NOON + DAY, jitter=0)
    unchanged = feed_after(feed, OPTIONS, answer(Outcome.NOT_MODIFIED), now=NOON + DAY, jitter=0)
    assert whole["posts_per_day"] == pytest.approx(12)
    assert unchanged["posts_per_day"] == pytest.approx(12)
    assert unchanged["next_due_at"] == whole["next_due_at"]


def test_feed_that_goes_quiet_slows_down_and_is_shown() -> None:
    feed = after(a_feed(), answer(document=parsed(*(NOON - timedelta(hours=hour) for hour in range(1, 40)))))
    later = NOON + timedelta(days=20)
    row = after(feed, answer(Outcome.NOT_MODIFIED), now=later)
    assert row.alarm is not None
    assert row.alarm.startswith("Has gone quiet")
    assert row.enabled
    assert row.next_due_at - later > timedelta(minutes=60)


def test_three_hard_failures_raise_an_alarm_and_slow_the_feed_to_once_a_day() -> None:
    feed = a_feed()
    for turn in range(3):
        assert feed.alarm is None
        feed = after(feed, answer(Outcome.HTML), now=NOON + turn * DAY)
    assert feed.alarm == "Keeps failing (html); tried once a day until it answers."
    assert feed.next_due_at == NOON + 2 * DAY + DAY
    assert feed.enabled


def test_move_is_followed_only_after_three_fetches_over_a_day() -> None:
    feed, moved = a_feed(), answer(document=parsed(NOON), moved_to="https://new.example/rss")
    for hours in (0, 1, 2, 23):
        feed = after(feed, moved, now=NOON + timedelta(hours=hours))
        assert "new.example" not in feed.url
    old = feed.url
    feed = after(feed, moved, now=NOON + timedelta(hours=24))
    assert feed.url == "https://new.example/rss"
    assert feed.alarm == f"Moved by the publisher from {old}; write the new URL into feeds.yaml."
    assert (feed.moved_to, feed.moved_seen) == (None, 0)
    feed = after(feed, answer(Outcome.NOT_MODIFIED), now=NOON + timedelta(hours=25))
    assert feed.alarm is not None, "a person has to see it"


def test_move_that_is_taken_back_or_changes_its_target_is_forgotten() -> None:
    first = answer(document=parsed(NOON), moved_to="https://a.example/rss")
    feed = after(after(a_feed(), first), first, now=NOON + DAY)
    assert feed.moved_seen == 2
    assert after(feed, answer(document=parsed(NOON))).moved_seen == 0
    other = after(feed, answer(document=parsed(NOON), moved_to="https://b.example/rss"), now=NOON + 2 * DAY)
    assert (other.moved_to, other.moved_seen) == ("https://b.example/rss", 1)


def test_feed_that_is_gone_for_a_day_is_switched_off_and_says_so() -> None:
    feed = a_feed()
    for turn in range(3):
        assert feed.enabled
        feed = after(feed, answer(Outcome.GONE), now=NOON + turn * DAY)
    assert not feed.enabled
    assert feed.alarm is not None
    assert "410" in feed.alarm


def test_alternative_in_use_is_told_and_never_moves_the_feed() -> None:
    feed = a_feed(alt_urls=["https://other.example/rss"])
    said = answer(document=parsed(NOON), place=1, moved_to="https://elsewhere.example/rss")
    row = after(feed, said)
    assert (row.alt_used, row.moved_seen, row.failures) == (1, 0, 0.0)
    assert row.alarm is not None
    assert "alternative 1 (other.example)" in row.alarm
    back = after(row, answer(document=parsed(NOON)), now=NOON + DAY)
    assert (back.alt_used, back.alarm) == (0, None)
    assert after(row, answer(Outcome.TIMEOUT)).alt_used == 1


def test_empty_answers_become_an_alarm_where_they_are_suspect() -> None:
    suspicious = replace(OPTIONS, empty_is_suspect=2)
    feed = after(a_feed(), answer(Outcome.EMPTY), options=suspicious)
    assert (feed.empty_answers, feed.alarm) == (1, None)
    again = after(feed, answer(Outcome.NOT_MODIFIED), options=suspicious)
    assert again.alarm == "Answers, but 2 times in a row without a single item."
    assert after(again, answer(Outcome.NOT_MODIFIED)).alarm is None, "elsewhere empty is normal"
    full = after(again, answer(document=parsed(NOON)), options=suspicious)
    assert (full.empty_answers, full.alarm) == (0, None)
    assert after(full, answer(Outcome.SAME_BODY), options=suspicious).empty_answers == 0


def test_feed_that_is_pushed_is_polled_less() -> None:
    plain = after(a_feed(), answer(document=parsed(NOON)))
    pushed = after(a_feed(), answer(document=parsed(NOON)), pushed=True)
    assert pushed.next_due_at - NOON > (plain.next_due_at - NOON) * 2
    failing = after(a_feed(), answer(Outcome.TIMEOUT), pushed=True)
    assert failing.next_due_at == after(a_feed(), answer(Outcome.TIMEOUT)).next_due_at


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("max-age=300", 300.0),
        ('public, MAX-AGE="60"', 60.0),
        ("max-age=-1", None),
        ("max-age=٣", None),
        ("max-age=" + "9" * 5_000, 999_999_999.0),
        ("no-store", None),
        (None, None),
    ],
)
def test_max_age_is_read(header: str | None, expected: float | None) -> None:
    assert hints_of(answer(cache_control=header), NOON).max_age == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Tue, 24 Nov 2026 13:00:00 GMT", 3_600.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 13:00:00", None),  # without a zone it says nothing
        ("0", None),
        ("-1", None),
        ("Mon, 1 Jan 99999999999999999999 00:00:00 GMT", None),
        ("soon", None),
        (None, None),
    ],
)
def test_expires_is_read(header: str | None, expected: float | None) -> None:
    assert hints_of(answer(expires=header), NOON).expires_in == expected


def test_documents_own_hints_are_read() -> None:
    document = parsed(NOON, ttl_minutes=90, update_period=7_200, skip_hours=(3,), skip_days=(6,))
    found = hints_of(answer(document=document), NOON.astimezone(UTC))
    assert (found.ttl, found.update_period) == (5_400, 7_200)
    assert (found.skip_hours, found.skip_days) == ({3}, {6})
