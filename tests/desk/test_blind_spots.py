"""Blind spots: what was not published about and who fell silent, in the API and on the desk's screen."""

from datetime import timedelta

import pytest
from sqlmodel import select

from service.models import Editor
from service.words import Role
from tests.builders import a_feed, stored
from tests.conftest import NOON, Desk, SettableClock
from tests.desk.forms import signed_in
from tests.desk.newsroom import CSC, TODAY, a_draft, a_published, item

pytestmark = pytest.mark.anyio

SPOTS = "/api/v1/blind-spots"


async def test_a_partner_and_a_tier_leave_the_list_with_their_first_published_story(desk: Desk) -> None:
    before = (await desk.editor.get(SPOTS)).json()
    assert {"code": "KE", "last_published_on": None} in before["partners"]
    assert CSC in {gap["code"] for gap in before["tiers"]}
    await a_draft(desk)
    assert (await desk.editor.get(SPOTS)).json() == before, "a draft tells readers nothing"
    await a_published(desk, language="fr")
    after = (await desk.editor.get(SPOTS)).json()
    assert "KE" not in {gap["code"] for gap in after["partners"]}
    assert CSC not in {gap["code"] for gap in after["tiers"]}
    assert (after["published"], after["languages"]) == (1, [{"id": "fr", "name": "fr", "stories": 1}])


async def test_what_was_withdrawn_or_lies_before_the_days_asked_about_does_not_count(
    desk: Desk, clock: SettableClock
) -> None:
    story = await a_published(desk)
    clock.move(days=2)
    recent = (await desk.editor.get(SPOTS, params={"days": 1})).json()
    assert {"code": "KE", "last_published_on": TODAY} in recent["partners"]
    assert (recent["published"], recent["since"]) == (0, "2026-11-26")
    assert (await desk.editor.get(SPOTS, params={"days": 3})).json()["published"] == 1
    assert (await item(desk, story, "withdraw", {"reason": "Wrong."})).is_success
    assert (await desk.editor.get(SPOTS, params={"days": 3})).json()["published"] == 0
    assert (await desk.editor.get(SPOTS, params={"days": 0})).status_code == 422


async def test_a_source_quiet_beyond_its_norm_is_named_and_the_screen_says_the_same(desk: Desk) -> None:
    long_ago, lately = NOON - timedelta(days=40), NOON - timedelta(hours=1)
    quiet = a_feed(name="<b>Quiet</b>", last_outcome="ok", newest_at=long_ago, posts_per_day=5.0)
    lively = a_feed(name="Lively", last_outcome="ok", newest_at=lately, posts_per_day=5.0)
    quiet_id = quiet.id
    await stored(desk.database, quiet, lively)
    assert [feed["id"] for feed in (await desk.editor.get(SPOTS)).json()["quiet"]] == [quiet_id]
    await a_published(desk)
    async with desk.database.read() as session:
        editor = (await session.exec(select(Editor).where(Editor.role == Role.EDITOR))).one()
    browser = await signed_in(desk, desk.database, editor)
    async with browser.client:
        await browser.open("/desk/blind-spots")
        assert "<b>Quiet</b>" in browser.text
        assert "Lively" not in browser.text
        await browser.send("/desk/blind-spots", days="7")
        assert "Since 2026-11-18; stories published: 1." in browser.text
