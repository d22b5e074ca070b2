"""Sessions: a read keeps nothing, a write keeps all or nothing, and what the operator got wrong is said plainly."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import func, select

from service.db import Database
from service.errors import NotNow, SetupError
from service.migrating import head_revision, migrate_database, require_migrated
from service.models import Story
from tests.builders import a_story

pytestmark = pytest.mark.anyio


async def how_many(database: Database) -> int:
    async with database.read() as session:
        return (await session.exec(select(func.count()).select_from(Story))).one()


async def fail_after_writing(database: Database, error: BaseException) -> None:
    async with database.write() as session:
        session.add(a_story())
        await session.flush()
        raise error


async def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    for error in (NotNow("no"), RuntimeError("crash"), KeyboardInterrupt(), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            await fail_after_writing(database, error)
    assert await how_many(database) == 0


async def test_a_read_keeps_nothing(database: Database) -> None:
    try:
        async with database.read() as session:
            session.add(a_story())
            await session.flush()
    except SQLAlchemyError:
        assert not database.is_sqlite, "PostgreSQL refuses to write in a read-only transaction"
    assert await how_many(database) == 0


async def test_a_write_within_a_write_is_refused_at_once(database: Database) -> None:
    async def write() -> None:
        async with database.write() as session:
            session.add(a_story())

    later: list[asyncio.Task[None]] = []
    async with asyncio.timeout(10):
        async with database.write():
            with pytest.raises(RuntimeError, match="hand its session on"):
                await write()
            with pytest.raises(RuntimeError, match="hand its session on"):
                await asyncio.create_task(write())
            waits = asyncio.create_task(asyncio.sleep(0.05))
            waits.add_done_callback(lambda _: later.append(asyncio.create_task(write())))
        await write()
        await waits
        await asyncio.sleep(0)
        await asyncio.gather(*later)
    assert await how_many(database) == 2, "one after the other is fine, also for a task that a write has started"


async def test_what_a_writer_read_has_not_changed_when_it_writes(database: Database) -> None:
    story = a_story()
    async with database.write() as session:
        session.add(story)

    async def count_up() -> None:
        async with database.write() as session:
            query = select(Story).where(Story.id == story.id).with_for_update()
            row = (await session.exec(query)).one()
            seen = row.version
            await asyncio.sleep(0)
            row.version = seen + 1

    await asyncio.gather(*(count_up() for _ in range(25)))
    async with database.read() as session:
        assert (await session.get_one(Story, story.id)).version == 26


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://x/y", "sqlite:///x.db", "postgresql://x/y", "://"])
def test_a_url_of_no_database_of_ours_is_refused(url: str) -> None:
    with pytest.raises(SetupError, match="HUOBAN_DATABASE_URL"):
        Database(url)


async def test_a_database_that_is_not_there_or_not_migrated_says_what_to_run(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "huoban.db"
    database = Database(f"sqlite+aiosqlite:///{path}")
    with pytest.raises(SetupError, match="huoban migrate"):
        await require_migrated(database)
    assert not path.exists(), "a check makes nothing"
    path.parent.mkdir()
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(SetupError, match="huoban migrate"):
        await require_migrated(database)
    assert await migrate_database(database) == (None, head_revision())
    assert await migrate_database(database) == (head_revision(), head_revision())
    await require_migrated(database)
    await database.close()


async def test_a_check_waits_for_no_writer(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with database.write():
        await asyncio.wait_for(require_migrated(database), 2)
    await database.close()


async def test_a_newer_database_is_left_alone(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    assert database.path
    connection = sqlite3.connect(database.path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(SetupError, match="newer version"):
        await migrate_database(database)
    with pytest.raises(SetupError):
        await require_migrated(database)
    await database.close()


@pytest.mark.parametrize("kind", ["folder", "text", "under a file"])
async def test_what_is_no_database_file_is_said_in_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "huoban.db"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_text("no database\n" * 500)
    database = Database(f"sqlite+aiosqlite:///{path / 'x.db' if kind == 'under a file' else path}")
    with pytest.raises(SetupError) as refused:
        await migrate_database(database)
    assert "\n" not in refused.value.detail
    with pytest.raises(SetupError):
        await require_migrated(database)
    await database.close()


async def test_an_unreachable_server_is_said_in_one_line_without_the_password() -> None:
    database = Database("postgresql+psycopg://huoban:s3cret@127.0.0.1:1/huoban?connect_timeout=2")
    for attempt in (migrate_database, require_migrated):
        with pytest.raises(SetupError) as refused:
            await attempt(database)
        assert "s3cret" not in refused.value.detail
        assert "\n" not in refused.value.detail
    await database.close()


async def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    databases = [Database(f"sqlite+aiosqlite:///{tmp_path / 'huoban.db'}") for _ in range(3)]
    outcomes = await asyncio.gather(*(migrate_database(database) for database in databases))
    assert sorted(before or "" for before, _ in outcomes) == ["", head_revision(), head_revision()]
    for database in databases:
        await database.close()
