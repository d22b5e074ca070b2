"""Step 4 of 8: entries → stories, each stored once, with a sighting for every feed it was seen in.

Several feeds are taken in at once, in bulk and idempotently: the same entries again change nothing, whoever
stores them at the same time. A changed title or summary at the source becomes a revision of its story, and
only the feed that brought a story may revise it. It decides nothing editorial and does not touch what an
editor wrote. Called by ``run``.

next: ``desk.tagging``
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from service.db import WriteSession
from service.fetching.document import ParsedEntry
from service.models import Revision, Sighting, Story, new_id
from service.words import StoryState

BACKFILL_AFTER = timedelta(days=3)
"""An entry dated longer ago than this when first seen is kept, but marked as back-filled."""

_CHUNK = 500  # keys in one IN list; SQLite's floor for bound values is 999


@dataclass(frozen=True)
class Batch:
    """What one feed's document brought."""

    feed_id: str
    entries: Sequence[ParsedEntry]


@dataclass
class _Known:
    """A story as the database holds it."""

    id: str
    feed_id: str | None
    title: str
    summary: str
    content_hash: str


async def take_in(session: WriteSession, batches: Sequence[Batch], *, now: datetime) -> dict[str, int]:
    """Store what is new; answers how many new stories each feed brought."""
    entries = [(batch.feed_id, entry) for batch in batches for entry in _once(batch.entries)]
    known = await _known_stories(session, [entry.key for _, entry in entries])
    await _recognise_moved(session, [(f, e) for f, e in entries if e.key not in known], known)
    brought = dict.fromkeys((batch.feed_id for batch in batches), 0)
    fresh: dict[str, dict[str, Any]] = {}
    for feed_id, entry in entries:
        if entry.key not in known and entry.key not in fresh:
            fresh[entry.key] = _story_row(feed_id, entry, now)
    if fresh:
        await _insert_new(session, Story, list(fresh.values()))
        stored = await _known_stories(session, list(fresh))
        for key, row in fresh.items():
            # Another process may have stored the same story a moment ago; then it is theirs.
            brought[row["feed_id"]] += stored[key].id == row["id"]
        known |= stored
    await _revise(session, [(f, e) for f, e in entries if e.key not in fresh], known, now)
    await _insert_new(session, Sighting, [_sighting_row(known[e.key].id, f, e, now) for f, e in entries])
    return brought


def _once(entries: Iterable[ParsedEntry]) -> Iterator[ParsedEntry]:
    seen: set[str] = set()
    for entry in entries:
        if entry.key not in seen:
            seen.add(entry.key)
            yield entry


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def _columns() -> list[Any]:
    """The columns of ``_Known``, in its order."""
    return [col(Story.id), col(Story.feed_id), col(Story.title), col(Story.summary), col(Story.content_hash)]


async def _known_stories(session: WriteSession, keys: Sequence[str]) -> dict[str, _Known]:
    found: dict[str, _Known] = {}
    columns = [col(Story.key), *_columns()]
    connection = await session.connection()
    for chunk in _chunks(keys):
        for key, *rest in await connection.execute(select(*columns).where(col(Story.key).in_(chunk))):
            found[key] = _Known(*rest)
    return found


async def _recognise_moved(
    session: WriteSession, unknown: Sequence[tuple[str, ParsedEntry]], known: dict[str, _Known]
) -> None:
    """Find stories whose address changed: the same feed gave the same guid and the same title before.

    The guid alone does not tell, since some publishers reuse one for the next article.
    """
    guids = sorted({entry.guid for _, entry in unknown if entry.guid})
    if not guids:
        return
    columns = [col(Sighting.feed_id), col(Sighting.guid), *_columns()]
    before: dict[tuple[str, str, str], _Known] = {}
    connection = await session.connection()
    for chunk in _chunks(guids):
        query = select(*columns).join(Story, col(Story.id) == Sighting.story_id)
        for feed_id, guid, *rest in await connection.execute(query.where(col(Sighting.guid).in_(chunk))):
            story = _Known(*rest)
            before[feed_id, guid, story.title] = story
    for feed_id, entry in unknown:
        moved = before.get((feed_id, entry.guid or "", entry.title))
        if moved is not None:
            known[entry.key] = moved


def _story_row(feed_id: str, entry: ParsedEntry, now: datetime) -> dict[str, Any]:
    dated = entry.published_at
    return {
        "id": new_id(now),
        "key": entry.key,
        "url": entry.link or "",
        "title": entry.title,
        "summary": entry.summary,
        "author": entry.author,
        "language": entry.language,
        "feed_id": feed_id,
        "published_at": dated,
        "date_raw": entry.date_raw,
        "date_rule": entry.date_rule,
        "received_at": now,
        "dated_at": dated or now,
        "backfilled": dated is not None and now - dated > BACKFILL_AFTER,
        "opaque": entry.opaque,
        "content_hash": entry.content_hash,
        "state": StoryState.NEW.value,
        "version": 1,
    }


def _sighting_row(story_id: str, feed_id: str, entry: ParsedEntry, now: datetime) -> dict[str, Any]:
    return {
        "story_id": story_id,
        "feed_id": feed_id,
        "guid": entry.guid,
        "url": entry.link or "",
        "seen_at": now,
    }


async def _insert_new(session: WriteSession, table: type[Story | Sighting], rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    connection = await session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    await connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


async def _revise(
    session: WriteSession, entries: Sequence[tuple[str, ParsedEntry]], known: dict[str, _Known], now: datetime
) -> None:
    revisions, changes = [], []
    for feed_id, entry in entries:
        story = known[entry.key]
        if story.feed_id != feed_id or story.content_hash == entry.content_hash:
            continue
        revisions.append(
            {
                "story_id": story.id,
                "feed_id": feed_id,
                "title": story.title,
                "summary": story.summary,
                "replaced_at": now,
            }
        )
        changes.append(
            {"b_id": story.id, "title": entry.title, "summary": entry.summary, "content_hash": entry.content_hash}
        )
    if not changes:
        return
    connection = await session.connection()
    await connection.execute(insert(Revision), revisions)
    values: dict[str, Any] = {name: bindparam(name) for name in ("title", "summary", "content_hash")}
    await connection.execute(update(Story).where(col(Story.id) == bindparam("b_id")).values(**values), changes)
