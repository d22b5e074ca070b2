"""The door for hubs: ``/websub/{callback}``, where they verify a subscription and deliver what is new.

No account is asked: the callback's name is a secret of 256 bits between us and the hub, and a delivery counts
only under its signature. Routes translate; the rules are in ``websub`` and ``pushes``. Mounted at the root by
``app``.
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import PlainTextResponse, Response

from service.fetching import pushes, websub
from service.fetching.catalogue import feed_options
from service.web import Now, Write, runtime_of

router = APIRouter(tags=["websub"], include_in_schema=False)

Callback = Annotated[str, Path(max_length=64)]


@router.get("/websub/{callback}")
async def verify(
    callback: Callback,
    session: Write,
    now: Now,
    mode: Annotated[str, Query(alias="hub.mode", max_length=32)] = "",
    topic: Annotated[str, Query(alias="hub.topic", max_length=4_096)] = "",
    challenge: Annotated[str, Query(alias="hub.challenge", max_length=2_048)] = "",
    lease_seconds: Annotated[str | None, Query(alias="hub.lease_seconds", max_length=32)] = None,
) -> Response:
    """A hub asks whether we meant what it was asked (WebSub §5.3): its challenge back for yes, 404 for no."""
    meant = await websub.confirm(session, callback, mode=mode, topic=topic, lease_seconds=lease_seconds, now=now)
    # Plain text that is not sniffed: whoever finds a callback cannot make it answer a page.
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if not meant:
        return PlainTextResponse("", status_code=404, headers=headers)
    return PlainTextResponse(challenge, headers=headers)


@router.post("/websub/{callback}")
async def deliver(callback: Callback, request: Request, now: Now) -> Response:
    """A hub delivers. 410 ends a subscription that we do not have; else 202, whether the signature held or not.

    A delivery that is too large is 413; its stories come with the next poll.
    """
    runtime = runtime_of(request)
    async with runtime.database.read() as session:
        found = await pushes.pushed_feed(session, callback)
    if found is None:
        return Response(status_code=410)
    subscription, feed = found
    body = await request.body()  # bounded for every route (``web.BodyLimit``)
    if len(body) > feed_options(feed).max_bytes:
        raise HTTPException(413, f"This feed's documents may have {feed_options(feed).max_bytes:,} bytes.")
    headers = request.headers
    push = pushes.Push(body, headers.get("content-type"), headers.get("x-hub-signature"))
    await pushes.take_push(runtime, request.app.state.parsers, subscription, feed, push, now=now)
    return Response(status_code=202)
