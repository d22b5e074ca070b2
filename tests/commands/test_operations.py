"""``huoban backup | restore``: made while others write, checked, and put back into an empty place."""

import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.backups import _unescaped
from service.db import Database
from service.journal import ledger_lines, record_decision
from tests.commands.conftest import Terminal
from tests.conftest import NOON
from tests.feed_server import Answer, FeedServer
from tests.postgres import Postgres


def ledger_of(url: str) -> list[str]:
    async def read() -> list[str]:
        database = Database(url)
        async with database.read() as session:
            lines = [line async for line in ledger_lines(session)]
        await database.close()
        return lines

    return asyncio.run(read())


async def decide(database: Database, note: str, *, public: bool) -> None:
    async with database.write() as session:
        await record_decision(
            session, act="note", subject="story:x", before=None, after={"note": note}, now=NOON, by="operator",
            public=public,
        )  # fmt: skip


NOTES = ("plain", "tab\tline\nend\\", "\\N \\. \\\\", "习近平 \u2028 é \x85 🇰🇪", "\b\f\v\r\n")


@pytest.fixture
def in_use(huoban: Terminal, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """The command line on a database with awkward decisions in it, to which somebody goes on writing."""
    monkeypatch.setenv("HUOBAN_DATABASE_URL", database_url)
    enough = threading.Event()

    async def write() -> None:
        database = Database(database_url)
        for number, note in enumerate(NOTES):
            await decide(database, note, public=bool(number % 2))
        begun.set()
        while not enough.wait(0.005):
            await decide(database, "more", public=True)
        await database.close()

    begun = threading.Event()
    writer = threading.Thread(target=lambda: asyncio.run(write()))
    writer.start()
    assert begun.wait(20)
    yield huoban
    enough.set()
    writer.join()


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """An empty place for a database of the same kind."""
    if database_url.startswith("sqlite"):
        yield f"sqlite+aiosqlite:///{tmp_path}/new/huoban.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.copy_of("template1") as url:
        yield url


def test_a_backup_made_while_others_write_is_restored_with_the_same_journal(
    in_use: Terminal, database_url: str, elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = in_use("backup", "newsroom.backup")
    assert made.code == 0, made.err
    backup = tmp_path / "newsroom.backup"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == sorted({*os.listdir(tmp_path)} - {"newsroom.backup.unfinished"})
    in_use("backup", "newsroom.backup").refused("newsroom.backup", "never overwritten")
    in_use("restore", "newsroom.backup").refused("empty" if "postgresql" in database_url else "move that file away")
    monkeypatch.setenv("HUOBAN_DATABASE_URL", elsewhere)
    back = in_use("restore", "newsroom.backup")
    assert back.code == 0, back.err
    assert made.out.split(": ", 1)[1] == back.out.split(": ", 1)[1], "the same decisions and the same last hash"
    restored = ledger_of(elsewhere)
    assert restored == ledger_of(database_url)[: len(restored)]
    assert len(restored) >= len(NOTES)
    assert in_use("journal", "verify").code == 0
    assert in_use("editions", "show", "2026-11-24").code == 0


@pytest.fixture
def on_sqlite(huoban: Terminal, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("HUOBAN_DATABASE_URL", sqlite_url)
    return huoban


def test_what_is_no_backup_is_refused_and_nothing_is_left_behind(
    on_sqlite: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert on_sqlite("backup", "good").code == 0
    on_sqlite("backup", "nowhere/to/be/found").refused("cannot be written")
    monkeypatch.setenv("HUOBAN_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/new.db")
    on_sqlite("restore", "absent").refused("absent", "cannot be read")
    Path("words").write_text("these are words, and no backup")
    on_sqlite("restore", "words").refused("no backup")
    Path("dump").write_bytes(b"PGDMP" + bytes(100))
    on_sqlite("restore", "dump").refused("PostgreSQL")
    damaged = bytearray(Path("good").read_bytes())
    damaged[8192:20000] = bytes(11808)
    Path("damaged").write_bytes(damaged)
    on_sqlite("restore", "damaged").refused()
    assert not [path for path in os.listdir(tmp_path) if path.startswith("new.db") or path.endswith(".unfinished")]


def test_a_backup_whose_journal_was_changed_is_refused(
    on_sqlite: Terminal, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fill() -> None:
        database = Database(sqlite_url)
        for note in NOTES:
            await decide(database, note, public=True)
        await database.close()

    asyncio.run(fill())
    assert on_sqlite("backup", "good").code == 0
    with closing(sqlite3.connect("good")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE journal SET act = 'other' WHERE seq = 3")
        connection.commit()
    monkeypatch.setenv("HUOBAN_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/new.db")
    on_sqlite("restore", "good").refused("Record 3")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("text", [*NOTES, "\\t is no tab", "end\\", "\\\\n", ""])
def test_what_postgresql_escapes_in_a_dump_reads_as_it_was(text: str) -> None:
    escapes = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
    assert _unescaped("".join(escapes.get(letter, letter) for letter in text)) == text


def lines_of(out: str) -> dict[str, tuple[str, str]]:
    return {line[6:20].strip(): (line[:4].strip(), line[22:]) for line in out.splitlines()}


def test_doctor_finds_a_sound_newsroom_sound(
    on_sqlite: Terminal, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "feeds.yaml").write_text(f"version: 1\nfeeds:\n- {{id: one, name: One, url: '{served}'}}\n")
    monkeypatch.setenv("HUOBAN_BASE_URL", "https://daily.example.org")
    monkeypatch.setenv("HUOBAN_ALLOWED_NETWORKS", "127.0.0.0/8")
    seen = on_sqlite("doctor")
    assert seen.code == 0, seen.out
    assert {verdict for verdict, _ in lines_of(seen.out).values()} == {"good"}
    assert "one answered with 1 items" in seen.out
    expected = {"settings", "public address", "disk", "database", "clock", "feeds file", "DNS", "fetching"}
    assert lines_of(seen.out).keys() == expected | {"scheduler", "digest", "feeds"}


def test_doctor_says_what_is_wrong_and_what_to_do(
    huoban: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "feeds.yaml").write_text("version: 1\nfeeds:\n- {id: one, name: One, url: 'https://127.0.0.1/feed'}\n")
    seen = huoban("doctor")
    assert seen.code == 1
    found = lines_of(seen.out)
    assert found["public address"][0] == "look"
    assert found["database"][0] == "BAD"
    assert "huoban migrate" in found["database"][1]
    assert found["fetching"] == (
        "BAD", "one: refused_address  → Check that this machine may reach the internet on 80 and 443.",
    )  # fmt: skip
    assert not (tmp_path / "data").exists(), "looking made something"
    (tmp_path / "feeds.yaml").write_text("feeds: nonsense")
    assert lines_of(huoban("doctor").out)["feeds file"][0] == "BAD"
    monkeypatch.setenv("HUOBAN_TIMEZONE", "Mars/Olympus")
    seen = huoban("doctor")
    assert seen.code == 1
    assert "HUOBAN_TIMEZONE" in seen.out


@pytest.fixture
def served() -> Iterator[str]:
    """A feed with one item on loopback, served from a thread: the command has a loop of its own."""
    body = b"<rss version='2.0'><channel><title>One</title><item><title>A</title><link>https://a.example/1</link></item></channel></rss>"
    begun, enough = threading.Event(), threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with FeedServer() as server:
            server.on("/feed", Answer(body=body))
            urls.append(server.url("/feed"))
            begun.set()
            while not enough.is_set():  # noqa: ASYNC110 - the other thread sets it
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert begun.wait(10)
    yield urls[0]
    enough.set()
    thread.join()
