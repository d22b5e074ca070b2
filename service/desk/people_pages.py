"""The screen of accounts, for admins: add, invite again, change a role or a name, shut. Mounted by ``pages``.

A set-up link is shown once, on the answer to the form that made it, and stands in no address and no cache.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service import auth
from service.desk import account_shapes as shapes
from service.desk import people
from service.desk.frame import DeskPage, PostedDep, Visit, VisitDep, shaped, show, went_back
from service.models import Editor
from service.web import Read, Write, may, runtime_of
from service.words import Role

router = APIRouter(route_class=DeskPage, include_in_schema=False)

Admin = Annotated[Editor, Depends(may("manage_editors"))]
LIST = "/desk/editors"


@router.get(LIST)
async def get_editors(visit: VisitDep, _by: Admin, session: Read) -> Response:
    """Every account, by address."""
    found = [shapes.editor_view(editor) for editor in await auth.list_editors(session)]
    return show(visit, "editors", people=found, roles=tuple(Role))


@router.post(LIST)
async def post_editor(posted: PostedDep, visit: VisitDep, by: Admin, session: Write, request: Request) -> Response:
    """Make an account and show its set-up link."""
    wanted = shaped(
        shapes.EditorIn, email=posted.one("email") or "", name=posted.one("name") or "", role=posted.one("role")
    )
    editor, secret = await auth.add_editor(
        session, email=wanted.email, name=wanted.name, role=wanted.role, now=visit.now, by=by
    )
    return _invitation(request, visit, editor, secret)


@router.post(f"{LIST}/{{editor_id}}/link")
async def post_link(
    editor_id: str, posted: PostedDep, visit: VisitDep, by: Admin, session: Write, request: Request
) -> Response:
    """A new set-up link; the old one stops working, and a shut account opens again."""
    editor = await people.editor_for_change(session, editor_id, posted.version)
    return _invitation(request, visit, editor, await people.invite_again(session, editor, now=visit.now, by=by))


@router.post(f"{LIST}/{{editor_id}}/change")
async def post_change(editor_id: str, posted: PostedDep, visit: VisitDep, by: Admin, session: Write) -> Response:
    """Give an account another role or name."""
    wanted = shaped(shapes.EditorPatch, name=posted.one("name"), role=posted.one("role"))
    editor = await people.editor_for_change(session, editor_id, posted.version)
    await people.change_editor(session, editor, wanted, now=visit.now, by=by)
    return went_back(posted, "editor_changed", otherwise=LIST)


@router.post(f"{LIST}/{{editor_id}}/shut")
async def post_shut(editor_id: str, posted: PostedDep, visit: VisitDep, by: Admin, session: Write) -> Response:
    """Shut an account: its tokens and sessions stop at once."""
    editor = await people.editor_for_change(session, editor_id, posted.version)
    await people.change_editor(session, editor, shapes.EditorPatch(disabled=True), now=visit.now, by=by)
    return went_back(posted, "editor_shut", otherwise=LIST)


def _invitation(request: Request, visit: Visit, editor: Editor, secret: str) -> Response:
    link = f"{runtime_of(request).settings.base_url}/setup/{secret}"
    return show(visit, "invitation", editor=editor, link=link)
