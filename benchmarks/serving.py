"""How fast readers are answered: a kept list, a 304, gzip, and the first reader after a publication.

    python -m benchmarks.serving [--seconds S] [--rounds R] [--stories N …] [--granian PYTHON] [--json FILE]

Asks our server, a bare ASGI application on the same kind of server (``serving_bare``) and nginx for the same bytes with
wrk, in turns within each round, and prints the median of the rounds' shares, since absolute figures differ from hour to
hour. Beside them stand the same shares of the processor time that each answer cost, which a busy machine blurs less.

Targets: at least 0.8 of the bare application, at least 0.5 of nginx on 304 and gzip, 99th percentile within 1.3 of the
bare one; the first reader after a publication waits under 50 ms with 200 items; no figure grows with ``--stories``.
``--granian`` names a Python that has granian beside our packages; ours and the bare one then run under both servers.
Needs wrk and nginx (Debian). Everything stays on loopback.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.desk import Client
from benchmarks.desk import serving as our_server
from benchmarks.desk_corpus import fill
from service.clock import utc_now
from service.db import Database
from service.migrating import migrate_database
from service.partnerships.register import ship_register
from service.settings import Settings
from tests.conftest import add_account
from tests.publishing.newsroom import published_all

LIST = "/countries/ET.json"
"""Some 60 kB."""
CONNECTIONS = 32
ITEMS, IN_LIST = 200, 35
"""In the day's list, whose first reader after a change is timed; and those of them that are in ``LIST``."""


@dataclass(frozen=True)
class Server:
    """A server that runs: where it listens, and its process."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time that it and its children have used."""
        pids = [self.pid]
        for children in Path(f"/proc/{self.pid}/task").glob("*/children"):
            pids += map(int, children.read_text().split())
        used = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
        return sum(int(fields[11]) + int(fields[12]) for fields in used) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What one run of wrk found."""

    per_second: float
    p99: float
    """Milliseconds."""
    cpu: float
    """Microseconds of the server's processor time for each answer: the figure that a busy machine blurs least."""


def ask(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def load(server: Server, path: str, seconds: float, headers: dict[str, str]) -> Load:
    """Ask as fast as one thread can."""
    before = server.cpu()
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    assert "Non-2xx" not in said or "If-None-Match" in headers, said
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    many = re.search(r"(\d+) requests in", said)
    assert rate, said
    assert tail, said
    assert many, said
    p99 = float(tail[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[tail[2]]
    return Load(float(rate[1]), p99, (server.cpu() - before) / int(many[1]) * 1e6)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(command: list[str], port: int, **environment: str) -> Iterator[Server]:
    """A server in a process of its own, once it listens."""
    server = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            assert server.poll() is None, f"{command[0]} ended"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                break
        yield Server(port, server.pid)
    finally:
        server.terminate()
        server.wait(timeout=30)


@contextmanager
def nginx(folder: Path) -> Iterator[Server]:
    """nginx with one worker on the files of a folder, ready packed ones included."""
    port = free_port()
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; error_log {folder}/error.log; pid {folder}/nginx.pid;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; gzip_static on;\n"
        f" open_file_cache max=100 inactive=60s; types {{ application/feed+json json; }}\n"
        f" client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;\n"
        f" uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n"
        f" server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n",
        encoding="utf-8",
    )
    os.chmod(folder, 0o755)  # noqa: S103 - nginx's worker gives up root and must read it
    with process([nginx_program(), "-c", str(folder / "nginx.conf"), "-p", str(folder)], port) as server:
        yield server


def nginx_program() -> str:
    """Where nginx is; Debian keeps it out of an ordinary user's path."""
    return shutil.which("nginx") or "/usr/sbin/nginx"


@contextmanager
def under_granian(python: str, application: str, **environment: str) -> Iterator[Server]:
    """An ASGI application under granian with one worker."""
    port = free_port()
    factory = ["--factory"] if "create" in application else []
    command = [python, "-m", "granian", "--interface", "asgi", "--port", str(port), "--no-access-log", *factory]
    with process([*command, "--log-level", "warning", application], port, **environment) as server:
        yield server


@contextmanager
def under_uvicorn(folder: Path) -> Iterator[Server]:
    """The bare application under uvicorn, as ours is run."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--port", str(port), "--no-access-log", "--no-server-header"]
    with process(
        [*command, "--log-level", "warning", "benchmarks.serving_bare:app"], port, BARE_FOLDER=str(folder)
    ) as server:
        yield server


@contextmanager
def ours_as_it_is_run(url: str, folder: Path) -> Iterator[Server]:
    """``huoban serve`` on a database."""
    (folder / "feeds.yaml").write_text("version: 1\nfeeds: []\n", encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "service", "serve", "--no-scheduler", "--port", str(port)]
    environment = {"HUOBAN_DATABASE_URL": url, "HUOBAN_FEEDS_FILE": str(folder / "feeds.yaml")}
    with process(command, port, HUOBAN_LOG_LEVEL="warning", **environment) as server:
        yield server


def store(ours: int, folder: Path) -> None:
    """Our three kinds of answer as files, for the others to send."""
    time.sleep(2.5)  # Last-Modified is given out once its second is over
    tag = ask(ours, LIST)[1]["etag"]
    answers = {
        "200": ask(ours, LIST),
        "gzip": ask(ours, LIST, Accept_Encoding="gzip"),
        "304": ask(ours, LIST, If_None_Match=tag),
    }
    assert [status for status, *_ in answers.values()] == [200, 200, 304]
    (folder / "list.json").write_bytes(answers["200"][2])
    (folder / "list.json.gz").write_bytes(answers["gzip"][2])
    headers = {
        kind: {name: value for name, value in answer[1].items() if name != "date"} for kind, answer in answers.items()
    }
    (folder / "headers.json").write_text(json.dumps(headers), encoding="utf-8")


def compare(url: str, *, seconds: float, rounds: int, granian: str | None) -> dict[str, Any]:
    """Shares of the bare application and of nginx, by server and kind of answer."""
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(ours_as_it_is_run(url, folder))
        store(ours.port, folder)
        servers = {"uvicorn": (ours, stack.enter_context(under_uvicorn(folder)))}
        if granian:
            environment = {"HUOBAN_DATABASE_URL": url, "HUOBAN_SCHEDULER": "false", "HUOBAN_LOG_LEVEL": "warning"}
            app = "service.app:create_app_from_environment"
            servers["granian"] = (
                stack.enter_context(under_granian(granian, app, **environment)),
                stack.enter_context(under_granian(granian, "benchmarks.serving_bare:app", BARE_FOLDER=str(folder))),
            )
        static = stack.enter_context(nginx(folder))
        found["bytes"] = {name: (folder / name).stat().st_size for name in ("list.json", "list.json.gz")}
        for name, (server, bare) in servers.items():
            kinds = _kinds(server, bare, static)
            found[name] = {kind: _turns(asked, seconds, rounds) for kind, asked in kinds.items()}
    return found


Asked = dict[str, tuple[Server, str, dict[str, str]]]
"""Which server is asked for which path with which headers, by its name."""


def _kinds(ours: Server, bare: Server, static: Server) -> dict[str, Asked]:
    """What each of the three is asked for, by kind of answer; each one's own tag makes it say 304."""
    targets = {"ours": (ours, LIST), "bare": (bare, LIST), "nginx": (static, "/list.json")}
    tags = {name: ask(server.port, path)[1]["etag"] for name, (server, path) in targets.items()}
    unpacked = {"Accept-Encoding": "identity"}
    return {
        "200": {name: (*target, unpacked) for name, target in targets.items()},
        "gzip": {name: (*target, {"Accept-Encoding": "gzip"}) for name, target in targets.items()},
        "304": {name: (*target, {**unpacked, "If-None-Match": tags[name]}) for name, target in targets.items()},
    }


def _turns(asked: Asked, seconds: float, rounds: int) -> dict[str, float]:
    turns = [
        {name: load(server, path, seconds, headers) for name, (server, path, headers) in asked.items()}
        for _ in range(rounds)
    ]
    return {
        "per_second": median(turn["ours"].per_second for turn in turns),
        "of_bare": median(turn["ours"].per_second / turn["bare"].per_second for turn in turns),
        "of_nginx": median(turn["ours"].per_second / turn["nginx"].per_second for turn in turns),
        "p99_of_bare": median(turn["ours"].p99 / turn["bare"].p99 for turn in turns),
        "cpu": median(turn["ours"].cpu for turn in turns),
        "cpu_share_of_bare": median(turn["bare"].cpu / turn["ours"].cpu for turn in turns),
        "cpu_share_of_nginx": median(turn["nginx"].cpu / turn["ours"].cpu for turn in turns),
    }


async def prepare(database: Database, stories: int) -> tuple[str, str]:
    """A database with that many stories, and a day's list of ``ITEMS``; answers an editor's token and the day."""
    now = utc_now()
    if stories:
        await fill(database, stories, waiting=min(stories // 2, 1_000))
    else:
        await migrate_database(database)
        async with database.write() as session:
            await ship_register(session, now=now)
    editor, token = await add_account(database, now=now)
    texts = [{"headline": f"Headline number {number}", "blurb": "A sentence.", "at": now} for number in range(ITEMS)]
    tags = [("ET" if number < IN_LIST else "KE", "strategic") for number in range(ITEMS)]
    await published_all(database, editor, *({**text, "tags": (tag,)} for text, tag in zip(texts, tags, strict=True)))
    return token, Settings(database_url="sqlite+aiosqlite://").calendar.day_of(now).isoformat()


def first_reader(port: int, token: str, day: str) -> dict[str, float]:
    """Milliseconds that the first reader waits after a correction, by format: the median of several."""
    desk, found = Client(port, token), {}
    story = json.loads(ask(port, f"/editions/{day}.json")[2])["items"][0]["_huoban"]["id"]
    for extension in ("json", "rss", "atom", "html"):
        waits = []
        for number in range(7):
            _, headers, _ = desk.ask("GET", f"/api/v1/editions/{day}")
            body = {"blurb": f"Sentence {extension} {number}.", "note": "For the benchmark."}
            target = f"/api/v1/editions/{day}/items/{story}/correct"
            desk.ask("POST", target, body, **{"If-Match": headers["etag"]})
            began = time.perf_counter()
            answer = ask(port, f"/editions/{day}.{extension}", Accept_Encoding="gzip")
            waits.append((time.perf_counter() - began) * 1000)
            assert answer[0] == 200
        found[extension] = median(waits)
    return found


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=3)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--stories", type=int, nargs="+", default=[0, 20_000])
    options.add_argument("--granian", metavar="PYTHON")
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for stories in chosen.stories:
            url = f"sqlite+aiosqlite:///{folder}/{stories}.db"
            database = Database(url)
            token, day = asyncio.run(_prepared(database, stories))
            with our_server(url) as (port, _):
                waits = first_reader(port, token, day)
            shares = compare(url, seconds=chosen.seconds, rounds=chosen.rounds, granian=chosen.granian)
            found[str(stories)] = {"first_reader_ms": waits, **shares}
            report(stories, found[str(stories)])
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


async def _prepared(database: Database, stories: int) -> tuple[str, str]:
    try:
        return await prepare(database, stories)
    finally:
        await database.close()


def report(stories: int, found: dict[str, Any]) -> None:
    """Print what was found for one size of database."""
    plain, packed = found["bytes"].values()
    waits = ", ".join(f"{extension} {wait:.0f} ms" for extension, wait in found["first_reader_ms"].items())
    print(f"\n{stories:,} stories beside the list; {plain:,} bytes, gzip {packed:,}")
    print(f"first reader after a change, {ITEMS} items: {waits}")
    print("                 a second  of bare of nginx   p99 of bare |  µs CPU  of bare of nginx")
    for server in ("uvicorn", "granian"):
        for kind, row in found.get(server, {}).items():
            shares = f"{row['of_bare']:8.2f} {row['of_nginx']:8.2f} {row['p99_of_bare']:13.2f}"
            cpu = f"{row['cpu']:7.0f} {row['cpu_share_of_bare']:8.2f} {row['cpu_share_of_nginx']:8.2f}"
            print(f"{server:8} {kind:6} {row['per_second']:10,.0f} {shares} | {cpu}")


if __name__ == "__main__":
    main()
