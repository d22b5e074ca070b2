"""Fixtures that every test may use: a settable clock, a migrated database (SQLite, and PostgreSQL where there is
one), the real app on a real socket, and accounts.

Databases are copies of one migrated template, so a test starts in milliseconds with the schema that the
migrations make. Only the clock and name resolution are fake.
"""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from service import auth
from service.app import create_app, open_service
from service.commands.running import bind
from service.connections import BoundedProtocol
from service.db import Database
from service.migrating import migrate_database
from service.models import Editor
from service.partnerships.register import ship_register
from service.runtime import Runtime
from service.settings import Settings
from service.words import Role, TokenKind
from tests.postgres import Postgres, start_postgres

hypothesis_settings.register_profile(
    "huoban", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
hypothesis_settings.load_profile("huoban")

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the service does."""
    return "asyncio"


@dataclass
class SettableClock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default=NOON)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        """Move on, as ``timedelta`` takes it; answers the new time."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> SettableClock:
    """A clock at noon of 24 November 2026, UTC."""
    return SettableClock()


def _made_ready(url: str) -> None:
    async def make() -> None:
        database = Database(url)
        await migrate_database(database)
        async with database.write() as session:
            await ship_register(session, now=NOON)
        await database.close()

    asyncio.run(make())


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the shipped register; copy it, do not open it."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    _made_ready(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of our own, with a migrated template database."""
    with start_postgres() as server:
        _made_ready(server.create_database("template_huoban"))
        yield server


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh migrated SQLite database."""
    path = tmp_path / "huoban.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh migrated PostgreSQL database."""
    server: Postgres = request.getfixturevalue("postgres")
    with server.copy_of("template_huoban") as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh migrated database; the test runs once for each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The fresh database, opened."""
    opened = Database(database_url)
    yield opened
    await opened.close()


def settings_for(url: str, **more: Any) -> Settings:
    """Settings for a test: loopback may be fetched from, nothing runs by the clock."""
    values: dict[str, Any] = {
        "database_url": url,
        "base_url": "http://127.0.0.1:8000",
        "scheduler": False,
        "host_gap": 0.0,
        "allowed_networks": (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        **more,
    }
    return Settings(**values)


@pytest.fixture
async def runtime(database_url: str, clock: SettableClock) -> AsyncIterator[Runtime]:
    """The service's runtime on a fresh database, with the guarded client and the settable clock."""
    async with open_service(settings_for(database_url), clock=clock) as opened:
        yield opened


async def add_account(
    database: Database, *, role: Role = Role.EDITOR, name: str = "Amina Test", now: datetime = NOON
) -> tuple[Editor, str]:
    """An account that is set up, and a person's token for it."""
    async with database.write() as session:
        email = f"{name.lower().replace(' ', '.')}.{role}@example.org"
        editor, secret = await auth.add_editor(session, email=email, name=name, role=role, now=now, by="operator")
        editor.setup_hash = editor.setup_until = None  # no password: argon2 is slow and tokens do not need one
        token = await auth.issue_token(session, editor, kind=TokenKind.PERSON, now=now, by="operator")
    assert secret
    return editor, token


async def add_service_token(database: Database, editor: Editor, *, now: datetime = NOON) -> str:
    """A program's token."""
    async with database.write() as session:
        return await auth.issue_token(session, editor, kind=TokenKind.SERVICE, now=now, by="operator")


@asynccontextmanager
async def serving(settings: Settings, *, clock: Callable[[], datetime]) -> AsyncIterator[str]:
    """The real app under the real server on a free loopback port, in a thread with a loop of its own."""
    listener = bind("127.0.0.1", 0)
    app = create_app(settings, clock=clock)
    server = uvicorn.Server(
        uvicorn.Config(app, http=BoundedProtocol, log_config=None, lifespan="on", timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
    thread.start()
    for _ in range(500):
        if not server.started and thread.is_alive():
            await asyncio.sleep(0.02)
    assert server.started, "the app did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join, 10)
        listener.close()
        assert not thread.is_alive(), "the app did not stop"


@dataclass
class Desk:
    """The running app as an editor sees it: an HTTP client that carries the editor's token."""

    base: str
    editor: httpx.AsyncClient
    chief: httpx.AsyncClient
    program: httpx.AsyncClient
    public: httpx.AsyncClient
    settings: Settings
    database: Database


@pytest.fixture
async def desk(database_url: str, clock: SettableClock) -> AsyncIterator[Desk]:
    """The real app on a real socket, with an editor, a chief, a program and the public as clients."""
    settings = settings_for(database_url)
    database = Database(database_url)
    editor, editor_token = await add_account(database)
    _, chief_token = await add_account(database, role=Role.CHIEF, name="Chidi Chief")
    program_token = await add_service_token(database, editor)
    async with serving(settings, clock=clock) as base:

        def client(token: str | None) -> httpx.AsyncClient:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=30)

        async with (
            client(editor_token) as as_editor,
            client(chief_token) as as_chief,
            client(program_token) as as_program,
            client(None) as as_public,
        ):
            yield Desk(base, as_editor, as_chief, as_program, as_public, settings, database)
    await database.close()
