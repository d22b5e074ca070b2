"""Our own command as a process of its own, for tests that need a real one: ``with running(folder, "serve") as it``."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOPS_WITHIN = 10.0
COMES_UP_WITHIN = 30.0
BASE = r"at (http://127\.0\.0\.1:\d+)"
"""What ``serve`` and ``demo`` say once they listen, for ``wait_for``."""


class Running:
    """A command that runs in a process of its own, with both its outputs in files."""

    def __init__(self, folder: Path, *words: str, **more: str) -> None:
        self._out, self._err = folder / "out", folder / "err"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HUOBAN_")}
        environment |= {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1", **more}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service", *words], stdout=out, stderr=err, cwd=folder, env=environment
            )

    def said(self) -> str:
        """Everything it printed so far."""
        return self._out.read_text() + self._err.read_text()

    def wait_for(self, pattern: str) -> str:
        """What it prints that fits, as soon as it does."""
        end = time.monotonic() + COMES_UP_WITHIN
        while time.monotonic() < end:
            if found := re.search(pattern, self.said()):
                return found[0] if not found.groups() else found[1]
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)
        raise AssertionError(f"it never said {pattern}: {self.said()}")

    def stop(self, wanted: int = signal.SIGTERM) -> int:
        """Ask it to stop; answers the exit code."""
        self.process.send_signal(wanted)
        return self.process.wait(STOPS_WITHIN)


@contextmanager
def running(folder: Path, *words: str, **more: str) -> Iterator[Running]:
    """The command for as long as the block lasts; ``more`` are variables of its environment."""
    command = Running(folder, *words, **more)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.kill()
            command.process.wait()
