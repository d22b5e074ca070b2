"""A story's whole life: where it was seen, what people decided about it, what its source changed, in the order of time.

Reads only. Notes, claims and merges are journal records like the rest; what a source did stands in rows of its own,
since nobody here decided it, and has no hash. Called by ``routes``.
"""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.desk import schemas
from service.desk.wire import get_story
from service.journal import history_of
from service.models import Editor, Feed, JournalRecord, Revision, Sighting, SourceAlert, Story


async def story_history(session: AsyncSession, story_id: str) -> schemas.HistoryOut:
    """Every sighting of a story, every decision about it and every change at its source, oldest first.

    Raises:
        NotFound: there is no such story.
    """
    story = await get_story(session, story_id)
    records = await history_of(session, f"story:{story_id}")
    authors = {record.by for record in records if record.by}
    names = {e.id: e.name for e in await session.exec(select(Editor).where(col(Editor.id).in_(authors)))}
    decisions = [record_view(record, names) for record in records]
    revisions = await _source_revisions(session, story)
    alerts = await _other_changes(session, story, revisions)
    entries = [*await _sightings(session, story), *revisions, *alerts, *decisions]
    entries.sort(key=_moment)  # stable: records of one moment stay in the journal's order
    return schemas.HistoryOut(items=entries)


def record_view(record: JournalRecord, names: dict[str, str]) -> schemas.RecordOut:
    """A journal record as the desk sees it: with the editor's name instead of the pseudonym."""
    payload = record.content()
    return schemas.RecordOut(
        at=record.at,
        by=names[record.by] if record.by else str(payload["by"]),
        act=record.act,
        before=payload["before"],
        after=payload["after"],
        hash=record.hash,
    )


async def _sightings(session: AsyncSession, story: Story) -> list[schemas.RecordOut]:
    query = select(Sighting, Feed.name).join(Feed, col(Feed.id) == Sighting.feed_id)
    query = query.where(Sighting.story_id == story.id).order_by(col(Sighting.seen_at), col(Sighting.id))
    return [
        _by_source(sighting.seen_at, feed, "source_sighting", None, {"url": sighting.url})
        for sighting, feed in (await session.exec(query)).all()
    ]


async def _source_revisions(session: AsyncSession, story: Story) -> list[schemas.RecordOut]:
    query = select(Revision, Feed.name).outerjoin(Feed, col(Feed.id) == Revision.feed_id)
    query = query.where(Revision.story_id == story.id).order_by(col(Revision.replaced_at), col(Revision.id))
    rows = (await session.exec(query)).all()
    said = [(revision.title, revision.summary) for revision, _ in rows] + [(story.title, story.summary)]
    changes = zip(rows, said, said[1:], strict=False)
    return [
        _by_source(
            revision.replaced_at,
            feed,
            "source_revision",
            {"title": before[0], "summary": before[1]},
            {"title": after[0], "summary": after[1]},
        )
        for (revision, feed), before, after in changes
    ]


async def _other_changes(
    session: AsyncSession, story: Story, revisions: list[schemas.RecordOut]
) -> list[schemas.RecordOut]:
    """What the article's own page showed after publication: a headline of its own, a move, its end."""
    told = {
        (change.before[name], change.after[name])
        for change in revisions
        if change.before and change.after
        for name in ("title", "summary")
    }
    feed = await session.get(Feed, story.feed_id) if story.feed_id else None
    query = select(SourceAlert).where(SourceAlert.story_id == story.id)
    alerts = (await session.exec(query.order_by(col(SourceAlert.at), col(SourceAlert.id)))).all()
    return [
        _by_source(
            alert.at, feed.name if feed else None, f"source_{alert.kind}", {"said": alert.before}, {"said": alert.after}
        )
        for alert in alerts
        if (alert.before, alert.after) not in told
    ]


def _by_source(
    at: datetime, feed: str | None, act: str, before: dict[str, object] | None, after: dict[str, object] | None
) -> schemas.RecordOut:
    return schemas.RecordOut(at=at, by=feed or "source", act=act, before=before, after=after, hash=None)


def _moment(entry: schemas.RecordOut) -> datetime:
    return entry.at
