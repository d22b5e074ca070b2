"""Brings the database to the schema of this version, once, however many processes start at the same time.

SQLite is locked by ``BEGIN EXCLUSIVE`` and PostgreSQL by an advisory lock; the whole upgrade is one
transaction. Migrations only go forward. Foreign keys are off meanwhile on SQLite, where rebuilding a parent
table would otherwise delete its children. Called by ``cli`` and ``app`` before anything else.
"""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from service.db import BUSY_TIMEOUT_MS, Database
from service.errors import SetupError

_LOCK = 0x48554F4D  # any constant of our own
_HERE = Path(__file__).parent


def migrations_folder() -> Path:
    """Where the migrations are: inside the installed package, or beside it in a source tree."""
    packaged = _HERE / "migrations"
    return packaged if packaged.is_dir() else _HERE.parent / "migrations"


def _alembic_config(connection: Connection) -> Any:
    # Imported here: alembic costs a tenth of a second that most commands need not spend.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _sync_engine(database: Database, *, begin: str = "BEGIN") -> Engine:
    driver = "sqlite" if database.is_sqlite else "postgresql+psycopg"
    engine = create_engine(database.url.set(drivername=driver), poolclass=NullPool)
    if database.is_sqlite:

        @event.listens_for(engine, "connect")
        def _plain(connection: Any, _entry: Any) -> None:
            connection.isolation_level = None
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

    return engine


def head_revision() -> str:
    """The schema that this version of the service needs: the last of the numbered files (a test holds their chain).

    Alembic is not asked: most starts find the database as it should be, and it costs time and ten megabytes.
    """
    return max(path.name.partition("_")[0] for path in (migrations_folder() / "versions").glob("[0-9]*_*.py"))


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


def _upgrade(database: Database) -> tuple[str | None, str]:
    engine = _sync_engine(database, begin="BEGIN EXCLUSIVE")
    try:
        with engine.begin() as connection:
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                connection.execute(text("SET LOCAL lock_timeout = '30s'"))
            before = _current(connection)
            if before != head_revision():
                _run_migrations(connection)
            return before, head_revision()
    except SQLAlchemyError as error:
        raise SetupError(_unreachable(database, error)) from error
    finally:
        engine.dispose()


def _run_migrations(connection: Connection) -> None:
    from alembic import command
    from alembic.script.revision import ResolutionError
    from alembic.util import CommandError

    try:
        command.upgrade(_alembic_config(connection), "head")
    except (CommandError, ResolutionError) as error:
        raise SetupError(
            f"This database was last used by a newer version of Huoban ({error}). Upgrade Huoban, or restore "
            "a backup made before that upgrade; migrations only go forward."
        ) from error


def _unreachable(database: Database, error: Exception) -> str:
    first_line = str(getattr(error, "orig", error)).strip().splitlines()[0]
    place = database.url.render_as_string(hide_password=True)
    return f"The database {place} cannot be used: {first_line}. Check HUOBAN_DATABASE_URL and that it is running."


async def migrate_database(database: Database) -> tuple[str | None, str]:
    """Upgrade to this version's schema; answers the revision before and after.

    Raises:
        SetupError: the database cannot be reached or written, or belongs to a newer version.
    """
    await asyncio.to_thread(database.prepare_folder)
    return await asyncio.to_thread(_upgrade, database)


async def require_migrated(database: Database) -> None:
    """Check that the database has this version's schema, and change nothing.

    Raises:
        SetupError: it has not; the message says which command to run.
    """

    def check() -> None:
        if database.path is not None and not database.path.exists():
            raise SetupError(f"There is no database at {database.path} yet. Run `huoban migrate` or `huoban serve`.")
        engine = _sync_engine(database)
        try:
            with engine.connect() as connection:
                current = _current(connection)
        except SQLAlchemyError as error:
            raise SetupError(_unreachable(database, error)) from error
        finally:
            engine.dispose()
        if current != head_revision():
            raise SetupError("The database has not been migrated to this version. Run `huoban migrate`.")

    await asyncio.to_thread(check)
