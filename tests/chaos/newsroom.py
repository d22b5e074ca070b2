"""A newsroom of real processes that can be killed: feeds that change, one web process, one worker, one editor.

What the editor was told is kept, to be compared with what is there in the end.
"""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import update
from sqlmodel import col, select

from service.clock import utc_now
from service.db import Database
from service.models import Feed, Host, Story
from tests.conftest import add_account
from tests.feed_server import Answer, FeedServer

ROOT = Path(__file__).parents[2]
FEEDS = 6
KENYA = {"partner": "KE", "tier": "comprehensive_strategic_cooperative"}
API = "/api/v1"


class Papers:
    """Publishers who bring out an article each time they are asked, and keep the newest twenty in their feeds."""

    def __init__(self, server: FeedServer) -> None:
        self.out: dict[int, int] = dict.fromkeys(range(FEEDS), 3)
        self.open = True
        self.addresses: list[str] = []
        for number in range(FEEDS):
            host, path = f"127.0.0.{10 + number}", f"/{number}"
            server.on(path, lambda _request, number=number: self._answer(number), host=host)
            self.addresses.append(server.url(path, host))

    def _answer(self, number: int) -> Answer:
        self.out[number] += self.open
        articles = range(max(1, self.out[number] - 19), self.out[number] + 1)
        items = "".join(
            f"<item><title>Paper {number} reports {article}</title><link>{link(number, article)}</link></item>"
            for article in reversed(articles)
        )
        return Answer(
            body=f"<rss version='2.0'><channel><title>{number}</title>{items}</channel></rss>".encode(), delay=0.05
        )

    def in_the_feeds(self) -> set[str]:
        """The links that a last look must bring, whatever happened before."""
        return {
            link(number, article)
            for number, newest in self.out.items()
            for article in range(max(1, newest - 19), newest + 1)
        }


def link(number: int, article: int) -> str:
    return f"https://paper{number}.example/{article}"


class Command:
    """A ``huoban`` process that is started again after each kill."""

    def __init__(self, *words: str, environment: dict[str, str]) -> None:
        self._words, self._environment = words, environment
        self.process: Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service", *self._words, cwd=ROOT, env=self._environment, stdout=DEVNULL,
            stderr=DEVNULL,
        )  # fmt: skip

    async def kill(self) -> None:
        """As the kernel does when memory runs out."""
        assert self.process is not None
        children = descendants(self.process.pid)
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        for child in children:  # they end by themselves when their parent is gone, but not at once
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    async def kill_a_child(self, chance: random.Random) -> None:
        """One of its parser processes."""
        assert self.process is not None
        if children := descendants(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(chance.choice(children), signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end; answers its exit code."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.terminate()
        async with asyncio.timeout(30):
            return await self.process.wait()


def descendants(pid: int) -> list[int]:
    """The processes below one, from ``/proc``."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


class EditorAtWork:
    """Tags, places, publishes and sometimes withdraws whatever comes, and keeps what the service confirmed."""

    def __init__(self, base: str, token: str, chance: random.Random) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=40)
        self._chance = chance
        self.published: set[str] = set()
        self.withdrawn: set[str] = set()
        self.perhaps: set[str] = set()
        """Stories with an act that was never answered."""
        self.failures: list[str] = []
        self.unavailable = 0
        """How often the database was away."""
        self.slowest = 0.0
        """Seconds that the slowest answer took."""

    async def work(self) -> None:
        """One story after the other, for ever; whoever started it cancels it."""
        while True:
            try:
                await self._one_story()
            except httpx.TransportError:
                await asyncio.sleep(0.1)

    async def _one_story(self) -> None:
        wire = await self._ask("GET", f"{API}/stories", params={"limit": 20, "state": "new"})
        waiting = wire.json()["items"] if wire is not None else []
        if not waiting:
            await asyncio.sleep(0.2)
            return
        story = self._chance.choice(waiting)["id"]
        day = utc_now().date()
        self.perhaps.add(story)
        if await self._act("PUT", f"{API}/stories/{story}/tags", f"{API}/stories/{story}", {"tags": [KENYA]}) is None:
            return
        edition = f"{API}/editions/{day}"
        if await self._ask("POST", f"{edition}/items", json={"story_id": story}) is None:
            return
        if await self._act("POST", f"{edition}/items/{story}/publish", edition) is None:
            return
        self.published.add(story)
        if self._chance.random() < 0.2:
            body = {"reason": "it was wrong"}
            if await self._act("POST", f"{edition}/items/{story}/withdraw", edition, body) is None:
                return
            self.withdrawn.add(story)
        self.perhaps.discard(story)

    async def _act(self, method: str, path: str, of: str, body: Any = None) -> httpx.Response | None:
        read = await self._ask("GET", of)
        if read is None:
            return None
        return await self._ask(method, path, json=body, headers={"If-Match": read.headers["ETag"]})

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        answer = await self.client.request(method, path, **more)
        self.slowest = max(self.slowest, answer.elapsed.total_seconds())
        if answer.is_success:
            return answer
        if answer.status_code == 503 and answer.json()["code"] == "unavailable" and "Retry-After" in answer.headers:
            self.unavailable += 1
            await asyncio.sleep(0.1)
            return None
        if answer.status_code not in (409, 412, 429):  # the world moved on, which an unanswered act explains
            self.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return None


async def let_time_pass(database: Database, *, leases: bool) -> None:
    """Make every feed due; with ``leases``, end those that a dead worker held."""
    now = utc_now()
    async with database.write() as session:
        connection = await session.connection()
        await connection.execute(update(Feed).values(next_due_at=now - timedelta(seconds=1)))
        hosts = update(Host).values(ready_at=now - timedelta(seconds=1))
        await connection.execute(hosts.where(col(Host.lease_owner).is_(None)))
        if leases:
            await connection.execute(update(Host).values(lease_until=now - timedelta(seconds=1), ready_at=now))


async def links(database: Database) -> list[str]:
    """Every story's link."""
    async with database.read() as session:
        return list((await session.exec(select(Story.url))).all())


@dataclass(frozen=True)
class Newsroom:
    """What a test may do things to."""

    web: Command
    worker: Command
    editor: EditorAtWork
    papers: Papers
    database: Database
    chance: random.Random


@asynccontextmanager
async def newsroom(url: str, server: FeedServer, *, folder: Path, port: int, seed: int) -> AsyncIterator[Newsroom]:
    """Everything, running."""
    chance = random.Random(seed)
    papers, database = Papers(server), Database(url)
    feeds = [f"- {{id: paper-{n}, name: Paper {n}, url: '{address}'}}" for n, address in enumerate(papers.addresses)]
    (folder / "feeds.yaml").write_text("\n".join(["version: 1", "feeds:", *feeds]), encoding="utf-8")
    _, token = await add_account(database, now=utc_now())
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HUOBAN_")},
        "HUOBAN_DATABASE_URL": url,
        "HUOBAN_FEEDS_FILE": str(folder / "feeds.yaml"),
        "HUOBAN_BASE_URL": f"http://127.0.0.1:{port}",
        "HUOBAN_ALLOWED_NETWORKS": "127.0.0.0/8",
        "HUOBAN_HOST_GAP": "0",
        "HUOBAN_LOG_LEVEL": "error",
    }
    web = Command("serve", "--no-scheduler", "--port", str(port), environment=environment)
    worker = Command("worker", environment=environment)
    editor = EditorAtWork(f"http://127.0.0.1:{port}", token, chance)
    await asyncio.gather(web.start(), worker.start())
    try:
        yield Newsroom(web, worker, editor, papers, database, chance)
    finally:
        await asyncio.gather(web.kill(), worker.kill())
        await editor.client.aclose()
        await database.close()
