"""The migrations make what the models say, on both databases, once, from any start."""

import os
import runpy
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from service.db import Database
from service.desk.search_index import in_models
from service.errors import SetupError
from service.migrating import head_revision, migrate_database, migrations_folder, require_migrated
from service.models import METADATA
from tests.postgres import Postgres

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'folder' / 'huoban.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create_database(f"empty_{os.getpid()}_{abs(hash(request.node.name))}")


def _sync_url(url: str) -> str:
    return url.replace("sqlite+aiosqlite", "sqlite")


async def test_an_empty_database_becomes_what_the_models_say(empty_url: str) -> None:
    database = Database(empty_url)
    before, after = await migrate_database(database)
    assert before is None
    assert await migrate_database(database) == (after, after)
    await require_migrated(database)
    await database.close()
    engine = create_engine(_sync_url(empty_url))
    with engine.connect() as connection:
        options = {"compare_type": True, "render_as_batch": True, "include_object": in_models}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        names = set(inspect(connection).get_table_names())
    engine.dispose()
    assert names >= set(METADATA.tables)


async def test_every_promise_that_the_database_keeps_has_its_trigger(database: Database) -> None:
    written = [runpy.run_path(str(path)).get("RULES", ()) for path in (migrations_folder() / "versions").glob("0*.py")]
    promises = {rule[0] for rules in written for rule in rules}
    catalogue = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if database.is_sqlite
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'"
    )
    async with database.read() as session:
        found = set((await (await session.connection()).execute(text(catalogue))).scalars())
    assert promises
    assert found >= promises


def test_there_is_one_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("path_separator", "os")
    assert list(ScriptDirectory.from_config(config).get_heads()) == [head_revision()]


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    environment = os.environ | {"HUOBAN_DATABASE_URL": empty_url}
    command = [sys.executable, "-m", "service", "migrate"]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert sum("Migrated from None" in out for out, _ in said) == 1


async def test_a_database_of_a_newer_version_is_refused_with_one_clear_line(empty_url: str) -> None:
    database = Database(empty_url)
    await migrate_database(database)
    await database.close()
    engine = create_engine(_sync_url(empty_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    database = Database(empty_url)
    with pytest.raises(SetupError, match="newer version"):
        await migrate_database(database)
    with pytest.raises(SetupError):
        await require_migrated(database)
    await database.close()


async def test_an_unmigrated_database_is_named_and_left_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(SetupError, match="huoban migrate"):
        await require_migrated(database)
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "none.db").touch()
    with pytest.raises(SetupError, match="huoban migrate"):
        await require_migrated(database)
    await database.close()


async def test_a_place_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'file' / 'huoban.db'}")
    with pytest.raises(SetupError, match="cannot be written"):
        await migrate_database(database)
    (tmp_path / "notes.db").write_text("this is no database, but it is long enough to look at " * 40)
    other = Database(f"sqlite+aiosqlite:///{tmp_path / 'notes.db'}")
    with pytest.raises(SetupError, match=r"notes\.db"):
        await migrate_database(other)
    await database.close()
    await other.close()


async def test_a_server_that_is_not_there_is_said_without_its_password() -> None:
    database = Database("postgresql+psycopg://huoban:geheim@127.0.0.1:1/huoban")
    with pytest.raises(SetupError, match="cannot be used") as refused:
        await migrate_database(database)
    assert "geheim" not in str(refused.value)
    await database.close()


async def test_a_failed_migration_leaves_the_schema_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "huoban.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE journal (seq INTEGER)")  # stands in the way of the first migration
    connection.close()
    database = Database(f"sqlite+aiosqlite:///{path}")
    with pytest.raises(SetupError):
        await migrate_database(database)
    await database.close()
    with sqlite3.connect(path) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert tables == {"journal"}
