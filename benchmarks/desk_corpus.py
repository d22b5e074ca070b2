"""Fills a database with made-up stories for ``benchmarks.desk``: the same ones for the same number, on both databases.

Two hundred feeds in six languages, words drawn so that a few are common and most are rare, one story in seven in
Chinese. The newest ``waiting`` stories wait; of the rest one in fifty, up to 20,000, was published, a hundred a day,
and the others were passed. Nothing here is measured.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text

from service import auth
from service.db import Database
from service.desk.search_index import catch_up
from service.migrating import migrate_database
from service.models import Edition, Editor, Feed, Host, Item, Sighting, Story, Tag, new_id
from service.partnerships import places
from service.partnerships.register import ship_register
from service.words import Role, TokenKind

END = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
BETWEEN = timedelta(seconds=20)
PUBLISHED_MAX, A_DAY, BATCH = 20_000, 100, 5_000
LANGUAGES = ("en", "en-GB", "fr", "es", "pt-BR", "ar", "zh")
_SYLLABLES = ("ka", "no", "ri", "ta", "mu", "lo", "se", "ba", "do", "pe", "ni", "fa", "gu", "zo", "ya", "ke", "mi")
_CHARACTERS = "中国铁路合作协议签署非洲港口贸易投资能源矿业部长总统访问新闻发展银行贷款农业卫星数据公司项目会议"


@dataclass(frozen=True)
class Corpus:
    """What a benchmark needs to know of what it asks for."""

    token: str
    day: date
    rare: str
    middling: str
    common: str
    phrase: str


def _words(draw: random.Random) -> list[str]:
    return ["".join(draw.choices(_SYLLABLES, k=draw.randint(2, 5))) for _ in range(30_000)]


def _texts(draw: random.Random, words: list[str]) -> Iterator[str]:
    """Endless text: ``china`` in a third of all, and one word in a hundred thousandth."""
    weights = [1 / (rank + 3) for rank in range(len(words))]
    while True:
        many = draw.choices(words, weights, k=40_000)
        for start in range(0, len(many), 40):
            drawn = many[start : start + 40]
            if draw.random() < 0.15:
                yield "".join(draw.choices(_CHARACTERS, k=60))
            else:
                yield " ".join([*drawn, "China"] if draw.random() < 0.35 else drawn)


async def fill(database: Database, stories: int, *, waiting: int) -> Corpus:
    """Migrate an empty database and fill it."""
    await migrate_database(database)
    draw = random.Random(1)
    words = _words(draw)
    async with database.write() as session:
        await ship_register(session, now=END)
        editor, _ = await auth.add_editor(
            session, email="desk@example.org", name="Desk", role=Role.CHIEF, now=END, by="operator"
        )
        editor.setup_hash = editor.setup_until = None
        token = await auth.issue_token(session, editor, kind=TokenKind.PERSON, now=END, by="operator")
        session.add_all(_hosts_and_feeds())
    texts = _texts(draw, words)
    published = min((stories - waiting) // 50, PUBLISHED_MAX)
    step = max((stories - waiting) // published, 1) if published else stories + 1
    for start in range(0, stories, BATCH):
        numbers = range(start, min(start + BATCH, stories))
        rows = [_story(number, stories, waiting, step, next(texts), draw) for number in numbers]
        await _store(database, rows, editor, step)
        await catch_up(database)
    await _refresh_statistics(database)
    return Corpus(token, END.date(), words[-1], words[400], "china", f'"{words[0]} {words[1]}"')


def _hosts_and_feeds() -> Iterator[Host | Feed]:
    regions = places.regions()
    for number in range(200):
        host = f"paper-{number}.example"
        yield Host(name=host, ready_at=END)
        yield Feed(
            id=f"paper-{number}",
            name=f"Paper {number}",
            url=f"https://{host}/rss",
            url_key=f"{host}/rss",
            host=host,
            language=LANGUAGES[number % len(LANGUAGES)],
            region=regions[number % len(regions)],
            kind="newspaper",
            next_due_at=END,
            created_at=END,
        )


def _story(number: int, stories: int, waiting: int, step: int, words: str, draw: random.Random) -> dict[str, Any]:
    received = END - BETWEEN * (stories - number)
    feed = draw.randrange(200)
    state = "passed"
    if number >= stories - waiting:
        state = "held" if number % 20 == 0 else "new"
    elif number % step == 0:
        state = "picked"
    url = f"https://paper-{feed}.example/{number}"
    return {
        "id": new_id(received),
        "key": f"url:{url}",
        "url": url,
        "title": words[:70],
        "summary": words[70:],
        "language": LANGUAGES[feed % len(LANGUAGES)],
        "feed_id": f"paper-{feed}",
        "published_at": received - timedelta(minutes=draw.randrange(600)),
        "received_at": received,
        "changed_at": received,
        "dated_at": received - timedelta(minutes=draw.randrange(600)),
        "content_hash": f"{number:064x}",
        "state": state,
        "headline": words[:40] if state == "picked" else None,
        "version": 1,
    }


async def _store(database: Database, rows: list[dict[str, Any]], editor: Editor, step: int) -> None:
    codes = list(places.places())
    sightings = [
        {"story_id": row["id"], "feed_id": row["feed_id"], "url": row["url"], "seen_at": row["received_at"]}
        for row in rows
    ]
    picked = [row for row in rows if row["state"] == "picked"]
    tags, items, days = [], [], set()
    for row in picked:
        number = int(row["content_hash"], 16) // step
        day = (END - timedelta(days=1)).date() - timedelta(days=number // A_DAY)
        days.add(day)
        tags.append(
            {
                "story_id": row["id"],
                "partner": codes[number % len(codes)],
                "position": 1,
                "tier": "strategic",
                "label_en": "strategic partnership",
                "label_zh": "战略伙伴关系",
                "confirmed_by": editor.id,
                "confirmed_at": row["received_at"],
            }
        )
        items.append(_item(row, day, number, editor))
    async with database.write() as session:
        connection = await session.connection()
        await connection.execute(insert(Story), rows)
        await connection.execute(insert(Sighting), sightings)
        for day in days:
            await session.merge(Edition(day=day, zone="UTC", opened_at=END, state="open", version=1))
        await session.flush()
        if tags:
            await connection.execute(insert(Tag), tags)
            await connection.execute(insert(Item), items)


def _item(row: dict[str, Any], day: date, number: int, editor: Editor) -> dict[str, Any]:
    at = row["received_at"]
    return {
        "story_id": row["id"],
        "edition_date": day,
        "position": number % A_DAY + 1,
        "state": "published",
        "uri": f"tag:daily.example,{day}:{row['id']}",
        "placed_by": editor.id,
        "placed_at": at,
        "published_by": editor.id,
        "published_at": at,
        "updated_at": at,
        "decision": f"{number:064x}",
    }


async def _refresh_statistics(database: Database) -> None:
    # PostgreSQL does this by itself within minutes; a benchmark should not have to wait. SQLite stays as it is
    # in service: without statistics.
    if not database.is_sqlite:
        async with database.engine.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await autocommit.execute(text("VACUUM ANALYZE"))
