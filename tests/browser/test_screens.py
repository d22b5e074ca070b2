"""Every screen, in both themes and in Arabic: no fault that axe finds, and none wider than a small telephone."""

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from service.models import Fetch, Webhook
from service.words import Role
from tests.browser.conftest import PATIENCE, Window
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, Desk, add_account
from tests.desk.newsroom import TODAY, a_draft, a_published, act

pytestmark = pytest.mark.anyio
expect.set_options(timeout=PATIENCE)
KEPT = Path(os.environ.get("HUOBAN_SCREENSHOTS", "")) if os.environ.get("HUOBAN_SCREENSHOTS") else None
"""Where CI keeps pictures of every screen."""


def _attempt(feed_id: str, outcome: str) -> Fetch:
    return Fetch(feed_id=feed_id, started_at=NOON, seconds=0.3, outcome=outcome)


async def _newsroom(desk: Desk) -> dict[str, str]:
    """A newsroom in which every screen has something to show; answers the screens' addresses."""
    feed = a_feed(name="Nairobi Paper", country="KE", language="ar", region="africa", kind="newspaper")
    story = a_story(feed, title="افتتاح السكة الحديدية في كينيا", headline="Kenya opens a railway", language="ar",
                    date_rule="rfc822+zone", date_raw="Tue, 24 Nov 2026 10:00", opaque=True)  # fmt: skip
    story_id = story.id
    await stored(desk.database, feed, story, a_feed(id="loud", name="Loud", alarm="Keeps failing (tls)."))
    await stored(desk.database, *(_attempt(feed.id, outcome) for outcome in ("ok", "empty", "timeout", "tls")))
    await act(desk, story_id, "claim")
    draft, public = await a_draft(desk, title="A draft"), await a_published(desk, title="A public item")
    await act(desk, story_id, "note", {"text": "Call the ministry."})
    webhook = Webhook(id="hook", url="https://receiver.example/a/long/path", events=["item.published"], secret="x",
                      purpose="the archive", created_at=NOON)  # fmt: skip
    await stored(desk.database, webhook)
    items = f"/desk/editions/{TODAY}/items"
    return {
        "sign-in": "/desk/sign-in",
        "wire": f"/desk/wire?story={story_id}&add=KE&add=Atlantis",
        "filtered": "/desk/wire?state=picked&sort=source",
        "nothing": "/desk/wire?language=xx",
        "story": f"/desk/stories/{story_id}",
        "edition": f"/desk/editions/{TODAY}",
        "publish": f"{items}/{draft}/publish",
        "schedule": f"{items}/{draft}/schedule",
        "correct": f"{items}/{public}/correct",
        "withdraw": f"{items}/{public}/withdraw",
        "preview": f"{items}/{draft}/preview?headline=Other+words",
        "close": f"/desk/editions/{TODAY}/close",
        "diff": f"/desk/editions/2026-11-23/diff/{TODAY}",
        "sources": "/desk/sources",
        "journal": "/desk/journal",
        "chain": "/desk/journal/verification",
        "hand-over": "/desk/hand-over",
        "register": "/desk/register",
        "partner": "/desk/register/KE",
        "editors": "/desk/editors",
        "settings": "/desk/settings",
        "webhooks": "/desk/webhooks",
        "webhook": "/desk/webhooks/hook",
        "source": f"/desk/sources/{feed.id}",
        "blind-spots": "/desk/blind-spots",
        "keys": "/desk/keys",
        "problem": "/desk/stories/nothing",
    }


COLOURS: dict[str, Any] = {"runOnly": ["color-contrast"]}
"""All that the dark theme changes."""


async def _faults(page: Page, name: str, options: dict[str, Any] | None = None) -> list[str]:
    found = (await Axe().run(page, options=options)).response["violations"]
    return [f"{name}: {fault['id']} {node['html'][:160]}" for fault in found for node in fault["nodes"]]


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "en"), ("light", "ar")])
async def test_axe_finds_no_fault_with_any_screen(desk: Desk, window: Window, theme: str, language: str) -> None:
    screens = await _newsroom(desk)
    _, token = await add_account(desk.database, role=Role.ADMIN, name="Ada Admin")
    headers = {"If-Match": '"0"', "Authorization": f"Bearer {token}"}
    chosen = await desk.public.patch("/api/v1/me/preferences", json={"language": language}, headers=headers)
    assert chosen.status_code == 200
    page = await window(color_scheme=theme, role=Role.ADMIN)
    rules = COLOURS if theme == "dark" else None
    faults = []
    for name, address in screens.items():
        await page.goto(address)
        faults += await _faults(page, name, rules)
        if KEPT:
            await page.screenshot(path=KEPT / f"{name}-{theme}-{language}.png")
    await page.goto(screens["wire"])
    await page.wait_for_selector("html[data-scripts=on]")
    await page.keyboard.press("a")
    await page.keyboard.type("ouga")  # Uganda, in French
    await expect(page.locator("#options")).to_be_visible()
    faults += await _faults(page, "tagging", rules)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    faults += await _faults(page, "help", rules)
    assert faults == []


async def test_no_screen_is_wider_than_a_small_telephone_and_the_way_back_to_the_list_is_there(
    desk: Desk, window: Window
) -> None:
    screens = await _newsroom(desk)
    await add_account(desk.database, role=Role.ADMIN, name="Ada Admin")
    page = await window(role=Role.ADMIN, viewport={"width": 320, "height": 640}, reduced_motion="reduce")
    for name, address in screens.items():
        await page.goto(address)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, name
        if KEPT:
            await page.screenshot(path=KEPT / f"{name}-narrow.png")
    await page.goto(screens["wire"])
    await expect(page.locator(".list")).to_be_hidden()
    await page.get_by_role("link", name="Back to the list").click()
    await expect(page.locator(".list")).to_be_visible()
    await page.locator(".row h2 a").first.click()
    await expect(page.locator("#pane h2")).to_be_visible()
