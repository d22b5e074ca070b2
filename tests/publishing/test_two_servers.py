"""Two server processes on one database: editors act at both, and no reader of either is told that nothing changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.clock import utc_now
from service.db import Database
from service.publishing.freshness import LOOK_EVERY
from tests.builders import a_story, stored
from tests.conftest import add_account
from tests.processes import BASE, running

pytestmark = pytest.mark.anyio
CSC = "comprehensive_strategic_cooperative"
ACTS = 6


@pytest.fixture
def bases(tmp_path: Path, database_url: str) -> Iterator[list[str]]:
    """The addresses of two servers that run on the same database."""
    with ExitStack() as stack:
        servers = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "feeds.yaml").write_text("version: 1\nfeeds: []\n", encoding="utf-8")
            words = ("serve", "--port", "0", "--no-scheduler")
            servers.append(stack.enter_context(running(folder, *words, HUOBAN_DATABASE_URL=database_url)))
        yield [server.wait_for(BASE) for server in servers]


@dataclass
class Newsroom:
    """An editor and the public at both servers, and what is certain to be public since when."""

    editors: list[httpx.AsyncClient]
    readers: list[httpx.AsyncClient]
    database: Database
    day: str
    said: list[tuple[float, int, str]] = field(default_factory=list)
    """When it was answered that a headline is public, by which server, and the headline."""
    over: bool = False

    async def act(self, at: int, story_id: str, verb: str, **body: Any) -> None:
        """An act on an item of the list, asked of one of the servers."""
        path = f"/api/v1/editions/{self.day}"
        version = (await self.editors[at].get(path)).headers["ETag"]
        target = f"{path}/items/{story_id}/{verb}"
        answer = await self.editors[at].post(target, json=body or None, headers={"If-Match": version})
        assert answer.is_success, answer.text

    async def draft(self, headline: str) -> str:
        """A story that is ready to be published."""
        story = a_story(at=utc_now(), title=headline)
        story_id = story.id
        await stored(self.database, story)
        desk = self.editors[0]
        tags = {"tags": [{"partner": "KE", "tier": CSC, "reason": "for the test"}]}
        await desk.put(f"/api/v1/stories/{story_id}/tags", json=tags, headers={"If-Match": '"1"'})
        placed = await desk.post(f"/api/v1/editions/{self.day}/items", json={"story_id": story_id})
        assert placed.is_success, placed.text
        return story_id

    def certain(self, at: int) -> set[str]:
        """The headlines that a question asked of this server now must find."""
        now = time.monotonic()
        return {words for moment, by, words in self.said if by == at or now - moment > LOOK_EVERY}


@pytest.fixture
async def newsroom(bases: list[str], database: Database) -> AsyncIterator[Newsroom]:
    _, token = await add_account(database, now=utc_now())
    async with AsyncExitStack() as stack:

        async def clients(**headers: str) -> list[httpx.AsyncClient]:
            opened = [httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=30) for base in bases]
            return [await stack.enter_async_context(client) for client in opened]

        editors = await clients(Authorization=f"Bearer {token}")
        yield Newsroom(editors, await clients(), database, utc_now().date().isoformat())


async def read(newsroom: Newsroom, at: int, path: str, by: str, validator: str) -> int:
    """Ask again and again as a reader program does; answers how often nothing had changed."""
    held, unchanged = "", 0
    body: bytes = b""
    while not newsroom.over:
        certain = newsroom.certain(at)
        answer = await newsroom.readers[at].get(path, headers={by: held} if held else {})
        if answer.status_code == 200:
            body, held = answer.content, answer.headers.get(validator, "")
        else:
            assert answer.status_code == 304
            unchanged += 1
        missing = {words for words in certain if words.encode() not in body}
        assert not missing, f"server {at} answered {answer.status_code} for {path} without {missing}"
        await asyncio.sleep(0.01)
    return unchanged


async def test_no_reader_at_either_server_is_told_304_after_a_change(newsroom: Newsroom) -> None:
    stories = [await newsroom.draft(f"story{number}.") for number in range(ACTS)]

    async def edit() -> None:
        try:
            for number, story_id in enumerate(stories):
                await newsroom.act(number % 2, story_id, "publish")
                newsroom.said.append((time.monotonic(), number % 2, f"story{number}."))
                await newsroom.act((number + 1) % 2, story_id, "correct", blurb=f"corrected{number}.", note="For once.")
                newsroom.said.append((time.monotonic(), (number + 1) % 2, f"corrected{number}."))
                await asyncio.sleep(0.05)
        finally:
            newsroom.over = True

    paths = (f"/editions/{newsroom.day}.json", "/latest.atom", "/countries/KE.rss")
    readers = [read(newsroom, at, path, "If-None-Match", "ETag") for at in (0, 1) for path in paths]
    readers += [read(newsroom, at, "/daily.json", "If-Modified-Since", "Last-Modified") for at in (0, 1)]
    *unchanged, _ = await asyncio.gather(*readers, edit())
    assert sum(unchanged) > ACTS, "hardly anything was ever unchanged"
