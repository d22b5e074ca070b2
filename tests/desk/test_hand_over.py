"""What one shift leaves to the next, over the API and as a screen."""

import pytest

from tests.conftest import Desk
from tests.desk.forms import an_account, signed_in
from tests.desk.newsroom import a_draft, a_wire_story, act

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
