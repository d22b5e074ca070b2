"""Debian's Chromium for tests, with a fresh profile and nothing that looks for its makers' hosts."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@asynccontextmanager
async def started_chromium() -> AsyncIterator[Browser]:
    """The browser; the test is skipped where there is none, and fails in CI, which installs it."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium: install the package chromium")
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    async with async_playwright() as playwright:
        # Chromium has no sandbox for root, and CI is root.
        started = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *QUIET])
        yield started
        await started.close()
