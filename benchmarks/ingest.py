"""How fast feeds become stories, beside the ``reader`` library on the same feeds in the same run.

    python -m benchmarks.ingest [--feeds N] [--rounds R] [--postgres URL] [--json FILE]
    python -m benchmarks.ingest --sizes 100 1000 10000      ours alone: does a feed cost the same among many?

Both read made-up feeds from ``feed_farm``, each on a loopback host of its own, and take turns: a cold pass, one in
which nothing changed and the publisher says so (304), one in which nothing changed and the publisher sends it all
again, and one in which a tenth of the feeds has something new. Ours does what a round of the service does: identity,
cleaning, revisions, history, and as many sibling hints as one round works off. The rest of the hints, which the next
rounds bring, is done between the passes, not counted in their time, and told as "with all hints". Quote the ratios; the
seconds differ from hour to hour.
"Bare" is a third program that only asks, over our client: what it takes is the least that anything on that client
can take, so its ratio is the most that ours could reach.
``reader`` is installed into an environment that is thrown away. Each round begins with empty databases; medians are
of the rounds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
import venv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

from benchmarks.feed_farm import host_of

PEER = ("reader==3.26", "sgmllib3k")
PASSES = (
    ("cold", "validators=1&edition=0", 4.0),
    ("all 304", "validators=1", 4.0),
    ("same bytes", "validators=0", 15.0),
    ("10 % changed", "validators=1&edition=1", 4.0),
)
"""Name, what the farm is told, and the ratio that we want to reach at a thousand feeds."""
MOST_MEMORY = 300 * 2**20
_ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Runner:
    """One of the two programs; it fetches everything once for each line that it is sent."""

    process: subprocess.Popen[str]
    peak: int = 0
    """Most bytes resident in its whole process tree, as sampled."""
    seconds: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    """Seconds of processor time of the whole tree: what a crowded machine disturbs less."""
    stored: dict[str, int] = field(default_factory=dict)
    hints: dict[str, float] = field(default_factory=dict)
    """Seconds spent after a pass on hints that the next rounds would bring."""

    @classmethod
    def start(cls, command: list[str]) -> Self:
        """The program, ready for its first pass."""
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
        runner = cls(process)
        threading.Thread(target=runner._watch, daemon=True).start()
        assert runner._line() == "ready"
        return runner

    def run(self, name: str) -> dict[str, Any]:
        """One pass; answers what the program says of it."""
        before = sum(map(_burnt, _tree(self.process.pid)))
        said = self._ask()
        said["cpu"] = sum(map(_burnt, _tree(self.process.pid))) - before
        self.seconds[name], self.cpu[name], self.stored[name] = said["seconds"], said["cpu"], said["stored"]
        return said

    def work_off_hints(self, name: str) -> None:
        """What ours left for later rounds."""
        self.hints[name] = self._ask()["seconds"]

    def stop(self) -> None:
        """End it and wait until it is gone."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)

    def _ask(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        said: dict[str, Any] = json.loads(self._line())
        return said

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"{self.process.args} ended"
        return line.strip()

    def _watch(self) -> None:
        while self.process.poll() is None:
            self.peak = max(self.peak, sum(map(_resident, _tree(self.process.pid))))
            threading.Event().wait(0.1)


def _tree(process: int) -> list[int]:
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except OSError:  # it ended
        return []
    return [process, *(one for child in children for one in _tree(int(child)))]


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # it ended
        return 0


def _burnt(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:  # it ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _environment(folder: Path) -> Path:
    """The Python of a fresh environment with the peer in it."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEER], check=True)
    return python


def _tell(port: int, what: str) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/be?{what}", timeout=1200).close()


@contextmanager
def _farm(folder: Path, feeds: int) -> Iterator[tuple[int, Path]]:
    """A farm in a process of its own: its port, and a file with the addresses of its feeds."""
    command = [sys.executable, "-m", "benchmarks.feed_farm", "--feeds", str(feeds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as farm:
        assert farm.stdout is not None
        port = int(farm.stdout.readline())
        listed = folder / "addresses"
        listed.write_text("".join(f"http://{host_of(n)}:{port}/feed.xml\n" for n in range(feeds)), encoding="ascii")
        try:
            yield port, listed
        finally:
            farm.terminate()


def _ours(folder: Path, listed: Path, postgres: str) -> Runner:
    return Runner.start([sys.executable, "-m", "benchmarks.ingest_ours", str(folder), str(listed), postgres])


def run_round(folder: Path, peer: Path, feeds: int, turn: int, postgres: str) -> dict[str, Runner]:
    """All programs through all passes on one farm, the first one alternating."""
    folder.mkdir()
    with ExitStack() as stack:
        port, listed = stack.enter_context(_farm(folder, feeds))
        runners = {
            "reader": Runner.start([str(peer), str(_ROOT / "benchmarks/ingest_reader.py"), str(folder), str(listed)]),
            "ours": _ours(folder, listed, postgres),
            "bare": Runner.start([sys.executable, "-m", "benchmarks.ingest_bare", str(folder), str(listed)]),
        }
        for runner in runners.values():
            stack.callback(runner.stop)
        for place, (name, order, _) in enumerate(PASSES):
            _tell(port, order)
            names = sorted(runners, reverse=(place + turn) % 2 == 0)
            for who in names:
                said = runners[who].run(name)
                print(f"  {name:13} {who:7} {said['seconds']:7.2f} s  {said}", file=sys.stderr, flush=True)
            runners["ours"].work_off_hints(name)
    return runners


def measure_sizes(folder: Path, sizes: Sequence[int], postgres: str) -> list[dict[str, Any]]:
    """Ours alone at several numbers of feeds: milliseconds a feed, by the clock and of the processors."""
    found = []
    for feeds in sizes:
        inside = folder / f"of{feeds}"
        inside.mkdir()
        with _farm(inside, feeds) as (port, listed):
            ours = _ours(inside, listed, postgres)
            for name, order, _ in PASSES:
                _tell(port, order)
                ours.run(name)
                ours.work_off_hints(name)
            ours.stop()
        each = {name: [1000 * of[name] / feeds for of in (ours.seconds, ours.cpu)] for name, *_ in PASSES}
        found.append({"feeds": feeds, "ms_a_feed": each, "peak_bytes": ours.peak})
        print(f"{feeds:6} feeds, peak memory {ours.peak / 2**20:4.0f} MB; a feed costs", flush=True)
        for name, (took, burnt) in each.items():
            print(f"    {name:13} {took:6.2f} ms, of the processors {burnt:6.2f} ms", flush=True)
    return found


def summary(rounds: list[dict[str, Runner]], feeds: int) -> dict[str, Any]:
    """Medians and ratios."""
    passes = {}
    for name, _, wanted in PASSES:
        theirs, ours, bare = (median(each[who].seconds[name] for each in rounds) for who in ("reader", "ours", "bare"))
        cpu = [median(each[who].cpu[name] for each in rounds) for who in ("reader", "ours", "bare")]
        hints = median(each["ours"].hints[name] for each in rounds)
        passes[name] = {"reader": theirs, "ours": ours, "ratio": theirs / ours, "wanted": wanted, "cpu": cpu}
        passes[name] |= {"bare": bare, "ratio_of_bare": theirs / bare}
        passes[name] |= {"hints": hints, "ratio_with_hints": theirs / (ours + hints)}
    memory = {who: max(each[who].peak for each in rounds) for who in ("reader", "ours")}
    stored = {who: rounds[-1][who].stored for who in ("reader", "ours")}
    return {"feeds": feeds, "rounds": len(rounds), "passes": passes, "peak_bytes": memory, "stored": stored}


def main() -> int:
    """Measure, print a table and, if asked, write the figures as JSON."""
    parser = argparse.ArgumentParser(description="Ingest speed beside the reader library.")
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--postgres", default="-", help="URL of an empty database of ours to use instead of SQLite")
    parser.add_argument("--peer-python", type=Path, help="a Python that has reader, instead of a fresh environment")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="N", help="ours alone, at these numbers of feeds")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.sizes:
        with tempfile.TemporaryDirectory() as name:
            sizes = measure_sizes(Path(name), given.sizes, given.postgres)
        if given.json:
            given.json.write_text(json.dumps(sizes, indent=2) + "\n", encoding="utf-8")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peer = given.peer_python or _environment(folder / "peer")
        rounds = [
            run_round(folder / f"round{turn}", peer, given.feeds, turn, given.postgres) for turn in range(given.rounds)
        ]
    found = summary(rounds, given.feeds)
    print(f"{given.feeds} feeds, {given.rounds} rounds; reader ÷ ours")
    for what, figures in found["passes"].items():
        line = "{:13} {reader:7.2f} s ÷ {ours:6.2f} s = {ratio:5.1f}×  (wanted {wanted:g}×)".format(what, **figures)
        print(line, "  processor time {:.2f} s ÷ {:.2f} s".format(*figures["cpu"]))
        print("{:13} {bare:19.2f} s      = {ratio_of_bare:5.1f}×".format("bare", **figures))
        if figures["hints"] > 0.1:
            print("{:13} {hints:19.2f} s more = {ratio_with_hints:5.1f}×".format("with all hints", **figures))
    for who, peak in found["peak_bytes"].items():
        print(f"peak memory   {who:7} {peak / 2**20:4.0f} MB")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
