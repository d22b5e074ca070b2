"""What answers and failures mean."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fetching.guard import RefusedAddress
from service.fetching.outcomes import Outcome
from service.fetching.verdict import (
    RETRY_AFTER_CAP,
    RetryAfter,
    describe,
    one_line,
    outcome_of_answer,
    outcome_of_error,
    parse_retry_after,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds", "capped"),
    [
        ("0", 0, False),
        ("120", 120, False),
        (" 120 ", 120, False),
        ("0000000000000120", 120, False),
        ("86400", 86_400, False),
        ("86401", 86_400, True),
        ("9" * 5000, 86_400, True),
        ("Tue, 24 Nov 2026 12:05:00 GMT", 300, False),
        ("Tue, 24 Nov 2026 12:05:00 -0000", 300, False),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0, False),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0, False),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400, True),
    ],
)
def test_retry_after_is_read_as_seconds_or_date_and_capped_at_a_day(value: str, seconds: float, capped: bool) -> None:
    assert parse_retry_after(value, NOW) == RetryAfter(seconds, capped)


@pytest.mark.parametrize(
    "value",
    [None, "", " ", "-5", "1.5", "soon", "\u0661\u0662", "1e9", "Tue, 99 Nov 2026 12:05:00 GMT", "{}"],
)
def test_retry_after_that_says_nothing_is_no_header(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


@given(st.text(max_size=60) | st.integers(-10, 10**12).map(str))
def test_no_retry_after_silences_a_feed_for_longer_than_a_day(value: str) -> None:
    wait = parse_retry_after(value, NOW)
    assert wait is None or 0 <= wait.seconds <= RETRY_AFTER_CAP


@given(st.integers(-1000, 200_000))
def test_retry_after_date_is_the_distance_from_now(seconds: int) -> None:
    wait = parse_retry_after(format_datetime(NOW + timedelta(seconds=seconds), usegmt=True), NOW)
    assert wait == RetryAfter(min(max(seconds, 0), RETRY_AFTER_CAP), seconds > RETRY_AFTER_CAP)


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Outcome.OK),
        (203, {}, Outcome.OK),
        (200, {"content-type": "text/html"}, Outcome.OK),
        (304, {}, Outcome.NOT_MODIFIED),
        (401, {}, Outcome.BLOCKED),
        (403, {}, Outcome.BLOCKED),
        (451, {}, Outcome.BLOCKED),
        (404, {}, Outcome.NOT_FOUND),
        (410, {}, Outcome.GONE),
        (429, {}, Outcome.RATE_LIMITED),
        (503, {"retry-after": "9"}, Outcome.RATE_LIMITED),
        (503, {}, Outcome.HTTP_ERROR),
        (500, {"retry-after": "9"}, Outcome.HTTP_ERROR),
        (204, {}, Outcome.HTTP_ERROR),
        (206, {}, Outcome.HTTP_ERROR),
        (226, {}, Outcome.HTTP_ERROR),
        (418, {}, Outcome.HTTP_ERROR),
        (599, {}, Outcome.HTTP_ERROR),
        (200, {"cf-mitigated": "challenge"}, Outcome.BLOCKED),
        (429, {"cf-mitigated": "Challenge"}, Outcome.BLOCKED),
        (503, {"cf-mitigated": "challenge", "retry-after": "9"}, Outcome.BLOCKED),
        (429, {"x-datadome": "protected"}, Outcome.BLOCKED),
        (200, {"x-datadome": "protected"}, Outcome.OK),
    ],
)
def test_status_has_one_meaning(status: int, headers: dict[str, str], outcome: Outcome) -> None:
    assert outcome_of_answer(status, headers, conditional=True) is outcome


def test_304_to_an_unconditional_question_is_an_error() -> None:
    assert outcome_of_answer(304, {}, conditional=False) is Outcome.HTTP_ERROR


def test_failure_is_judged_by_its_cause_and_not_by_its_wrapping() -> None:
    def wrapped(cause: Exception) -> Exception:
        error = RuntimeError("wrapped twice")
        error.__cause__ = OSError("in between")
        error.__cause__.__cause__ = cause
        return error

    for cause, outcome in (
        (RefusedAddress("10.0.0.1 is not a public address"), Outcome.REFUSED_ADDRESS),
        (socket.gaierror(-2, "Name or service not known"), Outcome.DNS),
        (ssl.SSLCertVerificationError(1, "certificate has expired"), Outcome.TLS),
        (TimeoutError(), Outcome.TIMEOUT),
        (ConnectionResetError(104, "Connection reset by peer"), Outcome.CONNECT),
    ):
        assert outcome_of_error(wrapped(cause)) is outcome
        assert outcome_of_error(cause) is outcome


def test_description_is_one_bounded_line_without_what_urls_may_hide() -> None:
    url = "https://bob:pw@news.example/feed/t0ken?key=s3cret#x"
    text = describe(OSError(5, f"cannot open {url}\r\nInjected: line{'x' * 500}"))
    assert text.startswith("OSError: cannot open https://news.example ")
    assert "\n" not in text
    assert len(text) <= 200
    for secret in ("bob", "pw", "t0ken", "s3cret"):
        assert secret not in text


@given(st.text())
def test_one_line_is_always_printable(text: str) -> None:
    assert one_line(text).isprintable()
