"""The editor API for stories and editions: HTTP in, an action called, HTTP out. No rule lives here.

A change to a story carries its story's version and a change to a list its edition's (``If-Match``); placing
needs none. Mounted under ``/api/v1`` by ``app``.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from service.desk import arranging, closing, editions, lists, schemas, tagging, triage, wire
from service.models import Edition, Editor, Item, Story
from service.web import CalendarDep, Now, Read, Version, Write, etag, may, runtime_of
from service.words import StoryState

router = APIRouter(tags=["desk"])

Reader = Annotated[Editor, Depends(may("read"))]
Tagger = Annotated[Editor, Depends(may("tag"))]
Sorter = Annotated[Editor, Depends(may("triage"))]
Placer = Annotated[Editor, Depends(may("place"))]
Publisher = Annotated[Editor, Depends(may("publish"))]
Closer = Annotated[Editor, Depends(may("close"))]
Reopener = Annotated[Editor, Depends(may("reopen_edition"))]


def _states(state: str | None) -> tuple[str, ...]:
    if state is None:
        return wire.WAITING
    if state == "all":
        return tuple(member.value for member in StoryState)
    return tuple(part.strip() for part in state.split(","))


@router.get("/stories", operation_id="list_stories")
async def list_stories(
    _by: Reader,
    session: Read,
    now: Now,
    calendar: CalendarDep,
    state: Annotated[
        str | None, Query(description="Comma-separated, or `all`. Without it: the waiting ones, `new,held`.")
    ] = None,
    feed: str | None = None,
    language: Annotated[str | None, Query(description="`en` also finds `en-GB`.")] = None,
    region: str | None = None,
    country: Annotated[str | None, Query(description="A partner that the story is tagged with.")] = None,
    q: Annotated[str | None, Query(max_length=200, description="Every word must stand in title or summary.")] = None,
    since: Annotated[datetime | None, Query(description="Received at or after this moment.")] = None,
    sort: Literal["received", "source"] = "received",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=wire.PAGE_MAX)] = 50,
) -> schemas.StoryPage:
    """The wire, newest first: by time received, or by the source's time."""
    wanted = wire.WireFilter(
        states=_states(state),
        feed=feed,
        language=language,
        region=region,
        country=country.upper() if country else None,
        text=q,
        since=wire.aware(since, calendar),
    )
    return await wire.list_stories(session, wanted, sort=sort, cursor=cursor, limit=limit, now=now, calendar=calendar)


@router.get("/stories/{story_id}", operation_id="get_story")
async def get_story(
    story_id: str, _by: Reader, session: Read, now: Now, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    """One story with its sightings, tags and place; its ETag is what a change must carry."""
    story = await wire.get_story(session, story_id)
    return await _story_answer(session, story, now, calendar, response)


@router.get("/stories/{story_id}/history", operation_id="get_story_history")
async def get_history(story_id: str, _by: Reader, session: Read) -> schemas.HistoryOut:
    """Every decision about one story, oldest first."""
    return await wire.story_history(session, story_id)


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
    story = await wire.story_for_change(session, story_id, version, now=now, calendar=calendar)
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
    story = await wire.story_for_change(session, story_id, version, now=now, calendar=calendar)
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
    response: Response,
) -> schemas.StoryOut:
    """Do not take this story, and say why."""
    story = await wire.story_for_change(session, story_id, version, now=now, calendar=calendar)
    await triage.pass_story(session, story, reason=body.reason, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


@router.post("/stories/{story_id}/{act}", operation_id="move_story")
async def act_on_story(
    story_id: str,
    act: Literal["hold", "reopen", "claim", "release"],
    by: Sorter,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.StoryOut:
    """Hold a story for later, put it back on the wire, or say that you work on it."""
    actions = {
        "hold": triage.hold_story,
        "reopen": triage.reopen_story,
        "claim": triage.claim_story,
        "release": triage.release_story,
    }
    story = await wire.story_for_change(session, story_id, version, now=now, calendar=calendar)
    await actions[act](session, story, now=now, by=by)
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
    story = await wire.story_for_change(session, story_id, None, now=now, calendar=calendar)
    await triage.add_note(session, story, text=body.text, now=now, by=by)
    return await _story_answer(session, story, now, calendar, response)


async def _story_answer(
    session: Read | Write, story: Story, now: datetime, calendar: CalendarDep, response: Response
) -> schemas.StoryOut:
    await session.flush()
    response.headers["ETag"] = etag(story.version)
    return await wire.story_view(session, story, now=now, calendar=calendar)


@router.get("/editions/{day}", operation_id="get_edition")
async def get_edition(
    day: date, _by: Reader, session: Read, now: Now, calendar: CalendarDep, response: Response
) -> schemas.EditionOut:
    """The day's list with its drafts; its ETag is what a change to the list must carry."""
    return await _edition_answer(session, day, now, calendar, response)


@router.post("/editions/{day}/items", operation_id="place_item", status_code=201)
async def place_item(
    day: date,
    body: schemas.ItemIn,
    by: Placer,
    session: Write,
    now: Now,
    calendar: CalendarDep,
    request: Request,
    response: Response,
) -> schemas.ItemOut:
    """Give a story a place in the day's list, as a draft or for a time to come."""
    edition = await _edition(session, day, None, calendar, now)
    item = await editions.place_item(session, edition, body, calendar=calendar, now=now, by=by)
    response.headers["Location"] = f"{request.url.path}/{item.story_id}"
    return await _item_answer(session, edition, item, calendar, now, response)


@router.put("/editions/{day}/order", operation_id="order_items")
async def put_order(
    day: date,
    body: schemas.OrderIn,
    by: Placer,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.EditionOut:
    """Set the order of the whole list."""
    edition = await _edition(session, day, version, calendar, now)
    await arranging.order_items(session, edition, body.story_ids, now=now, by=by)
    return await _edition_answer(session, day, now, calendar, response)


@router.post("/editions/{day}/items/{story_id}/move", operation_id="move_item")
async def move_item(
    day: date,
    story_id: str,
    body: schemas.MoveIn,
    by: Placer,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.ItemOut:
    """Give one item another place, in this list or (while it is not public) in another day's."""
    edition = await _edition(session, day, version, calendar, now)
    item = await editions.item_of(session, edition, story_id)
    to = await _edition(session, body.edition, None, calendar, now) if body.edition not in (None, day) else None
    await arranging.move_item(session, edition, item, position=body.position, to=to, now=now, by=by)
    return await _item_answer(session, to or edition, item, calendar, now, response)


@router.post("/editions/{day}/items/{story_id}/publish", operation_id="publish_item")
async def publish_item(
    day: date,
    story_id: str,
    by: Publisher,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    request: Request,
    response: Response,
) -> schemas.ItemOut:
    """Make an item public now."""
    edition = await _edition(session, day, version, calendar, now)
    item = await editions.item_of(session, edition, story_id)
    await editions.publish_item(
        session, edition, item, calendar=calendar, authority=runtime_of(request).settings.authority, now=now, by=by
    )
    return await _item_answer(session, edition, item, calendar, now, response)


@router.post("/editions/{day}/items/{story_id}/schedule", operation_id="schedule_item")
async def schedule_item(
    day: date,
    story_id: str,
    body: schemas.ScheduleIn,
    by: Publisher,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.ItemOut:
    """Let the clock make an item public at a time that you set."""
    edition = await _edition(session, day, version, calendar, now)
    item = await editions.item_of(session, edition, story_id)
    await editions.schedule_item(session, edition, item, at=body.publish_at, calendar=calendar, now=now, by=by)
    return await _item_answer(session, edition, item, calendar, now, response)


@router.post("/editions/{day}/items/{story_id}/correct", operation_id="correct_item")
async def correct_item(
    day: date,
    story_id: str,
    body: schemas.CorrectIn,
    by: Publisher,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.ItemOut:
    """Change what readers see of a public item, with a note that they see too."""
    edition = await _edition(session, day, version, calendar, now)
    item = await editions.item_of(session, edition, story_id)
    await editions.correct_item(session, item, body, calendar=calendar, now=now, by=by)
    return await _item_answer(session, edition, item, calendar, now, response)


@router.post("/editions/{day}/items/{story_id}/withdraw", operation_id="withdraw_item")
async def withdraw_item(
    day: date,
    story_id: str,
    body: schemas.WithdrawIn,
    by: Publisher,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.ItemOut:
    """Take a public item back for good, and say why."""
    edition = await _edition(session, day, version, calendar, now)
    item = await editions.item_of(session, edition, story_id)
    await editions.withdraw_item(session, item, reason=body.reason, calendar=calendar, now=now, by=by)
    return await _item_answer(session, edition, item, calendar, now, response)


@router.post("/editions/{day}/close", operation_id="close_edition")
async def close_edition(
    day: date,
    by: Closer,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    request: Request,
    response: Response,
) -> schemas.EditionOut:
    """Close the day and freeze its digest."""
    edition = await _edition(session, day, version, calendar, now)
    await closing.close_edition(session, edition, freeze=request.app.state.freeze_digest, now=now, by=by)
    return await _edition_answer(session, day, now, calendar, response)


@router.post("/editions/{day}/reopen", operation_id="reopen_edition")
async def reopen_edition(
    day: date,
    by: Reopener,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.EditionOut:
    """Open a closed day again; a chief's act."""
    edition = await _edition(session, day, version, calendar, now)
    await closing.reopen_edition(session, edition, now=now, by=by)
    return await _edition_answer(session, day, now, calendar, response)


async def _edition(session: Write, day: date, version: int | None, calendar: CalendarDep, now: datetime) -> Edition:
    return await editions.edition_for_change(session, day, version, calendar=calendar, now=now)


async def _edition_answer(
    session: Read | Write, day: date, now: datetime, calendar: CalendarDep, response: Response
) -> schemas.EditionOut:
    await session.flush()
    view = await lists.edition_view(session, day, calendar=calendar, now=now)
    response.headers["ETag"] = etag(view.version)
    return view


async def _item_answer(
    session: Write, edition: Edition, item: Item, calendar: CalendarDep, now: datetime, response: Response
) -> schemas.ItemOut:
    view = await _edition_answer(session, edition.day, now, calendar, response)
    return next(shown for shown in view.items if shown.story_id == item.story_id)
