"""``huoban editions | digest | register | journal``."""

import asyncio
from pathlib import Path

import pytest

from service.checkpoints import checkpoint_lines, public_keys
from service.db import Database
from service.journal import ledger_lines, record_decision
from tests.commands.conftest import Terminal
from tests.conftest import NOON


@pytest.fixture
def desk(huoban: Terminal, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command line on a migrated SQLite database; the kinds of database are told apart elsewhere."""
    monkeypatch.setenv("HUOBAN_DATABASE_URL", sqlite_url)
    return huoban


def test_a_day_is_shown_closed_once_and_printed_in_every_format(on_database: Terminal) -> None:
    assert "open" in on_database("editions", "show", "2026-01-05").out
    assert on_database("editions", "close", "2026-01-05").code == 0
    on_database("editions", "close", "2026-01-05").refused("closed")
    assert "closed" in on_database("editions", "show", "2026-01-05").out
    for extension in ("json", "html", "txt", "md"):
        first = on_database("digest", "2026-01-05", "--format", extension)
        assert first.code == 0
        assert first.out
        assert on_database("digest", "2026-01-05", "--format", extension).out == first.out
    assert on_database("journal", "verify").code == 0


def test_what_is_no_day_or_format_is_refused(desk: Terminal) -> None:
    for day in ("2026-02-30", "today", "", "2026-13-01", "24.11.2026", "99999-01-01"):
        for words in (("editions", "show"), ("editions", "close"), ("digest",)):
            desk(*words, day).refused("2026-11-24")
        desk("register", "show", "--on", day or "x").refused("2026-11-24")
    desk("digest", "2026-01-05", "--format", "pdf").refused("pdf", "json")
    desk("editions", "close", "9000-01-01").refused("not begun")
    for day in ("0001-01-01", "9999-12-31"):
        assert desk("editions", "show", day).code == 0


def test_the_register_answers_for_a_partner_a_day_and_whoever_was_meant(desk: Terminal) -> None:
    assert "all_weather" in desk("register", "show", "Ethiopia").out
    then = desk("register", "show", "ET", "--on", "2023-10-16").out
    assert "comprehensive_strategic_cooperative" in then
    assert "all_weather" not in then
    assert len(desk("register", "show").out.splitlines()) > 150
    desk("register", "show", "Keniaa").refused("KE")
    desk("register", "show", "CN").refused("China")
    checked = desk("register", "check")
    assert checked.code == 0, checked.err
    assert "0 faults" in checked.out


def a_ledger(url: str, path: Path) -> list[str]:
    async def fill() -> list[str]:
        database = Database(url)
        for number in range(4):
            async with database.write() as session:
                subject = f"story:{number}"
                after = {"headline": "中文"}
                await record_decision(
                    session, act="publish", subject=subject, before=None, after=after, now=NOON, by="clock"
                )
        async with database.read() as session:
            lines = [line async for line in ledger_lines(session)]
        await database.close()
        return lines

    lines = asyncio.run(fill())
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return lines


def test_a_ledger_is_verified_without_a_database_and_the_broken_record_named(
    desk: Terminal, bare: Path, sqlite_url: str
) -> None:
    path = bare / "ledger.jsonl"
    lines = a_ledger(sqlite_url, path)
    assert "4 records hold" in desk("journal", "verify").out
    assert desk("journal", "verify").out == desk("journal", "verify", str(path)).out
    for damage, seq in (
        ([*lines[:1], *lines[2:]], 2),
        ([lines[1], lines[0], *lines[2:]], 1),
        ([*lines[:2], lines[2].replace("publish", "pass"), lines[3]], 3),
        ([*lines[:3], "hello"], 4),
        (['{"seq": "\\ud800"}'], 1),
    ):
        path.write_text("\n".join(damage), encoding="utf-8")
        desk("journal", "verify", str(path)).refused(f"Record {seq} ")


def test_a_checkpoint_is_signed_once_a_day_and_finds_an_end_that_was_cut_off(
    desk: Terminal, bare: Path, sqlite_url: str
) -> None:
    assert "nothing to sign" in desk("journal", "checkpoint").out
    lines = a_ledger(sqlite_url, bare / "ledger.jsonl")
    assert desk("journal", "checkpoint").out.startswith("Signed")
    assert desk("journal", "checkpoint").out.startswith("There is already")
    assert "1 checkpoints hold" in desk("journal", "verify").out
    download_checkpoints(sqlite_url, bare)
    words = ("journal", "verify", "ledger.jsonl", "--checkpoints", "checkpoints.jsonl", "--key", "key.pem")
    assert "covers 4 records" in desk(*words).out
    assert "covers 4 records" in desk("journal", "verify", *words[3:]).out, "the database against what was kept"
    (bare / "ledger.jsonl").write_text("\n".join(lines[:3]), encoding="utf-8")
    assert desk("journal", "verify", "ledger.jsonl").code == 0, "the chain alone does not show it"
    desk(*words).refused("Record 4 ", "cut off")
    desk(*words[:5]).refused("--key")
    desk("journal", "verify", "--key", "key.pem").refused("--checkpoints")
    desk(*words[:5], "--key", "ledger.jsonl").refused("ledger.jsonl")
    (bare / "checkpoints.jsonl").write_text("[]\n")
    desk(*words).refused("Checkpoint 1 ")
    (bare / "checkpoints.jsonl").write_bytes(b"\xff")
    desk(*words).refused("checkpoints.jsonl")


def download_checkpoints(url: str, folder: Path) -> None:
    async def fill() -> None:
        database = Database(url)
        async with database.read() as session:
            lines = await checkpoint_lines(session)
            keys = await public_keys(session)
        await database.close()
        (folder / "checkpoints.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        (folder / "key.pem").write_text(keys or "", encoding="utf-8")

    asyncio.run(fill())


def test_what_is_no_ledger_is_refused(desk: Terminal, bare: Path) -> None:
    desk("journal", "verify", "missing.jsonl").refused("missing.jsonl")
    desk("journal", "verify", str(bare)).refused(str(bare))
    (bare / "binary").write_bytes(b"\xff\xfe\x00" * 100)
    desk("journal", "verify", "binary").refused("binary")
    (bare / "deep").write_text("[" * 200_000)
    desk("journal", "verify", "deep").refused("Record 1 ")
    (bare / "empty").write_text("")
    assert desk("journal", "verify", "empty").out.startswith("0 records")
