"""``GET /events``: server-sent events of every desk (WHATWG HTML §9.2); ``GET /presence``: who is there.

The events are ``live``'s; here they only get their form. A comment comes every 15 seconds of silence (FastAPI's
own), so that proxies keep the connection. Mounted by ``app``.
"""

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from service import auth
from service.desk.live import JournalWatch, stream_events
from service.desk.wire_screen import editors_here
from service.errors import FieldError, HuobanError, Invalid
from service.web import Now, Read, caller_of, runtime_of

router = APIRouter(tags=["events"])

RETRY_MS = 2_000


async def _position(
    request: Request,
    last_event_id: Annotated[
        str | None, Header(max_length=40, description="The id of the last event that you saw; a browser sends it.")
    ] = None,
    after: Annotated[
        str | None, Query(max_length=40, description="The same, for a client that cannot send headers.")
    ] = None,
) -> int:
    """The record after which the stream begins: the newest one, unless the client names another.

    Read before the answer begins, so that nothing done after the client hears 200 is left out.
    """
    newest = await _watch(request).look()
    given = last_event_id or after
    if not given:
        return newest
    if re.fullmatch("[0-9]{1,15}", given) is None:
        raise Invalid("That is not the id of an event.", errors=[FieldError("Last-Event-ID", "send the number alone")])
    return min(int(given), newest)


async def _listener(request: Request, now: Now) -> None:
    # A stream that comes back every five minutes is no sign of a person: it does not keep a session from idling.
    auth.authorize(await caller_of(request, now, counts=False), "read")


def _watch(request: Request) -> JournalWatch:
    watch: JournalWatch = request.app.state.watch
    return watch


@router.get("/events", operation_id="stream_events", response_class=EventSourceResponse)
async def get_events(
    request: Request, _by: Annotated[None, Depends(_listener)], after: Annotated[int, Depends(_position)]
) -> AsyncIterator[ServerSentEvent]:
    """What the editors do, as it happens, from the record after `Last-Event-ID` on.

    Each is an event `decision` that carries as JSON `seq`, `at`, `by`, `act`, `subject`, `version` and `edition`. A
    stream ends after five minutes, and with the account, token or session that opened it; come back with the last id
    and nothing is missed.
    """

    async def welcome() -> bool:
        try:
            await _listener(request, runtime_of(request).clock())
        except HuobanError:
            return False
        return True

    yield ServerSentEvent(comment="open", retry=RETRY_MS)
    async for event in stream_events(runtime_of(request).database, _watch(request), after=after, welcome=welcome):
        yield ServerSentEvent(id=str(event.seq), event="decision", data=event)


class PresenceOut(BaseModel):
    """Who is at the desk now."""

    editors: list[str] = Field(description="Names of those signed in at the desk and seen lately.")


@router.get("/presence", operation_id="list_present")
async def get_presence(_by: Annotated[None, Depends(_listener)], session: Read, now: Now) -> PresenceOut:
    """Who is signed in at the desk and was seen within the last quarter of an hour, by name."""
    return PresenceOut(editors=await editors_here(session, now=now))
