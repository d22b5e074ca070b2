"""The days' lists beside each other: which there are, and what differs between two of them.

Reads only. One day's list is in ``lists``. Called by ``edition_routes``.
"""

from collections.abc import Mapping
from datetime import date

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.desk import schemas
from service.models import Edition, Item, JournalRecord, Story
from service.words import ItemState

PAGE_MAX = 100


async def list_editions(session: AsyncSession, *, before: date | None, limit: int) -> schemas.EditionPage:
    """The days that somebody placed an item in, the latest first; two queries however many."""
    query = select(Edition).order_by(col(Edition.day).desc()).limit(limit + 1)
    if before is not None:
        query = query.where(Edition.day < before)
    editions = (await session.exec(query)).all()
    shown = editions[:limit]
    counting = select(col(Item.edition_date), col(Item.state), func.count()).group_by(
        col(Item.edition_date), col(Item.state)
    )
    counted = await session.exec(counting.where(col(Item.edition_date).in_([edition.day for edition in shown])))
    counts = {(day, state): number for day, state, number in counted}
    return schemas.EditionPage(
        items=[_day_view(edition, counts) for edition in shown],
        next=shown[-1].day if len(editions) > limit else None,
    )


def _day_view(edition: Edition, counts: Mapping[tuple[date, str], int]) -> schemas.DayOut:
    def number(*states: ItemState) -> int:
        return sum(counts.get((edition.day, state), 0) for state in states)

    return schemas.DayOut(
        date=edition.day,
        state=edition.state,
        drafts=number(ItemState.DRAFT, ItemState.SCHEDULED),
        published=number(ItemState.PUBLISHED),
        withdrawn=number(ItemState.WITHDRAWN),
        closed_at=edition.closed_at,
        version=edition.version,
    )


async def compare_editions(session: AsyncSession, first: date, second: date) -> schemas.EditionDiff:
    """What a reader of the first list finds changed in the second.

    A story has one item for good, so no public item stands in both; what an editor took from the first day to
    the second before it was public is ``moved`` and neither added nor removed.
    """
    query = select(Item, Story).join(Story, col(Story.id) == Item.story_id)
    query = query.where(col(Item.edition_date).in_([first, second])).order_by(col(Item.position), col(Item.story_id))
    rows = (await session.exec(query)).all()
    shown = {item.story_id: (item, _diff_item(item, story)) for item, story in rows}
    public = [pair for pair in shown.values() if pair[0].state == ItemState.PUBLISHED]
    in_second = [pair for pair in public if pair[0].edition_date == second]
    came = await _moved(session, first, second, [item for item, _ in shown.values() if item.edition_date == second])
    withdrawn = [view for item, view in shown.values() if item.state == ItemState.WITHDRAWN]
    left = [view for item, view in public if item.edition_date == first]
    same = first == second
    return schemas.EditionDiff(
        **{"from": first, "to": second},
        added=[] if same else [view for item, view in in_second if item.story_id not in came],
        removed=[*([] if same else left), *withdrawn],
        moved=[shown[story_id][1] for story_id in came],
        corrected=[view for item, view in in_second if item.correction is not None],
    )


async def _moved(session: AsyncSession, first: date, second: date, items: list[Item]) -> list[str]:
    """Of these items of the second day, those that an editor moved there from the first; in their order."""
    subjects = [f"story:{item.story_id}" for item in items]
    query = select(JournalRecord).where(JournalRecord.act == "move", col(JournalRecord.subject).in_(subjects))
    found = set()
    for record in await session.exec(query):
        content = record.content()
        way = (content["before"]["edition"], content["after"]["edition"])
        if way == (first.isoformat(), second.isoformat()) and first != second:
            found.add(record.subject)
    return [item.story_id for item in items if f"story:{item.story_id}" in found]


def _diff_item(item: Item, story: Story) -> schemas.DiffItem:
    return schemas.DiffItem(
        story_id=item.story_id,
        headline=story.headline or story.title,
        url=story.url,
        edition=item.edition_date,
        position=item.position,
        note=item.withdrawn_reason or item.correction,
    )
