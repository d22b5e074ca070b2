"""The command line as a person meets it: what is typed, and what comes back."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from service import cli


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    def refused(self, *words: str) -> None:
        """It could not be done, and standard error says so plainly."""
        assert self.code == 1, (self.out, self.err)
        assert "Traceback" not in self.out + self.err
        said = [line for line in self.err.splitlines() if line.startswith("huoban: ")]
        assert len(said) == 1, self.err
        for word in words:
            assert word in self.err, self.err


Terminal = Callable[..., Outcome]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to stand in, with an empty list of sources and none of the developer's settings."""
    for name in [name for name in os.environ if name.startswith("HUOBAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "feeds.yaml").write_text("version: 1\nfeeds: []\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def huoban(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Terminal]:
    """Type a command in that folder, in this process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    on_signal = signal.getsignal(signal.SIGTERM)

    def run(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["huoban", *words])
        capfdbinary.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Outcome(code, out.decode(), err.decode())

    yield run
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    signal.signal(signal.SIGTERM, on_signal)


@pytest.fixture
def on_database(huoban: Terminal, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The same on a migrated database, of either kind."""
    monkeypatch.setenv("HUOBAN_DATABASE_URL", database_url)
    return huoban
