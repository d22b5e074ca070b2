"""The hand-over of a shift, over HTTP and as a screen.

``router`` is mounted under ``/api/v1`` by ``app``, ``pages`` by ``desk.pages``.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.desk import handing_over, schemas
from service.desk.frame import DeskPage, PostedDep, VisitDep, shaped, show, went_back
from service.idempotency import OncePerKey
from service.models import Editor
from service.web import CalendarDep, Now, Read, Write, may

router = APIRouter(tags=["newsroom"], route_class=OncePerKey)
pages = APIRouter(route_class=DeskPage, include_in_schema=False)

Reader = Annotated[Editor, Depends(may("read_journal"))]
Sorter = Annotated[Editor, Depends(may("triage"))]
HERE = "/desk/hand-over"


@router.get("/hand-over", operation_id="get_hand_over")
async def get_hand_over(by: Reader, session: Read, now: Now, calendar: CalendarDep) -> handing_over.HandOver:
    """How the desk stands: what waits longest, claims, held, drafts, scheduled, and what changed since you left."""
    return await handing_over.hand_over(session, calendar=calendar, now=now, by=by)


@router.post("/hand-over/notes", operation_id="leave_word", status_code=201)
async def leave_word(body: schemas.NoteIn, by: Sorter, session: Write, now: Now) -> handing_over.ShiftNote:
    """Leave word to the next shift: everybody sees it in the hand-over, with who left it and when."""
    return await handing_over.leave_word(session, body.text, now=now, by=by)


@pages.get(HERE)
async def get_hand_over_page(visit: VisitDep, by: Reader, session: Read) -> Response:
    """The same as a screen."""
    shift = await handing_over.hand_over(session, calendar=visit.calendar, now=visit.now, by=by)
    return show(visit, "hand_over", shift=shift)


@pages.post(f"{HERE}/notes")
async def post_word(posted: PostedDep, visit: VisitDep, by: Sorter, session: Write) -> Response:
    """Leave word to the next shift."""
    note = shaped(schemas.NoteIn, text=posted.one("text") or "")
    await handing_over.leave_word(session, note.text, now=visit.now, by=by)
    return went_back(posted, "word_left", otherwise=HERE)
