"""Sources over HTTP: what is listed, how each does, its last fetches, and "fetch it now".

Routes translate; the rules are in ``catalogue`` and ``run``. ``fetch_now`` holds no database session: a
session kept open over a download would keep every editor waiting. Mounted under ``/api/v1`` by ``app``.
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from service.fetching import catalogue, reports
from service.fetching.run import run_round
from service.models import Editor
from service.web import Now, Read, Write, may, runtime_of

router = APIRouter(tags=["feeds"])

Reader = Annotated[Editor, Depends(may("read"))]
Manager = Annotated[Editor, Depends(may("manage_feeds"))]


class FeedIn(BaseModel):
    """A feed to add."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2_048)
    name: str | None = Field(None, max_length=200)
    language: str | None = Field(None, max_length=35)
    country: str | None = Field(None, max_length=8)
    region: str | None = Field(None, max_length=32)
    kind: str | None = Field(None, max_length=32)


class FetchOut(BaseModel):
    """One attempt to read a feed."""

    model_config = ConfigDict(from_attributes=True)

    started_at: datetime
    seconds: float
    outcome: str
    status: int | None
    bytes: int
    items: int
    new: int
    detail: str | None


class FeedOut(BaseModel):
    """A source and how it does."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    url: str
    homepage: str | None
    language: str | None
    country: str | None
    region: str | None
    kind: str | None
    groups: list[str]
    core: bool
    origin: str
    enabled: bool
    next_due_at: datetime
    last_fetch_at: datetime | None
    last_ok_at: datetime | None
    last_outcome: str | None
    failures: float
    alarm: str | None
    newest_at: datetime | None
    posts_per_day: float | None
    version: int


class FeedList(BaseModel):
    """Every source."""

    items: list[FeedOut]
    total: int


class FetchList(BaseModel):
    """A feed's last attempts, newest first."""

    items: list[FetchOut]


@router.get("/feeds", operation_id="list_feeds")
async def list_feeds(_by: Reader, session: Read) -> FeedList:
    """Every source with its health."""
    feeds = await catalogue.list_feeds(session)
    return FeedList(items=[FeedOut.model_validate(feed) for feed in feeds], total=len(feeds))


@router.post("/feeds", operation_id="add_feed", status_code=201)
async def add_feed(body: FeedIn, by: Manager, session: Write, now: Now) -> FeedOut:
    """Add a source; it is fetched within seconds where a scheduler runs."""
    feed = await catalogue.add_feed(session, **body.model_dump(), now=now)
    await reports.record_feed(session, "add_feed", feed, now=now, by=by)
    return FeedOut.model_validate(feed)


@router.get("/feeds/{feed_id}", operation_id="get_feed")
async def get_feed(feed_id: str, _by: Reader, session: Read) -> FeedOut:
    """One source with its health."""
    return FeedOut.model_validate(await reports.get_feed(session, feed_id))


@router.get("/feeds/{feed_id}/fetches", operation_id="list_fetches")
async def list_fetches(
    feed_id: str, _by: Reader, session: Read, limit: Annotated[int, Query(ge=1, le=50)] = 50
) -> FetchList:
    """The last attempts to read this feed, newest first."""
    fetches = await reports.last_fetches(session, feed_id, limit=limit)
    return FetchList(items=[FetchOut.model_validate(fetch) for fetch in fetches])


@router.post("/feeds/{feed_id}/fetch", operation_id="fetch_feed")
async def fetch_now(feed_id: str, _by: Manager, request: Request) -> FetchOut:
    """Read this feed now and answer how it went; 409 while its host is busy."""
    runtime = runtime_of(request)
    async with runtime.database.read() as session:
        await reports.get_feed(session, feed_id)
    await run_round(runtime, request.app.state.parsers, only=frozenset({feed_id}), patience=timedelta(seconds=15))
    async with runtime.database.read() as session:
        return FetchOut.model_validate((await reports.last_fetches(session, feed_id, limit=1))[0])
