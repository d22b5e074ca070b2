"""newsboat as a reader of ours: a real reader program on a real server process, and what it keeps in its cache."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from service.clock import utc_now
from service.db import Database
from service.models import Editor
from service.publishing.freshness import LOOK_EVERY
from tests.conftest import add_account
from tests.processes import BASE, running
from tests.publishing.newsroom import corrected, published, withdrawn

NEWSBOAT = shutil.which("newsboat")
FEEDS = ("/daily.rss", "/latest.atom")


@pytest.fixture(autouse=True)
def reader_program() -> None:
    """Skip where newsboat is not installed; in CI it is, and its absence is a failure."""
    if NEWSBOAT is None:
        reason = "newsboat is not installed (Debian: apt-get install newsboat)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def base(tmp_path: Path, sqlite_url: str) -> Iterator[str]:
    """The address of a server process on a database of its own."""
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "feeds.yaml").write_text("version: 1\nfeeds: []\n", encoding="utf-8")
    words = ("serve", "--port", "0", "--no-scheduler")
    with running(folder, *words, HUOBAN_DATABASE_URL=sqlite_url) as server:
        yield server.wait_for(BASE)


@dataclass(frozen=True)
class Subscriber:
    """Somebody who reads with newsboat: a folder with its own list of feeds and its own cache."""

    folder: Path

    def subscribe(self, base: str, *paths: str) -> None:
        """Begin to follow these lists."""
        self.folder.mkdir()
        (self.folder / "urls").write_text("".join(f"{base}{path}\n" for path in paths), encoding="utf-8")
        (self.folder / "config").write_text("", encoding="utf-8")

    def reload(self) -> None:
        """Ask the feeds again."""
        files = ("-u", "urls", "-c", "cache.db", "-C", "config")
        home = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        command = [str(NEWSBOAT), *files, "-x", "reload"]
        subprocess.run(command, cwd=self.folder, env=home, check=True, timeout=60, capture_output=True)

    def read_all(self) -> None:
        """Mark everything as read, as a person does."""
        self._ask("UPDATE rss_item SET unread = 0")

    def items(self) -> dict[str, tuple[str, int]]:
        """What it keeps, by the story's id: title, and whether unread. A story that stands twice fails."""
        rows = self._ask("SELECT guid, title, unread FROM rss_item WHERE deleted = 0")
        assert len({guid for guid, *_ in rows}) == len(rows), "a story stands twice"
        return {guid[-18:]: (title, unread) for guid, title, unread in rows}

    def _ask(self, query: str) -> list[tuple[str, str, int]]:
        with sqlite3.connect(self.folder / "cache.db") as cache:
            rows = cache.execute(query).fetchall()
        cache.close()
        return rows


@dataclass(frozen=True)
class Hand:
    """An editor's hand on the server's database."""

    url: str

    def publish(self, *headlines: str) -> tuple[Editor, list[str]]:
        """An account, and a story of its for each headline; answers the stories' ids."""

        async def work(database: Database) -> tuple[Editor, list[str]]:
            editor, _ = await add_account(database)
            return editor, [await published(database, editor, headline=words, at=utc_now()) for words in headlines]

        return asyncio.run(self._with(work))

    def correct(self, editor: Editor, story_id: str, headline: str) -> None:
        """Correct a headline."""

        async def work(database: Database) -> None:
            await corrected(database, editor, story_id, day=_today(), at=utc_now(), headline=headline)

        asyncio.run(self._with(work))

    def withdraw(self, editor: Editor, story_id: str) -> None:
        """Take a story back."""

        async def work(database: Database) -> None:
            await withdrawn(database, editor, story_id, day=_today(), at=utc_now())

        asyncio.run(self._with(work))

    async def _with(self, work):  # type: ignore[no-untyped-def]  # what it answers is what the work answers
        database = Database(self.url)
        try:
            return await work(database)
        finally:
            await database.close()
            await asyncio.sleep(2 * LOOK_EVERY)  # by then the server has noticed what another process wrote


def _today() -> date:
    return utc_now().date()


def subscribers(folder: Path, base: str) -> list[Subscriber]:
    """One who follows each list, and one who follows both, where a story is the same story."""
    found = []
    for name, paths in (("rss", FEEDS[:1]), ("atom", FEEDS[1:]), ("both", FEEDS)):
        found.append(Subscriber(folder / name))
        found[-1].subscribe(base, *paths)
    return found


def test_newsboat_sees_each_item_once_a_correction_and_no_withdrawn_item_as_new(
    base: str, sqlite_url: str, tmp_path: Path
) -> None:
    hand, everyone = Hand(sqlite_url), subscribers(tmp_path, base)
    headlines = ("Railway opens 🇰🇪 <fast> & wide", "القاهرة وبكين توقعان")
    editor, (first, second) = hand.publish(*headlines)
    for each in everyone:
        for _ in range(3):
            each.reload()
        assert each.items() == {first: (headlines[0], 1), second: (headlines[1], 1)}
        each.read_all()

    hand.correct(editor, first, "Railway opens in March")
    for each in everyone:
        each.reload()
        assert each.items() == {first: ("Railway opens in March", 0), second: (headlines[1], 0)}

    hand.withdraw(editor, first)
    for each in everyone:
        for _ in range(2):
            each.reload()
        assert not any(unread for _, unread in each.items().values())
    newcomers = tmp_path / "later"
    newcomers.mkdir()
    for each in subscribers(newcomers, base):
        each.reload()
        assert each.items() == {second: (headlines[1], 1)}
