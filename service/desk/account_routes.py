"""Accounts and tokens over HTTP: one's own password and tokens, and for admins everybody's account.

Answers that hold a secret are marked ``no-store``, so that neither caches nor the store of repeated answers
keep them. The rules are in ``people`` and ``auth``; signing in is in ``accounts``. Mounted under ``/api/v1`` by
``app``.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service import auth
from service.desk import account_shapes as shapes
from service.desk import people
from service.idempotency import OncePerKey
from service.models import Editor
from service.passwords import hash_password
from service.web import API, CallerDep, Now, Read, Version, Write, etag, forget_session_cookie, may, runtime_of

router = APIRouter(tags=["accounts"], route_class=OncePerKey)

Owner = Annotated[Editor, Depends(may("manage_account"))]
Admin = Annotated[Editor, Depends(may("manage_editors"))]


async def _new_password_hash(request: Request, body: shapes.PasswordIn, by: Owner) -> str:
    # Before the write session begins: both take long, and nobody else could write meanwhile.
    request.app.state.sign_ins.count(by.email, request.client.host if request.client else "unknown")
    async with runtime_of(request).database.read() as session:
        await auth.check_password(session, email=by.email, password=body.current)
    return await hash_password(body.password)


@router.put("/me/password", operation_id="change_password", status_code=204)
async def change_password(
    by: Owner,
    password_hash: Annotated[str, Depends(_new_password_hash)],
    session: Write,
    now: Now,
    request: Request,
    response: Response,
) -> None:
    """Change one's own password; every session ends, here and elsewhere. Tokens stay."""
    await people.change_password(session, by.id, password_hash, now=now)
    forget_session_cookie(runtime_of(request), response)


@router.get("/tokens", operation_id="list_tokens")
async def list_tokens(by: Owner, session: Read) -> shapes.TokenList:
    """One's own tokens, without their secrets."""
    return shapes.TokenList(items=[shapes.token_view(token) for token in await people.own_tokens(session, by)])


@router.post("/tokens", operation_id="make_token", status_code=201)
async def make_token(
    body: shapes.TokenIn, _by: Owner, caller: CallerDep, session: Write, now: Now, response: Response
) -> shapes.NewToken:
    """Make a token for one's own account; the answer is the only time that its secret is shown."""
    token, raw = await people.make_token(session, caller, body, now=now)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Location"] = f"{API}/tokens/{token.id}"
    return shapes.NewToken(**shapes.token_view(token).model_dump(), token=raw)


@router.delete("/tokens/{token_id}", operation_id="revoke_token", status_code=204)
async def revoke_token(token_id: str, by: Owner, session: Write, now: Now) -> None:
    """End one of one's own tokens, at once and for good."""
    await people.revoke_token(session, by, token_id, now=now)


@router.get("/editors", operation_id="list_editors")
async def list_editors(_by: Admin, session: Read) -> shapes.EditorList:
    """Every account."""
    return shapes.EditorList(items=[shapes.editor_view(editor) for editor in await auth.list_editors(session)])


@router.post("/editors", operation_id="add_editor", status_code=201)
async def add_editor(
    body: shapes.EditorIn, by: Admin, session: Write, now: Now, request: Request, response: Response
) -> shapes.Invitation:
    """Make an account; hand its set-up link, shown this once, to whom it is for."""
    editor, secret = await auth.add_editor(session, email=body.email, name=body.name, role=body.role, now=now, by=by)
    response.headers["Location"] = f"{API}/editors/{editor.id}"
    return _invitation(request, response, editor, secret)


@router.get("/editors/{editor_id}", operation_id="get_editor")
async def get_editor(editor_id: str, _by: Admin, session: Read, response: Response) -> shapes.EditorOut:
    """One account; its ETag is what a change must carry."""
    editor = await people.get_editor(session, editor_id)
    response.headers["ETag"] = etag(editor.version)
    return shapes.editor_view(editor)


@router.patch("/editors/{editor_id}", operation_id="change_editor")
async def patch_editor(
    editor_id: str, body: shapes.EditorPatch, by: Admin, session: Write, version: Version, now: Now, response: Response
) -> shapes.EditorOut:
    """Change an account's role or name, or shut it: its tokens and sessions stop at once."""
    editor = await people.editor_for_change(session, editor_id, version)
    await people.change_editor(session, editor, body, now=now, by=by)
    response.headers["ETag"] = etag(editor.version)
    return shapes.editor_view(editor)


@router.post("/editors/{editor_id}/setup-link", operation_id="invite_again", status_code=201)
async def invite_again(
    editor_id: str, by: Admin, session: Write, version: Version, now: Now, request: Request, response: Response
) -> shapes.Invitation:
    """A new set-up link, for a forgotten password or to open a shut account again; the old one stops working."""
    editor = await people.editor_for_change(session, editor_id, version)
    secret = await people.invite_again(session, editor, now=now, by=by)
    return _invitation(request, response, editor, secret)


def _invitation(request: Request, response: Response, editor: Editor, secret: str) -> shapes.Invitation:
    response.headers["Cache-Control"] = "no-store"
    response.headers["ETag"] = etag(editor.version)
    link = f"{runtime_of(request).settings.base_url}/setup/{secret}"
    assert editor.setup_until is not None  # noqa: S101 - set with every link
    return shapes.Invitation(editor=shapes.editor_view(editor), setup_link=link, setup_until=editor.setup_until)
