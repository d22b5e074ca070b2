"""The editor API for editions: HTTP in, an action called, HTTP out. No rule lives here.

Every act on a list carries the list's version (``If-Match``); placing needs none. Mounted under ``/api/v1`` by
``app``.
"""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from service.desk import arranging, closing, days, editions, lists, schemas, triage, wire
from service.idempotency import OncePerKey
from service.models import Edition, Editor, Item
from service.web import CalendarDep, Now, Read, Version, Write, etag, link_next, may, runtime_of
from service.written import IsoDay

router = APIRouter(tags=["editions"], route_class=OncePerKey)

Reader = Annotated[Editor, Depends(may("read"))]
Placer = Annotated[Editor, Depends(may("place"))]
Publisher = Annotated[Editor, Depends(may("publish"))]
Closer = Annotated[Editor, Depends(may("close"))]
Reopener = Annotated[Editor, Depends(may("reopen_edition"))]


@router.get("/editions", operation_id="list_editions")
async def list_editions(
    _by: Reader,
    session: Read,
    request: Request,
    response: Response,
    before: Annotated[IsoDay | None, Query(description="Only days before this one: `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=days.PAGE_MAX)] = 30,
) -> schemas.EditionPage:
    """The days that have a list, the latest first."""
    page = await days.list_editions(session, before=before, limit=limit)
    if page.next is not None:
        link_next(request, response, before=page.next)
    return page


@router.get("/editions/{day}/diff/{other}", operation_id="compare_editions")
async def compare_editions(day: IsoDay, other: IsoDay, _by: Reader, session: Read) -> schemas.EditionDiff:
    """What a reader of the list of `day` finds changed in the list of `other`."""
    return await days.compare_editions(session, day, other)


@router.get("/editions/{day}", operation_id="get_edition")
async def get_edition(
    day: IsoDay, _by: Reader, session: Read, now: Now, calendar: CalendarDep, response: Response
) -> schemas.EditionOut:
    """The day's list with its drafts; its ETag is what a change to the list must carry."""
    return await _edition_answer(session, day, now, calendar, response)


@router.post("/editions/{day}/items", operation_id="place_item", status_code=201)
async def place_item(
    day: IsoDay,
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
    day: IsoDay,
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
    day: IsoDay,
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
    day: IsoDay,
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
    day: IsoDay,
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
    day: IsoDay,
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
    day: IsoDay,
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


@router.delete("/editions/{day}/items/{story_id}", operation_id="remove_item")
async def remove_item(
    day: IsoDay,
    story_id: str,
    by: Placer,
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.EditionOut:
    """Take a draft or scheduled item out of the list; its story waits on the wire again."""
    edition = await _edition(session, day, version, calendar, now)
    item = await editions.item_of(session, edition, story_id)
    story = await wire.story_for_change(session, item.story_id, None, now=now, calendar=calendar)
    await triage.reopen_story(session, story, now=now, by=by)
    return await _edition_answer(session, day, now, calendar, response)


@router.post("/editions/{day}/close", operation_id="close_edition")
async def close_edition(
    day: IsoDay,
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
    day: IsoDay,
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
