"""An edition as the desk sees it: drafts and scheduled items included, withdrawn ones last.

Reads only. Readers get theirs from ``publishing.load``, which sees nothing but what is public.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.desk import schemas
from service.desk.wire import feed_refs, tag_views
from service.errors import NotNow
from service.models import Edition, Editor, Item, Story
from service.words import EditionState, ItemState

LIST_MAX = 300


async def items_of(session: AsyncSession, day: date) -> list[Item]:
    """The items of a day that are not withdrawn, in the editors' order."""
    query = select(Item).where(Item.edition_date == day, Item.state != ItemState.WITHDRAWN)
    return list((await session.exec(query.order_by(col(Item.position), col(Item.story_id)))).all())


def require_open(edition: Edition) -> None:
    """Raise NotNow if no item may come, move or go public any more."""
    if edition.state != EditionState.OPEN:
        raise NotNow(f"The edition of {edition.day} is closed. A chief can reopen it.")


def require_room(items: Sequence[Item]) -> None:
    """Raise NotNow if the day's list cannot take one more."""
    if len(items) >= LIST_MAX:
        raise NotNow(f"An edition holds {LIST_MAX} items at the most.")


async def edition_view(
    session: AsyncSession, day: date, *, calendar: Calendar, now: datetime, only: str | None = None
) -> schemas.EditionOut:
    """The day's list, or of its items one story's alone. A day that nobody touched is open, empty, at version 0."""
    edition = await session.get(Edition, day)
    query = select(Item, Story).join(Story, col(Story.id) == Item.story_id).where(Item.edition_date == day)
    if only is not None:
        query = query.where(Item.story_id == only)
    order = (col(Item.state) == ItemState.WITHDRAWN, col(Item.position), col(Item.story_id))
    rows = (await session.exec(query.order_by(*order))).all()
    feeds = await feed_refs(session, {story.feed_id for _, story in rows})
    tags = await tag_views(session, [item.story_id for item, _ in rows], now=now, calendar=calendar)
    names = {editor.id: editor.name for editor in await session.exec(select(Editor))} if rows or edition else {}
    closed_by = names.get(edition.closed_by or "", "clock") if edition and edition.closed_at else None
    return schemas.EditionOut(
        date=day,
        zone=edition.zone if edition else calendar.zone.key,
        state=edition.state if edition else EditionState.OPEN,
        begins_at=calendar.begins_at(day),
        cutoff_at=calendar.cutoff_of(day),
        closed_at=edition.closed_at if edition else None,
        closed_by=closed_by,
        items=[
            schemas.ItemOut(
                **item.model_dump(exclude={"edition_date", "placed_by", "placed_at", "published_by"}),
                edition=day,
                headline=story.headline or story.title,
                blurb=story.blurb or "",
                story_version=story.version,
                title=story.title,
                language=story.language,
                feed=feeds.get(story.feed_id or ""),
                url=story.url,
                tags=tags[item.story_id],
                published_by=names.get(item.published_by or ""),
            )
            for item, story in rows
        ],
        version=edition.version if edition else 0,
    )
