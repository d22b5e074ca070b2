"""The days beside each other: the bounded list of editions, and what differs between two."""

import pytest

from tests.conftest import Desk, SettableClock
from tests.desk.newsroom import (
    EDITIONS,
    STORIES,
    TODAY,
    a_draft,
    a_published,
    a_wire_story,
    edition,
    if_match,
    item,
    place,
    tag,
)

pytestmark = pytest.mark.anyio
TOMORROW = "2026-11-25"


async def test_the_days_are_listed_latest_first_in_bounded_pages_with_a_link(desk: Desk) -> None:
    for day in ("2026-11-22", "2026-11-23", TODAY):
        story = await a_wire_story(desk)
        await place(desk, story, day)
    await a_published(desk)
    page = await desk.editor.get(EDITIONS, params={"limit": 2})
    assert [day["date"] for day in page.json()["items"]] == [TODAY, "2026-11-23"]
    assert (page.json()["items"][0]["drafts"], page.json()["items"][0]["published"]) == (1, 1)
    assert page.headers["Link"] == '</api/v1/editions?limit=2&before=2026-11-23>; rel="next"'
    last = await desk.editor.get(page.headers["Link"].split(">")[0][1:])
    assert ([day["date"] for day in last.json()["items"]], last.json()["next"]) == (["2026-11-22"], None)
    assert "Link" not in last.headers
    assert (await desk.editor.get(EDITIONS, params={"limit": 101})).status_code == 422


async def test_a_page_of_the_wire_names_the_next_one_in_its_headers(desk: Desk) -> None:
    for _ in range(3):
        await a_wire_story(desk)
    page = await desk.editor.get(STORIES, params={"limit": 2, "q": "says"})
    link = page.headers["Link"]
    assert link.startswith("</api/v1/stories?limit=2&q=says&cursor=")
    rest = await desk.editor.get(link.split(">")[0][1:])
    assert len(rest.json()["items"]) == 1


async def test_two_days_differ_by_what_came_what_left_what_moved_and_what_was_corrected(
    desk: Desk, clock: SettableClock
) -> None:
    old, moved, withdrawn = await a_published(desk), await a_draft(desk), await a_published(desk)
    await item(desk, withdrawn, "withdraw", {"reason": "Retracted."})
    await item(desk, moved, "move", {"edition": TOMORROW})
    clock.move(days=1)
    fresh = await a_wire_story(desk)
    await tag(desk, fresh)
    await place(desk, fresh, TOMORROW)
    for story in (moved, fresh):
        assert (await item(desk, story, "publish", day=TOMORROW)).status_code == 200
    await item(desk, fresh, "correct", {"headline": "Corrected", "note": "Spelling."}, day=TOMORROW)
    diff = (await desk.editor.get(f"{EDITIONS}/{TODAY}/diff/{TOMORROW}")).json()
    assert (diff["from"], diff["to"]) == (TODAY, TOMORROW)
    assert [entry["story_id"] for entry in diff["added"]] == [fresh]
    assert [(entry["story_id"], entry["note"]) for entry in diff["removed"]] == [(old, None), (withdrawn, "Retracted.")]
    assert [entry["story_id"] for entry in diff["moved"]] == [moved]
    assert [(entry["headline"], entry["note"]) for entry in diff["corrected"]] == [("Corrected", "Spelling.")]
    same = (await desk.editor.get(f"{EDITIONS}/{TODAY}/diff/{TODAY}")).json()
    assert (same["added"], same["moved"]) == ([], [])


async def test_a_draft_is_taken_out_of_the_list_and_waits_again(desk: Desk) -> None:
    draft, public = await a_draft(desk), await a_published(desk)
    path = f"{EDITIONS}/{TODAY}/items"
    assert (await desk.editor.delete(f"{path}/{draft}")).status_code == 428
    answer = await desk.editor.delete(f"{path}/{draft}", headers=await if_match(desk.editor, f"{EDITIONS}/{TODAY}"))
    assert answer.status_code == 200, answer.text
    assert [shown["story_id"] for shown in answer.json()["items"]] == [public]
    assert answer.headers["ETag"] == (await desk.editor.get(f"{EDITIONS}/{TODAY}")).headers["ETag"]
    waiting = (await desk.editor.get(STORIES)).json()["items"]
    assert [story["id"] for story in waiting] == [draft]
    refused = await desk.editor.delete(f"{path}/{public}", headers=await if_match(desk.editor, f"{EDITIONS}/{TODAY}"))
    assert refused.status_code == 409
    assert (await edition(desk, "close")).status_code == 200
