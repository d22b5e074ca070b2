"""How the newsroom itself stands, for ``/status.json``: today's list, the last digest, the last thing a person did.

A quiet day and a breakdown look alike from outside; these three tell them apart. Reads only. Called by
``status_routes``, at the door.
"""

import json
from datetime import datetime
from typing import Any

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.models import Digest, Edition, Item, JournalRecord
from service.words import EditionState, ItemState


async def newsroom_status(session: AsyncSession, *, calendar: Calendar, now: datetime) -> dict[str, Any]:
    """Today's list, the last digest and the last human act; times in UTC."""
    day = calendar.day_of(now)
    edition = await session.get(Edition, day)
    public = select(func.count()).where(Item.edition_date == day, Item.state == ItemState.PUBLISHED)
    acted = select(JournalRecord.at).where(col(JournalRecord.by).is_not(None)).order_by(col(JournalRecord.seq).desc())
    last_act = (await session.exec(acted.limit(1))).one_or_none()
    return {
        "edition": {
            "day": day.isoformat(),
            "zone": calendar.zone.key,
            "state": edition.state if edition else EditionState.OPEN.value,
            "published": (await session.exec(public)).one(),
            "cutoff_at": calendar.cutoff_of(day).isoformat(),
        },
        "digest": await _last_digest(session),
        "last_human_act_at": last_act.isoformat() if last_act else None,
        "minutes_since_last_human_act": max(int((now - last_act).total_seconds() // 60), 0) if last_act else None,
    }


async def _last_digest(session: AsyncSession) -> dict[str, Any] | None:
    """The digest that was frozen last; its ``notice`` says so where nobody had filled the day."""
    query = select(Digest).where(Digest.extension == "json").order_by(col(Digest.close_seq).desc()).limit(1)
    digest = (await session.exec(query)).one_or_none()
    if digest is None:
        return None
    content = json.loads(digest.body)
    return {
        "day": digest.edition_date.isoformat(),
        "number": digest.number,
        "revision": digest.revision,
        "frozen_at": digest.frozen_at.isoformat(),
        "items": len(content["items"]),
        "notice": content["notice"],
    }
