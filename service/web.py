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
from starlette.exceptions import HTTPException

from service import auth
from service.auth import Caller
from service.clock import Calendar
from service.db import ReadSession, WriteSession
from service.errors import (
    FieldError,
    HuobanError,
    NotAllowed,
    NotAuthenticated,
    VersionRequired,
)
from service.models import DeskSession, Editor, Token
from service.runtime import Runtime

log = structlog.get_logger(__name__)

API = "/api/v1"
PROBLEM = "application/problem+json"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def runtime_of(request: Request) -> Runtime:
    """What this process opened at its start."""
    return cast(Runtime, request.app.state.runtime)


async def _read_session(request: Request) -> AsyncIterator[ReadSession]:
    async with runtime_of(request).database.read() as session:
        yield session


async def _write_session(request: Request) -> AsyncIterator[WriteSession]:
    async with runtime_of(request).database.write() as session:
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


def _same_origin(request: Request) -> bool:
    # Browsers send Sec-Fetch-Site; those that do not send Origin with every unsafe method.
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


async def _caller(request: Request, now: Now) -> Caller:
    """Whoever stands behind the bearer token or the desk cookie.

    Uses a session of its own, closed before the route's begins: a request never holds two.
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
    if last_seen is None or now - last_seen >= auth.TOUCH_EVERY:
        async with runtime.database.write() as write:
            await auth.touch(write, seen, now=now)
    structlog.contextvars.bind_contextvars(editor=caller.editor.pseudonym)
    return caller


CallerDep = Annotated[Caller, Depends(_caller)]


def may(act: str) -> Callable[..., Coroutine[Any, Any, Editor]]:
    """A dependency that answers the editor if the caller may do ``act`` (``auth.PERMISSIONS``)."""
    if act not in auth.PERMISSIONS:
        raise KeyError(act)

    async def editor_who_may(caller: CallerDep) -> Editor:
        return auth.authorize(caller, act)

    return editor_who_may


def etag(version: int | str) -> str:
    """A strong entity tag of a resource's version."""
    return f'"{version}"'


async def _if_match(if_match: Annotated[str | None, Header()] = None) -> int:
    """The version that the client changed, from ``If-Match``.

    Raises:
        VersionRequired: there is none, or it is not one of our entity tags.
    """
    match = re.fullmatch(r'\s*(?:W/)?"?(\d{1,9})"?\s*', if_match or "")
    if match is None:
        raise VersionRequired(
            'Send If-Match with the ETag of what you read, for example If-Match: "3", so that nobody is overwritten.'
        )
    return int(match[1])


Version = Annotated[int, Depends(_if_match)]


def _problem(
    status: int, code: str, title: str, detail: str, errors: list[FieldError], extra: dict[str, Any]
) -> Response:
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
    extra = {"current": error.current} if error.current is not None else {}
    response = _problem(error.status, error.code, error.title, error.detail, list(error.errors), extra)
    if error.status == NotAuthenticated.status:
        response.headers["WWW-Authenticate"] = "Bearer"
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
    return _problem(422, "invalid", "Some values cannot be accepted", detail, errors, {})


_HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    code = _HTTP_CODES.get(error.status_code, f"http_{error.status_code}")
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}. The API is described at /api/docs."
    response = _problem(error.status_code, code, str(error.detail), detail, [], {})
    response.headers.update(error.headers or {})
    return response


async def _answer_crash(request: Request, error: Exception) -> Response:
    log.error("request_crashed", path=request.url.path, exc_info=error)
    detail = "The error was logged. Nothing was changed; try again, and tell the operator if it stays."
    return _problem(500, HuobanError.code, HuobanError.title, detail, [], {})


def answer_errors(app: FastAPI) -> None:
    """Install the one error shape: RFC 9457 problem details with a stable ``code``."""
    app.add_exception_handler(HuobanError, _answer_huoban_error)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_crash)
