"""When something that did not get through is tried again, and when it is given up.

Pure. The delays stand in the database as due times, so they go on counting across a restart.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from service.words import DeliveryKind

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

# A ping that is hours late helps nobody: readers ask by themselves. A digest is news for a day. A receiver of
# webhooks may be down for a weekend; these are the steps that Standard Webhooks recommends.
_WAITS: Mapping[DeliveryKind, tuple[timedelta, ...]] = MappingProxyType(
    {
        DeliveryKind.PING: (timedelta(seconds=10), MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR),
        DeliveryKind.MAIL: (MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR),
        DeliveryKind.WEBHOOK: (
            timedelta(seconds=5),
            5 * MINUTE,
            30 * MINUTE,
            2 * HOUR,
            5 * HOUR,
            10 * HOUR,
            14 * HOUR,
            20 * HOUR,
            24 * HOUR,
        ),
    }
)
GIVEN_UP_AFTER: Mapping[DeliveryKind, timedelta] = MappingProxyType(
    {DeliveryKind.PING: 9 * HOUR, DeliveryKind.MAIL: DAY, DeliveryKind.WEBHOOK: 80 * HOUR}
)
"""How old a delivery becomes that does not get through."""
LONGEST_WAIT = DAY
"""However long the other end asks us to stay away."""


def next_try(
    kind: DeliveryKind, attempts: int, *, since: datetime, now: datetime, asked: float | None = None
) -> datetime | None:
    """When to try again after so many attempts, of something wanted ``since``; None when it is time to give up.

    ``asked`` is what the other end said (Retry-After, in seconds); it can only lengthen a wait.
    """
    waits = _WAITS[kind]
    again = now + min(LONGEST_WAIT, max(waits[min(attempts, len(waits)) - 1], timedelta(seconds=asked or 0)))
    return again if again <= since + GIVEN_UP_AFTER[kind] else None
