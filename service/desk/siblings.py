"""Hints that two stories report the same news, as the desk shows them: which other story, and why.

``fetching`` finds them; a person may merge the two (``merging``) or dismiss the hint, and until then each stands on
the wire where it stood. Hints that a person dismissed, and pairs that were merged already, are left out. Called by
``wire`` and ``routes``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, union_all, update
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.errors import FieldError, Invalid
from service.journal import record_decision
from service.models import Editor, Feed, Sibling, Story


@dataclass(frozen=True)
class SiblingHint:
    """Another story that seems to report the same news."""

    story_id: str
    title: str
    url: str
    feed: str | None
    """The name of its source; None for a story that was added by its address."""
    received_at: datetime
    reason: str
    """A sentence for editors."""


async def sibling_hints(session: AsyncSession, story_ids: Sequence[str]) -> dict[str, list[SiblingHint]]:
    """For each of these stories its hints, the earliest story first; one query however many stories."""
    found: dict[str, list[SiblingHint]] = {story_id: [] for story_id in story_ids}
    # A pair stands in the table once, under the earlier story: look from both sides, each by its own index.
    sides = ((Sibling.story_id, Sibling.other_id), (Sibling.other_id, Sibling.story_id))
    both = union_all(*(_seen_from(col(near), col(far), story_ids) for near, far in sides))
    for story_id, *hint in await (await session.connection()).execute(both):
        found[story_id].append(SiblingHint(*hint))
    for hints in found.values():
        hints.sort(key=lambda hint: (hint.received_at, hint.story_id))
    return found


def _seen_from(near: Any, far: Any, story_ids: Sequence[str]) -> Any:
    own, other = aliased(Story), aliased(Story)
    columns: list[Any] = [other.id, other.title, other.url, col(Feed.name), other.received_at, col(Sibling.reason)]
    merged = func.coalesce(own.lead_id, own.id) == func.coalesce(other.lead_id, other.id)
    return (
        select(near, *columns)
        .join_from(Sibling, own, near == own.id)
        .join(other, far == other.id)
        .outerjoin(Feed, col(Feed.id) == other.feed_id)
        .where(near.in_(story_ids), col(Sibling.dismissed_by).is_(None), ~merged)
    )


async def dismiss_hints(
    session: WriteSession, story: Story, story_ids: Sequence[str], *, now: datetime, by: Editor
) -> None:
    """Say that these stories report other news than this one: the hints are not shown again, on either side.

    Each story keeps its record of it. A person may still merge the two later.

    Raises:
        Invalid: there is no hint between this story and one of them.
    """
    wanted = list(dict.fromkeys(story_ids))
    shown = {hint.story_id for hint in (await sibling_hints(session, [story.id]))[story.id]}
    errors = [
        FieldError(f"stories[{place}]", f"nothing says that {story_id} reports the same news", tuple(sorted(shown)))
        for place, story_id in enumerate(wanted)
        if story_id not in shown
    ]
    if errors:
        raise Invalid("Only hints that the story shows can be dismissed; nothing was changed.", errors=errors)
    pairs = ((Sibling.story_id, Sibling.other_id), (Sibling.other_id, Sibling.story_id))
    connection = await session.connection()
    for near, far in pairs:
        these = (col(near) == story.id, col(far).in_(wanted))
        await connection.execute(update(Sibling).where(*these).values(dismissed_by=by.id))
    for subject, others in ((story.id, wanted), *((one, [story.id]) for one in wanted)):
        await record_decision(
            session,
            act="dismiss_hint",
            subject=f"story:{subject}",
            before=None,
            after={"other_news": others},
            now=now,
            by=by,
            public=False,  # how the desk reads its wire, like a merge
        )
