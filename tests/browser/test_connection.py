"""What the desk does while the connection or the server is away, and what it takes back."""

import asyncio
from datetime import timedelta

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import PATIENCE, Window
from tests.conftest import NOON, Desk
from tests.desk.newsroom import STORIES, a_wire_story

pytestmark = pytest.mark.anyio
expect.set_options(timeout=PATIENCE)


async def test_acts_wait_in_sight_without_a_connection_and_are_sent_when_it_is_back(desk: Desk, window: Window) -> None:
    story = await a_wire_story(desk, title="Kenya opens a railway")
    page = await window(f"/desk/wire?story={story}")
    await page.context.set_offline(True)
    await page.keyboard.press("c")
    await page.keyboard.press("x")
    await page.keyboard.press("1")
    queue = page.locator("#queue")
    await expect(queue).to_contain_text("Waiting to be sent: 2")
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["state"] == "new"
    await page.context.set_offline(False)
    await expect(queue).to_be_hidden()
    await expect(page.locator(f"#row-{story}")).to_contain_text("passed: off topic")
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["state"] == "passed"


async def test_an_act_whose_answer_was_lost_is_done_once_and_outlives_the_page(desk: Desk, window: Window) -> None:
    story = await a_wire_story(desk)
    page = await window(f"/desk/wire?story={story}")

    async def lost(route: Route) -> None:
        await route.fetch()  # the server does it; the answer never arrives
        await route.abort()

    await page.route("**/api/v1/stories/*/note", lost)
    await page.keyboard.press("n")
    await page.keyboard.type("Call the ministry.")
    await page.keyboard.press("Enter")
    await expect(page.locator("#queue")).to_contain_text("Waiting to be sent: 1")
    await page.unroute("**/api/v1/stories/*/note")
    await page.reload()
    await expect(page.locator("#says")).to_have_text("Sent. Note left.")
    notes = (await desk.editor.get(f"{STORIES}/{story}")).json()["notes"]
    assert [note["text"] for note in notes] == ["Call the ministry."]


async def test_a_queued_act_never_overwrites_what_a_colleague_did_meanwhile(desk: Desk, window: Window) -> None:
    story = await a_wire_story(desk)
    page = await window(f"/desk/wire?story={story}")
    await page.route("**/api/v1/stories/**", lambda route: route.fulfill(status=503, body="{}"))
    await page.keyboard.press("h")
    await expect(page.locator("#queue")).to_be_visible()
    headers = {"If-Match": '"1"'}
    changed = await desk.chief.patch(f"{STORIES}/{story}", json={"headline": "Theirs"}, headers=headers)
    assert changed.status_code == 200
    await page.unroute("**/api/v1/stories/**")
    await expect(page.locator("#ask")).to_contain_text("Theirs")
    await page.keyboard.press("Enter")
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["state"] == "new"


async def test_the_last_acts_are_taken_back_one_by_one(desk: Desk, window: Window) -> None:
    story = await a_wire_story(desk, title="Kenya opens a railway")
    page = await window(f"/desk/wire?story={story}")
    keys, says = page.keyboard, page.locator("#says")
    await keys.press("a")
    await expect(page.locator("#options [role=option]").first).to_contain_text("Kenya")
    await keys.press("Enter")
    await keys.press("Enter")
    await expect(says).to_have_text("Tagged.")
    await keys.press("e")
    await keys.press("t")
    await expect(says).to_have_text("Placed in the edition.")
    for act in ("Placed in the edition.", "Tagged."):
        await keys.press("u")
        await expect(says).to_have_text(f"Undone: {act}")
    now = (await desk.editor.get(f"{STORIES}/{story}")).json()
    assert (now["state"], now["tags"], now["item"]) == ("new", [], None)
    await keys.press("u")
    await expect(says).to_have_text("There is nothing to undo.")


async def test_many_stories_are_passed_by_key_and_one_undo_brings_them_back(desk: Desk, window: Window) -> None:
    ids = [
        await a_wire_story(desk, title=f"Story {number}", at=NOON - timedelta(minutes=number)) for number in (1, 2, 3)
    ]
    page = await window("/desk/wire")
    keys, says = page.keyboard, page.locator("#says")
    await keys.press("X")
    await expect(says).to_have_text("No story is ticked.")
    await keys.press("v")
    await keys.press("v")
    await expect(says).to_have_text("Ticked: 2.")
    await keys.press("X")
    await keys.press("1")
    await expect(says).to_have_text("Passed: 2 of 2.")
    await expect(page.locator(".row.is-passed")).to_have_count(2)
    assert (await desk.editor.get(f"{STORIES}/{ids[2]}")).json()["state"] == "new"
    await keys.press("u")
    await expect(says).to_have_text("Undone: Passed.")
    states = [(await desk.editor.get(f"{STORIES}/{story}")).json()["state"] for story in ids]
    assert states == ["new", "new", "new"]
    # What a colleague works on is left alone.
    await expect(page.locator(".row.is-passed")).to_have_count(0)
    assert (await desk.chief.post(f"{STORIES}/{ids[2]}/claim", headers={"If-Match": '"1"'})).is_success
    # A row that is shown anew loses its tick, so the claim must have been shown before.
    await expect(page.locator(f"#row-{ids[2]}")).to_contain_text("claimed by Chidi Chief")
    await page.locator(f"#tick-{ids[1]}").check()
    await page.locator(f"#tick-{ids[2]}").check()
    await page.get_by_role("button", name="Pass them").click()
    await expect(says).to_contain_text("Passed: 1 of 2.")
    assert (await desk.editor.get(f"{STORIES}/{ids[2]}")).json()["state"] == "new"


async def test_a_piece_of_the_page_from_before_an_act_takes_no_version_back(desk: Desk, window: Window) -> None:
    story = await a_wire_story(desk, title="Kenya opens a railway")
    page = await window(f"/desk/wire?story={story}")
    asked, answered = asyncio.Event(), asyncio.Event()

    async def kept_back(route: Route) -> None:
        answer = await route.fetch()  # made now, on the screen only after what follows
        asked.set()
        await answered.wait()
        await route.fulfill(response=answer)

    await page.route("**/desk/stories/**", kept_back)
    headers = {"If-Match": '"1"'}
    changed = await desk.chief.patch(f"{STORIES}/{story}", json={"headline": "Theirs"}, headers=headers)
    assert changed.status_code == 200  # the event makes the desk ask for the story anew
    async with asyncio.timeout(15):
        await asked.wait()
    modules = "const versions = await import('/static/desk/versions.js');"
    # What an act of one's own is answered meanwhile.
    await page.evaluate(f"async (story) => {{ {modules} versions.madeVersion(`story:${{story}}`, 3); }}", story)
    answered.set()
    await expect(page.locator("#pane")).to_contain_text("Theirs")
    known = f"async (story) => {{ {modules} return versions.versionOf(`story:${{story}}`); }}"
    assert await page.evaluate(known, story) == 3


async def test_keys_do_nothing_with_ctrl_or_while_writing_or_when_they_are_switched_off(
    desk: Desk, window: Window
) -> None:
    story = await a_wire_story(desk)
    page = await window(f"/desk/wire?story={story}")
    for combination in ("Control+h", "Alt+h", "Meta+h"):
        await page.keyboard.press(combination)
    await page.keyboard.press("/")
    await page.keyboard.type("hxj")
    await expect(page.locator("#search")).to_have_value("hxj")
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["state"] == "new"
    own = {"keys": {"hold": "z"}}
    await desk.editor.patch("/api/v1/me/preferences", json=own, headers={"If-Match": '"0"'})
    await page.goto(f"/desk/wire?story={story}")
    await page.wait_for_selector("html[data-scripts=on]")
    await page.keyboard.press("?")
    await expect(page.locator("#help [data-act=hold] kbd")).to_have_text("z")
    await page.keyboard.press("Escape")
    await page.keyboard.press("z")
    await expect(page.locator("#says")).to_have_text("Held for later.")
    off = {"single_keys": False}
    await desk.editor.patch("/api/v1/me/preferences", json=off, headers={"If-Match": '"1"'})
    await page.goto(f"/desk/wire?story={story}&state=held")
    await page.wait_for_selector("html[data-scripts=on]")
    await page.keyboard.press("r")
    await page.keyboard.press("j")
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["state"] == "held"
