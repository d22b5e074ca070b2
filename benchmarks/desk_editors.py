"""Twenty editors at one desk at once: whether anything is lost, refused by the database or answered with an error.

    python -m benchmarks.desk_editors [--editors N] [--pause S] [--readers N] [--seconds S] [--stories N]
                                      [--database sqlite|postgresql] [--flat PERCENT]

Real sockets, one connection and one account for each editor, all of them on the same forty stories and the same day's
list, without a pause unless one is named; beside them, if wanted, readers (``crowd``). Each acts by the version that it
read; 412 and 409 are the answers of somebody who came second, 404 and 422 of somebody who would move what is not placed
or publish what has no tag. Afterwards each story's and the list's version must have been counted up exactly once for
each act that was answered with success: a lost update would show there. The journal must hold one record for each
story placed, tagged and published, and be whole.

``make load`` is fifty editors and two hundred readers for ten minutes; ``make soak`` an hour of fewer, at the end of
which the server must not hold more memory than after its first half hour, to within five per cent.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from benchmarks.crowd import Reader, Scale
from benchmarks.desk import API, Client, serving
from benchmarks.desk_corpus import END, Corpus, fill
from service import auth
from service.db import Database
from service.journal import check_journal
from service.models import JournalRecord
from service.words import Role, TokenKind
from tests.postgres import start_postgres

SHARED = 40
"""Stories that all of them work on."""


@dataclass
class Work:
    """What one editor did and saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Milliseconds by what was asked for."""
    succeeded: Counter[str] = field(default_factory=Counter)
    """Acts answered with success, by their name."""
    done: Counter[str] = field(default_factory=Counter)
    """Acts answered with success, by what they must have counted up."""
    wrong: list[str] = field(default_factory=list)


class EditorAtWork:
    """One editor: looks at a story or the list, acts on what was seen, and pauses for about so many seconds."""

    def __init__(self, port: int, token: str, day: str, stories: list[str], seed: int, *, pause: float = 0.0) -> None:
        self.work = Work()
        self._pause = pause
        self._client = Client(port, token, strict=False)
        self._list = f"{API}/editions/{day}"
        self._stories = stories
        self._draw = random.Random(seed)

    def run(self, until: float) -> None:
        """Work until this moment of ``time.monotonic``."""
        time.sleep(self._draw.uniform(0, self._pause))
        while time.monotonic() < until:
            if self._draw.random() < 0.7:
                self._work_on_story(self._draw.choice(self._stories))
            else:
                self._work_on_list(self._draw.choice(self._stories))
            time.sleep(self._draw.uniform(0.5, 1.5) * self._pause)
        self._client.close()

    def _work_on_story(self, story: str) -> None:
        path = f"{API}/stories/{story}"
        version = self._read(path)
        tier = self._draw.choice(("strategic", "comprehensive_strategic"))
        tags = {"tags": [{"partner": "KE", "tier": tier, "reason": "made up for a benchmark"}]}
        act: tuple[str, str, Any] = self._draw.choice(
            [
                ("PUT", "tags", tags),
                ("POST", "note", {"text": "Seen."}),
                ("POST", "hold", None),
                ("POST", "claim", None),
                ("POST", "release", None),
            ]
        )
        self._act(act[0], f"{path}/{act[1]}", act[2], version, story)

    def _work_on_list(self, story: str) -> None:
        version = self._read(self._list)
        act = self._draw.choice(("place", "move", "publish"))
        if act == "place":
            self._act("POST", f"{self._list}/items", {"story_id": story}, None, story, "list")
        elif act == "move":
            body = {"position": self._draw.randint(1, 10)}
            self._act("POST", f"{self._list}/items/{story}/move", body, version, "list")
        else:
            self._act("POST", f"{self._list}/items/{story}/publish", {}, version, story, "list")

    def _read(self, path: str) -> str:
        _, headers, took = self._ask("GET", path, None)
        self.work.took["look"].append(took)
        return headers.get("etag", '"0"')

    def _act(self, method: str, path: str, body: Any, version: str | None, *counted: str) -> None:
        status, _, took = self._ask(method, path, body, **({"If-Match": version} if version else {}))
        name = path.rsplit("/", 1)[1]
        self.work.took[name].append(took)
        if status < 300:
            self.work.done.update(counted)
            self.work.succeeded[name] += 1

    def _ask(self, method: str, path: str, body: Any, **headers: str) -> tuple[int, dict[str, str], float]:
        try:
            answer, received, took = self._client.ask(method, path, body, **headers)
        except OSError as error:
            self.work.wrong.append(f"{method} {path}: {error!r}")
            raise
        status = self._client.status
        self.work.statuses[status] += 1
        if status not in (200, 201, 404, 409, 412, 422):
            self.work.wrong.append(f"{method} {path}: {status} {answer}")
        return status, received, took


async def _tokens(url: str, editors: int) -> list[str]:
    database = Database(url)
    tokens = []
    async with database.write() as session:
        for number in range(editors):
            editor, _ = await auth.add_editor(
                session, email=f"e{number}@example.org", name=f"E {number}", role=Role.EDITOR, now=END, by="operator"
            )
            tokens.append(await auth.issue_token(session, editor, kind=TokenKind.PERSON, now=END, by="operator"))
    await database.close()
    return tokens


async def _fill(url: str, stories: int) -> Corpus:
    database = Database(url)
    corpus = await fill(database, stories, waiting=min(2_000, stories // 2))
    await database.close()
    return corpus


def _versions(reader: Client, day: str, stories: list[str]) -> dict[str, int]:
    shown = {story: reader.ask("GET", f"{API}/stories/{story}")[0]["version"] for story in stories}
    return {**shown, "list": reader.ask("GET", f"{API}/editions/{day}")[0]["version"]}


async def _recorded(url: str) -> Counter[str]:
    """How many records the journal has of each act.

    Raises:
        AssertionError: it is not whole.
    """
    database = Database(url)
    async with database.read() as session:
        assert (await check_journal(session)).broken is None, "the journal is broken"
        query = select(JournalRecord.act, func.count()).group_by(col(JournalRecord.act))
        counts = Counter(dict((await session.exec(query)).all()))
    await database.close()
    return counts


def together(
    url: str,
    corpus: Corpus,
    *,
    editors: int,
    seconds: float,
    pause: float = 0.0,
    readers: int = 0,
    flat: float | None = None,
) -> list[str]:
    """Let them work, print what it was like, and answer what was wrong; with ``flat``, also a growth beyond that."""
    tokens, recorded = asyncio.run(_tokens(url, editors)), asyncio.run(_recorded(url))
    with serving(url) as (port, process):
        reader = Client(port, corpus.token)
        day = reader.ask("GET", f"{API}/stories?limit=1")[1]["date"]  # the newsroom's today is the server's
        day = time.strftime("%Y-%m-%d", time.strptime(day, "%a, %d %b %Y %H:%M:%S %Z"))
        stories = [story["id"] for story in reader.ask("GET", f"{API}/stories?limit={SHARED}")[0]["items"]]
        before = _versions(reader, day, stories)
        at_work = [EditorAtWork(port, token, day, stories, seed, pause=pause) for seed, token in enumerate(tokens)]
        reading = [Reader(port, max(pause, 1.0), seed) for seed in range(readers)]
        scale = Scale(process, seconds)
        scale.start()
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=one.run, args=(until,)) for one in (*at_work, *reading)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        scale.stop()
        after = _versions(reader, day, stories)
        reader.close()
    works = [editor.work for editor in at_work]
    wrong = [*_judge(works, before, after, seconds), *_judge_journal(works, asyncio.run(_recorded(url)) - recorded)]
    if reading:
        _say("reading", [took for one in reading for took in one.took])
        print(f"readers by status: {dict(sum((one.statuses for one in reading), Counter[int]()))}")
    print(scale.told())
    if flat is not None and scale.growth() > flat:
        wrong.append(f"memory grew by {scale.growth():.1%}")
    return [*wrong, *(problem for one in reading for problem in one.wrong)]


def _judge_journal(works: list[Work], recorded: Counter[str]) -> list[str]:
    succeeded = sum((work.succeeded for work in works), Counter[str]())
    return [
        f"{act}: {recorded[act]} records, but {succeeded[name]} answers of success"
        for act, name in (("place", "items"), ("publish", "publish"), ("tag", "tags"))
        if recorded[act] != succeeded[name]
    ]


def _say(name: str, times: list[float]) -> None:
    if len(times) > 1:
        high = quantiles(times, n=100, method="inclusive")[-1]
        print(f"{name:8} {len(times):7,}  median {median(times):7.1f} ms   p99 {high:7.1f} ms")


def _judge(works: list[Work], before: dict[str, int], after: dict[str, int], seconds: float) -> list[str]:
    done = sum((work.done for work in works), Counter[str]())
    statuses = sum((work.statuses for work in works), Counter[int]())
    lost = [
        f"{name}: version {after[name]}, but {before[name]} and {done[name]} acts"
        for name in before
        if after[name] != before[name] + done[name]
    ]
    for name in sorted({name for work in works for name in work.took}):
        _say(name, [took for work in works for took in work.took[name]])
    print(f"{sum(statuses.values()) / seconds:.0f} requests a second; by status: {dict(sorted(statuses.items()))}")
    print(f"{sum(done.values()):,} versions counted up, {len(lost)} differ")
    return [*lost, *(problem for work in works for problem in work.wrong)]


def main() -> None:
    """Measure what the command line asks for; exits 1 if anything was lost or failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--editors", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two acts of an editor, on average")
    parser.add_argument("--readers", type=int, default=0)
    parser.add_argument("--flat", type=float, help="fail if memory grows by more per cent than that")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--stories", type=int, default=10_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="huoban-editors-")))
        url = f"sqlite+aiosqlite:///{folder / 'desk.db'}"
        if options.database == "postgresql":
            url = stack.enter_context(start_postgres()).create_database("desk_editors")
        corpus = asyncio.run(_fill(url, options.stories))
        wrong = together(
            url,
            corpus,
            editors=options.editors,
            seconds=options.seconds,
            pause=options.pause,
            readers=options.readers,
            flat=None if options.flat is None else options.flat / 100,
        )
    for problem in wrong[:20]:
        print(problem, file=sys.stderr)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
