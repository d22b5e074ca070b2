"""The editor API for stories: HTTP in, an action called, HTTP out. No rule lives here.

A change to a story carries its version (``If-Match``); a note and the bulk pass need none. Mounted under
``/api/v1`` by ``app``.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service.desk import (
    bulk,
    history,
    merging,
    schemas,
    second_looks,
    sibling_shapes,
    siblings,
    tagging,
    triage,
    wire,
    wire_routes,
)
from service.idempotency import OncePerKey
from service.models import Editor, Story
from service.web import CalendarDep, Now, Read, Version, Write, etag, may, runtime_of

router = APIRouter(tags=["stories"], route_class=OncePerKey)
router.include_router(wire_routes.router)  # first: /stories/counts is no story's id

Reader = Annotated[Editor, Depends(may("read"))]
Tagger = Annotated[Editor, Depends(may("tag"))]
Sorter = Annotated[Editor, Depends(may("triage"))]


@router.get("/stories/{story_id}", operation_id="get_story")
async def get_story(
    story_id: str, _by: Reader, session: Read, now: Now, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    """One story with its sightings, tags and place; its ETag is what a change must carry."""
    story = await wire.get_story(session, story_id)
    return await _story_answer(session, story, now, calendar, response)


@router.get("/stories/{story_id}/history", operation_id="get_story_history")
async def get_history(story_id: str, _by: Reader, session: Read) -> schemas.HistoryOut:
    """Every decision about one story and every change at its source, oldest first."""
    return await history.story_history(session, story_id)


@router.patch("/stories/{story_id}", operation_id="rewrite_story")
async def patch_story(
    story_id: str,
    body: schemas.StoryPatch,
    by: Sorter,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.StoryOut:
    """Set the editor's headline and blurb beside the source's."""
    story = await triage.take_up(session, story_id, version, now=now, calendar=calendar, by=by)
    await triage.rewrite_story(session, story, changes=body.model_dump(exclude_unset=True), now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.put("/stories/{story_id}/tags", operation_id="tag_story")
async def put_tags(
    story_id: str,
    body: schemas.TagsIn,
    by: Tagger,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.StoryOut:
    """Replace the story's tags by this set, each partner with the tier that the editor confirms."""
    story = await triage.take_up(session, story_id, version, now=now, calendar=calendar, by=by)
    await tagging.tag_story(session, story, body.tags, calendar=calendar, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/pass", operation_id="pass_story")
async def pass_story(
    story_id: str,
    body: schemas.PassIn,
    by: Sorter,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    request: Request,
    response: Response,
) -> schemas.StoryOut:
    """Do not take this story, and say why."""
    story = await triage.take_up(session, story_id, version, now=now, calendar=calendar, by=by)
    await triage.pass_story(session, story, reason=body.reason, reasons=_reasons(request), now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/pass", operation_id="pass_stories")
async def pass_stories(
    body: schemas.BulkPassIn, by: Sorter, session: Write, now: Now, request: Request
) -> schemas.BulkPassOut:
    """Pass many waiting stories for one reason; the answer says of each whether, and if not, why not."""
    return await bulk.pass_stories(
        session, body.story_ids, reason=body.reason, reasons=_reasons(request), versions=body.versions, now=now, by=by
    )


@router.post("/stories/{story_id}/merge", operation_id="merge_story")
async def merge_story(
    story_id: str,
    body: sibling_shapes.MergeIn,
    by: Sorter,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.StoryOut:
    """Put reports of the same news under the one that you choose as their lead."""
    story = await triage.take_up(session, story_id, version, now=now, calendar=calendar, by=by)
    if body.into is not None:
        await merging.merge_into(session, story, body.into, now=now, by=by)
    else:
        await merging.merge_stories(session, story, body.stories or (), now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/split", operation_id="split_story")
async def split_story(
    story_id: str,
    by: Sorter,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
    body: sibling_shapes.SplitIn | None = None,
) -> schemas.StoryOut:
    """Undo a merge: a sibling leaves its lead, or a lead lets the siblings go that you name."""
    story = await triage.take_up(session, story_id, version, now=now, calendar=calendar, by=by)
    if body is None or body.stories is None:
        await merging.split_off(session, story, now=now, by=by)
    else:
        await merging.split_stories(session, story, body.stories, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/dismiss", operation_id="dismiss_hints")
async def dismiss_hints(
    story_id: str,
    body: sibling_shapes.DismissIn,
    by: Sorter,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.StoryOut:
    """Say of stories under `sibling_hints` that they report other news; the hints are not shown again."""
    story = await triage.take_up(session, story_id, version, now=now, calendar=calendar, by=by)
    await siblings.dismiss_hints(session, story, body.stories, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/note", operation_id="note_story", status_code=201)
async def note_story(
    story_id: str,
    body: schemas.NoteIn,
    by: Sorter,
    session: Write,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.StoryOut:
    """Leave a line for the other editors."""
    story = await triage.take_up(session, story_id, None, now=now, calendar=calendar, by=by)
    await triage.add_note(session, story, text=body.text, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


async def _in_hand(
    story_id: str, by: Sorter, session: Write, version: Version, now: Now, calendar: CalendarDep
) -> Story:
    return await triage.take_up(session, story_id, version, now=now, calendar=calendar, by=by)


InHand = Annotated[Story, Depends(_in_hand, scope="function")]
"""The story of an act that takes no body, locked and its version checked."""


@router.post("/stories/{story_id}/hold", operation_id="hold_story")
async def hold_story(
    story: InHand, by: Sorter, session: Write, now: Now, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    """Keep a story on the wire for later; 409 while it has a place in a list."""
    await triage.hold_story(session, story, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/reopen", operation_id="reopen_story")
async def reopen_story(
    story: InHand, by: Sorter, session: Write, now: Now, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    """Put a story back on the wire, out of the list where it is not public yet; 409 once it is public."""
    await triage.reopen_story(session, story, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/claim", operation_id="claim_story")
async def claim_story(
    story: InHand, by: Sorter, session: Write, now: Now, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    """Show the others that you work on it, for ten minutes from your last act on it; 409 while another's claim runs."""
    await triage.claim_story(session, story, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/release", operation_id="release_story")
async def release_story(
    story: InHand, by: Sorter, session: Write, now: Now, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    """End your own claim; without one nothing happens. 409 for somebody else's."""
    await triage.release_story(session, story, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/ask", operation_id="ask_colleague")
async def ask_colleague(
    story: InHand, by: Sorter, session: Write, now: Now, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    """Ask for a second editor on a story; a note says what to look at. It stops nobody from acting."""
    await second_looks.ask_colleague(session, story, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/answer", operation_id="answer_colleague")
async def answer_colleague(
    story: InHand, by: Sorter, session: Write, now: Now, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    """Say that somebody has looked: no second editor is wanted any more."""
    await second_looks.answer_colleague(session, story, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


def _reasons(request: Request) -> tuple[str, ...]:
    return runtime_of(request).settings.pass_reasons


async def _story_answer(
    session: Read | Write, story: Story, now: datetime, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    await session.flush()
    response.headers["ETag"] = etag(story.version)
    return await wire.story_view(session, story, now=now, calendar=calendar)
