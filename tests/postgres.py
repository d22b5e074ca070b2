"""A PostgreSQL server for the tests: our own data folder, a Unix socket only, gone at the end.

``initdb`` and ``postgres`` refuse to run as root, so they are started as another user then. Where there is no
server binary the tests that need one are skipped with that reason, except in CI, where a skip would hide a
missing install step.
"""

import os
import pwd
import shutil
import signal
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
    _command: list[str | Path] = field(default_factory=list)
    _as_user: dict[str, Any] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _count: int = field(default=0)

    def start(self) -> None:
        """Start it, for the first time or after ``stop``."""
        home = self.socket_folder
        with (home / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=home, **self._as_user)
        _wait_until_ready(home, self._process)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it: SIGQUIT as in a crash, SIGINT breaking off what is under way, SIGTERM once all clients are gone."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(timeout=30)

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
def start_postgres(*, keeps: bool = False) -> Iterator[Postgres]:
    """Start a server for one test session; one that ``keeps`` what it has confirmed, also when it crashes."""
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
        f"synchronous_commit={'on' if keeps else 'off'}",
        "full_page_writes=off",
        "listen_addresses=",
        "max_connections=200",
    ]
    flags = [flag for setting in [*settings, f"unix_socket_directories={home}"] for flag in ("-c", setting)]
    server = Postgres(home, [binaries / "postgres", "-D", data, *flags], as_user)
    try:
        server.start()
        yield server
    finally:
        server.stop()
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
