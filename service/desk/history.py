"""A story's whole life: what people decided about it and what its source changed, in the order of time.

Reads only. Notes, claims and merges are journal records like the rest; a source's changes are rows of their own,
since nobody here decided them. Called by ``routes``.
"""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.desk import schemas
from service.desk.wire import get_story
from service.journal import history_of
from service.models import Editor, Feed, JournalRecord, Revision, Story


async def story_history(session: AsyncSession, story_id: str) -> schemas.HistoryOut:
    """Every decision about a story and every change at its source, oldest first.

    Raises:
        NotFound: there is no such story.
    """
    story = await get_story(session, story_id)
    records = await history_of(session, f"story:{story_id}")
    authors = {record.by for record in records if record.by}
    names = {e.id: e.name for e in await session.exec(select(Editor).where(col(Editor.id).in_(authors)))}
    decisions = [record_view(record, names) for record in records]
    entries = [*decisions, *await _source_revisions(session, story)]
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


async def _source_revisions(session: AsyncSession, story: Story) -> list[schemas.RecordOut]:
    query = select(Revision, Feed.name).outerjoin(Feed, col(Feed.id) == Revision.feed_id)
    query = query.where(Revision.story_id == story.id).order_by(col(Revision.replaced_at), col(Revision.id))
    rows = (await session.exec(query)).all()
    said = [(revision.title, revision.summary) for revision, _ in rows] + [(story.title, story.summary)]
    changes = zip(rows, said, said[1:], strict=False)
    return [
        schemas.RecordOut(
            at=revision.replaced_at,
            by=feed or "source",
            act="source_revision",
            before={"title": before[0], "summary": before[1]},
            after={"title": after[0], "summary": after[1]},
            hash=None,
        )
        for (revision, feed), before, after in changes
    ]


def _moment(entry: schemas.RecordOut) -> datetime:
    return entry.at
