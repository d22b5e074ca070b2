"""Cursors: where in a list a page ended, as a word that only that list takes back.

A cursor names the last row shown and not a count of rows, so that arrivals neither shift nor repeat anything. It
carries a check over itself and over the list's order and filters: one that was altered, or is used with another
list, is refused rather than read as some other place. The check keeps mistakes out, not secrets in. Pure.
"""

import base64
import binascii
import hashlib
from datetime import UTC, datetime

from service.errors import FieldError, Invalid

CURSOR_MAX = 200
"""Characters; longer ones are not ours."""


def write_cursor(list_key: str, *place: str | int | datetime) -> str:
    """The cursor of a place: the values by which the list is ordered, of the last row shown."""
    text = " ".join(value.isoformat() if isinstance(value, datetime) else str(value) for value in place)
    return base64.urlsafe_b64encode(f"{_check(list_key, text)} {text}".encode()).decode().rstrip("=")


def read_cursor(list_key: str, cursor: str) -> list[str]:
    """The values of a place, as text.

    Raises:
        Invalid: this list gave out no such cursor.
    """
    try:
        content = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise _refused() from error
    check, _, text = content.partition(" ")
    values = text.split(" ")
    # Base64 has several spellings of one content; ours is the only one taken.
    if check != _check(list_key, text) or write_cursor(list_key, *values) != cursor:
        raise _refused()
    return values


def read_moment(text: str) -> datetime:
    """A time as ``write_cursor`` wrote it."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _check(list_key: str, text: str) -> str:
    return hashlib.blake2s(f"{list_key}\n{text}".encode(), digest_size=6).hexdigest()


def _refused() -> Invalid:
    return Invalid(
        "That cursor is not one that this list gave out. Begin again without it.",
        errors=[FieldError("cursor", "use the value of `next` from the page before, with the same filters and order")],
    )
