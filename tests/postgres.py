"""A PostgreSQL server for the tests: our own data folder, a Unix socket only, gone at the end.

``initdb`` and ``postgres`` refuse to run as root, so they are started as another user then. Where there is no
server binary the tests that need one are skipped with that reason, except in CI, where a skip would hide a
missing install step.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest


@dataclass
class Postgres:
    """A running server, reached through its socket folder."""

    socket_folder: Path
    _count: int = field(default=0)

    def url(self, name: str) -> str:
        """How the service names one of its databases."""
        return f"postgresql+psycopg://huoban@/{name}?host={self.socket_folder}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database; answers its URL."""
        self._execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        return self.url(name)

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """A database of one's own, dropped at the end."""
        self._count += 1
        name = f"copy_{os.getpid()}_{self._count}"
        yield self.create_database(name, template)
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(f"host={self.socket_folder} user=huoban dbname=postgres", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]  # names are our own


def _binaries() -> Path | None:
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


@contextmanager
def start_postgres() -> Iterator[Postgres]:
    """Start a server for one test session."""
    binaries = _binaries()
    if binaries is None:
        reason = "no PostgreSQL server binary; install your system's postgresql package"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    home = Path(tempfile.mkdtemp(prefix="huoban-pg-"))
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = next((pwd.getpwnam(n) for n in ("postgres", "nobody") if _has_account(n)), None)
        assert account is not None
        os.chown(home, account.pw_uid, account.pw_gid)
        as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = home / "data"
    options = ["-D", str(data), "-U", "huoban", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run([binaries / "initdb", *options], check=True, capture_output=True, cwd=home, **as_user)
    settings = [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "listen_addresses=",
        "max_connections=200",
    ]
    flags = [flag for setting in [*settings, f"unix_socket_directories={home}"] for flag in ("-c", setting)]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, *flags], stdout=log, stderr=log, cwd=home, **as_user
        )
    try:
        _wait_until_ready(home, server)
        yield Postgres(home)
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(home, ignore_errors=True)


def _has_account(name: str) -> bool:
    return any(account.pw_name == name for account in pwd.getpwall())


def _wait_until_ready(home: Path, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, (home / "log").read_text()
        try:
            psycopg.connect(f"host={home} user=huoban dbname=postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise AssertionError("PostgreSQL did not start: " + (home / "log").read_text())
