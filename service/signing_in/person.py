"""Who a provider vouches for, and the two ways in which it can fail to. Pure, and needs no extra.

Read by ``tokens`` and ``provider`` out of claims; ``accounts`` finds the account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SUBJECT_LENGTH = 255  # OpenID Connect Core §2: at most 255 ASCII characters


class Refused(Exception):
    """What came proves nothing to us; the text says why and holds nothing of it."""


class UnknownKey(Refused):
    """The token's key is not among those at hand: perhaps the provider has new ones."""


@dataclass(frozen=True)
class Person:
    """What the provider says of who signed in."""

    subject: str
    """Its name for this person, for good."""
    email: str | None = None
    email_verified: bool = False


def person_of(claims: Mapping[str, Any]) -> Person:
    """The person that claims speak of, whether they came in an ID token or from the userinfo endpoint.

    Raises:
        Refused: they name nobody.
    """
    subject, email, verified = claims.get("sub"), claims.get("email"), claims.get("email_verified")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_LENGTH or not subject.isprintable():
        raise Refused("it names nobody")
    # Some providers write the word where the specification has a boolean.
    return Person(subject, email if isinstance(email, str) else None, verified is True or verified == "true")
