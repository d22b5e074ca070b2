"""What one shift leaves to the next: the longest waiting, claims, what is held, drafts, what is scheduled, and changes.

Bounded lists each. An editor "left" with their last decision on the record. Word to the next shift is a private record
in the journal and nothing more: who left it and when is what a record says, and nobody changes it later. Called by
``handover_routes``.
"""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.db import WriteSession
from service.desk.decisions import DecisionOut, Search, find_decisions
from service.desk.schemas import Shape
from service.journal import record_decision
from service.models import Editor, Item, JournalRecord, Note, SecondLook, Story
from service.words import ItemState, StoryState

MOST = 50
"""Lines in each list."""
WORDS_MOST = 10
"""Words from earlier shifts that are shown."""
SHIFT = "desk:shift"
"""What a word to the next shift is about, in the journal."""


class ShiftNote(Shape):
    """Word that one shift left to the next."""

    at: datetime
    by: str = Field(description="Who left it.", examples=["Amina Test"])
    text: str = Field(examples=["The ministry calls back at six."])


class Line(Shape):
    """One story that the next shift should know of."""

    story_id: str
    title: str = Field(description="The editors' headline, else the source's title.")
    language: str | None = Field(description="Of the title, where it is the source's.")
    at: datetime = Field(
        description="Received, claimed until, asked about, held with its last note, placed, or to be published."
    )
    who: str | None = Field(description="Who claimed, noted or placed it.")
    note: str | None = Field(description="The last note on a held story.")


class HandOver(Shape):
    """How the desk stands."""

    notes: list[ShiftNote] = Field(description="Word left to the next shift, the newest first; at most ten.")
    since: datetime | None = Field(description="When the asking editor last decided anything; null: never.")
    oldest: list[Line] = Field(description="The ten stories that have waited longest.")
    claims: list[Line]
    asked: list[Line] = Field(description="A second editor is wanted on them.")
    held: list[Line]
    drafts: list[Line]
    scheduled: list[Line]
    changes: list[DecisionOut] = Field(description="What colleagues decided since, the newest first; at most fifty.")


async def hand_over(session: AsyncSession, *, calendar: Calendar, now: datetime, by: Editor) -> HandOver:
    """How the desk stands for the editor who asks."""
    names = {editor.id: editor.name for editor in await session.exec(select(Editor))}
    own = select(JournalRecord).where(JournalRecord.by == by.id).order_by(col(JournalRecord.seq).desc()).limit(1)
    last = (await session.exec(own)).one_or_none()
    since = Search(after=last.seq if last else None)
    changes = await find_decisions(session, since, cursor=None, limit=MOST, calendar=calendar, reader=by)
    waiting = _standing(StoryState.NEW).order_by(col(Story.received_at), col(Story.id)).limit(10)
    claimed = select(Story).where(col(Story.claimed_until) > now, col(Story.claimed_by).is_not(None))
    claims = await session.exec(claimed.order_by(col(Story.claimed_until)).limit(MOST))
    return HandOver(
        notes=await _words(session, names),
        since=last.at if last else None,
        oldest=[_line(story, story.received_at) for story in await session.exec(waiting)],
        claims=[_line(s, s.claimed_until or now, names.get(s.claimed_by or "")) for s in claims],
        asked=await _asked(session, names),
        held=await _held(session, names),
        drafts=await _items(session, ItemState.DRAFT, names),
        scheduled=await _items(session, ItemState.SCHEDULED, names),
        changes=changes.items,
    )


async def leave_word(session: WriteSession, text: str, *, now: datetime, by: Editor) -> ShiftNote:
    """Leave word to the next shift; never public."""
    after = {"text": text}
    await record_decision(
        session, act="leave_word", subject=SHIFT, before=None, after=after, now=now, by=by, public=False
    )
    return ShiftNote(at=now, by=by.name, text=text)


async def _words(session: AsyncSession, names: dict[str, str]) -> list[ShiftNote]:
    query = select(JournalRecord).where(JournalRecord.subject == SHIFT).order_by(col(JournalRecord.seq).desc())
    records = await session.exec(query.limit(WORDS_MOST))
    return [ShiftNote(at=r.at, by=names[r.by or ""], text=r.content()["after"]["text"]) for r in records]


def _standing(state: StoryState) -> Any:
    return select(Story).where(Story.state == state, col(Story.lead_id).is_(None))


def _line(story: Story, at: datetime, who: str | None = None, note: str | None = None) -> Line:
    language = None if story.headline else story.language
    title = story.headline or story.title
    return Line(story_id=story.id, title=title, language=language, at=at, who=who, note=note)


async def _asked(session: AsyncSession, names: dict[str, str]) -> list[Line]:
    query = select(Story, SecondLook).join(SecondLook, col(SecondLook.story_id) == Story.id)
    rows = await session.exec(query.order_by(col(SecondLook.asked_at), col(Story.id)).limit(MOST))
    return [_line(story, asked.asked_at, names[asked.asked_by]) for story, asked in rows]


async def _held(session: AsyncSession, names: dict[str, str]) -> list[Line]:
    stories = (await session.exec(_standing(StoryState.HELD).order_by(col(Story.received_at)).limit(MOST))).all()
    query = select(Note).where(col(Note.story_id).in_([story.id for story in stories])).order_by(col(Note.at))
    last = {note.story_id: note for note in await session.exec(query)}
    lines = []
    for story in stories:
        note = last.get(story.id)
        lines.append(_line(story, note.at, names[note.by], note.text) if note else _line(story, story.received_at))
    return lines


async def _items(session: AsyncSession, state: ItemState, names: dict[str, str]) -> list[Line]:
    query = select(Item, Story).join(Story, col(Story.id) == Item.story_id).where(Item.state == state)
    rows = (await session.exec(query.order_by(col(Item.publish_at), col(Item.placed_at)).limit(MOST))).all()
    return [_line(story, item.publish_at or item.placed_at, names[item.placed_by]) for item, story in rows]
