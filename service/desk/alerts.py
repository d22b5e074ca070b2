"""What sources changed after publication, as the desk sees it: both texts, until an editor has seen them.

``fetching.watch`` raises the alerts. Seeing one decides nothing about the item: an editor corrects it, withdraws it
or lets it stand, and that is on the record. Called by ``alert_routes``.
"""

from datetime import datetime
from typing import Any

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.desk.schemas import Day, Shape
from service.errors import NotFound
from service.models import Editor, Item, SourceAlert, Story

MOST_ALERTS = 200


class AlertOut(Shape):
    """One change at the source of a published item."""

    id: str
    at: datetime
    kind: str
    before: str
    after: str
    story_id: str
    url: str
    headline: str
    """As readers see it."""
    edition: Day | None
    state: str | None
    seen_by: str | None
    seen_at: datetime | None


class AlertList(Shape):
    """Alerts, the newest first."""

    items: list[AlertOut]
    total: int
    """How many there are in all; ``items`` holds the newest of them."""


async def list_alerts(session: AsyncSession, *, seen: bool | None, limit: int) -> AlertList:
    """The newest alerts: those nobody has seen, those somebody has, or (None) all."""
    conditions = [] if seen is None else [col(SourceAlert.seen_at).is_not(None) if seen else _unseen()]
    total = (await session.exec(select(func.count()).select_from(SourceAlert).where(*conditions))).one()
    newest = _alerts().where(*conditions).order_by(col(SourceAlert.at).desc(), col(SourceAlert.id).desc())
    rows = (await session.exec(newest.limit(limit))).all()
    return AlertList(items=[_view(*row) for row in rows], total=total)


async def see_alert(session: WriteSession, alert_id: str, *, now: datetime, by: Editor) -> AlertOut:
    """Mark an alert as seen; the first who saw it stays.

    Raises:
        NotFound: there is no such alert.
    """
    alert = (await session.exec(select(SourceAlert).where(SourceAlert.id == alert_id).with_for_update())).one_or_none()
    if alert is None:
        raise NotFound(f"There is no alert {alert_id[:40]}.")
    if alert.seen_at is None:
        alert.seen_by, alert.seen_at = by.id, now
        session.add(alert)
        await session.flush()
    return _view(*(await session.exec(_alerts().where(SourceAlert.id == alert_id))).one())


def _unseen() -> Any:
    return col(SourceAlert.seen_at).is_(None)


def _alerts() -> Any:
    """Alerts with their story, its item and who saw them."""
    return (
        select(SourceAlert, Story, Item, Editor.name)
        .join(Story, col(Story.id) == SourceAlert.story_id)
        .outerjoin(Item, col(Item.story_id) == SourceAlert.story_id)
        .outerjoin(Editor, col(Editor.id) == SourceAlert.seen_by)
    )


def _view(alert: SourceAlert, story: Story, item: Item | None, seen_by: str | None) -> AlertOut:
    return AlertOut(
        **alert.model_dump(exclude={"seen_by"}),
        url=story.url,
        headline=story.headline or story.title,
        edition=item.edition_date if item else None,
        state=item.state if item else None,
        seen_by=seen_by,
    )
