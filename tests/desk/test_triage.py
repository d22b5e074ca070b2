"""Claims, passes, holds, reopening, notes and the editor's own words."""

import httpx
import pytest

from service.db import Database
from service.desk.triage import CLAIM_LASTS
from service.words import PASS_REASONS
from tests.builders import a_story, stored
from tests.conftest import Desk, SettableClock, add_account, serving, settings_for
from tests.desk.newsroom import (
    STORIES,
    a_draft,
    a_published,
    a_wire_story,
    act,
    as_stored,
    if_match,
    place,
    records,
    the_order,
)

pytestmark = pytest.mark.anyio


async def test_a_pass_needs_a_reason_from_the_list_and_can_be_undone(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    for body in ({"reason": "boring"}, {"reason": ""}, {}, {"reason": None}, {"reason": "old", "why": "x"}, None):
        answer = await act(desk, story_id, "pass", body)
        assert answer.status_code == 422, body
    unlisted = (await act(desk, story_id, "pass", {"reason": "boring"})).json()["errors"][0]
    assert (unlisted["field"], tuple(unlisted["suggestions"])) == ("reason", PASS_REASONS)
    assert "boring" in unlisted["message"]
    assert await records(desk) == 5  # the accounts and their tokens
    passed = await act(desk, story_id, "pass", {"reason": "off_topic"})
    assert (passed.json()["state"], passed.json()["pass_reason"]) == ("passed", "off_topic")
    reopened = await act(desk, story_id, "reopen")
    assert (reopened.json()["state"], reopened.json()["pass_reason"]) == ("new", None)
    held = await act(desk, story_id, "hold")
    assert held.json()["state"] == "held"
    history = (await desk.editor.get(f"{STORIES}/{story_id}/history")).json()["items"]
    assert [(r["act"], r["after"]["state"]) for r in history] == [
        ("pass", "passed"),
        ("reopen", "new"),
        ("hold", "held"),
    ]


async def test_a_claim_shows_its_holder_and_ends_after_ten_minutes(desk: Desk, clock: SettableClock) -> None:
    story_id = await a_wire_story(desk)
    claimed = await act(desk, story_id, "claim")
    assert claimed.json()["claim"]["by"] == "Amina Test"
    for verb in ("claim", "release"):
        assert (await act(desk, story_id, verb, client=desk.chief)).status_code == 409
    clock.now += CLAIM_LASTS
    assert (await desk.editor.get(f"{STORIES}/{story_id}")).json()["claim"] is None
    assert (await act(desk, story_id, "claim", client=desk.chief)).json()["claim"]["by"] == "Chidi Chief"
    assert (await act(desk, story_id, "release", client=desk.chief)).json()["claim"] is None
    assert (await act(desk, story_id, "release")).status_code == 200


async def test_a_story_with_a_place_leaves_it_only_by_reopening_and_never_once_public(desk: Desk) -> None:
    draft, public = await a_draft(desk), await a_published(desk)
    for story_id in (draft, public):
        assert (await act(desk, story_id, "hold")).status_code == 409
        assert (await act(desk, story_id, "pass", {"reason": "old"})).status_code == 409
    assert (await act(desk, public, "reopen")).status_code == 409
    assert (await act(desk, draft, "reopen")).json()["item"] is None
    assert await the_order(desk) == [public]
    assert (await desk.editor.get(f"{STORIES}/{draft}")).json()["tags"], "tags outlive the place"


async def test_words_are_the_editors_until_they_are_public(desk: Desk) -> None:
    draft, public = await a_draft(desk, title="The source's"), await a_published(desk)
    path = f"{STORIES}/{draft}"
    headers = await if_match(desk.editor, path)
    answer = await desk.editor.patch(
        path, json={"headline": "Ours\u202e\x00\n twice", "blurb": "a\x07b"}, headers=headers
    )
    assert (answer.json()["headline"], answer.json()["blurb"]) == ("Ours twice", "ab")
    headers = await if_match(desk.editor, path)
    answer = await desk.editor.patch(path, json={"headline": None}, headers=headers)
    assert (answer.json()["headline"], answer.json()["blurb"]) == (None, "ab")
    count = await records(desk)
    headers = await if_match(desk.editor, path)
    assert (await desk.editor.patch(path, json={}, headers=headers)).status_code == 200
    assert await records(desk) == count
    path = f"{STORIES}/{public}"
    headers = await if_match(desk.editor, path)
    assert (await desk.editor.patch(path, json={"headline": "x"}, headers=headers)).status_code == 409
    assert (await as_stored(desk, public)).headline != "x"


async def test_a_note_is_for_the_desk_alone(desk: Desk) -> None:
    story_id = await a_published(desk)
    answer = await desk.editor.post(f"{STORIES}/{story_id}/note", json={"text": "call the ministry\x00"})
    assert (answer.status_code, answer.json()["notes"][0]["text"]) == (201, "call the ministry")
    for body in ({"text": ""}, {"text": "\u200b \u2060"}, {"text": "x" * 2001}, {"text": 5}, {}):
        assert (await desk.editor.post(f"{STORIES}/{story_id}/note", json=body)).status_code == 422
    for path in ("/daily.json", "/daily.html", "/daily.rss", "/daily.atom", "/ledger.jsonl", f"/stories/{story_id}"):
        assert "call the ministry" not in (await desk.public.get(path)).text


async def test_a_newsroom_names_its_own_reasons_for_passing(database_url: str, clock: SettableClock) -> None:
    settings = settings_for(database_url, pass_reasons="not_ours, late")
    database = Database(database_url)
    _, token = await add_account(database)
    story = a_story()
    path = f"{STORIES}/{story.id}/pass"
    await stored(database, story)
    async with (
        serving(settings, clock=clock) as base,
        httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as editor,
    ):
        assert (await editor.get(f"{STORIES}/pass-reasons")).json() == {"items": ["not_ours", "late"]}
        refused = await editor.post(path, json={"reason": "off_topic"}, headers={"If-Match": '"1"'})
        assert refused.json()["errors"][0]["suggestions"] == ["not_ours", "late"]
        many = await editor.post(f"{STORIES}/pass", json={"story_ids": ["nothing"], "reason": "off_topic"})
        assert many.status_code == 422
        passed = await editor.post(path, json={"reason": "late"}, headers={"If-Match": '"1"'})
        assert passed.json()["pass_reason"] == "late"
    await database.close()


@pytest.mark.parametrize("first", ["hold", "pass", "place", "claim", "merge"])
async def test_every_move_can_be_undone(desk: Desk, first: str) -> None:
    story_id, other = await a_wire_story(desk), await a_wire_story(desk)
    before = (await desk.editor.get(f"{STORIES}/{story_id}")).json()
    if first == "place":
        moved = await place(desk, story_id)
    else:
        body = {"pass": {"reason": "old"}, "merge": {"into": other}}.get(first)
        moved = await act(desk, story_id, first, body)
    assert moved.is_success, moved.text
    undone = await act(desk, story_id, {"claim": "release", "merge": "split"}.get(first, "reopen"))
    after = undone.json()
    moving = {"version", "changed_at"}
    assert {key: value for key, value in after.items() if key not in moving} == {
        key: value for key, value in before.items() if key not in moving
    }
    assert after["version"] > before["version"]
