"""The only act on many stories at once: passing them, for one reason.

All in one transaction; each story that is passed is one journal record, and each that is not is reported with why
and left as it was. Since no editor looks at every version of two hundred stories, only what waits and what nobody
else has claimed is passed, and a version that was sent along must be the current one. Called by ``routes``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import col, select

from service.db import WriteSession
from service.desk import schemas
from service.desk.triage import held_by_other, pass_story, require_pass_reason
from service.desk.wire import WAITING
from service.errors import HuobanError, NotFound, NotNow, Stale
from service.models import Editor, Story


async def pass_stories(
    session: WriteSession,
    story_ids: Sequence[str],
    *,
    reason: str,
    reasons: Sequence[str],
    versions: Mapping[str, int],
    now: datetime,
    by: Editor,
) -> schemas.BulkPassOut:
    """Pass those of these stories that can be, each once; answers what became of each, in the order asked.

    Raises:
        Invalid: the reason is not on the list.
    """
    require_pass_reason(reason, reasons)
    wanted = list(dict.fromkeys(story_ids))
    query = select(Story).where(col(Story.id).in_(wanted)).order_by(col(Story.id)).with_for_update()
    found = {story.id: story for story in await session.exec(query)}
    answers = []
    for story_id in wanted:
        story = found.get(story_id)
        refusal = _refusal(story, story_id, versions.get(story_id), now, by)
        if story is not None and refusal is None:
            story.version += 1
            await pass_story(session, story, reason=reason, reasons=reasons, now=now, by=by)
        answers.append(
            schemas.BulkAnswer(
                story_id=story_id,
                passed=refusal is None,
                code=refusal.code if refusal else None,
                detail=refusal.detail if refusal else None,
                version=story.version if story else None,
            )
        )
    return schemas.BulkPassOut(passed=sum(answer.passed for answer in answers), items=answers)


def _refusal(story: Story | None, story_id: str, version: int | None, now: datetime, by: Editor) -> HuobanError | None:
    if story is None:
        return NotFound(f"There is no story {story_id}.")
    if version is not None and version != story.version:
        return Stale(f"Version {story.version} is current.")
    if story.state not in WAITING:
        return NotNow(f"This story is {story.state}.")
    if story.lead_id is not None:
        return NotNow(f"This story was merged under {story.lead_id}.")
    if held_by_other(story, now, by):
        return NotNow("Another editor has claimed this story.")
    return None
