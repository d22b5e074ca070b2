"""Editors' days in a real browser: with mouse and keys, with keys alone, without script, two at once."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from service import auth
from service.passwords import hash_password
from service.words import Role
from tests.browser.conftest import PATIENCE, Window
from tests.conftest import NOON, Desk
from tests.desk.newsroom import EDITIONS, STORIES, TODAY, a_draft, a_wire_story

pytestmark = pytest.mark.anyio
expect.set_options(timeout=PATIENCE)
PASSWORD = "a long enough password"


async def _account(desk: Desk) -> None:
    hashed = await hash_password(PASSWORD)
    async with desk.database.write() as session:
        _, secret = await auth.add_editor(
            session, email="day@example.org", name="Dayo Day", role=Role.EDITOR, now=NOON, by="operator"
        )
        await auth.set_up_account(session, secret, password_hash=hashed, now=NOON)


async def test_an_editors_day_from_the_sign_in_to_the_digest_with_the_keyboard_alone(
    desk: Desk, window: Window
) -> None:
    await _account(desk)
    older = NOON - timedelta(minutes=1)
    kenya = await a_wire_story(desk, at=older, title="Kenya opens a railway", summary="It begins in Nairobi.")
    await a_wire_story(desk, title="A cook book")
    page = await window("/desk", role=None)
    keys = page.keyboard
    # The browser gives the field its focus with the first picture, which on a busy machine comes after the load event.
    await expect(page.locator("#email")).to_be_focused()
    await keys.type("day@example.org")
    await keys.press("Tab")
    await keys.type(PASSWORD)
    await keys.press("Enter")
    await page.wait_for_selector("html[data-scripts=on]")
    says = page.locator("#says")
    await keys.press("j")
    await expect(page.locator("#pane h2")).to_have_text("Kenya opens a railway")
    await keys.press("k")
    await expect(page.locator("#pane h2")).to_have_text("A cook book")
    await keys.press("x")
    await expect(says).to_contain_text("choose a digit")
    await keys.press("1")
    await expect(page.locator(".row.is-passed")).to_contain_text("A cook book")
    await expect(page.locator("#pane h2")).to_have_text("Kenya opens a railway")
    # Tag: Kenya is named; Tanzania is found by its Chinese name and gets another tier than the register's.
    await keys.press("a")
    await expect(page.locator("#options [role=option]").first).to_contain_text("Kenya")
    await keys.press("Enter")
    await expect(page.locator(".tag-row[data-partner=KE] input[name=partner]")).to_be_checked()
    await keys.insert_text("坦桑尼亚")
    await expect(page.locator("#options [role=option]").first).to_contain_text("Tanzania")
    await keys.press("Enter")
    await keys.press("5")
    await expect(says).to_contain_text("Say in a line why")
    await keys.type("an older text")
    await keys.press("Enter")
    await keys.press("Enter")
    await expect(says).to_have_text("Tagged.")
    tags = (await desk.editor.get(f"{STORIES}/{kenya}")).json()["tags"]
    assert [(tag["partner"], tag["tier"], tag["reason"]) for tag in tags] == [
        ("KE", "comprehensive_strategic_cooperative", None),
        ("TZ", "strategic", "an older text"),
    ]
    await keys.press("w")
    await expect(page.locator("#headline")).to_be_focused()
    await keys.type("Kenya has its railway")
    await keys.press("Enter")
    await expect(page.locator("#pane h2")).to_have_text("Kenya has its railway")
    await keys.press("Escape")
    await keys.press("e")
    await expect(says).to_contain_text("Place:")
    await keys.press("p")
    await expect(page.locator("#ask")).to_contain_text("Readers will see it at once")
    await keys.press("Enter")
    await expect(says).to_have_text("Published.")
    assert b"Kenya has its railway" in (await desk.public.get("/daily.rss")).content
    await keys.press("g")
    await keys.press("e")
    await page.wait_for_url("**/desk/editions/*")
    await page.wait_for_selector("html[data-scripts=on]")
    await keys.press("j")
    await keys.press("m")
    await expect(page.locator("#ask")).to_contain_text("keeps its address")
    await page.locator("#c-headline").focus()
    await keys.press("End")
    await keys.type(", at last")
    await page.locator("#ask #note").focus()
    await keys.type("It took long.")
    await keys.press("Enter")
    await expect(says).to_have_text("Corrected.")
    await keys.press("C")
    await expect(page.locator("#ask")).to_contain_text("The digest is frozen")
    await keys.press("Enter")
    await expect(says).to_have_text("Edition closed.")
    assert "Kenya has its railway, at last" in (await desk.public.get(f"/digest/{TODAY}.txt")).text


async def test_a_day_without_script(desk: Desk, window: Window) -> None:
    story = await a_wire_story(desk, title="Kenya opens a railway")
    page = await window(f"/desk/wire?story={story}", java_script_enabled=False)
    await page.locator("#pane").get_by_role("checkbox", name="Kenya").check()
    await page.get_by_role("button", name="Confirm the ticked tags").click()
    await expect(page.locator("#says")).to_have_text("Tagged.")
    await page.get_by_role("button", name="Place in the edition").click()
    await page.get_by_role("link", name="Publish …").click()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("#says")).to_have_text("Published.")
    await page.get_by_role("link", name="Withdraw …").click()
    await page.get_by_label("Reason that readers see").fill("An error of ours.")
    await page.get_by_role("button", name="Withdraw").click()
    await expect(page.locator("#says")).to_have_text("Withdrawn.")
    await page.get_by_role("link", name="Close the edition …").click()
    await page.get_by_role("button", name="Close the edition").click()
    await expect(page.locator("#says")).to_have_text("Edition closed.")


async def test_two_editors_on_one_story_see_each_other_and_overwrite_nothing(desk: Desk, window: Window) -> None:
    story = await a_wire_story(desk, title="A shared story")
    first = await window(f"/desk/wire?story={story}")
    second = await window(f"/desk/wire?story={story}", role=Role.CHIEF)
    for page in (first, second):
        await expect(page.locator("body")).to_have_attribute("data-live", "on")
    await first.keyboard.press("c")
    await expect(second.locator(f"#row-{story}")).to_contain_text("claimed by Amina Test", timeout=3_000)
    await expect(second.locator("#says")).to_have_text("Amina Test: Claimed for ten minutes.")
    # The second one writes; what the first one does meanwhile takes no word away, and is not overwritten.
    await second.keyboard.press("w")
    await second.keyboard.type("Written by the chief")
    await first.keyboard.press("w")
    await first.keyboard.type("Written by the editor")
    await first.keyboard.press("Enter")
    await expect(first.locator("#says")).to_have_text("Headline and blurb kept.")
    await expect(second.locator("#says")).to_contain_text("Amina Test: Headline")
    await expect(second.locator("#headline")).to_have_value("Written by the chief")
    await second.keyboard.press("Enter")
    clash = second.locator("#ask")
    await expect(clash).to_contain_text("Written by the editor")
    await expect(clash).to_contain_text("Written by the chief")
    assert (await desk.editor.get(f"{STORIES}/{story}")).json()["headline"] == "Written by the editor"
    await second.keyboard.press("Tab")
    await second.keyboard.press("Enter")
    await expect(second.locator("#pane h2")).to_have_text("Written by the chief")
    await expect(first.locator("#pane h2")).to_have_text("Written by the chief")


async def test_items_are_moved_by_hand_and_by_key_and_every_desk_sees_it(desk: Desk, window: Window) -> None:
    ids = [await a_draft(desk, title=f"Item {number}") for number in (1, 2, 3)]
    first = await window(f"/desk/editions/{TODAY}")
    second = await window(f"/desk/editions/{TODAY}", role=Role.CHIEF)
    await expect(second.locator("body")).to_have_attribute("data-live", "on")
    await first.locator(f"#item-{ids[2]} header").drag_to(first.locator(f"#item-{ids[0]} header"))
    await expect(first.locator("#says")).to_have_text("Now at place 1.")
    await expect(second.locator("#items > .item").first).to_contain_text("Item 3", timeout=3_000)
    await first.locator(f"#item-{ids[0]} h2").focus()
    await first.keyboard.press(".")
    await expect(first.locator("#says")).to_have_text("Now at place 3.")
    await first.keyboard.press("u")
    await expect(first.locator("#says")).to_have_text("Undone: Moved.")
    await first.keyboard.press("u")
    await expect(first.locator("#items > .item").first).to_contain_text("Item 1")
    items = (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["items"]
    assert [item["story_id"] for item in items] == ids
    await first.keyboard.press("j")
    await first.keyboard.press("w")
    await expect(first.locator(".item[aria-current] input[name=headline]")).to_be_focused()
    await first.keyboard.type("Typed here")
    await expect(first.locator(".item[aria-current] .digest-line")).to_contain_text("Typed here")
