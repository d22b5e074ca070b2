"""SQLite's file is locked by another program, or its disk is full: acts are refused in time and none is half done."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from service import db
from service.app import open_service
from service.db import Database
from service.examination import Verdict, examine
from service.journal import check_journal
from tests.builders import a_story, stored
from tests.conftest import SettableClock, add_account, serving, settings_for

pytestmark = pytest.mark.anyio
API = "/api/v1"


@asynccontextmanager
async def an_editor(url: str, clock: SettableClock) -> AsyncIterator[tuple[httpx.AsyncClient, Database]]:
    """The app on this database, an editor's client, and the database."""
    database = Database(url)
    _, token = await add_account(database)
    async with serving(settings_for(url), clock=clock) as base:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=30) as client:
            yield client, database
    await database.close()


async def act(client: httpx.AsyncClient, story: str, text: str) -> httpx.Response:
    """Leave a note on a story, by its present version."""
    read = await client.get(f"{API}/stories/{story}")
    assert read.status_code == 200, read.text  # whoever only reads is answered all the time
    return await client.post(
        f"{API}/stories/{story}/note", json={"text": text}, headers={"If-Match": read.headers["ETag"]}
    )


def refused(answer: httpx.Response, reason: str) -> bool:
    """Whether this is the 503 that gives such a reason."""
    return (
        answer.status_code == 503
        and answer.headers["Content-Type"] == "application/problem+json"
        and answer.json()["code"] == "unavailable"
        and reason in answer.json()["detail"]
        and answer.headers["Retry-After"] == "5"
    )


async def only_these_were_done(client: httpx.AsyncClient, database: Database, story: str, notes: list[str]) -> None:
    """What was confirmed is on the record, once, and nothing else; the journal is whole."""
    history = (await client.get(f"{API}/stories/{story}/history")).json()["items"]
    assert [entry["after"]["text"] for entry in history if entry["act"] == "note"] == notes
    async with database.read() as session:
        assert (await check_journal(session)).broken is None


@contextmanager
def locked_by_another_program(path: Path) -> Iterator[None]:
    words = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('BEGIN EXCLUSIVE'); print(1); input()"
    program = subprocess.Popen(
        [sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert program.stdout is not None
    program.stdout.readline()
    try:
        yield
    finally:
        program.communicate(b"\n")


async def test_file_locked_for_long_refuses_acts_in_time_and_goes_on(
    sqlite_url: str, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "BUSY_TIMEOUT_MS", 500)
    async with an_editor(sqlite_url, clock) as (client, database):
        story = a_story()
        await stored(database, story)
        assert (await act(client, story.id, "before")).is_success
        assert database.path is not None
        clock.move(hours=1)  # so that even the token's use is to be noted
        with locked_by_another_program(database.path):
            began = asyncio.get_running_loop().time()
            for answer in await asyncio.gather(*(act(client, story.id, f"during {n}") for n in range(6))):
                assert refused(answer, "locked")
            assert asyncio.get_running_loop().time() - began < 6
            assert (await client.get("/daily.json")).status_code == 200
            assert (await client.get("/health/ready")).status_code == 200
        assert (await act(client, story.id, "after")).is_success
        await only_these_were_done(client, database, story.id, ["before", "after"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 16 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True)
    if made.returncode:
        pytest.skip(f"a disk of our own needs the right to mount: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


async def test_disk_that_is_full_refuses_acts_whole_and_goes_on(
    sqlite_template: Path, small_disk: Path, clock: SettableClock
) -> None:
    shutil.copy(sqlite_template, small_disk / "huoban.db")
    url = f"sqlite+aiosqlite:///{small_disk / 'huoban.db'}"
    async with an_editor(url, clock) as (client, database):
        story = a_story()
        await stored(database, story)
        done: list[str] = []
        assert (await client.get("/health/ready")).status_code == 200
        fill_up(small_disk / "ballast")
        answer = await client.get("/health/ready")
        assert refused(answer, "disk")
        for number in range(400):  # its log has some room of its own at first
            note = f"{number} " + "x" * 1_900
            answer = await act(client, story.id, note)
            if not answer.is_success:
                break
            done.append(note)
        assert refused(answer, "full"), answer.text
        assert (await client.get("/daily.json")).status_code == 200
        async with open_service(settings_for(url), clock=clock) as runtime:
            findings = [finding async for finding in examine(runtime)]
        assert any(finding.about == "disk" and finding.verdict is Verdict.BAD for finding in findings)
        (small_disk / "ballast").unlink()
        assert (await act(client, story.id, "there is room again")).is_success
        assert (await client.get("/health/ready")).status_code == 200
        await only_these_were_done(client, database, story.id, [*done, "there is room again"])


def fill_up(file: Path) -> None:
    """Write until nothing more goes onto the disk."""
    with file.open("wb", buffering=0) as ballast:
        for size in (2**20, 4096, 1):
            try:
                while ballast.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
