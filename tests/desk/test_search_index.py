"""The index keeps in step with every story, whoever writes it and however."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine, text
from sqlmodel import select

from service.db import Database
from service.desk.search_index import BATCH, catch_up
from service.desk.search_text import index_text
from service.fetching.document import ParsedEntry
from service.fetching.intake import Batch, take_in
from service.migrating import migrate_database, migrations_folder
from service.models import SearchEntry, SearchMark, Story
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, Desk
from tests.desk.newsroom import STORIES, a_draft, a_wire_story, if_match, item
from tests.postgres import Postgres

pytestmark = pytest.mark.anyio


async def in_step(database: Database) -> int:
    """Check every story's entry, the index's own contents included; answers how many had to be indexed."""
    indexed = await catch_up(database)
    async with database.read() as session:
        assert (await session.exec(select(SearchMark))).all() == []
        rows = (await session.exec(select(Story, SearchEntry).outerjoin(SearchEntry))).all()  # type: ignore[arg-type]
        for story, entry in rows:
            expected = index_text(story.headline, story.title, story.blurb, story.summary).split()
            assert _terms(entry.words, database) == expected
        if database.is_sqlite:
            await (await session.connection()).execute(
                text("INSERT INTO storysearch (storysearch, rank) VALUES ('integrity-check', 1)")
            )
    return indexed


def _terms(words: str, database: Database) -> list[str]:
    if database.is_sqlite:
        return words.split()
    places = {
        int(place): term.strip("'")
        for term, _, at in (piece.rpartition(":") for piece in words.split())
        for place in at.split(",")
    }
    return [places[place] for place in sorted(places)]


def an_entry(title: str, summary: str = "", *, link: str = "https://paper.example/1") -> ParsedEntry:
    return ParsedEntry(
        key=f"url:{link}",
        link=link,
        guid=None,
        title=title,
        summary=summary,
        author=None,
        language="en",
        published_at=NOON,
        date_raw=None,
        date_rule="rfc822",
        opaque=False,
        content_hash=f"{hash((title, summary)) & (2**64 - 1):064x}",
    )


async def test_what_a_feed_brings_and_what_its_source_changes_is_indexed(database: Database) -> None:
    feed = a_feed()
    await stored(database, feed)
    for at, title in ((NOON, "Rail deal"), (NOON + timedelta(hours=1), "铁路协议 signed")):
        async with database.write() as session:
            await take_in(session, [Batch(feed.id, [an_entry(title, "Côte d’Ivoire")])], now=at)
        assert await in_step(database) == 1
    assert await in_step(database) == 0


async def test_every_way_to_change_the_words_of_a_story_marks_it(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    assert await in_step(desk.database) == 1
    path = f"{STORIES}/{story_id}"
    rewritten = await desk.editor.patch(
        path, json={"headline": "Ein Abkommen", "blurb": "Beides."}, headers=await if_match(desk.editor, path)
    )
    assert rewritten.status_code == 200, rewritten.text
    assert await in_step(desk.database) == 1

    published = await a_draft(desk)
    assert await in_step(desk.database) == 1
    assert (await item(desk, published, "publish")).status_code == 200
    assert await in_step(desk.database) == 1  # publishing copies the source's title
    corrected = await item(desk, published, "correct", {"headline": "Corrected", "note": "A name was wrong."})
    assert corrected.status_code == 200, corrected.text
    assert await in_step(desk.database) == 1

    async with desk.database.write() as session:
        await (await session.connection()).execute(text("UPDATE story SET summary = 'By hand' "))
    assert await in_step(desk.database) == 2


async def test_what_changes_no_words_marks_nothing(desk: Desk) -> None:
    story_id = await a_draft(desk)
    await in_step(desk.database)
    path = f"{STORIES}/{story_id}"
    assert (
        await desk.editor.post(
            f"{path}/note", json={"text": "Look at this."}, headers=await if_match(desk.editor, path)
        )
    ).is_success
    async with desk.database.write() as session:
        await (await session.connection()).execute(text("UPDATE story SET title = title, version = version + 1"))
    assert await in_step(desk.database) == 0


async def test_many_stories_are_indexed_in_batches_and_in_the_order_received(database: Database) -> None:
    many = [a_story(at=NOON + timedelta(milliseconds=number % 7)) for number in range(BATCH + 50)]
    async with database.write() as session:
        session.add_all(many)
    assert await in_step(database) == len(many)
    late = a_story(at=NOON + timedelta(milliseconds=3))
    await stored(database, late)
    assert await in_step(database) == 1
    async with database.read() as session:
        query = select(Story.received_at, SearchEntry.number).join(SearchEntry)  # type: ignore[arg-type]
        rows = sorted((await session.exec(query)).all(), key=lambda row: row[1])
    assert [moment for moment, _ in rows] == sorted(moment for moment, _ in rows)


async def test_processes_that_index_at_once_index_each_story_once(database: Database) -> None:
    async with database.write() as session:
        session.add_all([a_story() for _ in range(50)])
    counts = await asyncio.gather(*(catch_up(database) for _ in range(4)))
    assert sum(counts) == 50
    assert await in_step(database) == 0


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that was never migrated."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create_database(f"before_search_{os.getpid()}")


OLD_STORY = (
    "INSERT INTO story (id, key, url, title, summary, received_at, dated_at, backfilled, opaque, content_hash, state,"
    " version) VALUES ('old', 'k', 'u', 'Accord à Abidjan', '', '2026-01-02 03:04:05.000000',"
    " '2026-01-02 03:04:05.000000', false, false, 'h', 'new', 1)"
)


async def test_stories_from_before_the_index_are_in_it_after_the_migration(empty_url: str) -> None:
    engine = create_engine(empty_url.replace("sqlite+aiosqlite", "sqlite"), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(text(OLD_STORY))
    engine.dispose()
    database = Database(empty_url)
    await migrate_database(database)
    assert await in_step(database) == 0
    async with database.read() as session:
        story = await session.get_one(Story, "old")
        assert story.changed_at == story.received_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        entry = (await session.exec(select(SearchEntry))).one()
        assert "abidjan" in entry.words
    await database.close()


async def test_a_story_that_goes_takes_its_entry_with_it(database: Database) -> None:
    story = a_story()
    await stored(database, story)
    await in_step(database)
    async with database.write() as session:
        await session.delete(await session.get_one(Story, story.id))
    assert await in_step(database) == 0
    async with database.read() as session:
        assert (await session.exec(select(SearchEntry))).all() == []
