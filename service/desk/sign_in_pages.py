"""Signing in and out at the desk, as plain forms. The API's own sign-in is in ``accounts``, whose rules hold here too.

The form is taken from our own pages only: a stranger's page could otherwise sign its reader in as somebody else.
Mounted by ``pages``.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from service import auth
from service.desk.accounts import SignInThrottle, give_session
from service.desk.frame import SIGN_IN, DeskPage, PostedDep, language_of, safe_path, show
from service.errors import HuobanError, NotAuthenticated, TooMany
from service.models import Editor
from service.passwords import PASSWORD_MAX
from service.web import CallerDep, Now, Write, forget_session_cookie, refuse_other_sites, runtime_of

router = APIRouter(route_class=DeskPage, include_in_schema=False)


@router.get("/desk/sign-in")
async def get_sign_in(request: Request, next: str = "") -> Response:
    """The form; ``next`` is where the person wanted to go."""
    return _form(request, target=safe_path(next))


def _form(request: Request, *, target: str, email: str = "", error: HuobanError | None = None) -> Response:
    provider, language = bool(runtime_of(request).settings.oidc_issuer), language_of(request)
    values = {"next": target, "email": email, "error": error, "provider": provider}
    return show(None, "sign_in", error.status if error else 200, language=language, **values)


async def _recognised(request: Request, posted: PostedDep) -> Editor | HuobanError:
    # Before the write session begins: a password takes long to check, and nobody else could write meanwhile.
    refuse_other_sites(request)
    throttle: SignInThrottle = request.app.state.sign_ins
    email, password = posted.one("email") or "", (posted.fields.get("password") or ("",))[0]
    try:
        throttle.count(email[:254], request.client.host if request.client else "unknown")
        async with runtime_of(request).database.read() as session:
            return await auth.check_password(session, email=email[:254], password=password[:PASSWORD_MAX])
    except (NotAuthenticated, TooMany) as error:
        return error


@router.post("/desk/sign-in")
async def post_sign_in(
    found: Annotated[Editor | HuobanError, Depends(_recognised)],
    posted: PostedDep,
    session: Write,
    now: Now,
    request: Request,
) -> Response:
    """Open a session and go on; a wrong password comes back to the form."""
    target = safe_path(posted.one("next"))
    if isinstance(found, HuobanError):
        return _form(request, target=target, email=posted.one("email") or "", error=found)
    response = RedirectResponse(target, status_code=303)
    give_session(response, runtime_of(request), await auth.open_session(session, found, now=now))
    return response


@router.post("/desk/sign-out")
async def post_sign_out(caller: CallerDep, session: Write, request: Request) -> Response:
    """End this session."""
    if caller.session_hash is not None:
        await auth.end_sessions(session, caller.editor, only=caller.session_hash)
    response = RedirectResponse(SIGN_IN, status_code=303)
    forget_session_cookie(runtime_of(request), response)
    return response
