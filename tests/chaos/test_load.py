"""Editors and readers at once, for a few seconds; ``make load`` and ``make soak`` are the long runs of the same."""

import asyncio

from benchmarks.desk_corpus import Corpus, fill
from benchmarks.desk_editors import together
from service.db import Database
from tests.postgres import Postgres


async def _fill(url: str) -> Corpus:
    database = Database(url)
    try:
        return await fill(database, 100, waiting=50)
    finally:
        await database.close()


def test_nothing_fails_or_is_lost_while_editors_and_readers_are_at_work(postgres: Postgres) -> None:
    url = postgres.create_database("load")
    corpus = asyncio.run(_fill(url))
    assert together(url, corpus, editors=6, seconds=4, pause=0.2, readers=8) == []
