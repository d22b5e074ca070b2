"""Accounts over HTTP: who am I, sign in and out, and the page on which a set-up link is used.

The rules are in ``auth``; here are only the doors. Sign-in is throttled by account and by address. Mounted by
``app``: ``router`` under ``/api/v1``, ``pages`` at the root.
"""

from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import BaseModel, ConfigDict, Field

from service import auth
from service.auth import Caller
from service.errors import Invalid, TooMany
from service.web import CallerDep, Now, Read, Write, runtime_of, session_cookie
from service.words import TokenKind

router = APIRouter(tags=["accounts"])
pages = APIRouter(include_in_schema=False)

_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
PER_ACCOUNT = RateLimitItemPerMinute(5)
PER_ADDRESS = RateLimitItemPerMinute(20)


class SignIn(BaseModel):
    """An address and its password."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254)
    password: str = Field(max_length=auth.PASSWORD_MAX)


class AccountOut(BaseModel):
    """The account behind a request."""

    id: str
    email: str
    name: str
    role: str
    kind: str = Field(description="`person` or `service`.")
    scopes: list[str]


def _account(caller: Caller) -> AccountOut:
    editor = caller.editor
    return AccountOut(
        id=editor.id,
        email=editor.email,
        name=editor.name,
        role=editor.role,
        kind=caller.kind.value,
        scopes=sorted(caller.scopes),
    )


@router.get("/me", operation_id="get_me")
async def get_me(caller: CallerDep) -> AccountOut:
    """Whose token or session this is, and what it may do."""
    return _account(caller)


class SignInThrottle:
    """Counts sign-ins of the last minute by account and by network address, in this process."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def count(self, email: str, address: str) -> None:
        """Count one attempt.

        Raises:
            TooMany: there were too many for this account or from this address.
        """
        by_account = self._limiter.hit(PER_ACCOUNT, "account", auth.hash_secret(email.strip().lower()))
        by_address = self._limiter.hit(PER_ADDRESS, "address", address)
        if not (by_account and by_address):
            raise TooMany("Too many attempts to sign in. Wait a minute.")


def _throttled(request: Request, body: SignIn) -> SignIn:
    throttle: SignInThrottle = request.app.state.sign_ins
    throttle.count(body.email, request.client.host if request.client else "unknown")
    return body


@router.post("/session", operation_id="sign_in", status_code=201)
async def sign_in(
    body: Annotated[SignIn, Depends(_throttled)], session: Write, now: Now, request: Request, response: Response
) -> AccountOut:
    """Sign in at the desk; the session is a cookie."""
    editor = await auth.check_password(session, email=body.email, password=body.password)
    secret = await auth.open_session(session, editor, now=now)
    runtime = runtime_of(request)
    response.set_cookie(
        session_cookie(runtime),
        secret,
        max_age=int(auth.SESSION_LIFETIME.total_seconds()),
        secure=runtime.settings.base_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return _account(Caller(editor, TokenKind.PERSON, frozenset(auth.SCOPES)))


@router.delete("/session", operation_id="sign_out", status_code=204)
async def sign_out(caller: CallerDep, session: Write, request: Request, response: Response) -> None:
    """Sign out: this session ends, here and everywhere its cookie may have gone."""
    if caller.session_hash is not None:
        await auth.end_sessions(session, caller.editor, only=caller.session_hash)
    response.delete_cookie(session_cookie(runtime_of(request)))


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)


def _page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(_environment().get_template(template).render(**values), status_code=status, headers=headers)


@pages.get("/setup/{secret}")
async def get_setup(secret: str, session: Read, now: Now) -> Response:
    """The page behind a set-up link."""
    editor = await auth.editor_for_setup(session, secret, now=now)
    first = editor.email == auth.FIRST_ADMIN
    return _page("desk/setup.html", editor=editor, first=first, errors=(), given={})


@pages.post("/setup/{secret}")
async def post_setup(
    secret: str,
    request: Request,
    now: Now,
    password: Annotated[str, Form(max_length=2_000)],
    email: Annotated[str, Form(max_length=254)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Use a set-up link. A form that cannot be accepted comes back with what is wrong, and the link stays good."""
    database = runtime_of(request).database
    try:
        async with database.write() as session:
            editor = await auth.set_up_account(session, secret, password=password, email=email, name=name, now=now)
    except Invalid as error:
        async with database.read() as reading:
            editor = await auth.editor_for_setup(reading, secret, now=now)
        first, given = editor.email == auth.FIRST_ADMIN, {"email": email, "name": name}
        return _page("desk/setup.html", 422, editor=editor, first=first, errors=error.errors, given=given)
    return _page("desk/setup_done.html", editor=editor)
