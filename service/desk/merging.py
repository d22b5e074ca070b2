"""Reports of the same news under one lead: merged by a person, split by a person, never by a likeness.

A merged story leaves the wire and stands under its lead's ``siblings``; nothing of it is lost. There are no
chains: whoever follows a story that is merged away follows its new lead. Called by ``routes``.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select

from service.db import WriteSession
from service.errors import FieldError, Invalid, NotNow
from service.journal import record_decision
from service.models import Editor, Item, Story


async def merge_into(session: WriteSession, story: Story, lead_id: str, *, now: datetime, by: Editor) -> None:
    """Put this story, and all that follow it, under another.

    Raises:
        Invalid: there is no such lead, or it is the story itself.
        NotNow: the lead follows another story, or the story has an item.
    """
    [lead] = await _others(session, story, [lead_id], field="into")
    await _merge(session, lead, [story], counted=story, now=now, by=by)


async def merge_stories(
    session: WriteSession, lead: Story, story_ids: Sequence[str], *, now: datetime, by: Editor
) -> None:
    """Put these stories, and all that follow them, under this one.

    Raises:
        Invalid: one of them does not exist, or is the lead itself.
        NotNow: the lead follows another story, or one of them has an item.
    """
    stories = await _others(session, lead, story_ids, field="stories")
    await _merge(session, lead, stories, counted=lead, now=now, by=by)


async def _merge(
    session: WriteSession, lead: Story, stories: Sequence[Story], *, counted: Story, now: datetime, by: Editor
) -> None:
    if lead.lead_id is not None:
        raise NotNow(f"Story {lead.id} was merged under {lead.lead_id}. Merge into that one, or split it off first.")
    ids = [story.id for story in stories]
    placed = (await session.exec(select(Item).where(col(Item.story_id).in_(ids)))).first()
    if placed is not None:
        raise NotNow(
            f"Story {placed.story_id} stands in the edition of {placed.edition_date} as {placed.state}. "
            "Make it the lead, or take its draft out of the list first."
        )
    query = select(Story).where(col(Story.lead_id).in_(ids)).order_by(col(Story.id)).with_for_update()
    followers = await session.exec(query)
    moving = [story for story in (*stories, *followers) if story.lead_id != lead.id]
    await _lead_by(session, moving, lead, act="merge", counted=counted, now=now, by=by)


async def split_off(session: WriteSession, story: Story, *, now: datetime, by: Editor) -> None:
    """Let a merged story stand for itself again, in the state in which it was merged.

    Raises:
        NotNow: it is not merged.
    """
    if story.lead_id is None:
        raise NotNow("This story is not merged under another. To take siblings from it, name them in `stories`.")
    await _lead_by(session, [story], None, act="split", counted=story, now=now, by=by)


async def split_stories(
    session: WriteSession, lead: Story, story_ids: Sequence[str], *, now: datetime, by: Editor
) -> None:
    """Let some of a lead's siblings stand for themselves again.

    Raises:
        Invalid: one of them does not follow this story.
    """
    stories = await _others(session, lead, story_ids, field="stories")
    errors = [
        FieldError(f"stories[{index}]", f"{story.id} is not a sibling of this story")
        for index, story in enumerate(stories)
        if story.lead_id != lead.id
    ]
    if errors:
        raise Invalid("Only siblings of this story can be split from it.", errors=errors)
    await _lead_by(session, stories, None, act="split", counted=lead, now=now, by=by)


async def _others(session: WriteSession, story: Story, ids: Sequence[str], *, field: str) -> list[Story]:
    """Other stories by their ids, locked; each once, in the order given."""
    query = select(Story).where(col(Story.id).in_(ids)).order_by(col(Story.id)).with_for_update()
    found = {other.id: other for other in await session.exec(query)}
    errors = []
    for index, story_id in enumerate(ids):
        name = field if field == "into" else f"{field}[{index}]"
        if story_id == story.id:
            errors.append(FieldError(name, "a story cannot be merged with itself"))
        elif story_id not in found:
            errors.append(FieldError(name, f"there is no story {story_id}"))
    if errors:
        raise Invalid("These stories cannot be taken; nothing was changed.", errors=errors)
    return [found[story_id] for story_id in dict.fromkeys(ids)]


async def _lead_by(
    session: WriteSession,
    stories: Sequence[Story],
    lead: Story | None,
    *,
    act: str,
    counted: Story,
    now: datetime,
    by: Editor,
) -> None:
    """Write the new lead down: a record for each story that moves, and one for each lead that gains or loses.

    All their versions count up; that of the story acted on, ``counted``, has done so already.
    """
    losing = {story.lead_id for story in stories if story.lead_id}
    gaining = {lead.id} if lead and stories else set()
    query = select(Story).where(col(Story.id).in_(losing | gaining)).order_by(col(Story.id)).with_for_update()
    leads = list((await session.exec(query)).all())
    before = {changed.id: await _sibling_ids(session, changed) for changed in leads}
    for story in stories:
        old, story.lead_id = story.lead_id, lead.id if lead else None
        await _record(session, act, story.id, {"lead": old}, {"lead": story.lead_id}, now=now, by=by)
    for touched in {story.id: story for story in (*stories, *leads)}.values():
        touched.version += touched is not counted
    await session.flush()
    for changed in leads:
        siblings = await _sibling_ids(session, changed)
        await _record(
            session, act, changed.id, {"siblings": before[changed.id]}, {"siblings": siblings}, now=now, by=by
        )


async def _sibling_ids(session: WriteSession, lead: Story) -> list[str]:
    return list((await session.exec(select(Story.id).where(Story.lead_id == lead.id).order_by(col(Story.id)))).all())


async def _record(
    session: WriteSession,
    act: str,
    story_id: str,
    before: dict[str, object],
    after: dict[str, object],
    *,
    now: datetime,
    by: Editor,
) -> None:
    await record_decision(
        session,
        act=act,
        subject=f"story:{story_id}",
        before=before,
        after=after,
        now=now,
        by=by,
        public=False,  # how the desk keeps its wire; what was published is public by its own record
    )
