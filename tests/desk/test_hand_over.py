"""What one shift leaves to the next, over the API and as a screen."""

import pytest

from service.words import Role
from tests.conftest import Desk
from tests.desk.forms import an_account, signed_in
from tests.desk.newsroom import STORIES, a_draft, a_wire_story, act

pytestmark = pytest.mark.anyio


async def test_the_next_shift_sees_what_waits_what_is_held_and_what_colleagues_decided(desk: Desk) -> None:
    waiting, held = await a_wire_story(desk, title="Waits <b>long</b>"), await a_wire_story(desk, title="Held one")
    draft = await a_draft(desk, title="A draft")
    for story, verb, body in ((held, "note", {"text": "Call the ministry."}), (held, "hold", None)):
        assert (await act(desk, story, verb, body)).is_success
    assert (await act(desk, waiting, "claim")).is_success
    seen = (await desk.chief.get("/api/v1/hand-over")).json()
    assert [line["story_id"] for line in seen["oldest"]] == [waiting]
    assert [line["story_id"] for line in seen["claims"]] == [waiting]
    assert [(line["story_id"], line["note"]) for line in seen["held"]] == [(held, "Call the ministry.")]
    assert [line["story_id"] for line in seen["drafts"]] == [draft]
    assert seen["since"] is None
    assert {"hold", "place"} <= {change["act"] for change in seen["changes"]}
    mine = (await desk.editor.get("/api/v1/hand-over")).json()
    assert mine["since"] is not None
    assert mine["changes"] == []
    browser = await signed_in(desk, desk.database, await an_account(desk))
    async with browser.client:
        await browser.open("/desk/hand-over")
        assert "Waits <b>long</b>" in browser.text
        assert "Call the ministry." in browser.text


async def test_word_to_the_next_shift_is_seen_with_who_left_it_and_when_and_never_in_public(desk: Desk) -> None:
    words = "The <b>ministry</b> calls back at six.\n\nWait for it."
    left = await desk.editor.post("/api/v1/hand-over/notes", json={"text": words})
    assert (left.status_code, left.json()["by"]) == (201, "Amina Test")
    assert (await desk.editor.post("/api/v1/hand-over/notes", json={"text": " "})).status_code == 422
    browser = await signed_in(desk, desk.database, await an_account(desk, Role.CHIEF))
    async with browser.client:
        await browser.open("/desk/hand-over")
        assert "The <b>ministry</b> calls back at six. Wait for it." in browser.text
        assert "Amina Test · 24 Nov 12:00 UTC" in browser.text
        await browser.send("/notes", text="Seen.")
        assert "Word left to the next shift." in browser.said
    seen = (await desk.editor.get("/api/v1/hand-over")).json()["notes"]
    assert [(note["by"], note["text"]) for note in seen] == [("Chidi Chief", "Seen."), ("Amina Test", words)]
    assert "ministry" not in (await desk.public.get("/ledger.jsonl")).text


async def test_ten_words_from_earlier_shifts_are_shown(desk: Desk) -> None:
    for number in range(12):
        await desk.editor.post("/api/v1/hand-over/notes", json={"text": f"Word {number}"})
    seen = (await desk.editor.get("/api/v1/hand-over")).json()["notes"]
    assert [note["text"] for note in seen] == [f"Word {number}" for number in range(11, 1, -1)]


async def test_a_second_editor_is_asked_for_seen_by_everybody_and_answers(desk: Desk) -> None:
    story = await a_wire_story(desk, title="Doubtful")
    for _ in range(2):  # to ask twice is to ask once
        assert (await act(desk, story, "ask")).json()["asked"] == {"by": "Amina Test", "at": "2026-11-24T12:00:00Z"}
    stale = await desk.editor.post(f"{STORIES}/{story}/ask", headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    [line] = (await desk.chief.get("/api/v1/hand-over")).json()["asked"]
    assert (line["story_id"], line["who"]) == (story, "Amina Test")
    browser = await signed_in(desk, desk.database, await an_account(desk, Role.CHIEF))
    async with browser.client:
        await browser.open(f"/desk/wire?story={story}")
        assert "a second editor is wanted by Amina Test" in browser.text
        await browser.send(f"{story}/answer")
        assert "A second editor has looked." in browser.said
    assert (await act(desk, story, "answer")).json()["asked"] is None
    acts = [each["act"] for each in (await desk.editor.get(f"{STORIES}/{story}/history")).json()["items"]]
    assert (acts.count("ask"), acts.count("answer")) == (1, 1)
