"""Huoban as a runner for ``benchmarks.ingest``: for each line on standard input one round over all feeds, and at the
next line whatever sibling hints it left for later rounds.

It does what ``huoban fetch`` does, on SQLite or on the PostgreSQL database whose URL is given. Arguments: a folder,
the addresses' file, and the database's URL or ``-``. Two hours of the clock pass between two rounds.
"""

import asyncio
import json
import os
import sys
import time
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from sqlalchemy import func
from sqlmodel import select

from service.app import open_service
from service.clock import utc_now
from service.commands import run
from service.fetching.catalogue import Catalogue, FeedSpec, sync_feeds
from service.fetching.hinting import note_pending
from service.fetching.parsers import ParserPool
from service.fetching.run import run_round
from service.logs import configure_logging
from service.migrating import migrate_database
from service.models import Story
from service.settings import Settings


async def work(folder: Path, addresses: list[str], url: str) -> None:
    """Add the feeds, then fetch all of them, and work off the hints, for each pair of lines that comes."""
    settings = Settings(
        database_url=f"sqlite+aiosqlite:///{folder / 'huoban.db'}" if url == "-" else url,
        allowed_networks=(ip_network("127.0.0.0/8"),),
        log_level="warning",
    )
    configure_logging(settings)
    past = timedelta(0)

    def clock() -> datetime:
        return utc_now() + past

    specs = tuple(FeedSpec(id=f"feed-{n}", name=f"Feed {n}", url=address) for n, address in enumerate(addresses))
    everything = [spec.id for spec in specs]
    async with open_service(settings, clock=clock) as runtime, ParserPool(workers=os.cpu_count() or 1) as parsers:
        await migrate_database(runtime.database)
        async with runtime.database.write() as session:
            await sync_feeds(session, Catalogue(specs), now=clock())
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            began = time.perf_counter()
            reports = await run_round(runtime, parsers, only=everything, patience=timedelta(minutes=5))
            took = time.perf_counter() - began
            async with runtime.database.read() as session:
                stored = (await session.exec(select(func.count()).select_from(Story))).one()
            outcomes = sorted({report.outcome.value for report in reports})
            print(json.dumps({"seconds": took, "stored": stored, "outcomes": outcomes}), flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            began = time.perf_counter()
            while await note_pending(runtime.database, now=clock()):
                pass  # what the rounds of the next minutes would work off
            print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)
            past += timedelta(hours=2)


if __name__ == "__main__":
    run(work(Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="ascii").split(), sys.argv[3]))
