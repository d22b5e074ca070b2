"""Who else is there while editors work: readers who look again and again, and somebody who weighs the server.

Made for ``desk_editors``. Readers ask for public documents at a bounded pace over connections of their own, with the
validators that they were given, as feed readers do; whatever is not an answer for a reader is a complaint. The server's
memory is what its processes hold of the machine (PSS, which counts what they share once). Linux only.
"""

import threading
import time
from collections import Counter
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from statistics import median

READ = ("/", "/daily.rss", "/daily.json", "/daily.atom", "/latest.rss", "/archive", "/status.json", "/map.svg")
SAMPLES = 120
"""Weighings in a run, at the most; never two within a second."""


class Reader:
    """Somebody who reads: one connection, a document every ``pause`` seconds or so."""

    def __init__(self, port: int, pause: float, seed: int) -> None:
        self.took: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._port, self._pause, self._draw = port, pause, Random(seed)
        self._tags: dict[str, str] = {}

    def run(self, until: float) -> None:
        """Read until this moment of ``time.monotonic``."""
        time.sleep(self._draw.uniform(0, self._pause))
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        while time.monotonic() < until:
            self._read(connection, self._draw.choice(READ))
            time.sleep(self._draw.uniform(0.5, 1.5) * self._pause)
        connection.close()

    def _read(self, connection: HTTPConnection, path: str) -> None:
        headers = {"If-None-Match": self._tags[path]} if path in self._tags else {}
        began = time.perf_counter()
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            connection.close()  # an idle connection that the server has ended is opened anew, as readers do
            if not isinstance(error, ConnectionError):
                self.wrong.append(f"GET {path}: {error!r}")
            return
        self.took.append((time.perf_counter() - began) * 1000)
        self.statuses[answer.status] += 1
        self._tags[path] = answer.headers.get("ETag", "")
        if answer.status not in (200, 304):
            self.wrong.append(f"GET {path}: {answer.status}")


class Scale(threading.Thread):
    """Weighs a process and those below it, from time to time, until it is told to ``stop``."""

    def __init__(self, process: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.megabytes: list[float] = []
        self._process, self._every = process, max(1.0, seconds / SAMPLES)
        self._end = threading.Event()

    def run(self) -> None:
        """Weigh, and wait."""
        while not self._end.wait(self._every):
            self.megabytes.append(sum(_weight(process) for process in _family(self._process)))

    def stop(self) -> None:
        """Weigh no more."""
        self._end.set()
        self.join()

    def growth(self) -> float:
        """By how much the last quarter is heavier than the second one, which follows the warming up; 0.05 is 5 %."""
        quarter = len(self.megabytes) // 4
        if not quarter:
            return 0.0
        return median(self.megabytes[-quarter:]) / median(self.megabytes[quarter : 2 * quarter]) - 1

    def told(self) -> str:
        """The series, at most twelve of it, and how much it grew."""
        step = max(1, len(self.megabytes) // 12)
        series = " ".join(f"{weight:.0f}" for weight in self.megabytes[::step])
        return f"memory in MB, every {self._every * step:.0f} s: {series}; {self.growth():+.1%} after warming up"


def _family(process: int) -> list[int]:
    found = [process]
    with suppress(OSError):  # it has ended
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    return found


def _weight(process: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
