"""Blind spots over HTTP and as a screen of the desk: what was not published about, and which sources fell silent.

It stands above the stages because each knows its own part only: the desk what was published, fetching when a source is
quiet beyond its norm. Facts, no scores. ``router`` is mounted under ``/api/v1`` by ``app``, ``pages`` at the root.
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from service.clock import Calendar
from service.db import ReadSession
from service.desk.blind_spots import Coverage, coverage_since
from service.desk.frame import DeskPage, VisitDep, show
from service.desk.schemas import Shape
from service.fetching.catalogue import list_feeds
from service.fetching.schemas import feed_is_stale
from service.models import Editor
from service.web import CalendarDep, Now, Read, may

router = APIRouter(tags=["newsroom"])
pages = APIRouter(route_class=DeskPage, include_in_schema=False)

DAYS = 30
Days = Annotated[int, Query(ge=1, le=3_650, description="How many newsroom days, today included.")]


class QuietSource(Shape):
    """A source that answers, but has brought nothing new for longer than is usual for it."""

    id: str
    name: str
    country: str | None
    language: str | None
    newest_at: datetime | None
    posts_per_day: float | None


class BlindSpots(Coverage):
    """What the newsroom does not see."""

    quiet: list[QuietSource] = Field(description="Sources quiet beyond their norm, by id.")


async def find_blind_spots(session: ReadSession, days: int, *, calendar: Calendar, now: datetime) -> BlindSpots:
    """The blind spots of the last days, today included."""
    coverage = await coverage_since(session, calendar.day_of(now) - timedelta(days=days - 1), calendar=calendar)
    silent = [feed for feed in await list_feeds(session) if feed.enabled and feed_is_stale(feed, now=now)]
    return BlindSpots(**coverage.model_dump(), quiet=[QuietSource.model_validate(feed) for feed in silent])


@router.get("/blind-spots", operation_id="get_blind_spots")
async def get_blind_spots(
    _by: Annotated[Editor, Depends(may("read"))], session: Read, now: Now, calendar: CalendarDep, days: Days = DAYS
) -> BlindSpots:
    """Countries and tiers without a published story in so many days, quiet sources, shares by outlet and language."""
    return await find_blind_spots(session, days, calendar=calendar, now=now)


@pages.get("/desk/blind-spots")
async def get_blind_spots_page(visit: VisitDep, session: Read, days: Days = DAYS) -> Response:
    """The same as a screen."""
    spots = await find_blind_spots(session, days, calendar=visit.calendar, now=visit.now)
    return show(visit, "blind_spots", spots=spots, days=days)
