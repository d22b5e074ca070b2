"""Suggestions are hints in the order of the text: never stored, never ordering anything, off where a newsroom says."""

from datetime import UTC, datetime

import httpx
import pytest
from sqlmodel import select

from service.db import Database
from service.models import JournalRecord, Tag
from tests.builders import a_story, stored
from tests.conftest import Desk, SettableClock, add_account, serving, settings_for
from tests.desk.newsroom import KENYA, STORIES, a_wire_story, as_stored

pytestmark = pytest.mark.anyio


async def suggested(client: httpx.AsyncClient, story_id: str) -> dict[str, object]:
    answer = await client.get(f"{STORIES}/{story_id}/suggestions")
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


async def test_partners_are_suggested_with_their_words_place_and_tier(desk: Desk) -> None:
    title, summary = "Zambia and Kenya back rail plan", "Kenyan ministers met in Lusaka. 中国与肯尼亚"
    story_id = await a_wire_story(desk, title=title, summary=summary)
    answer = await suggested(desk.program, story_id)
    assert answer["enabled"] is True
    items = answer["items"]
    assert isinstance(items, list)
    assert [(i["partner"], i["field"], i["text"], i["start"], i["end"], i["mentions"]) for i in items] == [
        ("ZM", "title", "Zambia", 0, 6, 2),
        ("KE", "title", "Kenya", 11, 16, 3),
    ]
    assert {key: items[1][key] for key in ("name", "tier")} == {"name": "Kenya", "tier": KENYA["tier"]}
    assert items[1]["label_zh"]


async def test_the_tier_is_the_one_of_the_storys_date(desk: Desk) -> None:
    old = await a_wire_story(
        desk, title="Kenya", summary="", dated_at=datetime(1990, 1, 1, tzinfo=UTC), url="https://paper.example/old"
    )
    new = await a_wire_story(desk, title="Kenya", summary="")
    before, today = [(await suggested(desk.editor, story))["items"] for story in (old, new)]
    assert isinstance(before, list)
    assert isinstance(today, list)
    assert before[0]["tier"] == "none"
    assert today[0]["tier"] != "none"


async def test_asking_stores_nothing(desk: Desk) -> None:
    story_id = await a_wire_story(desk, title="Kenya")
    before = (await as_stored(desk, story_id)).model_dump()
    await suggested(desk.editor, story_id)
    assert (await as_stored(desk, story_id)).model_dump() == before
    async with desk.database.read() as session:
        assert (await session.exec(select(Tag))).all() == []
        assert (
            await session.exec(select(JournalRecord).where(JournalRecord.subject == f"story:{story_id}"))
        ).all() == []


async def test_a_story_that_is_not_there_has_none(desk: Desk) -> None:
    assert (await desk.editor.get(f"{STORIES}/nothing/suggestions")).status_code == 404
    assert (await desk.public.get(f"{STORIES}/nothing/suggestions")).status_code == 401


async def test_a_newsroom_can_switch_them_off(sqlite_url: str, clock: SettableClock) -> None:
    database = Database(sqlite_url)
    _, token = await add_account(database)
    story = a_story(title="Kenya")
    await stored(database, story)
    await database.close()
    async with (
        serving(settings_for(sqlite_url, suggestions=False), clock=clock) as base,
        httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as editor,
    ):
        assert await suggested(editor, story.id) == {"enabled": False, "items": []}
