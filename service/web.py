"""What every route shares: sessions, the moment, who is asking, versions, and the one shape of errors.

Routes take ``Read`` or ``Write``, ``Now`` and a caller from ``may("act")``; they only translate. A write
session is committed after the handler and before the response (``scope="function"``): with FastAPI's
default the client would hear 200 before the commit could fail (docs/decisions/0002).
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import structlog
from fastapi import Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import auth, idempotency
from service.auth import Caller
from service.clock import Calendar
from service.db import ReadSession, WriteSession
from service.errors import (
    FieldError,
    HuobanError,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    TooMany,
    Unavailable,
    VersionRequired,
)
from service.headers import headers_for, kind_of
from service.journal import take_turn
from service.models import DeskSession, Editor, Token
from service.runtime import Runtime

log = structlog.get_logger(__name__)

API = "/api/v1"
PROBLEM = "application/problem+json"
BODY_MAX = 2 * 2**20
"""Bytes; the largest that anyone has reason to send is a list of sources in OPML."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def runtime_of(request: Request) -> Runtime:
    """What this process opened at its start."""
    return cast(Runtime, request.app.state.runtime)


async def _read_session(request: Request) -> AsyncIterator[ReadSession]:
    async with runtime_of(request).database.read() as session:
        yield session


async def _write_session(request: Request) -> AsyncIterator[WriteSession]:
    async with runtime_of(request).database.write() as session:
        await take_turn(session)
        attempt = idempotency.attempt_of(request)
        if attempt is not None and attempt.owner is not None:
            # Asked once more now that no other request can be in between; kept when the route has answered.
            await idempotency.look_before(session, attempt)
            attempt.session = session
        yield session


def _now(request: Request) -> datetime:
    if not hasattr(request.state, "now"):
        request.state.now = runtime_of(request).clock()
    return cast(datetime, request.state.now)


Read = Annotated[ReadSession, Depends(_read_session, scope="function")]
Write = Annotated[WriteSession, Depends(_write_session, scope="function")]
Now = Annotated[datetime, Depends(_now)]
"""The moment of the request, sampled once."""


def _calendar(request: Request) -> Calendar:
    return runtime_of(request).settings.calendar


CalendarDep = Annotated[Calendar, Depends(_calendar)]
"""The newsroom's own days."""


def session_cookie(runtime: Runtime) -> str:
    """The name of the desk's cookie: with the ``__Host-`` guard wherever the public address is https."""
    return "__Host-huoban" if runtime.settings.base_url.startswith("https://") else "huoban"


def forget_session_cookie(runtime: Runtime, response: Response) -> None:
    """Tell the browser to drop the desk's cookie: with what it was set with, or a ``__Host-`` cookie would stay."""
    secure = runtime.settings.base_url.startswith("https://")
    response.delete_cookie(session_cookie(runtime), secure=secure, httponly=True, samesite="lax")


def refuse_other_sites(request: Request) -> None:
    """Refuse what a browser says that another site's page sent; programs, which say neither, pass.

    For acts that need no session yet: a stranger's page must not sign its reader in to the stranger's account.

    Raises:
        NotAllowed: it came from another site.
    """
    if ("sec-fetch-site" in request.headers or "origin" in request.headers) and not _same_origin(request):
        raise NotAllowed("This request came from another site.")


def _same_origin(request: Request) -> bool:
    # Browsers send Sec-Fetch-Site; those that do not send Origin with every unsafe method.
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


async def _caller(request: Request, now: Now) -> Caller:
    """Whoever stands behind the bearer token or the desk cookie; asking counts as using it."""
    return await caller_of(request, now, counts=True)


async def caller_of(request: Request, now: datetime, *, counts: bool) -> Caller:
    """Whoever stands behind the bearer token or the desk cookie at this moment.

    Uses a session of its own, closed before the route's begins: a request never holds two. Where it does not count
    as use, a desk that nobody sits at still ends when it was idle long enough.

    Raises:
        NotAuthenticated: nobody does, or not any more.
        NotAllowed: another site's page sent it.
    """
    runtime = runtime_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    cookie = request.cookies.get(session_cookie(runtime))
    seen: Token | DeskSession
    async with runtime.database.read() as session:
        if scheme.lower() == "bearer" and token:
            caller, seen = await auth.caller_by_token(session, token.strip(), now=now)
            last_seen = seen.last_used_at
        elif cookie:
            caller, seen = await auth.caller_by_session(session, cookie, now=now)
            last_seen = seen.seen_at
        else:
            raise NotAuthenticated("Send `Authorization: Bearer …` or sign in at /desk.")
    if caller.session_hash and request.method not in SAFE_METHODS and not _same_origin(request):
        raise NotAllowed("This request came from another site.")
    if counts and (last_seen is None or now - last_seen >= auth.TOUCH_EVERY):
        try:
            async with runtime.database.write() as write:
                await auth.touch(write, seen, now=now)
        except Unavailable as error:  # who only reads is answered while nothing can be stored
            log.warning("use_not_noted", reason=error.detail)
    structlog.contextvars.bind_contextvars(editor=caller.editor.pseudonym)
    return caller


CallerDep = Annotated[Caller, Depends(_caller)]


def may(act: str) -> Callable[..., Coroutine[Any, Any, Editor]]:
    """A dependency that answers the editor if the caller may do ``act`` (``auth.PERMISSIONS``)."""
    if act not in auth.PERMISSIONS:
        raise KeyError(act)

    async def editor_who_may(request: Request, caller: CallerDep, now: Now) -> Editor:
        editor = auth.authorize(caller, act)
        attempt = idempotency.attempt_of(request)
        if attempt is not None:
            attempt.owner, attempt.now = f"{caller.kind.value}:{editor.id}", now
            async with runtime_of(request).database.read() as session:
                await idempotency.look_before(session, attempt)
        return editor

    return editor_who_may


def link_next(request: Request, response: Response, **changed: object) -> None:
    """Name the page that follows (RFC 8288): this address with these parameters changed."""
    target = request.url.include_query_params(**changed)
    response.headers.append("Link", f'<{target.path}?{target.query}>; rel="next"')


def etag(version: int | str) -> str:
    """A strong entity tag of a resource's version."""
    return f'"{version}"'


UNKNOWN_VERSION = -1
"""What an entity tag that we never gave out stands for: current nowhere, so the answer is 412."""


async def _if_match(if_match: Annotated[str | None, Header()] = None) -> int:
    """The version that the client changed, from ``If-Match``.

    A weak tag counts as ours, because proxies that compress weaken tags. ``*`` is refused like a missing header:
    it would let a client overwrite what it has not seen.

    Raises:
        VersionRequired: there is none, or not one entity tag.
    """
    match = re.fullmatch(r'\s*(?:W/)?(?:"([^"]*)"|([0-9]+))\s*', if_match or "")
    if match is None:
        raise VersionRequired(
            'Send If-Match with the ETag of what you read, for example If-Match: "3", so that nobody is overwritten.'
        )
    version = match[1] if match[1] is not None else match[2]
    return int(version) if re.fullmatch("[0-9]{1,9}", version) else UNKNOWN_VERSION


Version = Annotated[int, Depends(_if_match)]


def problem(
    status: int, code: str, title: str, detail: str, errors: list[FieldError], extra: dict[str, Any]
) -> Response:
    """The one shape of an error; ``extra`` are members of its own, such as ``current``."""
    body: dict[str, Any] = {
        "type": f"urn:huoban:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [
            {"field": error.field, "message": error.message, "suggestions": list(error.suggestions)} for error in errors
        ],
        **extra,
    }
    # "replace": a message may quote what was sent, and what was sent may hold a lone surrogate.
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, status_code=status, media_type=PROBLEM)


async def _answer_huoban_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HuobanError)  # noqa: S101 - registered for this class only
    extra: dict[str, Any] = {"current": error.current} if error.current is not None else {}
    if error.language != "en":
        extra["language"] = error.language
    response = problem(error.status, error.code, error.title, error.detail, list(error.errors), extra)
    if error.status == NotAuthenticated.status:
        response.headers["WWW-Authenticate"] = "Bearer"
    if error.status == TooMany.status:
        response.headers["Retry-After"] = "60"  # every limit counts by the minute
    if error.status == Unavailable.status:
        response.headers["Retry-After"] = "5"
    if error.current is not None and "version" in error.current:
        response.headers["ETag"] = etag(error.current["version"])
    if error.status >= 500:
        log.error("request_failed", path=request.url.path, detail=error.detail)
    return response


def _field_path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location[1:] if location and location[0] in ("body", "query", "path", "header") else location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or str(location[0] if location else "body")


async def _answer_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    errors = [
        FieldError(_field_path(tuple(problem["loc"])), str(problem["msg"]).removeprefix("Value error, "))
        for problem in error.errors()
    ]
    detail = "Nothing was changed. Each error names the field and what it must be."
    return problem(422, "invalid", "Some values cannot be accepted", detail, errors, {})


_HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_media_type",
}


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    code = _HTTP_CODES.get(error.status_code, f"http_{error.status_code}")
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}. The API is described at /api/docs."
    response = problem(error.status_code, code, str(error.detail), detail, [], {})
    response.headers.update(error.headers or {})
    return response


async def _answer_crash(request: Request, error: Exception) -> Response:
    log.error("request_crashed", path=request.url.path, exc_info=error)
    detail = "The error was logged. Nothing was changed; try again, and tell the operator if it stays."
    return problem(500, HuobanError.code, HuobanError.title, detail, [], {})


async def refuse_nul(request: Request) -> None:
    """Refuse an address that holds a NUL: PostgreSQL has no text with one, so nothing here has such a name.

    Raises:
        Invalid: path or query holds one.
    """
    if "\x00" in request.url.path or "%00" in request.url.query:
        raise Invalid("This address holds a NUL character, which nothing here has in its name.")


_TOO_LARGE = f"A body may have {BODY_MAX:,} bytes at the most."
_NOT_ON_THIS_CONNECTION = {"Connection": "close"}
"""The rest of a body that nobody wants need not be sent to its end (RFC 9110 §15.5.14)."""


def _too_large() -> Response:
    response = problem(413, _HTTP_CODES[413], "Too large", _TOO_LARGE, [], {})
    response.headers.update(_NOT_ON_THIS_CONNECTION)
    return response


class BodyLimit:
    """Answers 413 to a body beyond ``BODY_MAX`` without holding more of it than that in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a length declared too large at once, and count what comes whatever was declared."""
        received = 0
        if scope["type"] == "http" and int(Headers(scope=scope).get("content-length", "0")) > BODY_MAX:
            await _too_large()(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_MAX:
                raise HTTPException(413, _TOO_LARGE, _NOT_ON_THIS_CONNECTION)
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


ErrorHandler = Callable[[Request, Exception], Coroutine[Any, Any, Response]]


def _for_people(handler: ErrorHandler) -> ErrorHandler:
    """The same answer as a page, for a browser that reads the public pages; by ``app.state.problem_page``."""

    async def answer(request: Request, error: Exception) -> Response:
        response = await handler(request, error)
        accept = request.headers.get("accept", "")
        if not request.url.path.startswith("/api/"):
            response.headers["Vary"] = "Accept"
            if "text/html" in accept and "json" not in accept:
                response.body = request.app.state.problem_page(request.scope["path"], json.loads(bytes(response.body)))
                response.headers["Content-Type"] = "text/html; charset=utf-8"
                response.headers["Content-Length"] = str(len(response.body))
        return response

    return answer


async def answer_unavailable(scope: Scope, receive: Receive, send: Send, error: Unavailable) -> None:
    """The one shape of this error from a layer in front of the routes, where no handler of theirs hears of it."""
    response = await _for_people(_answer_huoban_error)(Request(scope), error)
    response.raw_headers.extend(((b"cache-control", b"no-store"), *headers_for(kind_of(scope["path"]))))
    await response(scope, receive, send)


def answer_errors(app: FastAPI) -> None:
    """Install the one error shape: RFC 9457 problem details with a stable ``code``, or a page that says the same."""
    app.add_exception_handler(HuobanError, _for_people(_answer_huoban_error))
    app.add_exception_handler(RequestValidationError, _for_people(_answer_validation))
    app.add_exception_handler(HTTPException, _for_people(_answer_http))
    app.add_exception_handler(Exception, _for_people(_answer_crash))
    app.add_middleware(BodyLimit)
