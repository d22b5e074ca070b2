"""A POST sent again under the same ``Idempotency-Key`` is done once and answered alike, for a day.

The answer is kept in the transaction of the act itself: whoever comes second, even at the same moment, finds
either nothing done or the answer. Only successes are kept; what was refused changed nothing and may be tried
again. An answer that holds a secret is not kept (``Cache-Control: no-store``): a repeat is told that it was done.
Keys belong to an account and its kind of token, so nobody meets another's. The header is that of the IETF draft
*The Idempotency-Key HTTP Header Field*.

A router takes part with ``route_class=OncePerKey``; ``web`` asks here when it knows the caller, and again when
the write session has its turn. Routes that open sessions of their own keep their answer after the act, in a
transaction of its own.
"""

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.errors import FieldError, Invalid, NotNow
from service.models import IdempotentAnswer
from service.runtime import Runtime

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT_FOR = timedelta(hours=24)
_KEPT_HEADERS = ("content-type", "etag", "location")
_NOT_SHOWN_AGAIN = 0
"""Stands for the status of an answer that held a secret."""


@dataclass
class Attempt:
    """One request with a key, on its way through the dependencies that learn who sent it."""

    key: str
    request_hash: str
    owner: str | None = None
    now: datetime | None = None
    session: WriteSession | None = None


class AnsweredBefore(Exception):
    """This request was answered already: no error, but the way out of a dependency, which the route takes."""

    def __init__(self, answer: IdempotentAnswer) -> None:
        super().__init__(answer.key)
        self.answer = answer

    def response(self) -> Response:
        """The answer as it was, and a header that says so."""
        headers = {**self.answer.headers, REPLAYED: "true"}
        return Response(self.answer.body, status_code=self.answer.status, headers=headers)


class OncePerKey(APIRoute):
    """A route whose POSTs honour the header."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, between looking for an answer and keeping it."""
        handle = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handle

        async def handle_once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if key is None:
                return await handle(request)
            attempt = Attempt(_checked(key), await _fingerprint(request))
            request.state.attempt = attempt
            try:
                response = await handle(request)
            except AnsweredBefore as before:
                return before.response()
            await _keep(request, attempt, response)
            return response

        return handle_once


def attempt_of(request: Request) -> Attempt | None:
    """The attempt under way; None for a request without a key."""
    return getattr(request.state, "attempt", None)


async def look_before(session: AsyncSession, attempt: Attempt) -> None:
    """Leave the request here if it was answered before.

    Raises:
        AnsweredBefore: it was, and this is the answer.
        Invalid: the key was used for another request.
        NotNow: it was done, and its answer is not shown again.
    """
    answer = await _kept(session, attempt)
    if answer is None:
        return
    if answer.request_hash != attempt.request_hash:
        raise Invalid(
            "This key was used for another request. Choose a new key for each act.",
            errors=[FieldError(HEADER, "the method, address or body differs from the first request with this key")],
        )
    if answer.status == _NOT_SHOWN_AGAIN:
        raise NotNow("This was done already. Its answer held a secret, which is shown only once.")
    raise AnsweredBefore(answer)


async def forget_answers(session: WriteSession, *, now: datetime) -> None:
    """Delete the answers that are older than a day."""
    await session.exec(delete(IdempotentAnswer).where(col(IdempotentAnswer.created_at) <= now - KEPT_FOR))


def _checked(key: str) -> str:
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Invalid("That key cannot be used.", errors=[FieldError(HEADER, "send 1 to 255 printable characters")])
    return key


async def _fingerprint(request: Request) -> str:
    # Without If-Match: a client that read again before it repeats means the same act.
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(target.encode() + await request.body()).hexdigest()


async def _kept(session: AsyncSession, attempt: Attempt) -> IdempotentAnswer | None:
    answer = await session.get(IdempotentAnswer, (attempt.key, attempt.owner))
    expired = answer is not None and attempt.now is not None and answer.created_at <= attempt.now - KEPT_FOR
    return None if expired else answer


async def _keep(request: Request, attempt: Attempt, response: Response) -> None:
    if attempt.owner is None or attempt.now is None or response.status_code >= 400:
        return
    answer = IdempotentAnswer(
        key=attempt.key,
        owner=attempt.owner,
        request_hash=attempt.request_hash,
        status=response.status_code,
        headers={name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers},
        body=bytes(response.body),
        created_at=attempt.now,
    )
    if "no-store" in response.headers.get("cache-control", ""):
        answer.status, answer.headers, answer.body = _NOT_SHOWN_AGAIN, {}, b""
    if attempt.session is not None:
        await attempt.session.merge(answer)  # in the place of one that is older than a day
        await attempt.session.flush()
        return
    runtime: Runtime = request.app.state.runtime
    async with runtime.database.write() as session:
        if await _kept(session, attempt) is None:
            await session.merge(answer)
