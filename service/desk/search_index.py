"""Gives marked stories their entry in the search index.

Nobody who writes a story needs to know of the index: triggers (``migrations/``) mark each story whose words are new
or changed, in the transaction that wrote them, and whoever is about to search first has the marked ones indexed
(``catch_up``). So nothing can be forgotten, a fetch round does not wait for it, and no search misses what was
committed before it. Called by ``desk.wire_routes`` and by the migration that began it. The terms are
``search_text``'s; the question is put by ``desk.search``.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlmodel
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, text, update
from sqlmodel import col

from service.db import Database
from service.desk.search_text import index_text
from service.models import SearchEntry, SearchMark, Story

BATCH = 1_000
"""Stories indexed in one transaction, so that on SQLite no writer waits long for it."""

_SAME_MILLISECOND = 1 << 20
_LOCK = 0x48554F53  # any constant of our own: one indexer at a time on PostgreSQL
_Marked = Row[tuple[str, str, str, str | None, str | None, datetime, int | None]]


async def catch_up(database: Database) -> int:
    """Index every marked story; answers how many there were. Costs one short query when there are none."""
    indexed = 0
    while True:
        async with database.read() as session:
            if (await session.exec(sqlmodel.select(SearchMark.story_id).limit(1))).first() is None:
                return indexed
        async with database.write() as session:
            indexed += await (await session.connection()).run_sync(index_marked)


def index_marked(connection: Connection) -> int:
    """Index up to ``BATCH`` marked stories inside the caller's transaction; answers how many."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    story = Story.__table__.c  # type: ignore[attr-defined]  # SQLModel does not declare it
    words = (story.id, story.title, story.summary, story.headline, story.blurb, story.received_at)
    query = (
        select(*words, col(SearchEntry.number))
        .join(SearchMark, col(SearchMark.story_id) == story.id)
        .outerjoin(SearchEntry, col(SearchEntry.story_id) == story.id)
        .order_by(col(SearchMark.story_id))  # ids begin with the time
        .limit(BATCH)
    )
    marked = sorted(connection.execute(query), key=lambda row: (row.received_at, row.id))
    if not marked:
        return 0
    render = _with_places if connection.dialect.name == "postgresql" else str
    _renew(connection, {row.number: render(_terms(row)) for row in marked if row.number is not None})
    fresh = [row for row in marked if row.number is None]
    if fresh:
        entries = zip(_numbers(connection, fresh), fresh, strict=True)
        values = [{"number": number, "story_id": row.id, "words": render(_terms(row))} for number, row in entries]
        connection.execute(insert(SearchEntry), values)
    connection.execute(
        delete(SearchMark).where(col(SearchMark.story_id) == bindparam("b_id")), [{"b_id": r.id} for r in marked]
    )
    return len(marked)


def in_models(_object: object, name: str | None, _kind: str, _reflected: bool, _other: object) -> bool:
    """Whether Alembic should look for a table or index among the models (its ``include_object``).

    SQLite keeps an FTS5 table in shadow tables of its own, and models cannot declare an index for one database only.
    """
    return name != "ix_searchentry_words" and not (name or "").startswith("storysearch")


def _terms(row: _Marked) -> str:
    return index_text(row.headline, row.title, row.blurb, row.summary)


def _renew(connection: Connection, words: dict[int, str]) -> None:
    if words:
        change = update(SearchEntry).where(col(SearchEntry.number) == bindparam("b_number"))
        values = [{"b_number": number, "b_words": text} for number, text in words.items()]
        connection.execute(change.values(words=bindparam("b_words")), values)


def _numbers(connection: Connection, rows: Sequence[_Marked]) -> list[int]:
    """A number for each row, in their order: the millisecond received, then the place among its equals."""
    number = col(SearchEntry.number)
    newest = connection.execute(select(func.max(number))).scalar() or 0
    numbers: list[int] = []
    for row in rows:
        first = int(row.received_at.timestamp() * 1000) * _SAME_MILLISECOND
        last = numbers[-1] if numbers else 0
        if last < first <= newest:  # older than what is indexed: others may be of the same millisecond
            taken = select(func.max(number)).where(number >= first, number < first + _SAME_MILLISECOND)
            last = connection.execute(taken).scalar() or 0
        numbers.append(max(first, last + 1))
    return numbers


def _with_places(words: str) -> str:
    """The terms as a tsvector is written: each with its place, so that phrases can be found."""
    return " ".join(f"'{term}':{place}" for place, term in enumerate(words.split(), start=1))
