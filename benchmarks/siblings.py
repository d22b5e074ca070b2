"""What finding siblings costs for one new story while a hundred thousand others stand in the window.

    python -m benchmarks.siblings [--stories N] [--postgres URL]

Stores made-up stories with titles from ``feed_farm``'s vocabulary (a fifth of them the same news under other words
added), compares them as ``fetching.hinting`` does, and then times batches of new ones: a hundred in a transaction, as
after a round, and one alone, as when an editor adds an address. Times are of the processor (the database's too, on
SQLite), which a crowded machine disturbs less; the clock's stand beside them. The aim is under 5 ms a new story.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import insert

from benchmarks.feed_farm import text_of
from service.db import Database
from service.fetching.siblings import NewStory, note_siblings
from service.migrating import migrate_database
from service.models import Feed, Host, Story

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FEEDS = 200
AIM = 5.0


def a_story(number: int) -> dict[str, Any]:
    """Story ``number``, dated within the last two days."""
    dice = random.Random(number)
    report = random.Random(number - number % 5) if number % 5 == 1 else dice
    title = text_of(report, 9, chinese=False) + " " + text_of(dice, 1, chinese=False)
    at = NOW - timedelta(seconds=dice.randrange(172_800))
    return {
        "id": f"{number:018}",
        "key": f"url:https://paper.example/{number}",
        "url": f"https://paper.example/{number}",
        "title": title.capitalize(),
        "summary": "",
        "language": "en",
        "feed_id": f"feed-{number % FEEDS}",
        "received_at": NOW,
        "dated_at": at,
        "backfilled": False,
        "opaque": False,
        "content_hash": f"{number:064}",
        "state": "new",
        "version": 1,
    }


async def store(database: Database, numbers: Sequence[int]) -> tuple[float, float]:
    """Store and compare these stories in one transaction.

    Answers the milliseconds that comparing took for each: of the processor, and on the clock.
    """
    rows = [a_story(number) for number in numbers]
    async with database.write() as session:
        await (await session.connection()).execute(insert(Story), rows)
        began, burnt = time.perf_counter(), time.process_time()
        await note_siblings(session, [NewStory.of(row) for row in rows], now=NOW)
        spent = time.process_time() - burnt, time.perf_counter() - began
        return spent[0] * 1_000 / len(rows), spent[1] * 1_000 / len(rows)


async def measure(url: str, stories: int) -> bool:
    """Fill the window, time what comes then, and print it."""
    database = Database(url)
    await migrate_database(database)
    async with database.write() as session:
        session.add(Host(name="paper.example", ready_at=NOW))
        await session.flush()
        for number in range(FEEDS):
            address = f"paper.example/{number}"
            feed = {"id": f"feed-{number}", "name": f"Paper {number}", "url": f"https://{address}", "url_key": address}
            session.add(Feed(**feed, host="paper.example", next_due_at=NOW, created_at=NOW))
    for start in range(0, stories, 500):
        each = await store(database, range(start, min(start + 500, stories)))
        if start % 10_000 == 0:
            print("  {:7} stories in the window: {:.2f} ms each ({:.2f} on the clock)".format(start, *each), flush=True)
    batches = [await store(database, range(start, start + 100)) for start in range(stories, stories + 3_000, 100)]
    singles = [await store(database, [number]) for number in range(stories + 3_000, stories + 3_300)]
    await database.close()
    usual = [median(times) for times in zip(*batches, strict=True)]
    alone = [median(times) for times in zip(*singles, strict=True)]
    print(f"{stories} stories; milliseconds for a new one, processor and clock:")
    print("  in batches of 100  {:.2f}  {:.2f}".format(*usual))
    print("  alone              {:.2f}  {:.2f}".format(*alone))
    return max(usual[0], alone[0]) < AIM


def main() -> int:
    """Measure; 1 if the aim was missed."""
    parser = argparse.ArgumentParser(description="The cost of finding siblings for one new story.")
    parser.add_argument("--stories", type=int, default=100_000)
    parser.add_argument("--postgres", help="URL of an empty database to use instead of SQLite")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.postgres or f"sqlite+aiosqlite:///{folder}/huoban.db"
        return int(not asyncio.run(measure(url, given.stories)))


if __name__ == "__main__":
    raise SystemExit(main())
