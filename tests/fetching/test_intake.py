"""Entries become stories, each once, whoever brings them and however often."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import col, select

from service.db import Database
from service.fetching.document import ParsedEntry
from service.fetching.intake import BACKFILL_AFTER, Batch, take_in
from service.fetching.normalize import content_hash
from service.models import Feed, Revision, Sighting, Story
from tests.builders import a_feed, stored
from tests.conftest import NOON

pytestmark = pytest.mark.anyio


def an_entry(number: int = 1, **more: Any) -> ParsedEntry:
    title, summary = more.get("title", f"Title {number}"), more.get("summary", "What happened.")
    link = more.get("link", f"https://paper.example/{number}")
    values: dict[str, Any] = {
        "key": f"url:{link}",
        "link": link,
        "guid": f"guid-{number}",
        "title": title,
        "summary": summary,
        "author": None,
        "language": "en",
        "published_at": NOON - timedelta(hours=1),
        "date_raw": "an hour ago",
        "date_rule": "rfc822",
        "opaque": False,
        "content_hash": content_hash(title, summary),
        **more,
    }
    return ParsedEntry(**values)


async def two_feeds(database: Database) -> tuple[Feed, Feed]:
    one, other = a_feed(), a_feed()
    await stored(database, one, other)
    return one, other


async def bring(database: Database, feed: Feed, *entries: ParsedEntry, at: datetime = NOON) -> int:
    async with database.write() as session:
        return (await take_in(session, [Batch(feed.id, entries)], now=at))[feed.id]


async def stories(database: Database) -> list[Story]:
    async with database.read() as session:
        return list((await session.exec(select(Story).order_by(col(Story.url)))).all())


async def rows(database: Database, table: Any) -> int:
    async with database.read() as session:
        return (await session.exec(select(func.count()).select_from(table))).one()


async def test_story_seen_in_two_feeds_is_one_story_with_two_sightings(database: Database) -> None:
    one, other = await two_feeds(database)
    assert await bring(database, one, an_entry()) == 1
    assert await bring(database, other, an_entry(guid="theirs")) == 0
    assert [(story.feed_id, story.state) for story in await stories(database)] == [(one.id, "new")]
    assert await rows(database, Sighting) == 2


async def test_two_feeds_of_one_batch_share_a_story(database: Database) -> None:
    one, other = await two_feeds(database)
    async with database.write() as session:
        brought = await take_in(
            session, [Batch(one.id, [an_entry(), an_entry(2)]), Batch(other.id, [an_entry()])], now=NOON
        )
    assert brought == {one.id: 2, other.id: 0}
    assert (await rows(database, Story), await rows(database, Sighting)) == (2, 3)


async def test_same_entries_again_change_nothing(database: Database) -> None:
    one, _ = await two_feeds(database)
    entries = [an_entry(number) for number in range(20)]
    assert await bring(database, one, *entries) == 20
    before = [story.model_dump() for story in await stories(database)]
    assert await bring(database, one, *entries, at=NOON + timedelta(days=1)) == 0
    assert [story.model_dump() for story in await stories(database)] == before
    assert (await rows(database, Sighting), await rows(database, Revision)) == (20, 0)


async def test_changed_text_is_a_revision_of_the_same_story(database: Database) -> None:
    one, _ = await two_feeds(database)
    await bring(database, one, an_entry(title="Rail deal near"))
    assert await bring(database, one, an_entry(title="Rail deal signed"), at=NOON + timedelta(hours=1)) == 0
    [story] = await stories(database)
    assert story.title == "Rail deal signed"
    async with database.read() as session:
        [revision] = (await session.exec(select(Revision))).all()
    assert (revision.title, revision.replaced_at) == ("Rail deal near", NOON + timedelta(hours=1))


async def test_only_the_feed_that_brought_a_story_may_revise_it(database: Database) -> None:
    one, other = await two_feeds(database)
    await bring(database, one, an_entry(title="Ours"))
    await bring(database, other, an_entry(title="Theirs"))
    assert [story.title for story in await stories(database)] == ["Ours"]
    assert await rows(database, Revision) == 0


async def test_one_article_under_two_headlines_in_one_document_does_not_flip(database: Database) -> None:
    one, _ = await two_feeds(database)
    first, second = an_entry(title="First headline"), an_entry(title="Second headline")
    assert await bring(database, one, first, second) == 1
    for order in ((second, first), (first, second), (second, first)):
        await bring(database, one, *order)
    assert [story.title for story in await stories(database)] == ["First headline"]
    assert await rows(database, Revision) == 0
    await bring(database, one, an_entry(title="Third"), second)
    assert [story.title for story in await stories(database)] == ["Third"]


async def test_source_that_takes_turns_between_two_texts_leaves_each_once(database: Database) -> None:
    one, _ = await two_feeds(database)
    for turn in range(7):
        await bring(database, one, an_entry(title=f"Version {turn % 2}"), at=NOON + timedelta(hours=turn))
    assert [story.title for story in await stories(database)] == ["Version 0"]
    assert await rows(database, Revision) == 2


async def test_article_that_moved_is_known_by_its_guid_title_and_date(database: Database) -> None:
    one, other = await two_feeds(database)
    await bring(database, one, an_entry(link="https://old.example/a"))
    moved = an_entry(link="https://new.example/a")
    assert await bring(database, one, moved) == 0
    assert await bring(database, one, moved) == 0
    assert await rows(database, Story) == 1
    assert await bring(database, other, moved) == 1, "a guid belongs to its feed"


async def test_reused_guid_loses_no_story(database: Database) -> None:
    one, _ = await two_feeds(database)
    assert await bring(database, one, an_entry(1, guid="same")) == 1
    assert await bring(database, one, an_entry(2, guid="same")) == 1
    rubric = {"guid": "same", "title": "Morning briefing"}
    assert await bring(database, one, an_entry(3, **rubric)) == 1
    tomorrow = NOON + timedelta(days=1)
    assert await bring(database, one, an_entry(4, **rubric, published_at=tomorrow), at=tomorrow) == 1
    undated = {**rubric, "published_at": None}
    assert await bring(database, one, an_entry(5, **undated, summary="Monday's.")) == 1
    assert await bring(database, one, an_entry(6, **undated, summary="Tuesday's.")) == 1
    assert await bring(database, one, an_entry(7, **undated, summary="Tuesday's.")) == 0


async def test_old_item_is_taken_and_marked(database: Database) -> None:
    one, _ = await two_feeds(database)
    await bring(database, one, an_entry(1), an_entry(2, published_at=NOON - BACKFILL_AFTER - timedelta(hours=1)))
    assert [story.backfilled for story in await stories(database)] == [False, True]


async def test_undated_item_is_dated_by_its_arrival(database: Database) -> None:
    one, _ = await two_feeds(database)
    await bring(database, one, an_entry(published_at=None))
    [story] = await stories(database)
    assert (story.published_at, story.dated_at, story.backfilled) == (None, NOON, False)


async def test_more_entries_than_one_statement_may_hold(database: Database) -> None:
    one, _ = await two_feeds(database)
    entries = [an_entry(number) for number in range(1_300)]
    assert await bring(database, one, *entries) == 1_300
    assert await bring(database, one, *entries) == 0


async def test_two_processes_that_store_the_same_stories_store_each_once(database_url: str) -> None:
    """As on two workers: connections of their own, the same news in opposite order, at once."""
    first, second = Database(database_url), Database(database_url)
    one, other = await two_feeds(first)
    entries = [an_entry(number) for number in range(200)]
    brought = await asyncio.gather(bring(first, one, *entries), bring(second, other, *reversed(entries)))
    assert sum(brought) == 200
    assert (await rows(first, Story), await rows(first, Sighting)) == (200, 400)
    await first.close()
    await second.close()
