"""The end of an editorial day: an edition closes and its digest is frozen, once, whoever asks how often.

The digest is rendered by another stage, so the door hands in how (``Freeze``); it runs inside the transaction
that closes, and so an edition is never closed without its digest nor the other way round. Called by ``routes``
and ``scheduling``.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.db import WriteSession
from service.desk.lists import items_of, require_open
from service.errors import NotNow
from service.journal import Decider, record_decision
from service.models import Edition, Editor
from service.words import EditionState, ItemState

Freeze = Callable[[WriteSession, date, datetime], Awaitable[None]]
"""Renders and stores the digest of a day as it stands at a moment (``publishing.freezing.freeze_digest``)."""


async def close_edition(session: WriteSession, edition: Edition, *, freeze: Freeze, now: datetime, by: Decider) -> None:
    """Close the day: no item comes or moves any more, and the digest is frozen in this transaction.

    Raises:
        NotNow: it is closed already, its day has not begun, or items still wait to go public by the clock.
    """
    require_open(edition)
    if edition.day > now.astimezone(ZoneInfo(edition.zone)).date():
        raise NotNow(f"The day of this edition, {edition.day}, has not begun in {edition.zone}.")
    items = await items_of(session, edition.day)
    waiting = [item for item in items if item.state == ItemState.SCHEDULED]
    if waiting:
        raise NotNow(f"{len(waiting)} items are still scheduled. Publish, move or reopen them first.")
    edition.state, edition.closed_at = EditionState.CLOSED, now
    edition.closed_by = None if isinstance(by, str) else by.id
    await session.flush()
    order = [item.story_id for item in items if item.state == ItemState.PUBLISHED]
    after = {"state": "closed", "order": order}
    await _record_edition(session, "close", edition, {"state": "open"}, after, now=now, by=by)
    await freeze(session, edition.day, now)


async def reopen_edition(session: WriteSession, edition: Edition, *, now: datetime, by: Editor) -> None:
    """Open a closed edition again, until a person closes it: the clock leaves alone what was opened after the
    cut-off. The next close freezes a new digest.

    Raises:
        NotNow: it is open.
    """
    if edition.state != EditionState.CLOSED:
        raise NotNow(f"The edition of {edition.day} is open.")
    edition.state, edition.closed_at, edition.closed_by = EditionState.OPEN, None, None
    edition.opened_at = now
    await _record_edition(session, "reopen_edition", edition, {"state": "closed"}, {"state": "open"}, now=now, by=by)


async def days_to_close(session: AsyncSession, *, calendar: Calendar, now: datetime) -> list[date]:
    """Open editions whose cut-off has passed, oldest first.

    An edition that a person opened after its own cut-off (a late one, for the record) is left to people.
    """
    editions = await session.exec(select(Edition).where(Edition.state == EditionState.OPEN).order_by(col(Edition.day)))
    cutoffs = ((edition, calendar.cutoff_of(edition.day)) for edition in editions)
    return [edition.day for edition, cutoff in cutoffs if edition.opened_at < cutoff <= now]


async def _record_edition(
    session: WriteSession,
    act: str,
    edition: Edition,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    now: datetime,
    by: Decider,
) -> None:
    await record_decision(
        session, act=act, subject=f"edition:{edition.day}", before=before, after=after, now=now, by=by
    )
