"""A shift at the desk, with real keys in a real browser: how long an editor waits for the machine, and how many keys.

    python -m benchmarks.desk_shift [--stories 50] [--waiting 100000] [--json FILE]

Fills an SQLite database with waiting stories, opens the wire in Chromium, and handles the newest ones: tag the country
that the text names, confirm, place, publish. Prints how long the wire takes to open, the median and 95th percentile of
each story from the first key to the next story, and the keys of one story. Nothing is thought and nothing is read in
between, so all of it is the machine's time. Targets: the wire opens in under 1 s, the median is under 300 ms, and a
story takes 6 keys.
"""

import argparse
import asyncio
import json
import os
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page, Request
from sqlmodel import select

from benchmarks.desk import serving
from benchmarks.desk_corpus import fill
from service import auth
from service.clock import utc_now
from service.db import Database
from service.models import Editor, Story, new_id
from service.partnerships import places
from tests.chromium import started_chromium

KEYS = ("a", "Enter", "Enter", "e", "p", "Enter")


async def prepare(url: str, *, waiting: int, stories: int) -> str:
    """Fill the database; answers the secret of a session at the desk."""
    database = Database(url)
    await fill(database, waiting, waiting=waiting)
    now = utc_now()
    countries = [place for place in places.places().values() if place.kind == "country" and place.un_member]
    async with database.write() as session:
        for number in range(stories + 1):
            name = places.name(countries[number % len(countries)].code)
            session.add(_story(f"{name} and China sign agreement number {number}", number))
        editor = (await session.exec(select(Editor))).one()
        secret = await auth.open_session(session, editor, now=now)
    await database.close()
    return secret


def _story(title: str, number: int) -> Story:
    now = utc_now()
    url = f"https://paper.example/shift/{number}"
    return Story(
        id=new_id(now), key=f"url:{url}", url=url, title=title, summary="It was signed today.", language="en",
        published_at=now, received_at=now, dated_at=now, content_hash=f"{number:064x}",
    )  # fmt: skip


async def shift(port: int, secret: str, *, stories: int) -> dict[str, Any]:
    """Handle the newest stories; answers the milliseconds."""
    base = f"http://127.0.0.1:{port}"
    asked: Counter[str] = Counter()
    async with started_chromium() as browser:
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        await context.add_cookies([{"name": "huoban", "value": secret, "url": base}])
        page = await context.new_page()
        opened = []
        for _ in range(5):
            await page.goto(f"{base}/desk/wire")
            await page.wait_for_selector("html[data-scripts=on]")
            timing = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
            opened.append(await page.evaluate(timing))
        page.on("request", lambda request: asked.update([_kind_of(request)]))
        times = [await _one(page) for _ in range(stories)]
    found = {"open_ms": median(opened), "median_ms": median(times), "p95_ms": quantiles(times, n=20)[-1]}
    return found | {"requests": {kind: round(count / stories, 2) for kind, count in asked.most_common()}}


def _kind_of(request: Request) -> str:
    """A request without what differs from story to story."""
    parts = urlsplit(request.url)
    path = re.sub(r"/(stories|items)/[a-z0-9]{16,}", r"/\1/…", re.sub(r"\d{4}-\d\d-\d\d", "…", parts.path))
    return f"{request.method} {path}{'?' + parts.query if parts.query.startswith('part=') else ''}"


async def _one(page: Page) -> float:
    """One story, from the first key until the next one has the focus; milliseconds."""
    story = await page.locator(".row[aria-current]").get_attribute("data-story")
    began = time.perf_counter()
    await page.keyboard.press(KEYS[0])
    await page.wait_for_selector("#options [role=option][aria-selected=true]")
    await page.keyboard.press(KEYS[1])
    await page.keyboard.press(KEYS[2])
    await page.keyboard.press(KEYS[3])
    await page.keyboard.press(KEYS[4])
    await page.wait_for_selector("#ask[open] form")
    await page.keyboard.press(KEYS[5])
    await page.wait_for_selector(f'.row[aria-current]:not([data-story="{story}"])')
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=50)
    parser.add_argument("--waiting", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="huoban-shift-") as folder:
        url = f"sqlite+aiosqlite:///{folder}/desk.db"
        secret = asyncio.run(prepare(url, waiting=asked.waiting, stories=asked.stories))
        with serving(url) as (port, _):
            found = asyncio.run(shift(port, secret, stories=asked.stories))
    found |= {"stories": asked.stories, "waiting": asked.waiting, "keys": len(KEYS), "load": os.getloadavg()[0]}
    print(f"the wire opens with {asked.waiting:,} waiting stories in {found['open_ms']:.0f} ms (target 1000)")
    print(f"a story takes {len(KEYS)} keys (target 6) and {found['median_ms']:.0f} ms in the median (target 300),")
    print(
        f"95 in 100 under {found['p95_ms']:.0f} ms; {asked.stories} stories, load {found['load']:.1f} on this machine"
    )
    for kind, each in found["requests"].items():
        print(f"{each:5} requests a story: {kind}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
