"""The rules of WebSub for a subscriber (W3C Recommendation of 23 January 2018): who, when, and what to believe.

Pure: values in, decisions out; it knows no row, no request and no clock. ``websub`` keeps the subscriptions,
``pushes`` takes what hubs deliver, ``run`` asks for the slower pace of a feed that is pushed.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

from service.fetching.guard import RefusedAddress, check_address
from service.fetching.vocabulary import BadValue, check_url

LEASE_ASKED = timedelta(days=7)
LEASE_LEAST, LEASE_MOST = timedelta(minutes=5), timedelta(days=30)
"""What we believe of the lease that a hub grants: less would keep us asking, more would be forgotten there."""
RENEW_BEFORE = timedelta(days=1)
ANSWER_WITHIN = timedelta(hours=1)
"""How long a hub has to verify a request before we ask again; doubles with each failure."""
ASK_AGAIN_AT_MOST = timedelta(days=1)
AFTER_DENIAL = timedelta(days=7)
RENEWAL_GAP = timedelta(minutes=5)
FORGET_AFTER = timedelta(days=1)
"""How long a subscription that we left stays known, so that its hub can verify that we meant it."""
POLL_LESS = 6
"""A pushed feed is polled at so many times its interval …"""
POLL_AT_LEAST_EVERY = timedelta(hours=6)
"""… but no more seldom than this: hubs go quiet without a word."""

_DIGESTS = frozenset({"sha1", "sha256", "sha384", "sha512"})
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w!#$%&'*+.^`|~-]+\s*(?:=\s*(?:\"[^\"]*\"|[^\s;,\"]*))?)*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]*))", re.IGNORECASE)
# RFC 6761, RFC 6762, RFC 7686, RFC 8375 and ICANN's .internal: names that lead nowhere from the outside.
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".home.arpa", ".test", ".invalid", ".onion")


class SubscriptionState(StrEnum):
    """Where a subscription stands."""

    WANTED = "wanted"
    """The feed names a hub; nothing was asked yet."""
    ASKED = "asked"
    """The hub has been asked, and has not verified it yet."""
    ACTIVE = "active"
    """Verified; the hub pushes until the lease ends."""
    DENIED = "denied"
    """The hub will not."""
    LEAVING = "leaving"
    """No longer wanted; the hub is to be told."""
    ENDED = "ended"
    """The hub was told."""


class Step(StrEnum):
    """What to do next about a subscription."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    FORGET = "forget"


@dataclass(frozen=True)
class Hub:
    """Who pushes a feed, and under which name it knows the feed."""

    url: str
    topic: str


def hub_of(*, hub: str | None, self_url: str | None, link_header: str | None, url: str) -> Hub | None:
    """The hub of a feed, by its HTTP Link headers, else by its document (WebSub §4); None where it names none.

    Both links are needed, and a hub must be reached over https unless the topic itself is not: the secret that
    proves a push must not travel in the clear (§5.1), where there is anything to protect.
    """
    linked = link_relations(link_header, url)
    hub, topic = (linked["hub"], linked["self"]) if {"hub", "self"} <= linked.keys() else (hub, self_url)
    if not hub or not topic:
        return None
    try:
        found = Hub(check_url(hub), check_url(topic))
    except BadValue:
        return None
    return found if found.url.startswith("https:") or found.topic.startswith("http:") else None


def link_relations(header: str | None, url: str) -> dict[str, str]:
    """Relation → address out of a Link header (RFC 8288 §3), the first of each; relative to ``url``."""
    found: dict[str, str] = {}
    for target, parameters in _LINK.findall(header or ""):
        rel = _REL.search(parameters)
        for word in (rel[1] or rel[2]).lower().split() if rel else ():
            try:
                found.setdefault(word, urljoin(url, target.strip()))
            except ValueError:  # brackets that hold no address
                continue
    return found


def can_be_reached(base_url: str) -> bool:
    """Whether a hub on the internet could call us back at this address: https, and no private host."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https" or not host:
        return False
    try:
        check_address(str(ip_address(host)), 443, ())
    except RefusedAddress:
        return False
    except ValueError:  # a name, not an address
        return "." in host and not host.endswith(_PRIVATE_NAMES)
    return True


def next_step(
    state: SubscriptionState,
    *,
    asked_at: datetime,
    lease_until: datetime | None,
    failures: int,
    live: bool,
    now: datetime,
) -> Step | None:
    """What is due now. ``live`` says whether the feed is still fetched; ``asked_at`` is our last request."""
    since = now - asked_at
    if state is SubscriptionState.LEAVING or (
        not live and state in (SubscriptionState.ASKED, SubscriptionState.ACTIVE)
    ):
        return Step.UNSUBSCRIBE
    if not live or state is SubscriptionState.ENDED:
        return Step.FORGET if since >= FORGET_AFTER else None
    if state is SubscriptionState.ACTIVE:
        return Step.SUBSCRIBE if _renewal_is_due(asked_at, lease_until, now) else None
    waits = {
        SubscriptionState.WANTED: timedelta(0),
        SubscriptionState.ASKED: min(ANSWER_WITHIN * 2 ** min(failures, 10), ASK_AGAIN_AT_MOST),
        SubscriptionState.DENIED: AFTER_DENIAL,
    }
    return Step.SUBSCRIBE if since >= waits[state] else None


def _renewal_is_due(asked_at: datetime, lease_until: datetime | None, now: datetime) -> bool:
    # A third of what is left when we ask: a renewal that goes unanswered is asked again before the lease ends.
    if lease_until is None:
        return True
    before = min(RENEW_BEFORE, (lease_until - asked_at) / 3)
    return now >= lease_until - before and now - asked_at >= RENEWAL_GAP


def granted_lease(lease_seconds: str | None) -> timedelta:
    """The lease that a hub's verification names, within what we believe; ours where it names none."""
    text = (lease_seconds or "").strip()
    if not (text.isascii() and text.isdigit()):
        return LEASE_ASKED
    return min(max(timedelta(seconds=int(text[:9])), LEASE_LEAST), LEASE_MOST)


def is_signed(secret: str, signature: str | None, body: bytes) -> bool:
    """Whether ``X-Hub-Signature`` (WebSub §8) proves that the hub sent this body; compared in constant time."""
    method, _, given = (signature or "").strip().partition("=")
    if method.lower() not in _DIGESTS or not given.isascii():
        return False
    return hmac.compare_digest(hmac.new(secret.encode(), body, method.lower()).hexdigest(), given.strip().lower())


def poll_interval(interval: timedelta, *, pushed: bool) -> timedelta:
    """The interval that ``pace`` starts from: longer while a hub pushes the feed, never shorter than configured."""
    return max(interval, min(interval * POLL_LESS, POLL_AT_LEAST_EVERY)) if pushed else interval
