"""The hand-over of a shift, over HTTP and as a screen.

``router`` is mounted under ``/api/v1`` by ``app``, ``pages`` by ``desk.pages``.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.desk import handing_over
from service.desk.frame import DeskPage, VisitDep, show
from service.models import Editor
from service.web import CalendarDep, Now, Read, may

router = APIRouter(tags=["newsroom"])
pages = APIRouter(route_class=DeskPage, include_in_schema=False)

Reader = Annotated[Editor, Depends(may("read_journal"))]


@router.get("/hand-over", operation_id="get_hand_over")
async def get_hand_over(by: Reader, session: Read, now: Now, calendar: CalendarDep) -> handing_over.HandOver:
    """How the desk stands: what waits longest, claims, held, drafts, scheduled, and what changed since you left."""
    return await handing_over.hand_over(session, calendar=calendar, now=now, by=by)


@pages.get("/desk/hand-over")
async def get_hand_over_page(visit: VisitDep, by: Reader, session: Read) -> Response:
    """The same as a screen."""
    shift = await handing_over.hand_over(session, calendar=visit.calendar, now=visit.now, by=by)
    return show(visit, "hand_over", shift=shift)
