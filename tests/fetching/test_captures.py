"""Real feed documents, fetched by the real command over a real socket.

The captures lie beside the checkout and are never part of it; without them these tests are skipped. What they show
is also shown, document by document, by ``test_parse``.
"""

import csv
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.fetching.outcomes import Outcome

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = ROOT.parent / "shared" / "feeds"

pytestmark = pytest.mark.captures

if not (CAPTURES / "MANIFEST.csv").exists():
    pytest.skip(f"no feed captures at {CAPTURES}", allow_module_level=True)


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """File name → URL, from the script that serves the captures on loopback."""
    command = [sys.executable, str(ROOT / "tests" / "serve_captures.py"), str(CAPTURES)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    count = sum(1 for file in CAPTURES.iterdir() if file.name != "MANIFEST.csv")
    printed = [server.stdout.readline().strip() for _ in range(count)]
    yield {url.rsplit("/", 1)[1]: url for url in printed}
    server.terminate()
    server.wait(timeout=10)
    server.stdout.close()


@pytest.fixture(scope="module")
def newsroom(urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]]]:
    """A database after `feeds add` of every capture and one `fetch --json`, and what that printed."""
    home = tmp_path_factory.mktemp("captures")
    (home / "feeds.yaml").write_text("version: 1\nfeeds: []\n")
    opml = "".join(f'<outline type="rss" text="{name}" xmlUrl="{url}"/>' for name, url in sorted(urls.items()))
    (home / "captures.opml").write_text(f'<opml version="2.0"><head/><body>{opml}</body></opml>')
    one = next(iter(urls.values()))
    _huoban(home, "migrate")
    assert _huoban(home, "feeds", "add", one).stdout.strip()
    _huoban(home, "feeds", "import", "captures.opml")
    printed = _huoban(home, "fetch", "--json").stdout
    return home / "data" / "huoban.db", [json.loads(line) for line in printed.splitlines()]


def _huoban(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {
        "HUOBAN_DATABASE_URL": f"sqlite+aiosqlite:///{home / 'data' / 'huoban.db'}",
        "HUOBAN_ALLOWED_NETWORKS": "127.0.0.0/8",
        "HUOBAN_HOST_GAP": "0",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "service", *words]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def _manifest() -> list[dict[str, str]]:
    with (CAPTURES / "MANIFEST.csv").open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def test_every_capture_answers_with_an_outcome_of_the_closed_list(
    newsroom: tuple[Path, list[dict[str, object]]], urls: dict[str, str]
) -> None:
    _, lines = newsroom
    assert len(lines) == len(urls)
    for line in lines:
        assert line.keys() >= {"feed", "outcome", "status", "items", "new", "bytes", "seconds"}
        assert line["outcome"] in set(Outcome)
        assert line["status"] == 200


def test_at_least_95_percent_of_the_entries_of_well_formed_captures_are_stored(
    newsroom: tuple[Path, list[dict[str, object]]], urls: dict[str, str]
) -> None:
    database, _ = newsroom
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT f.url, count(s.id) FROM feed f LEFT JOIN sighting s ON s.feed_id = f.id GROUP BY 1"
        )
        stored = dict(rows.fetchall())
        twice = connection.execute("SELECT count(*) - count(DISTINCT key) FROM story").fetchone()[0]
    connection.close()
    wanted = {row["file"]: int(row["entries"]) for row in _manifest() if row["kind"] == "wellformed"}
    short = {name: (stored[urls[name]], count) for name, count in wanted.items() if stored[urls[name]] < count}
    share = sum(stored[urls[name]] for name in wanted) / sum(wanted.values())
    print(f"{share:.2%} of {sum(wanted.values())} entries stored; fewer than listed: {short}")
    assert share >= 0.95, short
    assert twice == 0


def test_the_second_fetch_brings_nothing_new(newsroom: tuple[Path, list[dict[str, object]]]) -> None:
    database, first = newsroom
    again = [json.loads(line) for line in _huoban(database.parent.parent, "fetch", "--json").stdout.splitlines()]
    assert sum(int(line["new"]) for line in again) == 0
    assert {line["outcome"] for line in again} <= {"not_modified", "same_body", "ok"}
    assert len(again) == len(first)
