"""The closed list of what a fetch can end in, and what each ending weighs.

Pure. ``download`` and ``parse`` answer with these, ``pace`` weighs them, ``run`` stores them.
"""

from enum import StrEnum


class Outcome(StrEnum):
    """How one attempt to read a feed ended."""

    OK = "ok"
    """A feed with at least one entry was read."""
    NOT_MODIFIED = "not_modified"
    """304: the publisher says nothing changed."""
    SAME_BODY = "same_body"
    """200 with the bytes we had already read."""
    EMPTY = "empty"
    """A valid feed without entries."""
    BLOCKED = "blocked"
    """401, 403, 451 or a challenge page: the publisher will not serve us."""
    RATE_LIMITED = "rate_limited"
    """429, or 503 with Retry-After."""
    NOT_FOUND = "not_found"
    """404."""
    GONE = "gone"
    """410: the publisher says it is not coming back."""
    HTML = "html"
    """A web page where a feed should be."""
    BAD_FEED = "bad_feed"
    """Neither a feed nor a page, or one that could not be read within its limits."""
    BAD_ENCODING = "bad_encoding"
    """A Content-Encoding that we did not ask for and do not read, or one that is broken."""
    TOO_LARGE = "too_large"
    """More bytes, raw or decompressed, than this feed may have."""
    TIMEOUT = "timeout"
    DNS = "dns"
    """The name does not resolve."""
    CONNECT = "connect"
    """The host does not answer, or broke off."""
    TLS = "tls"
    REFUSED_ADDRESS = "refused_address"
    """Our guard would not go there: a private address, another scheme, another port."""
    REDIRECTS = "redirects"
    """Too many redirects, or one that leads nowhere."""
    HTTP_ERROR = "http_error"
    """Any other status from 400 up, or one that makes no sense for a feed."""


ANSWERED = frozenset({Outcome.OK, Outcome.NOT_MODIFIED, Outcome.SAME_BODY, Outcome.EMPTY})
"""The feed gave an answer that can be trusted; anything else is a failure."""

HARD = frozenset({Outcome.GONE, Outcome.HTML, Outcome.BAD_FEED, Outcome.REFUSED_ADDRESS, Outcome.TOO_LARGE})
"""Will most likely be the same next time; weighs 1."""

TEMPORARY = frozenset({Outcome.TIMEOUT, Outcome.CONNECT, Outcome.RATE_LIMITED, Outcome.DNS})
"""Most likely over soon; weighs 0.25."""


def weight(outcome: Outcome) -> float:
    """What one such ending adds to a feed's failures: hard 1, soft 0.5, temporary 0.25, an answer 0."""
    if outcome in ANSWERED:
        return 0.0
    if outcome in HARD:
        return 1.0
    return 0.25 if outcome in TEMPORARY else 0.5
