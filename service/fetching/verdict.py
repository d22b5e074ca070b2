"""What an answer or a failure on the network means, in words of the closed list.

Pure: statuses, header values and exceptions in, outcomes and short texts out. Nothing here holds a URL's
path or query, so its texts may be stored and shown. Called by ``fetching.download``.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from service.fetching.body import BadEncoding, TooLarge
from service.fetching.guard import RefusedAddress
from service.fetching.outcomes import Outcome

RETRY_AFTER_CAP = 86_400.0
"""Seconds. A forged header of a year would otherwise silence a feed for a year."""

_DETAIL_LENGTH = 200

# In this order, over the whole chain of causes: what we refused ourselves comes first, and the general
# classes (a TimeoutError is an OSError, a TLS failure a ClientConnectorError) come after the special ones.
_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], Outcome], ...] = (
    ((RefusedAddress, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError), Outcome.REFUSED_ADDRESS),
    ((BadEncoding,), Outcome.BAD_ENCODING),
    ((TooLarge, LineTooLong), Outcome.TOO_LARGE),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), Outcome.DNS),
    ((aiohttp.ClientSSLError, ssl.SSLError), Outcome.TLS),
    ((TimeoutError,), Outcome.TIMEOUT),
    ((OSError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError), Outcome.CONNECT),
    ((aiohttp.ClientError,), Outcome.HTTP_ERROR),
)
_STATUSES = {
    401: Outcome.BLOCKED,
    403: Outcome.BLOCKED,
    451: Outcome.BLOCKED,
    404: Outcome.NOT_FOUND,
    410: Outcome.GONE,
    429: Outcome.RATE_LIMITED,
}


@dataclass(frozen=True)
class RetryAfter:
    """How long a server asks us to stay away."""

    seconds: float
    """Zero to ``RETRY_AFTER_CAP``."""
    capped: bool
    """It asked for longer than the cap."""


def parse_retry_after(value: str | None, now: datetime) -> RetryAfter | None:
    """Read a Retry-After header (RFC 9110 §10.2.3): seconds, or an HTTP date.

    A date in the past is zero seconds; anything else (negative, fractions, text) is no header at all.
    """
    text = (value or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        # Python refuses to read integers of thousands of digits; ten are far over the cap already.
        asked = float(text.lstrip("0")[:10] or 0)
    else:
        try:
            until = parsedate_to_datetime(text)
            asked = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
        except (ValueError, TypeError, OverflowError, IndexError):
            return None  # not a date either: the header says nothing
    return RetryAfter(seconds=min(max(asked, 0.0), RETRY_AFTER_CAP), capped=asked > RETRY_AFTER_CAP)


def outcome_of_answer(status: int, headers: Mapping[str, str], *, conditional: bool) -> Outcome:
    """What a final status means; ``OK`` says that the body is worth reading.

    Args:
        status: the status code; redirects have been dealt with.
        headers: names in lower case.
        conditional: whether validators were sent; without them a 304 makes no sense.
    """
    if headers.get("cf-mitigated", "").lower() == "challenge":
        return Outcome.BLOCKED
    # This product marks the answers that it lets through, too; its own refusals come with a status of 4xx.
    if "x-datadome" in headers and status >= 400:
        return Outcome.BLOCKED
    if status in (200, 203):
        return Outcome.OK
    if status == 304 and conditional:
        return Outcome.NOT_MODIFIED
    if status == 503 and "retry-after" in headers:
        return Outcome.RATE_LIMITED
    return _STATUSES.get(status, Outcome.HTTP_ERROR)


def outcome_of_error(error: Exception) -> Outcome:
    """What a failure means, judged by the causes behind the exception and not by its wrapping."""
    causes = tuple(_causes(error))
    for kinds, outcome in _MEANINGS:
        if any(isinstance(cause, kinds) for cause in causes):
            return outcome
    return Outcome.CONNECT


def describe(error: Exception) -> str:
    """One short line for the fetch history: the innermost cause, without any URL."""
    *_, cause = _causes(error)
    if isinstance(cause, RefusedAddress | BadEncoding | TooLarge):
        return one_line(str(cause))
    if isinstance(cause, HttpProcessingError):
        return one_line(f"its answer is not HTTP as it should be ({type(cause).__name__})")
    said = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
    name = type(cause).__name__
    return one_line(f"{name}: {said}" if said else name)


def one_line(text: str) -> str:
    """Printable, on one line, bounded, and with URLs cut down to scheme and host."""
    text = re.sub(r"(\w+://)(?:[^\s/?#]*@)?([^\s/?#]*)\S*", r"\1\2", text)
    return "".join(char if char.isprintable() else " " for char in text)[:_DETAIL_LENGTH]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what it was raised from, outermost first; a timeout's inner cancellation left out."""
    while error is not None and not isinstance(error, asyncio.CancelledError):
        yield error
        error = error.__cause__
