"""Asking a colleague to look at a story before it goes on, and saying that they have.

It shows on the wire and in the hand-over, and stops nobody from acting; what to look at is a note's to say. Whoever
answers takes the question away, the asker too. Called by ``routes`` and ``story_pages``; ``wire`` shows it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.desk.schemas import AskedOut
from service.journal import record_decision
from service.models import Editor, SecondLook, Story


async def ask_colleague(session: WriteSession, story: Story, *, now: datetime, by: Editor) -> None:
    """Want a second editor on this story; where one is wanted already, nothing happens."""
    if await session.get(SecondLook, story.id) is None:
        session.add(SecondLook(story_id=story.id, asked_by=by.id, asked_at=now))
        await _record(session, "ask", story, now=now, by=by)


async def answer_colleague(session: WriteSession, story: Story, *, now: datetime, by: Editor) -> None:
    """Say that somebody has looked; where nobody was asked for, nothing happens."""
    asked = await session.get(SecondLook, story.id)
    if asked is not None:
        await session.delete(asked)
        await _record(session, "answer", story, now=now, by=by)


async def asked_about(session: AsyncSession, story_ids: Sequence[str]) -> dict[str, AskedOut]:
    """Who wants a second editor on which of these stories, and since when."""
    query = select(SecondLook.story_id, Editor.name, SecondLook.asked_at)
    query = query.join(Editor, col(Editor.id) == SecondLook.asked_by).where(col(SecondLook.story_id).in_(story_ids))
    return {story: AskedOut(by=name, at=at) for story, name, at in await session.exec(query)}


async def _record(session: WriteSession, act: str, story: Story, *, now: datetime, by: Editor) -> None:
    subject = f"story:{story.id}"
    await record_decision(session, act=act, subject=subject, before=None, after=None, now=now, by=by, public=False)
