"""Debian's Chromium, driven by Playwright, on the real app: ``browser`` opens a window for an editor who is signed in.

Skipped with the reason where there is no Chromium; in CI that is a failure. Each test has a browser of its own, with a
fresh profile; nothing leaves the machine.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, BrowserContext, Page
from sqlmodel import select

from service import auth
from service.models import Editor
from service.words import Role
from tests.chromium import started_chromium
from tests.conftest import NOON, Desk

PATIENCE = 15_000
"""Milliseconds: the machine may be busy with other tests."""

Window = Callable[..., Awaitable[Page]]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough for what a browser shows."""
    return sqlite_url


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """The browser itself."""
    async with started_chromium() as started:
        yield started


@pytest.fixture
async def window(chromium: Browser, desk: Desk) -> Window:
    """Opens a window of its own (``role``'s, unless None) at an address, and fails on any error of a script."""

    async def opened(path: str = "/desk/wire", *, role: Role | None = Role.EDITOR, **more: object) -> Page:
        options = {"viewport": {"width": 1280, "height": 800}, "base_url": desk.base, **more}
        context: BrowserContext = await chromium.new_context(**options)  # type: ignore[arg-type]  # its own options
        context.set_default_timeout(PATIENCE)
        if role is not None:
            await context.add_cookies([{"name": "huoban", "value": await _session(desk, role), "url": desk.base}])
        page = await context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
        page.on("console", lambda said: _refused_by_policy(said.text))
        await page.goto(path)
        if role is not None and more.get("java_script_enabled", True):
            await page.wait_for_selector("html[data-scripts=on]")
        return page

    return opened


def _refused_by_policy(said: str) -> None:
    assert "Content Security Policy" not in said, said


async def _session(desk: Desk, role: Role) -> str:
    async with desk.database.write() as session:
        editor = (await session.exec(select(Editor).where(Editor.role == role))).one()
        return await auth.open_session(session, editor, now=NOON)
