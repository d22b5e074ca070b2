"""What an editor does with a waiting story besides tagging and placing it: claim, pass, hold, reopen, note, rewrite.

Every move can be undone. Reads are in ``wire``; a story that has an item leaves it only through
``reopen_story``, and only while it is not public. Called by ``routes``.
"""

from datetime import datetime, timedelta
from typing import Any

from service.db import WriteSession
from service.errors import FieldError, Invalid, NotNow
from service.journal import record_decision
from service.models import Editor, Item, Note, Story, new_id
from service.words import ItemState, StoryState

CLAIM_LASTS = timedelta(minutes=10)
PASS_REASONS = ("off_topic", "duplicate", "old", "low_quality", "opinion", "advertising", "unverifiable", "other")


async def claim_story(session: WriteSession, story: Story, *, now: datetime, by: Editor) -> None:
    """Show the others that this editor works on it, for ten minutes from now; a claim of one's own is renewed.

    Raises:
        NotNow: somebody else's claim still runs.
    """
    if _held_by_other(story, now, by):
        raise NotNow("Another editor has claimed this story. Wait for the claim to end, or talk to them.")
    story.claimed_by, story.claimed_until = by.id, now + CLAIM_LASTS


async def release_story(session: WriteSession, story: Story, *, now: datetime, by: Editor) -> None:
    """End one's own claim; without one, nothing happens.

    Raises:
        NotNow: the claim is somebody else's.
    """
    if _held_by_other(story, now, by):
        raise NotNow("This claim is another editor's. It ends by itself after ten minutes.")
    story.claimed_by = story.claimed_until = None


def _held_by_other(story: Story, now: datetime, by: Editor) -> bool:
    runs = story.claimed_until is not None and story.claimed_until > now
    return runs and story.claimed_by not in (None, by.id)


async def pass_story(session: WriteSession, story: Story, *, reason: str, now: datetime, by: Editor) -> None:
    """Decide not to take a story.

    Raises:
        Invalid: the reason is not on the list.
        NotNow: it already has a place in an edition.
    """
    if reason not in PASS_REASONS:
        raise Invalid(
            "A pass needs a reason from the list.",
            errors=[FieldError("reason", f"'{reason}' is not a reason", PASS_REASONS)],
        )
    await _move(session, story, StoryState.PASSED, "pass", reason, now=now, by=by)


async def hold_story(session: WriteSession, story: Story, *, now: datetime, by: Editor) -> None:
    """Keep a story on the wire for later.

    Raises:
        NotNow: it already has a place in an edition.
    """
    await _move(session, story, StoryState.HELD, "hold", None, now=now, by=by)


async def reopen_story(session: WriteSession, story: Story, *, now: datetime, by: Editor) -> None:
    """Put a story back on the wire; a draft or scheduled item of it is taken out of its edition.

    Raises:
        NotNow: it is public, or was: correct or withdraw it instead.
    """
    item = await session.get(Item, story.id)
    if item is not None:
        if item.state not in (ItemState.DRAFT, ItemState.SCHEDULED):
            raise NotNow(f"This story is {item.state} in the edition of {item.edition_date}. Correct or withdraw it.")
        await session.delete(item)
        await session.flush()
    await _move(session, story, StoryState.NEW, "reopen", None, now=now, by=by)


async def _move(
    session: WriteSession,
    story: Story,
    state: StoryState,
    act: str,
    reason: str | None,
    *,
    now: datetime,
    by: Editor,
) -> None:
    if act != "reopen" and story.state == StoryState.PICKED:
        raise NotNow("This story has a place in an edition. Reopen it first.")
    before: dict[str, Any] = {"state": story.state, "reason": story.pass_reason}
    story.state, story.pass_reason = state, reason
    await record_decision(
        session,
        act=act,
        subject=f"story:{story.id}",
        before=before,
        after={"state": state.value, "reason": reason},
        now=now,
        by=by,
        public=False,  # only what was published is public; counts of passes are in the research export
    )


async def add_note(session: WriteSession, story: Story, *, text: str, now: datetime, by: Editor) -> None:
    """Leave a line for the other editors."""
    session.add(Note(id=new_id(now), story_id=story.id, by=by.id, at=now, text=text))


async def rewrite_story(
    session: WriteSession, story: Story, *, changes: dict[str, str | None], now: datetime, by: Editor
) -> None:
    """Set the editor's headline or blurb beside the source's; None goes back to the source's.

    Raises:
        NotNow: the story is public, where words only change by a correction.
    """
    item = await session.get(Item, story.id)
    if item is not None and item.state in (ItemState.PUBLISHED, ItemState.WITHDRAWN):
        raise NotNow(f"This story is {item.state}. Words that readers have seen change only by a correction.")
    changed = {key: value for key, value in changes.items() if getattr(story, key) != value}
    if not changed:
        return
    before = {key: getattr(story, key) for key in changed}
    for key, value in changed.items():
        setattr(story, key, value)
    await record_decision(
        session,
        act="rewrite",
        subject=f"story:{story.id}",
        before=before,
        after=changed,
        now=now,
        by=by,
        public=False,
    )
