"""New stories are compared after the round that stored them: all of them in the end, each once."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func
from sqlmodel import select

from service.db import Database
from service.fetching import hinting
from service.fetching.hinting import AT_ONCE, MARK, note_pending
from service.fetching.siblings import NewStory, note_siblings, prune_shingles
from service.models import Shingle, Sibling, Story
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON

pytestmark = pytest.mark.anyio

DEAL = "Kenya and China sign a rail deal in Nairobi"
SAME = "China, Kenya sign railway deal in Nairobi"


async def hints(database: Database) -> list[tuple[str, str]]:
    async with database.read() as session:
        return [(row.story_id, row.other_id) for row in (await session.exec(select(Sibling))).all()]


async def marks(database: Database) -> int:
    async with database.read() as session:
        return (await session.exec(select(func.count()).select_from(Shingle).where(Shingle.hash == MARK))).one()


async def two_reports(database: Database, *, at: datetime = NOON) -> tuple[Story, Story]:
    one, other = a_feed(), a_feed()
    first, second = a_story(one, title=DEAL, at=at), a_story(other, title=SAME, at=at + timedelta(seconds=1))
    await stored(database, one, other, first, second)
    return first, second


async def test_stored_stories_are_compared_once(database: Database) -> None:
    first, second = await two_reports(database)
    assert await note_pending(database, now=NOON + timedelta(minutes=1)) == 2
    assert await hints(database) == [(first.id, second.id)]
    assert await note_pending(database, now=NOON + timedelta(minutes=2)) == 0
    assert await marks(database) == 2


async def test_story_that_was_compared_as_it_came_is_left(database: Database) -> None:
    first, second = await two_reports(database)
    async with database.write() as session:
        await note_siblings(session, [NewStory.of(story.model_dump()) for story in (first, second)], now=NOON)
    assert await note_pending(database, now=NOON) == 0
    assert await hints(database) == [(first.id, second.id)]


async def test_later_report_finds_the_earlier_one(database: Database) -> None:
    one, other = a_feed(), a_feed()
    first = a_story(one, title=DEAL)
    await stored(database, one, other, first)
    assert await note_pending(database, now=NOON) == 1
    later = a_story(other, title=SAME, at=NOON + timedelta(hours=5))
    await stored(database, later)
    assert await note_pending(database, now=NOON + timedelta(hours=5)) == 1
    assert await hints(database) == [(first.id, later.id)]


async def test_backlog_is_worked_off_in_bounded_steps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hinting, "MOST_COMPARED", AT_ONCE)
    feed = a_feed()
    await stored(database, feed, *(a_story(feed, at=NOON + timedelta(seconds=n // 50)) for n in range(AT_ONCE + 30)))
    assert await note_pending(database, now=NOON + timedelta(minutes=1)) == AT_ONCE
    assert await note_pending(database, now=NOON + timedelta(minutes=1), keep_going=lambda: False) == 0
    assert await note_pending(database, now=NOON + timedelta(minutes=1)) == 30
    assert await note_pending(database, now=NOON + timedelta(minutes=1)) == 0


async def test_old_stories_and_their_marks_are_forgotten(database: Database) -> None:
    await two_reports(database)
    late = NOON + timedelta(hours=80)
    assert await note_pending(database, now=late) == 0
    await note_pending(database, now=NOON)
    async with database.write() as session:
        await prune_shingles(session, now=late)
    assert await marks(database) == 0
    assert await note_pending(database, now=late) == 0


async def test_two_processes_compare_nothing_twice(database_url: str) -> None:
    first, second = Database(database_url), Database(database_url)
    feed, other = a_feed(), a_feed()
    reports = [a_story(one, title=f"{DEAL} no. {n}") for n in range(60) for one in (feed, other)]
    await stored(first, feed, other, *reports)
    counts = await asyncio.gather(note_pending(first, now=NOON), note_pending(second, now=NOON))
    rest = await note_pending(first, now=NOON)
    assert sum(counts) + rest == len(reports) == await marks(first)
    assert len(await hints(first)) == len(set(await hints(first)))
    await first.close()
    await second.close()
