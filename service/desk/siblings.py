"""Hints that two stories report the same news, as the desk shows them: which other story, and why.

Reads only. ``fetching`` finds them; a person may merge the two or not, and until then each stands on the wire
where it stood. Hints that a person dismissed, and pairs that were merged already, are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.models import Feed, Sibling, Story


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
    """For each of these stories its hints, the earliest story first; two queries however many stories."""
    found: dict[str, list[SiblingHint]] = {story_id: [] for story_id in story_ids}
    own, other = aliased(Story), aliased(Story)
    columns: list[Any] = [other.id, other.title, other.url, col(Feed.name), other.received_at, col(Sibling.reason)]
    merged = func.coalesce(own.lead_id, own.id) == func.coalesce(other.lead_id, other.id)
    connection = await session.connection()
    # A pair stands in the table once, under the earlier story: look from both sides, each by its own index.
    for near, far in (
        (col(Sibling.story_id), col(Sibling.other_id)),
        (col(Sibling.other_id), col(Sibling.story_id)),
    ):
        query = (
            select(near, *columns)
            .join_from(Sibling, own, near == own.id)
            .join(other, far == other.id)
            .outerjoin(Feed, col(Feed.id) == other.feed_id)
            .where(near.in_(story_ids), col(Sibling.dismissed_by).is_(None), ~merged)
        )
        for story_id, *hint in await connection.execute(query):
            found[story_id].append(SiblingHint(*hint))
    for hints in found.values():
        hints.sort(key=lambda hint: (hint.received_at, hint.story_id))
    return found
