"""The closed lists of the newsroom's own words: states, roles, kinds. Pure; tables and rules share them."""

from enum import StrEnum

PASS_REASONS = ("off_topic", "duplicate", "old", "low_quality", "opinion", "advertising", "unverifiable", "other")
"""Why a story is not taken, where a newsroom has set no list of its own (``HUOBAN_PASS_REASONS``)."""


class StoryState(StrEnum):
    """Where a story stands on the wire; every move can be undone."""

    NEW = "new"
    HELD = "held"
    PASSED = "passed"
    PICKED = "picked"


class ItemState(StrEnum):
    """Where an item stands in its edition."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class EditionState(StrEnum):
    """An edition rolls until it is closed; closing freezes the digest."""

    OPEN = "open"
    CLOSED = "closed"


class Role(StrEnum):
    """What a person may do; each role may do all that the one before it may."""

    EDITOR = "editor"
    CHIEF = "chief"
    ADMIN = "admin"


class TokenKind(StrEnum):
    """Whether a token stands for a person or for a program."""

    PERSON = "person"
    SERVICE = "service"


class DeliveryKind(StrEnum):
    """What leaves the house by itself."""

    PING = "ping"
    """A hub is told that a list changed (WebSub)."""
    MAIL = "mail"
    """A digest to one address."""
    WEBHOOK = "webhook"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    SENDING = "sending"
    """A mail is being handed over: from here on it is not known to be unsent."""
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    """The mail server may or may not have taken it; it is not sent again unless a person says so."""
