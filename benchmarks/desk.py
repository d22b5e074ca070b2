"""How long an editor waits: wire, search, one story, tagging and publishing with many stories in the database.

    python -m benchmarks.desk [--stories N …] [--database sqlite|postgresql] [--waiting W] [--rounds R] [--json FILE]

Asks the real server over loopback, one request after another, as a desk with that many stories would, and prints
median and 95th percentile in milliseconds for each size, how much of a processor the service took for one, and how much
each of them grew from the first size to the last.
Targets for it: lists, story and acts under 25 ms, search under 100 ms, growth from 10,000 to 1,000,000 stories within
1.5×. PostgreSQL is started from the machine's binaries with its safety off, so its writes cost less than in service.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote

from benchmarks.desk_corpus import Corpus, fill
from service.db import Database
from tests.postgres import Postgres, start_postgres

API = "/api/v1"
IDLE = 2.0
"""Seconds after which a connection is not trusted to be open still."""
ACTS = 40
"""Stories tagged and published in each run."""


class Client:
    """One connection, kept open as a browser does."""

    def __init__(self, port: int, token: str, *, strict: bool = True) -> None:
        """``strict``: anything but success is an error here."""
        self._strict = strict
        self._used = time.monotonic()
        self.status = 0
        """Of the last answer."""
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[Any, dict[str, str], float]:
        """The answer, its headers, and how long it took in milliseconds."""
        content = None if body is None else json.dumps(body)
        if time.monotonic() - self._used > IDLE:
            self._connection.close()  # opened again by the request; the server closes idle ones after five seconds
        began = time.perf_counter()
        self._connection.request(method, path, content, {**self._headers, **headers})
        answer = self._connection.getresponse()
        received = answer.read()
        took = (time.perf_counter() - began) * 1000
        self._used = time.monotonic()
        self.status = answer.status
        assert answer.status < 300 or not self._strict, (path, answer.status, received[:500])
        return json.loads(received), {key.lower(): value for key, value in answer.getheaders()}, took

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@contextmanager
def serving(url: str) -> Iterator[tuple[int, int]]:
    """The service in a process of its own, without the scheduler; its port and its process."""
    environment = {**os.environ, "HUOBAN_DATABASE_URL": url, "HUOBAN_LOG_LEVEL": "warning"}
    with tempfile.TemporaryDirectory(prefix="huoban-serving-") as name:
        folder = Path(name)
        (folder / "feeds.yaml").write_text("version: 1\nfeeds: []\n")
        environment["HUOBAN_FEEDS_FILE"] = str(folder / "feeds.yaml")
        command = [sys.executable, "-m", "service", "serve", "--no-scheduler", "--port", "0"]
        with (folder / "said").open("w") as said:  # not a pipe, which stops a server that nobody reads
            server = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
        try:
            while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", (folder / "said").read_text())):
                assert server.poll() is None, f"the server did not start:\n{(folder / 'said').read_text()}"
                time.sleep(0.05)
            yield int(found[1]), server.pid
        finally:
            server.terminate()
            server.wait(timeout=30)


def reads(corpus: Corpus) -> dict[str, str]:
    """What is asked for, by name."""
    stories = f"{API}/stories"
    return {
        "wire": stories,
        "wire, all states by source time": f"{stories}?state=all&sort=source",
        "wire of a feed": f"{stories}?feed=paper-7&state=all",
        "wire of a language": f"{stories}?language=pt&state=all",
        "wire of a region": f"{stories}?region=africa&state=all",
        "wire of a country": f"{stories}?country=KE&state=all",
        "counts": f"{stories}/counts",
        "changes of the last hour": f"{stories}?changed_since=2026-11-24T07:00:00Z",
        "search, waiting, common word": f"{stories}?q={corpus.common}",
        "search, all, common word": f"{stories}?q={corpus.common}&state=all",
        "search, all, middling word": f"{stories}?q={corpus.middling}&state=all",
        "search, all, rare word": f"{stories}?q={corpus.rare}&state=all",
        "search, all, beginning of words": f"{stories}?q={corpus.middling[:3]}&state=all",
        "search, all, phrase": f"{stories}?q={quote(corpus.phrase)}&state=all",
        "search, all, Chinese": f"{stories}?q={quote('铁路')}&state=all",
        "search, all, by source time": f"{stories}?q={corpus.common}&state=all&sort=source",
    }


class Times(dict[str, list[float]]):
    """Milliseconds of every request by name, and how much of a processor the server took for each, on average."""

    def __init__(self, server: int) -> None:
        super().__init__()
        self._server = server
        self.processor: dict[str, float] = {}

    def take(self, name: str, times: Iterator[float]) -> None:
        """Note what the requests of one kind take while they are made."""
        before = processor_seconds(self._server)
        self[name] = list(times)
        self.processor[name] = (processor_seconds(self._server) - before) * 1000 / len(self[name])


def processor_seconds(process: int) -> float:
    """What a process has used of a processor, in all its threads: unlike the clock, it does not count what a busy
    machine gives to others. Linux only; 0 elsewhere."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()  # proc(5): utime and stime are fields 14 and 15
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(port: int, server: int, corpus: Corpus, rounds: int) -> Times:
    """Every kind of request."""
    client = Client(port, corpus.token)
    times = Times(server)
    waiting = [story["id"] for story in client.ask("GET", f"{API}/stories?limit=200")[0]["items"]]
    for name, path in reads(corpus).items():
        client.ask("GET", path)
        times.take(name, (client.ask("GET", path)[2] for _ in range(rounds)))
    times["wire, tenth page"] = [_tenth_page(client) for _ in range(max(rounds // 4, 5))]
    times.take("story", (client.ask("GET", f"{API}/stories/{story}")[2] for story in waiting[:rounds]))
    _act(client, times, corpus, waiting[:ACTS])
    return times


def _tenth_page(client: Client) -> float:
    cursor = ""
    for _ in range(9):
        page, _, _ = client.ask("GET", f"{API}/stories?state=all{cursor}")
        cursor = f"&cursor={page['next']}"
    return client.ask("GET", f"{API}/stories?state=all{cursor}")[2]


def _act(client: Client, times: Times, corpus: Corpus, stories: list[str]) -> None:
    tags = {"tags": [{"partner": "KE", "tier": "strategic", "reason": "made up for a benchmark"}]}
    items = f"{API}/editions/{corpus.day}/items"
    seen = [(story, client.ask("GET", f"{API}/stories/{story}")[1]["etag"]) for story in stories]
    times.take(
        "tag", (client.ask("PUT", f"{API}/stories/{s}/tags", tags, **{"If-Match": version})[2] for s, version in seen)
    )
    times.take("place", (client.ask("POST", items, {"story_id": story})[2] for story in stories))

    def publish() -> Iterator[float]:
        version = client.ask("GET", f"{API}/editions/{corpus.day}")[1]["etag"]
        for story in stories:
            _, headers, took = client.ask("POST", f"{items}/{story}/publish", {}, **{"If-Match": version})
            version = headers["etag"]
            yield took

    times.take("publish", publish())


def spread(times: list[float]) -> tuple[float, float]:
    """The median and the 95th percentile."""
    return median(times), quantiles(times, n=20, method="inclusive")[-1]


Figures = tuple[float, float, float]
"""Median and 95th percentile in milliseconds, and milliseconds of a processor."""


def run(stories: int, options: argparse.Namespace, folder: Path, postgres: Postgres | None) -> dict[str, Figures]:
    """Fill one database and measure."""
    url = f"sqlite+aiosqlite:///{folder / f'{stories}.db'}"
    if postgres is not None:
        url = postgres.create_database(f"desk_{stories}")

    async def make() -> Corpus:
        database = Database(url)
        try:
            return await fill(database, stories, waiting=min(options.waiting, stories // 2))
        finally:
            await database.close()

    began = time.perf_counter()
    corpus = asyncio.run(make())
    print(f"{stories:,} stories stored and indexed in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return figures(url, corpus, options.rounds)


def figures(url: str, corpus: Corpus, rounds: int) -> dict[str, Figures]:
    """Measure a database that is filled."""
    with serving(url) as (port, server):
        times = measure(port, server, corpus, rounds)
    return {name: (*spread(each), times.processor.get(name, 0.0)) for name, each in times.items()}


def report(results: dict[int, dict[str, Figures]], write: Callable[[str], object] = print) -> None:
    """The table; growth is from the first size to the last."""
    sizes = list(results)
    write(f"{'median / p95 / processor in ms':34}" + "".join(f"{size:>24,}" for size in sizes) + f"{'growth':>22}")
    for name in results[sizes[0]]:
        row = [results[size][name] for size in sizes]
        cells = "".join(f"{f'{middle:.1f} / {high:.1f} / {used:.1f}':>24}" for middle, high, used in row)
        growth = " ".join(f"{last / first:.2f}×" if first else "-" for first, last in zip(row[0], row[-1], strict=True))
        write(f"{name:34}{cells}{growth:>22}")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, nargs="+", default=[10_000])
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--waiting", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="huoban-desk-")))
        postgres = stack.enter_context(start_postgres()) if options.database == "postgresql" else None
        results = {stories: run(stories, options, folder, postgres) for stories in options.stories}
    report(results)
    if options.json:
        options.json.write_text(
            json.dumps({"database": options.database, "median_p95_processor_ms": results}, indent=1)
        )


if __name__ == "__main__":
    main()
