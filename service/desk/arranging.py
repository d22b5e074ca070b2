"""The order of an edition: only ever what a person set, never what a machine worked out.

Positions are 1, 2, 3 … over the items that are not withdrawn. Called by ``editions`` and ``routes``.
"""

from collections.abc import Sequence
from datetime import datetime

from service.db import WriteSession
from service.desk.lists import items_of, require_open, require_room
from service.errors import FieldError, Invalid, NotNow
from service.journal import record_decision
from service.models import Edition, Editor, Item
from service.words import ItemState


def inserted(others: Sequence[Item], item: Item, position: int | None) -> list[Item]:
    """The order with ``item`` at ``position`` (1 is the top), or at the end without one."""
    rest = [other for other in others if other.story_id != item.story_id]
    place = len(rest) if position is None else min(position - 1, len(rest))
    return [*rest[:place], item, *rest[place:]]


def renumber(items: Sequence[Item]) -> None:
    """Write the order down."""
    for position, item in enumerate(items, start=1):
        item.position = position


async def order_items(
    session: WriteSession, edition: Edition, story_ids: list[str], *, now: datetime, by: Editor
) -> None:
    """Set the whole order at once.

    Raises:
        Invalid: the list is not exactly the edition's items.
        NotNow: the edition is closed.
    """
    require_open(edition)
    items = {item.story_id: item for item in await items_of(session, edition.day)}
    errors = [FieldError("story_ids", f"{i} has no place in this edition") for i in story_ids if i not in items]
    errors += [FieldError("story_ids", f"{i} is missing") for i in items if i not in story_ids]
    errors += [FieldError("story_ids", f"{i} stands twice") for i in set(story_ids) if story_ids.count(i) > 1]
    if errors:
        raise Invalid("An order names every item of the edition once.", errors=errors[:20])
    before = list(items)
    renumber([items[story_id] for story_id in story_ids])
    if before != story_ids:
        await record_decision(
            session,
            act="order",
            subject=f"edition:{edition.day}",
            before={"order": before},
            after={"order": story_ids},
            now=now,
            by=by,
            public=False,  # it names drafts; the close of the edition publishes the order that readers saw
        )


async def move_item(
    session: WriteSession,
    edition: Edition,
    item: Item,
    *,
    position: int | None,
    to: Edition | None,
    now: datetime,
    by: Editor,
) -> None:
    """Give one item another place in its edition, or move it to another day's, where it is a draft.

    A time to go public was set for the day that the item leaves, so it does not go along.

    Raises:
        NotNow: an edition is closed, the other one is full, or a public item was to change its day.
    """
    require_open(edition)
    before = {"edition": item.edition_date.isoformat(), "position": item.position, "state": str(item.state)}
    target = edition
    if to is not None and to.day != edition.day:
        require_open(to)
        if item.state not in (ItemState.DRAFT, ItemState.SCHEDULED):
            raise NotNow(f"A {item.state} item stays in its edition.")
        require_room(await items_of(session, to.day))
        renumber([other for other in await items_of(session, edition.day) if other.story_id != item.story_id])
        item.edition_date, target = to.day, to
        item.state, item.publish_at, item.published_by = ItemState.DRAFT, None, None
    elif item.state == ItemState.WITHDRAWN:
        raise NotNow("A withdrawn item has no place in the order.")
    await session.flush()
    renumber(inserted(await items_of(session, target.day), item, position))
    after = {"edition": target.day.isoformat(), "position": item.position, "state": str(item.state)}
    if after != before:
        await record_decision(
            session,
            act="move",
            subject=f"story:{item.story_id}",
            before=before,
            after=after,
            now=now,
            by=by,
            public=item.uri is not None,
        )
