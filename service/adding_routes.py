"""The routes where a story is both fetched and shown: add by address, and the true address of an opaque link.

They stand above the stages, because ``fetching`` and ``desk`` do not import each other: the act is fetching's, the
answer is the desk's view of the story. ``add_story`` holds no database session: one kept open over a download would
keep every editor waiting. Mounted under ``/api/v1`` by ``app``, before the desk's routes.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from service.desk import schemas, wire
from service.fetching import adding
from service.idempotency import OncePerKey
from service.models import Editor
from service.web import API, CalendarDep, Now, Version, Write, etag, may, runtime_of

router = APIRouter(tags=["stories"], route_class=OncePerKey)


class AddressIn(schemas.Body):
    """An article's address."""

    url: str = Field(max_length=4_096, examples=["https://paper.example/news/rail-deal"])


class AddedOut(schemas.StoryOut):
    """The story behind an address."""

    warning: str | None = Field(description="What an editor should look after, where the page did not say enough.")


@router.post(
    "/stories",
    operation_id="add_story",
    status_code=201,
    responses={200: {"model": AddedOut, "description": "The story was known; nothing was changed."}},
)
async def add_story(
    body: AddressIn,
    by: Annotated[Editor, Depends(may("add_story"))],
    now: Now,
    calendar: CalendarDep,
    request: Request,
    response: Response,
) -> AddedOut:
    """Put an article on the wire by its address, or answer the story that has it.

    Its page is asked for title, description, date, language and author. A page that cannot be read becomes a story
    all the same, with a `warning`; 409 while its host is busy, and then nothing is stored.
    """
    runtime = runtime_of(request)
    added = await adding.add_story_by_url(runtime, body.url, now=now, by=by)
    async with runtime.database.read() as session:
        story = await wire.get_story(session, added.story_id)
        view = await wire.story_view(session, story, now=now, calendar=calendar)
    response.status_code = 201 if added.created else 200
    response.headers["Location"] = f"{API}/stories/{view.id}"
    response.headers["ETag"] = etag(view.version)
    return AddedOut(**view.model_dump(), warning=added.warning)


@router.post("/stories/{story_id}/resolve", operation_id="resolve_story")
async def resolve_story(
    story_id: str,
    body: AddressIn,
    by: Annotated[Editor, Depends(may("triage"))],
    session: Write,
    version: Version,
    now: Now,
    calendar: CalendarDep,
    response: Response,
) -> schemas.StoryOut:
    """Give a story that came by an aggregator's link the publisher's own address; its id stays.

    Of a published story readers are told as of a correction. 409 where another story has that address already; its
    id is among the error's suggestions.
    """
    story = await wire.story_for_change(session, story_id, version, now=now, calendar=calendar)
    await adding.resolve_story(session, story, url=body.url, now=now, by=by)
    response.headers["ETag"] = etag(story.version)
    return await wire.story_view(session, story, now=now, calendar=calendar)
