"""Days and moments as clients write them: ISO 8601 text, and nothing else that happens to be readable.

Pydantic also takes a number for seconds since 1970, so ``?since=5`` or ``/editions/0`` would be answered as if it
meant something. Pure; used by the shapes and parameters of every route.
"""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

_DAY = "2026-11-24"
_MOMENT = "2026-11-24T06:00:00Z"


def _not_a_number(value: object) -> object:
    """The value, unless it is a number or text that spells one.

    Raises:
        ValueError: it is.
    """
    if isinstance(value, int | float) or (isinstance(value, str) and _spells_a_number(value)):
        raise ValueError(f"write a day as {_DAY}, a moment as {_MOMENT}")
    return value


def _spells_a_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


IsoDay = Annotated[date, BeforeValidator(_not_a_number)]
"""A day: ``2026-11-24``."""
IsoTime = Annotated[datetime, BeforeValidator(_not_a_number)]
"""A moment, with or without a zone."""
IsoMoment = Annotated[AwareDatetime, BeforeValidator(_not_a_number)]
"""A moment with its zone: ``2026-11-24T06:00:00Z``."""
