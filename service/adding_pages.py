"""The desk's two forms whose act is fetching's: add a story by its address, and the true address of an opaque link.

They stand above the stages for the reason that ``adding_routes`` gives. ``post_address`` holds no database session: one
kept open over a download would keep every editor waiting. Mounted by ``app``, before the desk's other pages.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from service.adding_routes import AddressIn
from service.desk import triage
from service.desk.frame import DeskPage, PostedDep, VisitDep, shaped, went_back
from service.fetching import adding
from service.models import Editor
from service.web import Write, may, runtime_of

router = APIRouter(route_class=DeskPage, include_in_schema=False)


@router.post("/desk/add")
async def post_address(
    posted: PostedDep, visit: VisitDep, by: Annotated[Editor, Depends(may("add_story"))], request: Request
) -> Response:
    """Put an article on the wire by its address, or show the story that has it."""
    wanted = shaped(AddressIn, url=posted.one("url") or "")
    added = await adding.add_story_by_url(runtime_of(request), wanted.url, now=visit.now, by=by)
    did = "known" if not added.created else "added" if added.warning is None else "added_unread"
    return RedirectResponse(f"/desk/stories/{added.story_id}?did={did}", status_code=303)


@router.post("/desk/stories/{story_id}/resolve")
async def post_resolution(
    story_id: str, posted: PostedDep, visit: VisitDep, by: Annotated[Editor, Depends(may("triage"))], session: Write
) -> Response:
    """Give a story that came by an aggregator's link the publisher's own address."""
    wanted = shaped(AddressIn, url=posted.one("url") or "")
    story = await triage.take_up(session, story_id, posted.version, now=visit.now, calendar=visit.calendar, by=by)
    await adding.resolve_story(session, story, url=wanted.url, now=visit.now, by=by)
    return went_back(posted, "resolve")
