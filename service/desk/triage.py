"""What an editor does with a waiting story besides tagging and placing it: claim, pass, hold, reopen, note, rewrite.

Claims inform and versions protect: a claim shows the others who works on a story, any act of its holder on the
story renews it, and it stops nobody from acting; but a claim counts the version up, so whoever read the story before
it is told to look again. Looking claims nothing.

Every move can be undone. Reads are in ``wire``; a story that has an item leaves it only through
``reopen_story``, and only while it is not public. Called by ``routes``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import select

from service.clock import Calendar
from service.db import WriteSession
from service.desk.arranging import renumber
from service.desk.lists import items_of
from service.desk.wire import story_for_change
from service.errors import FieldError, Invalid, NotNow
from service.journal import record_decision
from service.models import Edition, Editor, Item, Note, Story, new_id
from service.words import ItemState, StoryState

CLAIM_LASTS = timedelta(minutes=10)


async def take_up(
    session: WriteSession, story_id: str, version: int | None, *, now: datetime, calendar: Calendar, by: Editor
) -> Story:
    """The story that an editor acts on, locked (``wire.story_for_change``); a claim of theirs on it runs anew.

    Raises:
        NotFound: there is none with this id.
        Stale: somebody changed it since; carries the story as it stands.
    """
    story = await story_for_change(session, story_id, version, now=now, calendar=calendar)
    renew_claim(story, now=now, by=by)
    return story


async def claim_story(session: WriteSession, story: Story, *, now: datetime, by: Editor) -> None:
    """Show the others that this editor works on it, for ten minutes from now; a claim of one's own is renewed.

    Raises:
        NotNow: somebody else's claim still runs.
    """
    if held_by_other(story, now, by):
        raise NotNow("Another editor has claimed this story. Wait for the claim to end, or talk to them.")
    if not renew_claim(story, now=now, by=by):
        story.claimed_by, story.claimed_until = by.id, now + CLAIM_LASTS
        await _record_private(session, "claim", story, None, {"until": story.claimed_until.isoformat()}, now=now, by=by)


def renew_claim(story: Story, *, now: datetime, by: Editor) -> bool:
    """Let this editor's own claim run ten minutes from now; False if there is none that runs."""
    if story.claimed_by != by.id or story.claimed_until is None or story.claimed_until <= now:
        return False
    story.claimed_until = now + CLAIM_LASTS
    return True


async def release_story(session: WriteSession, story: Story, *, now: datetime, by: Editor) -> None:
    """End one's own claim; without one, nothing happens.

    Raises:
        NotNow: the claim is somebody else's.
    """
    if held_by_other(story, now, by):
        raise NotNow("This claim is another editor's. It ends by itself after ten minutes.")
    if story.claimed_by is not None:
        story.claimed_by = story.claimed_until = None
        await _record_private(session, "release", story, None, None, now=now, by=by)


def held_by_other(story: Story, now: datetime, by: Editor) -> bool:
    """Whether another editor's claim on this story runs."""
    # One that would last longer than a claim does was made by a clock that was wrong.
    runs = story.claimed_until is not None and now < story.claimed_until <= now + 2 * CLAIM_LASTS
    return runs and story.claimed_by not in (None, by.id)


async def pass_story(
    session: WriteSession, story: Story, *, reason: str, reasons: Sequence[str], now: datetime, by: Editor
) -> None:
    """Decide not to take a story, for one of the newsroom's ``reasons``.

    Raises:
        Invalid: the reason is not on the list.
        NotNow: it already has a place in an edition.
    """
    require_pass_reason(reason, reasons)
    await _move(session, story, StoryState.PASSED, "pass", reason, now=now, by=by)


def require_pass_reason(reason: str, reasons: Sequence[str]) -> None:
    """Raise Invalid for a reason that is not on the newsroom's list."""
    if reason not in reasons:
        raise Invalid(
            "A pass needs a reason from the list.",
            errors=[FieldError("reason", f"'{reason}' is not a reason", tuple(reasons))],
        )


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
        await _take_out(session, item)
    await _move(session, story, StoryState.NEW, "reopen", None, now=now, by=by)


async def _take_out(session: WriteSession, item: Item) -> None:
    # Even of a closed edition: a draft was never part of what readers saw, and must not be lost in there.
    edition = (await session.exec(select(Edition).where(Edition.day == item.edition_date).with_for_update())).one()
    edition.version += 1
    await session.delete(item)
    await session.flush()
    renumber(await items_of(session, edition.day))


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
    await _record_private(session, act, story, before, {"state": state.value, "reason": reason}, now=now, by=by)


async def _record_private(
    session: WriteSession,
    act: str,
    story: Story,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    now: datetime,
    by: Editor,
) -> None:
    # Only what was published is public; counts of passes are in the research export.
    await record_decision(
        session, act=act, subject=f"story:{story.id}", before=before, after=after, now=now, by=by, public=False
    )


async def add_note(session: WriteSession, story: Story, *, text: str, now: datetime, by: Editor) -> None:
    """Leave a line for the other editors; never public."""
    session.add(Note(id=new_id(now), story_id=story.id, by=by.id, at=now, text=text))
    await _record_private(session, "note", story, None, {"text": text}, now=now, by=by)


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
    await _record_private(session, "rewrite", story, before, changed, now=now, by=by)
