"""An editor's hand on the running app, in few words: ``tag``, ``place``, ``act``. Each sends the current version."""

from datetime import datetime
from typing import Any

import httpx
from sqlmodel import func, select

from service.models import JournalRecord, Story
from tests.builders import a_story, stored
from tests.conftest import NOON, Desk

TODAY = "2026-11-24"
CSC = "comprehensive_strategic_cooperative"
KENYA = {"partner": "KE", "tier": CSC}
STORIES, EDITIONS = "/api/v1/stories", "/api/v1/editions"


async def a_wire_story(desk: Desk, *, at: datetime = NOON, **more: Any) -> str:
    """A story that waits on the wire; answers its id."""
    story = a_story(at=at, **more)
    story_id = story.id
    await stored(desk.database, story)
    return story_id


async def if_match(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    """The header that says which version was read."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return {"If-Match": answer.headers["ETag"]}


async def tag(desk: Desk, story_id: str, *tags: dict[str, Any]) -> httpx.Response:
    """Put these tags (Kenya's without any)."""
    path = f"{STORIES}/{story_id}"
    body = {"tags": list(tags or (KENYA,))}
    return await desk.editor.put(f"{path}/tags", json=body, headers=await if_match(desk.editor, path))


async def act(desk: Desk, story_id: str, verb: str, body: Any = None, *, client: Any = None) -> httpx.Response:
    """POST an act on a story."""
    path = f"{STORIES}/{story_id}"
    headers = await if_match(desk.editor, path)
    return await (client or desk.editor).post(f"{path}/{verb}", json=body, headers=headers)


async def place(desk: Desk, story_id: str, day: str = TODAY, **more: Any) -> httpx.Response:
    """Place a story."""
    return await desk.editor.post(f"{EDITIONS}/{day}/items", json={"story_id": story_id, **more})


async def item(
    desk: Desk, story_id: str, verb: str, body: Any = None, *, day: str = TODAY, client: Any = None
) -> httpx.Response:
    """POST an act on an item of a day's list."""
    headers = await if_match(desk.editor, f"{EDITIONS}/{day}")
    return await (client or desk.editor).post(f"{EDITIONS}/{day}/items/{story_id}/{verb}", json=body, headers=headers)


async def edition(
    desk: Desk, verb: str, body: Any = None, *, day: str = TODAY, client: Any = None, method: str = "POST"
) -> httpx.Response:
    """An act on a day's list."""
    headers = await if_match(desk.editor, f"{EDITIONS}/{day}")
    return await (client or desk.editor).request(method, f"{EDITIONS}/{day}/{verb}", json=body, headers=headers)


async def a_draft(desk: Desk, **more: Any) -> str:
    """A tagged story in today's list."""
    story_id = await a_wire_story(desk, **more)
    for answer in (await tag(desk, story_id), await place(desk, story_id)):
        assert answer.is_success, answer.text
    return story_id


async def a_published(desk: Desk, **more: Any) -> str:
    """A story that readers see today."""
    story_id = await a_draft(desk, **more)
    answer = await item(desk, story_id, "publish")
    assert answer.status_code == 200, answer.text
    return story_id


async def the_order(desk: Desk, day: str = TODAY) -> list[str]:
    """The list's stories that are not withdrawn, whose positions must be 1, 2, 3 …"""
    items = (await desk.editor.get(f"{EDITIONS}/{day}")).json()["items"]
    standing = [shown for shown in items if shown["state"] != "withdrawn"]
    assert [shown["position"] for shown in standing] == list(range(1, len(standing) + 1))
    return [shown["story_id"] for shown in standing]


async def records(desk: Desk) -> int:
    """How many decisions are on the record."""
    async with desk.database.read() as session:
        return (await session.exec(select(func.count()).select_from(JournalRecord))).one()


async def as_stored(desk: Desk, story_id: str) -> Story:
    """The story's row."""
    async with desk.database.read() as session:
        return await session.get_one(Story, story_id)
