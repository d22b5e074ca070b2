"""``huoban export``."""

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from service.db import Database
from tests.commands.conftest import Terminal
from tests.conftest import add_account
from tests.publishing.newsroom import published


@pytest.fixture
def on_corpus(huoban: Terminal, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command line on a database with one public story."""

    async def fill() -> None:
        database = Database(sqlite_url)
        editor, _ = await add_account(database)
        await published(database, editor, headline="Our own words")
        await database.close()

    asyncio.run(fill())
    monkeypatch.setenv("HUOBAN_DATABASE_URL", sqlite_url)
    return huoban


def test_the_package_holds_everything_and_its_checksums_hold(on_corpus: Terminal, bare: Path) -> None:
    told = on_corpus("export", "--out", "corpus")
    assert told.code == 0, told.err
    folder = bare / "corpus"
    files = {path.name for path in folder.iterdir()}
    assert files == {
        "stories.jsonl", "stories.csv", "stories.parquet", "passed.csv", "codebook.md", "CITATION.cff", "SHA256SUMS",
    }  # fmt: skip
    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == files - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert json.loads((folder / "stories.jsonl").read_text())["headline"] == "Our own words"


def test_one_file_goes_where_it_is_wanted(on_corpus: Terminal, bare: Path) -> None:
    printed = on_corpus("export").out
    assert json.loads(printed)["partner"] == "KE"
    assert on_corpus("export", "--out", "stories.jsonl").code == 0
    assert (bare / "stories.jsonl").read_text() == printed
    assert on_corpus("export", "--out", "stories.parquet").code == 0
    assert (bare / "stories.parquet").read_bytes()[:4] == b"PAR1"
    assert on_corpus("export", "--since", "2027-01-01").out == ""
    assert on_corpus("export", "--format", "csv").out.startswith("\ufeffstory_id,")


def test_what_cannot_be_written_is_said_before_anything_is(on_corpus: Terminal, bare: Path) -> None:
    on_corpus("export", "--format", "xlsx").refused("xlsx", "jsonl")
    on_corpus("export", "--since", "yesterday").refused("2026-11-24")
    (bare / "taken").write_text("")
    on_corpus("export", "--out", "taken").refused("taken")
    on_corpus("export", "--out", "nowhere/stories.csv").refused("stories.csv")
