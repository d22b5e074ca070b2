"""The edition's screen and the forms of every act on it. Each calls the action that the API's route calls.

Acts that change what readers see (publish, schedule, correct, withdraw, close, reopen) are first asked about on a page
that says in plain words what will change. Mounted by ``pages``.
"""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from service.desk import arranging, closing, days, editions, schemas, triage
from service.desk.edition_screen import edition_screen, item_screen, local_moment
from service.desk.frame import DeskPage, Posted, PostedDep, Visit, VisitDep, shaped, show, went_back
from service.desk.story_pages import day_of
from service.desk.tag_form import tags_of
from service.models import Edition, Editor
from service.web import Read, Write, may, runtime_of
from service.words import ItemState
from service.written import IsoDay

router = APIRouter(route_class=DeskPage, include_in_schema=False)

Placer = Annotated[Editor, Depends(may("place"))]
Publisher = Annotated[Editor, Depends(may("publish"))]
Closer = Annotated[Editor, Depends(may("close"))]
Reopener = Annotated[Editor, Depends(may("reopen_edition"))]
Asks = Literal["publish", "schedule", "correct", "withdraw"]


@router.get("/desk/editions")
async def get_today(visit: VisitDep, day: Annotated[str | None, Query(max_length=10)] = None) -> Response:
    """Today's list, or the day's that the form names."""
    return RedirectResponse(f"/desk/editions/{day_of(day or None, visit.today)}", status_code=303)


@router.get("/desk/editions/{day}")
async def get_edition(day: IsoDay, visit: VisitDep, session: Read) -> Response:
    """The day's list with its drafts, in the editors' order."""
    screen = await edition_screen(session, day, calendar=visit.calendar, now=visit.now)
    return show(visit, "edition", screen=screen, edition=screen.edition)


@router.get("/desk/editions/{day}/diff/{other}")
async def get_diff(day: IsoDay, other: IsoDay, visit: VisitDep, session: Read) -> Response:
    """What a reader of the list of ``day`` finds changed in the list of ``other``."""
    return show(visit, "diff", diff=await days.compare_editions(session, day, other))


@router.get("/desk/editions/{day}/{act}")
async def ask_about_day(day: IsoDay, act: Literal["close", "reopen"], visit: VisitDep, session: Read) -> Response:
    """What closing or reopening the day will change in public."""
    screen = await edition_screen(session, day, calendar=visit.calendar, now=visit.now)
    return show(visit, "ask_day", act=act, screen=screen, edition=screen.edition)


@router.get("/desk/editions/{day}/items/{story_id}/preview")
async def get_preview(
    day: IsoDay,
    story_id: str,
    visit: VisitDep,
    session: Read,
    request: Request,
    headline: Annotated[str, Query(max_length=500)] = "",
    blurb: Annotated[str | None, Query(max_length=2_000)] = None,
) -> Response:
    """How an item will read with the words of a form, before they are kept."""
    words = {"headline": headline.strip() or None, "blurb": blurb}
    shown = await request.app.state.preview_item(session, day, story_id, **words, now=visit.now)
    return show(visit, "preview", preview=shown, day=day, story=story_id)


@router.get("/desk/editions/{day}/items/{story_id}/{act}")
async def ask_about_item(
    day: IsoDay, story_id: str, act: Asks, visit: VisitDep, session: Read, request: Request
) -> Response:
    """What an act on an item will change in public, and the form that does it."""
    about = await item_screen(
        session,
        day,
        story_id,
        tagging=act == "correct",
        suggest=visit.suggestions,
        calendar=visit.calendar,
        now=visit.now,
    )
    preview = None
    if about.item.state != ItemState.WITHDRAWN:
        preview = await request.app.state.preview_item(session, day, story_id, now=visit.now)
    return show(visit, "ask_item", act=act, about=about, item=about.item, edition=about.edition, preview=preview)


@router.post("/desk/editions/{day}/order")
async def post_order(day: IsoDay, posted: PostedDep, visit: VisitDep, by: Placer, session: Write) -> Response:
    """Set the order of the whole list."""
    edition = await _edition(session, day, posted, visit)
    await arranging.order_items(session, edition, posted.many("story_ids"), now=visit.now, by=by)
    return _back_to_list(posted, day, "order")


@router.post("/desk/editions/{day}/close")
async def post_close(
    day: IsoDay, posted: PostedDep, visit: VisitDep, by: Closer, session: Write, request: Request
) -> Response:
    """Close the day and freeze its digest."""
    edition = await _edition(session, day, posted, visit)
    await closing.close_edition(session, edition, freeze=request.app.state.freeze_digest, now=visit.now, by=by)
    return _back_to_list(posted, day, "close")


@router.post("/desk/editions/{day}/reopen")
async def post_reopen(day: IsoDay, posted: PostedDep, visit: VisitDep, by: Reopener, session: Write) -> Response:
    """Open a closed day again; a chief's act."""
    edition = await _edition(session, day, posted, visit)
    await closing.reopen_edition(session, edition, now=visit.now, by=by)
    return _back_to_list(posted, day, "reopen_edition")


@router.post("/desk/editions/{day}/items/{story_id}/move")
async def post_item_move(
    day: IsoDay, story_id: str, posted: PostedDep, visit: VisitDep, by: Placer, session: Write
) -> Response:
    """Give an item another place, here or in another day's list."""
    edition = await _edition(session, day, posted, visit)
    item = await editions.item_of(session, edition, story_id)
    other = day_of(posted.one("edition"), day)
    wanted = shaped(schemas.MoveIn, position=posted.number("position"))
    to = None
    if other != day:
        to = await editions.edition_for_change(session, other, None, calendar=visit.calendar, now=visit.now)
    await arranging.move_item(session, edition, item, position=wanted.position, to=to, now=visit.now, by=by)
    return _back_to_list(posted, day, "move")


@router.post("/desk/editions/{day}/items/{story_id}/takeout")
async def post_take_out(
    day: IsoDay, story_id: str, posted: PostedDep, visit: VisitDep, by: Placer, session: Write
) -> Response:
    """Take a draft or scheduled item out of the list; its story waits on the wire again."""
    edition = await _edition(session, day, posted, visit)
    item = await editions.item_of(session, edition, story_id)
    story = await triage.take_up(session, item.story_id, None, now=visit.now, calendar=visit.calendar, by=by)
    await triage.reopen_story(session, story, now=visit.now, by=by)
    return _back_to_list(posted, day, "takeout")


@router.post("/desk/editions/{day}/items/{story_id}/{act}")
async def post_item_act(
    day: IsoDay,
    story_id: str,
    act: Asks,
    posted: PostedDep,
    visit: VisitDep,
    by: Publisher,
    session: Write,
    request: Request,
) -> Response:
    """Publish, schedule, correct or withdraw an item."""
    edition = await _edition(session, day, posted, visit)
    item = await editions.item_of(session, edition, story_id)
    now, calendar = visit.now, visit.calendar
    if act == "publish":
        authority = runtime_of(request).settings.authority
        await editions.publish_item(session, edition, item, calendar=calendar, authority=authority, now=now, by=by)
    elif act == "schedule":
        at = local_moment(posted.one("publish_at"), calendar)
        await editions.schedule_item(session, edition, item, at=at, calendar=calendar, now=now, by=by)
    elif act == "correct":
        await editions.correct_item(session, item, _correction(posted), calendar=calendar, now=now, by=by)
    else:
        reason = shaped(schemas.WithdrawIn, reason=posted.one("reason") or "").reason
        await editions.withdraw_item(session, item, reason=reason, calendar=calendar, now=now, by=by)
    return _back_to_list(posted, day, act)


def _correction(posted: Posted) -> schemas.CorrectIn:
    # The form holds every value; what was left as it is changes nothing.
    words = {name: posted.one(name) for name in ("headline", "blurb")}
    return shaped(schemas.CorrectIn, **words, tags=tags_of(posted) or None, note=posted.one("note") or "")


async def _edition(session: Write, day: date, posted: Posted, visit: Visit) -> Edition:
    return await editions.edition_for_change(session, day, posted.version, calendar=visit.calendar, now=visit.now)


def _back_to_list(posted: Posted, day: date, did: str) -> RedirectResponse:
    return went_back(posted, did, otherwise=f"/desk/editions/{day}")
