"""Every page for people in a real browser: no violation of the rules of axe, in both themes, in both directions.

Skipped with the reason where there is no Chromium; in CI that is a failure. Nothing leaves the machine.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from service.translations import LANGUAGES
from tests.chromium import started_chromium
from tests.conftest import Desk
from tests.desk.newsroom import TODAY, a_published, edition, item
from tests.publishing.test_pages import a_newsroom

pytestmark = pytest.mark.anyio
KINDS = (
    "/",
    "/latest.html",
    "/countries/KE.html",
    "/tiers/all_weather.html",
    "/regions/africa.html",
    "/archive",
    "/about",
    "/status",
    "/map",
    "/partnerships.html?on=2015-01-01",
    "/partnerships/RU",
    "/nowhere",
)
"""One page of each kind; the story's is added."""
COLOURS: dict[str, Any] = {"runOnly": ["color-contrast"]}
ALIKE = {"exclude": ["main section ~ section", "dd ~ dd", "tr:nth-child(n+5)", "li:nth-child(n+8)"]}
"""Hundreds of rows of one kind: the first few are looked at."""
NARROW = {"width": 320, "height": 640}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough for what a browser shows."""
    return sqlite_url


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium with a fresh profile."""
    async with started_chromium() as started:
        yield started


async def violations(page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """What axe finds, as lines to read."""
    found = (await Axe().run(page, context=ALIKE, options=options)).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("prefix", ["", "/ar"])
async def test_no_page_violates_a_rule_of_accessibility_in_either_theme(
    desk: Desk, browser: Browser, prefix: str
) -> None:
    _, story, _ = await a_newsroom(desk.database)
    context = await browser.new_context(base_url=desk.base, viewport=NARROW)  # type: ignore[arg-type]  # width and height
    page = await context.new_page()
    for path in (*KINDS, f"/stories/{story}"):
        await page.emulate_media(color_scheme="light")
        await page.goto(f"{prefix}{path}")
        assert await violations(page) == [], f"{prefix}{path}"
        await page.emulate_media(color_scheme="dark")
        assert await violations(page, COLOURS) == [], f"{prefix}{path} in the dark theme"


async def test_no_page_is_wider_than_a_small_telephone_in_any_language(desk: Desk, browser: Browser) -> None:
    _, story, _ = await a_newsroom(desk.database)
    context = await browser.new_context(base_url=desk.base, viewport=NARROW)  # type: ignore[arg-type]  # width and height
    page = await context.new_page()
    for number, path in enumerate((*KINDS, f"/stories/{story}")):
        for language in ("en", *list(LANGUAGES)[1 + number % 5 :][:1]):
            await page.goto(f"{'' if language == 'en' else f'/{language}'}{path}")
            beyond = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert beyond == 0, (language, path)


async def test_a_frozen_digest_fits_a_small_telephone_and_violates_no_rule(desk: Desk, browser: Browser) -> None:
    words = "Ein Wort wie Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft " * 2
    await a_published(desk, title=words, summary="x" * 200, url=f"https://paper.example/{'a' * 180}")
    gone = await a_published(desk, title="Gone")
    assert (await item(desk, gone, "withdraw", {"reason": "An error of ours."})).is_success
    assert (await edition(desk, "close", client=desk.chief)).is_success
    context = await browser.new_context(base_url=desk.base, viewport=NARROW)  # type: ignore[arg-type]  # width and height
    page = await context.new_page()
    await page.goto(f"/digest/{TODAY}.html")
    beyond = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert beyond == 0
    assert await violations(page) == []
    await page.emulate_media(color_scheme="dark")
    assert await violations(page, COLOURS) == [], "in the dark theme"
