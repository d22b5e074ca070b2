"""Step 4 of 8: entries → stories, each stored once, with a sighting for every feed it was seen in.

Several feeds are taken in at once, in bulk and idempotently: the same entries again change nothing, whoever
stores them at the same time. A changed title or summary at the source becomes a revision of its story, and
only the feed that brought a story may revise it. It decides nothing editorial and does not touch what an
editor wrote. Called by ``writing`` and ``pushes``.

next: ``desk.tagging``
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from service.among import among
from service.db import WriteSession
from service.fetching.document import ParsedEntry
from service.fetching.normalize import uncounted
from service.fetching.siblings import NewStory, note_siblings
from service.models import Revision, Sighting, Story, new_id
from service.words import StoryState

BACKFILL_AFTER = timedelta(days=3)
"""An entry dated longer ago than this when first seen is kept, but marked as back-filled."""


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
    published_at: datetime | None


async def take_in(
    session: WriteSession, batches: Sequence[Batch], *, now: datetime, compare: bool = True
) -> dict[str, int]:
    """Store what is new; answers how many new stories each feed brought.

    ``compare`` looks for siblings of the new stories at once; without it ``hinting`` does so later.
    """
    entries = [(batch.feed_id, entry) for batch in batches for entry in batch.entries]
    known = await _known_stories(session, list({entry.key for _, entry in entries}))
    await _recognise_moved(session, [(f, e) for f, e in entries if e.key not in known], known)
    brought = dict.fromkeys((batch.feed_id for batch in batches), 0)
    fresh: dict[str, dict[str, Any]] = {}
    for feed_id, entry in entries:
        if entry.key not in known and entry.key not in fresh:
            fresh[entry.key] = _story_row(feed_id, entry, now)
    if fresh:
        # In one order for everyone: two processes that store the same stories the other way round would deadlock.
        await _insert_new(session, Story, [fresh[key] for key in sorted(fresh)])
        stored = await _known_stories(session, list(fresh))
        # Another process may have stored the same story a moment ago; then it is theirs.
        ours = [row for key, row in fresh.items() if stored[key].id == row["id"]]
        for row in ours:
            brought[row["feed_id"]] += 1
        if compare:
            await note_siblings(session, [NewStory.of(row) for row in ours], now=now)
        known |= stored
    await _revise(session, [(f, e) for f, e in entries if e.key not in fresh], known, now)
    sightings = {(known[e.key].id, f): _sighting_row(known[e.key].id, f, e, now) for f, e in reversed(entries)}
    await _insert_new(session, Sighting, list(sightings.values()))
    return brought


def _columns() -> list[Any]:
    """The columns of ``_Known``, in its order."""
    text = [col(Story.title), col(Story.summary), col(Story.content_hash)]
    return [col(Story.id), col(Story.feed_id), *text, col(Story.published_at)]


async def _known_stories(session: WriteSession, keys: Sequence[str]) -> dict[str, _Known]:
    query = select(col(Story.key), *_columns()).where(among(col(Story.key), keys))
    return {key: _Known(*rest) for key, *rest in await (await session.connection()).execute(query)}


async def _recognise_moved(
    session: WriteSession, unknown: Sequence[tuple[str, ParsedEntry]], known: dict[str, _Known]
) -> None:
    """Find stories whose address changed: the same feed gave the same guid, title and date before.

    The guid alone does not tell, since some publishers reuse one for the next article; nor does the guid with the
    title, since the next one may stand under the same rubric. Where a date is missing the text must be the same.
    """
    guids = sorted({entry.guid for _, entry in unknown if entry.guid})
    if not guids:
        return
    feeds = sorted({feed_id for feed_id, _ in unknown})
    query = (
        select(col(Sighting.feed_id), col(Sighting.guid), *_columns())
        .join(Story, col(Story.id) == Sighting.story_id)
        .where(among(col(Sighting.feed_id), feeds), among(col(Sighting.guid), guids))
    )
    before: dict[tuple[str, str, str], list[_Known]] = {}
    for feed_id, guid, *rest in await (await session.connection()).execute(query):
        story = _Known(*rest)
        before.setdefault((feed_id, guid, story.title), []).append(story)
    for feed_id, entry in unknown:
        for story in before.get((feed_id, entry.guid or "", entry.title), ()):
            if _same_article(story, entry):
                known[entry.key] = story


def _same_article(story: _Known, entry: ParsedEntry) -> bool:
    if story.published_at is None or entry.published_at is None:
        return story.content_hash == entry.content_hash
    return story.published_at == entry.published_at


def _story_row(feed_id: str, entry: ParsedEntry, now: datetime) -> dict[str, Any]:
    dated = entry.published_at
    return {
        "id": new_id(now),
        "key": entry.key,
        "url": uncounted(entry.link or ""),
        "title": entry.title,
        "summary": entry.summary,
        "author": entry.author,
        "language": entry.language,
        "feed_id": feed_id,
        "published_at": dated,
        "date_raw": entry.date_raw,
        "date_rule": entry.date_rule,
        "received_at": now,
        "changed_at": now,
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
    """Keep what stories said before and give them what their own feed says now."""
    changed = _changed_stories(entries, known)
    if not changed:
        return
    connection = await session.connection()
    had = await _texts_kept(session, [story.id for story, _ in changed])
    revisions = [
        {"story_id": s.id, "feed_id": s.feed_id, "title": s.title, "summary": s.summary, "replaced_at": now}
        for s, _ in changed
        # Some publishers take turns between two headlines for ever; each is kept once.
        if (s.id, s.title, s.summary) not in had
    ]
    if revisions:
        await connection.execute(insert(Revision), revisions)
    changes = [
        {"b_id": s.id, "title": e.title, "summary": e.summary, "content_hash": e.content_hash} for s, e in changed
    ]
    values: dict[str, Any] = {name: bindparam(name) for name in ("title", "summary", "content_hash")}
    await connection.execute(update(Story).where(col(Story.id) == bindparam("b_id")).values(**values), changes)


def _changed_stories(
    entries: Sequence[tuple[str, ParsedEntry]], known: dict[str, _Known]
) -> list[tuple[_Known, ParsedEntry]]:
    """Stories that their own feed tells differently now, in the order of their ids.

    Some documents list one article twice under two headlines: while one of them is the story's, nothing changed.
    """
    told: dict[str, list[ParsedEntry]] = {}
    stories = {}
    for feed_id, entry in entries:
        story = known[entry.key]
        if story.feed_id == feed_id:
            told.setdefault(story.id, []).append(entry)
            stories[story.id] = story
    return [
        (stories[story_id], versions[0])
        for story_id, versions in sorted(told.items())
        if all(entry.content_hash != stories[story_id].content_hash for entry in versions)
    ]


async def _texts_kept(session: WriteSession, story_ids: Sequence[str]) -> set[tuple[str, str, str]]:
    query = select(col(Revision.story_id), col(Revision.title), col(Revision.summary))
    rows = await (await session.connection()).execute(query.where(among(col(Revision.story_id), story_ids)))
    return {(story_id, title, summary) for story_id, title, summary in rows}
