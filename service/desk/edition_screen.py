"""What the edition's screen shows: the day's list, its neighbours, and how one item reads for readers.

Reads only. Called by ``edition_pages``.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.desk import schemas
from service.desk.lists import edition_view
from service.desk.tag_form import TagForm, tag_form
from service.desk.wire import get_story
from service.errors import FieldError, Invalid, NotFound
from service.words import ItemState

Preview = Callable[..., Awaitable[Any]]
"""How an item is shown as its readers will have it: publishing's ``preview_item``, wired by ``app``."""


@dataclass(frozen=True)
class EditionScreen:
    """A day's list with what stands around it."""

    edition: schemas.EditionOut
    yesterday: date
    tomorrow: date
    standing: tuple[schemas.ItemOut, ...]
    """The items in the editors' order, without withdrawn ones."""
    withdrawn: tuple[schemas.ItemOut, ...]

    def count(self, state: str) -> int:
        """How many items are in this state."""
        return sum(item.state == state for item in self.edition.items)


@dataclass(frozen=True)
class ItemScreen:
    """One item of a list, for the pages that ask before something becomes public."""

    edition: schemas.EditionOut
    """The day, with this item alone."""
    item: schemas.ItemOut
    tags: TagForm


async def edition_screen(session: AsyncSession, day: date, *, calendar: Calendar, now: datetime) -> EditionScreen:
    """The list of a day; an untouched one is open and empty."""
    edition = await edition_view(session, day, calendar=calendar, now=now)
    standing = tuple(item for item in edition.items if item.state != ItemState.WITHDRAWN)
    withdrawn = tuple(item for item in edition.items if item.state == ItemState.WITHDRAWN)
    return EditionScreen(edition, _beside(day, -1), _beside(day, 1), standing, withdrawn)


def _beside(day: date, days: int) -> date:
    ends = day == date.min if days < 0 else day == date.max
    return day if ends else day + timedelta(days=days)


async def item_screen(
    session: AsyncSession, day: date, story_id: str, *, tagging: bool, suggest: bool, calendar: Calendar, now: datetime
) -> ItemScreen:
    """One item; with its tag form, where an act on the item changes tags (``tagging``).

    Raises:
        NotFound: the story has no place in this list.
    """
    edition = await edition_view(session, day, calendar=calendar, now=now, only=story_id)
    if not edition.items:
        raise NotFound(f"Story {story_id[:40]} has no place in the edition of {day}.")
    [item] = edition.items
    if not tagging:
        return ItemScreen(edition, item, TagForm(()))
    story = await get_story(session, story_id)
    return ItemScreen(edition, item, await tag_form(session, story, item.tags, suggest=suggest, calendar=calendar))


def local_moment(text: str | None, calendar: Calendar) -> datetime:
    """A time of the newsroom's wall clock, as a field for local time sends it.

    Raises:
        Invalid: there is none.
    """
    try:
        wall = datetime.fromisoformat(text or "")
        return (wall if wall.tzinfo else wall.replace(tzinfo=calendar.zone)).astimezone(calendar.zone)
    except (ValueError, OverflowError) as error:
        wrong = FieldError("publish_at", "choose a day and a time")
        raise Invalid("That is not a time.", errors=[wrong]) from error
