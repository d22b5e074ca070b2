"""Published stories for the tests of what readers get, made by the desk's own acts at any moment."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from service.db import Database, WriteSession
from service.desk.closing import close_edition
from service.desk.editions import correct_item, edition_for_change, item_of, place_item, publish_item, withdraw_item
from service.desk.schemas import CorrectIn, ItemIn, TagIn
from service.desk.tagging import tag_story
from service.models import Editor, Feed
from service.publishing import freezing
from service.publishing.edition import Site
from service.settings import Settings
from tests.builders import a_story
from tests.conftest import NOON

UTC_CALENDAR = Settings(database_url="sqlite+aiosqlite://").calendar
SITE = Site(title="Huoban Daily", base_url="http://127.0.0.1:8000", zone="UTC")
CSC = "comprehensive_strategic_cooperative"


async def published(database: Database, editor: Editor, **wanted: Any) -> str:
    """A story published at one moment in that day's list; answers its id."""
    return (await published_all(database, editor, wanted))[0]


async def published_all(database: Database, editor: Editor, *wanted: dict[str, Any]) -> list[str]:
    """Many at once, in one transaction; answers their ids."""
    async with database.write() as session:
        return [await _publish(session, editor, **each) for each in wanted]


async def _publish(
    session: WriteSession,
    editor: Editor,
    *,
    at: datetime = NOON,
    tags: Sequence[tuple[str, str]] = (("KE", CSC),),
    feed: Feed | None = None,
    headline: str | None = None,
    blurb: str = "",
    **more: Any,
) -> str:
    story = a_story(feed, at=at, **more)
    session.add(story)
    await session.flush()
    confirmed = [TagIn(partner=code, tier=tier, reason="for the test") for code, tier in tags]
    await tag_story(session, story, confirmed, calendar=UTC_CALENDAR, now=at, by=editor)
    edition = await edition_for_change(session, UTC_CALENDAR.day_of(at), None, calendar=UTC_CALENDAR, now=at)
    place = ItemIn(story_id=story.id, headline=headline, blurb=blurb)
    item = await place_item(session, edition, place, calendar=UTC_CALENDAR, now=at, by=editor)
    await publish_item(session, edition, item, calendar=UTC_CALENDAR, authority="news.example", now=at, by=editor)
    return story.id


async def corrected(
    database: Database, editor: Editor, story_id: str, *, day: date, at: datetime, **changes: Any
) -> None:
    """A correction of a published story."""
    async with database.write() as session:
        edition = await edition_for_change(session, day, None, calendar=UTC_CALENDAR, now=at)
        item = await item_of(session, edition, story_id)
        wanted = CorrectIn(note="A mistake of ours.", **changes)
        await correct_item(session, item, wanted, calendar=UTC_CALENDAR, now=at, by=editor)


async def withdrawn(
    database: Database, editor: Editor, story_id: str, *, day: date, at: datetime, reason: str = "It was wrong."
) -> None:
    """A withdrawal of a published story."""
    async with database.write() as session:
        edition = await edition_for_change(session, day, None, calendar=UTC_CALENDAR, now=at)
        item = await item_of(session, edition, story_id)
        await withdraw_item(session, item, reason=reason, calendar=UTC_CALENDAR, now=at, by=editor)


async def closed(database: Database, editor: Editor, *, day: date, at: datetime) -> None:
    """The day's list closed, its digest frozen."""

    async def freeze(session: Any, of: date, now: datetime) -> None:
        await freezing.freeze_digest(session, of, now, site=SITE, calendar=UTC_CALENDAR)

    async with database.write() as session:
        edition = await edition_for_change(session, day, None, calendar=UTC_CALENDAR, now=at)
        await close_edition(session, edition, freeze=freeze, now=at, by=editor)
