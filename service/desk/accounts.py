"""Accounts over HTTP: who am I, sign in and out, and the page on which a set-up link is used.

The rules are in ``auth``; here are only the doors. Sign-in is throttled by account and by address. Mounted by
``app``: ``router`` under ``/api/v1``, ``pages`` at the root.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import BaseModel, ConfigDict, Field

from service import auth
from service.auth import Caller
from service.desk.rendering import page
from service.errors import Invalid, TooMany
from service.models import Editor
from service.passwords import PASSWORD_MAX, hash_password
from service.runtime import Runtime
from service.web import (
    CallerDep,
    Now,
    Read,
    Write,
    forget_session_cookie,
    refuse_other_sites,
    runtime_of,
    session_cookie,
)
from service.words import TokenKind

router = APIRouter(tags=["accounts"])  # signing in keeps no answers: each holds a secret
pages = APIRouter(include_in_schema=False)

PER_ACCOUNT = RateLimitItemPerMinute(5)
PER_ADDRESS = RateLimitItemPerMinute(20)


class SignIn(BaseModel):
    """An address and its password."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254)
    password: str = Field(max_length=PASSWORD_MAX)


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

    def count(self, email: str | None, address: str) -> None:
        """Count one attempt; without ``email`` one of which only the provider will say whose it is.

        Raises:
            TooMany: there were too many for this account or from this address.
        """
        account = auth.hash_secret((email or "").strip().lower())
        by_account = email is None or self._limiter.hit(PER_ACCOUNT, "account", account)
        by_address = self._limiter.hit(PER_ADDRESS, "address", address)
        if not (by_account and by_address):
            raise TooMany("Too many attempts to sign in. Wait a minute.")


def _throttled(request: Request, body: SignIn) -> SignIn:
    refuse_other_sites(request)
    throttle: SignInThrottle = request.app.state.sign_ins
    throttle.count(body.email, request.client.host if request.client else "unknown")
    return body


def give_session(response: Response, runtime: Runtime, secret: str) -> None:
    """Put a session that was opened into the browser's keeping."""
    response.set_cookie(
        session_cookie(runtime),
        secret,
        max_age=int(auth.SESSION_LIFETIME.total_seconds()),
        secure=runtime.settings.base_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


async def _recognised(request: Request, body: Annotated[SignIn, Depends(_throttled)]) -> Editor:
    # Before the write session begins: a password takes long to check, and nobody else could write meanwhile.
    async with runtime_of(request).database.read() as session:
        return await auth.check_password(session, email=body.email, password=body.password)


@router.post("/session", operation_id="sign_in", status_code=201)
async def sign_in(
    editor: Annotated[Editor, Depends(_recognised)], session: Write, now: Now, request: Request, response: Response
) -> AccountOut:
    """Sign in at the desk; the session is a cookie."""
    give_session(response, runtime_of(request), await auth.open_session(session, editor, now=now))
    return _account(Caller(editor, TokenKind.PERSON, frozenset(auth.SCOPES)))


@router.delete("/session", operation_id="sign_out", status_code=204)
async def sign_out(
    caller: CallerDep,
    session: Write,
    request: Request,
    response: Response,
    everywhere: Annotated[
        bool, Query(description="End every session of the account, on other devices too. Tokens stay.")
    ] = False,
) -> None:
    """Sign out: this session ends, here and wherever its cookie may have gone. A token is no session and stays."""
    if caller.session_hash is not None:
        await auth.end_sessions(session, caller.editor, only=None if everywhere else caller.session_hash)
    forget_session_cookie(runtime_of(request), response)


@pages.get("/setup/{secret}")
async def get_setup(secret: str, session: Read, now: Now) -> Response:
    """The page behind a set-up link."""
    editor = await auth.editor_for_setup(session, secret, now=now)
    first = editor.email == auth.FIRST_ADMIN
    return page("desk/setup.html", editor=editor, first=first, errors=(), given={})


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
    async with database.read() as reading:
        await auth.editor_for_setup(reading, secret, now=now)  # a guessed link is not worth the time of a hash
    try:
        password_hash = await hash_password(password)
        async with database.write() as session:
            editor = await auth.set_up_account(
                session, secret, password_hash=password_hash, email=email, name=name, now=now
            )
    except Invalid as error:
        async with database.read() as reading:
            editor = await auth.editor_for_setup(reading, secret, now=now)
        first, given = editor.email == auth.FIRST_ADMIN, {"email": email, "name": name}
        return page("desk/setup.html", 422, editor=editor, first=first, errors=error.errors, given=given)
    return page("desk/setup_done.html", editor=editor)
