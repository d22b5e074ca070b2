"""How long an editor waits: wire, search, one story, tagging and publishing with many stories in the database.

    python -m benchmarks.desk [--stories N …] [--database sqlite|postgresql] [--waiting W] [--rounds R] [--json FILE]

Asks the real server over loopback, one request after another, as a desk with that many stories would, and prints
median and 95th percentile in milliseconds for each size, and how much the latter grew from the first to the last.
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
ACTS = 40
"""Stories tagged and published in each run."""


class Client:
    """One connection, kept open as a browser does."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[Any, dict[str, str], float]:
        """The answer, its headers, and how long it took in milliseconds."""
        content = None if body is None else json.dumps(body)
        began = time.perf_counter()
        self._connection.request(method, path, content, {**self._headers, **headers})
        answer = self._connection.getresponse()
        received = answer.read()
        took = (time.perf_counter() - began) * 1000
        assert answer.status < 300, (path, answer.status, received[:500])
        return json.loads(received), {key.lower(): value for key, value in answer.getheaders()}, took


@contextmanager
def serving(url: str) -> Iterator[int]:
    """The service on a free port, in a process of its own, without the scheduler."""
    environment = {**os.environ, "HUOBAN_DATABASE_URL": url, "HUOBAN_LOG_LEVEL": "warning"}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as feeds:
        feeds.write("version: 1\nfeeds: []\n")
        feeds.flush()
        environment["HUOBAN_FEEDS_FILE"] = feeds.name
        command = [sys.executable, "-m", "service", "serve", "--no-scheduler", "--port", "0"]
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            assert server.stdout is not None
            said = ""
            while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", said)):
                line = server.stdout.readline()
                assert line, f"the server did not start:\n{said}"
                said += line
            yield int(found[1])
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


def measure(port: int, corpus: Corpus, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of every request, by name."""
    client = Client(port, corpus.token)
    times: dict[str, list[float]] = {}
    waiting = [story["id"] for story in client.ask("GET", f"{API}/stories?limit=200")[0]["items"]]
    for name, path in reads(corpus).items():
        client.ask("GET", path)
        times[name] = [client.ask("GET", path)[2] for _ in range(rounds)]
    times["wire, tenth page"] = [_tenth_page(client) for _ in range(max(rounds // 4, 5))]
    times["story"] = [client.ask("GET", f"{API}/stories/{story}")[2] for story in waiting[:rounds]]
    times |= _act(client, corpus, waiting[:ACTS])
    return times


def _tenth_page(client: Client) -> float:
    cursor = ""
    for _ in range(9):
        page, _, _ = client.ask("GET", f"{API}/stories?state=all{cursor}")
        cursor = f"&cursor={page['next']}"
    return client.ask("GET", f"{API}/stories?state=all{cursor}")[2]


def _act(client: Client, corpus: Corpus, stories: list[str]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"tag": [], "place": [], "publish": []}
    tags = {"tags": [{"partner": "KE", "tier": "strategic", "reason": "made up for a benchmark"}]}
    items = f"{API}/editions/{corpus.day}/items"
    for story in stories:
        version = client.ask("GET", f"{API}/stories/{story}")[1]["etag"]
        times["tag"].append(client.ask("PUT", f"{API}/stories/{story}/tags", tags, **{"If-Match": version})[2])
        _, headers, took = client.ask("POST", items, {"story_id": story})
        times["place"].append(took)
        published = client.ask("POST", f"{items}/{story}/publish", {}, **{"If-Match": headers["etag"]})
        times["publish"].append(published[2])
    return times


def spread(times: list[float]) -> tuple[float, float]:
    """The median and the 95th percentile."""
    return median(times), quantiles(times, n=20, method="inclusive")[-1]


def run(
    stories: int, options: argparse.Namespace, folder: Path, postgres: Postgres | None
) -> dict[str, tuple[float, float]]:
    """Fill one database and measure; median and 95th percentile by name."""
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
    with serving(url) as port:
        return {name: spread(times) for name, times in measure(port, corpus, options.rounds).items()}


def report(results: dict[int, dict[str, tuple[float, float]]], write: Callable[[str], object] = print) -> None:
    """The table."""
    sizes = list(results)
    write(f"{'median / p95 in ms':34}" + "".join(f"{size:>18,}" for size in sizes) + f"{'growth of p95':>15}")
    for name in results[sizes[0]]:
        row = [results[size][name] for size in sizes]
        cells = "".join(f"{f'{middle:.1f} / {high:.1f}':>18}" for middle, high in row)
        write(f"{name:34}{cells}{row[-1][1] / row[0][1]:14.2f}×")


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
        options.json.write_text(json.dumps({"database": options.database, "median_and_p95_ms": results}, indent=1))


if __name__ == "__main__":
    main()
