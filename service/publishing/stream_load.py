"""Rows → one page of a stream, with the links that lead through all of it.

The newest page holds the running week and at least ``AT_LEAST`` items; every week that is over is an archive page,
which gains and loses no item any more: what is withdrawn stays in it as a tombstone (RFC 5005 §4). Called by
``routes`` alone.
"""

from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement, Select
from sqlalchemy import select as sa_select
from sqlalchemy.orm import aliased
from sqlmodel import col, func, or_
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.errors import NotFound
from service.models import Item, Story, Tag
from service.partnerships import places
from service.publishing.edition import PublicEdition, Site
from service.publishing.items import latest_change, load_items, load_tombstones
from service.publishing.streams import Stream, after_week, monday_of, week_of
from service.translations import translations
from service.words import ItemState

AT_LEAST = 50
"""Items on the newest page, where there are as many."""
TOMBSTONES_FOR = timedelta(days=60)
"""How long the newest page keeps saying that an item was withdrawn."""


async def load_stream(
    session: AsyncSession, stream: Stream, *, site: Site, calendar: Calendar, now: datetime
) -> PublicEdition:
    """One page of a stream, the newest item first.

    Raises:
        NotFound: an archive page of a week in which nothing of this stream was published.
    """
    if stream.week is None:
        return await _load_newest(session, stream, site=site, calendar=calendar, now=now)
    matching = _matching(stream)
    begins, ends = _span(stream.week, calendar)
    within = [col(Item.published_at) >= begins, col(Item.published_at) < ends, *matching]
    items = await load_items(session, site, within, today=calendar.day_of(now), stream=True)
    tombstones = await load_tombstones(session, site, within)
    words = translations(site.interface)
    if not items and not tombstones:
        told = words.gettext("Nothing of this stream was published in the week %(week)s.")
        raise NotFound(told % {"week": stream.week}, language=site.interface)
    links = {"current": _url(site, stream.whole)}
    if (older := await _last_week(session, matching, before=begins, calendar=calendar)) is not None:
        links["prev-archive"] = _url(site, stream.whole, older)
    newer = await _first_week(session, matching, since=ends, calendar=calendar)
    if newer is not None and newer < week_of(calendar.day_of(now)):
        links["next-archive"] = _url(site, stream.whole, newer)
    title = words.gettext("%(site)s: %(stream)s, week %(week)s")
    about = words.gettext("What was published in the week from %(monday)s, the newest first.")
    return PublicEdition(
        site=site,
        title=title % {"site": site.title, "stream": stream.name_in(site.interface), "week": stream.week},
        description=about % {"monday": monday_of(stream.week)},
        path=stream.path,
        query=stream.query,
        page=stream.page,
        items=items,
        updated_at=latest_change(items, tombstones, default=begins),
        tombstones=tombstones,
        links=links,
    )


async def _load_newest(
    session: AsyncSession, stream: Stream, *, site: Site, calendar: Calendar, now: datetime
) -> PublicEdition:
    today, matching = calendar.day_of(now), _matching(stream)
    begins, _ = _span(week_of(today), calendar)
    newest = AT_LEAST
    items = await load_items(session, site, matching, today=today, newest=newest, stream=True)
    if len(items) == newest and items[-1].published_at >= begins:
        this_week = [col(Item.published_at) >= begins, *matching]
        items = await load_items(session, site, this_week, today=today, stream=True)
    recent = [col(Item.withdrawn_at) >= calendar.begins_at(today) - TOMBSTONES_FOR, *matching]
    tombstones = await load_tombstones(session, site, recent)
    older = await _last_week(session, matching, before=begins, calendar=calendar)
    words, name = translations(site.interface), stream.name_in(site.interface)
    every = words.gettext("Every published story, the newest first.")
    some = words.gettext("The published stories: %(stream)s, the newest first.")
    return PublicEdition(
        site=site,
        title=words.gettext("%(site)s: %(stream)s") % {"site": site.title, "stream": name},
        description=some % {"stream": name} if stream.conditions else every,
        path=stream.path,
        query=stream.query,
        items=items,
        updated_at=latest_change(items, tombstones, default=calendar.begins_at(today)),
        tombstones=tombstones,
        links={} if older is None else {"prev-archive": _url(site, stream, older)},
    )


def is_running(week: str, *, calendar: Calendar, now: datetime) -> bool:
    """Whether a week is not over yet, so that it is part of the newest page and no archive page."""
    return week >= week_of(calendar.day_of(now))


def _matching(stream: Stream) -> list[ColumnElement[bool]]:
    """The stream's conditions on ``Item``; country, region and tier are asked of one and the same tag."""
    found: list[ColumnElement[bool]] = []
    of_tag: list[ColumnElement[bool]] = []
    if stream.country:
        of_tag.append(col(Tag.partner) == stream.country)
    if stream.region:
        codes = [code for code, place in places.places().items() if place.region == stream.region]
        of_tag.append(col(Tag.partner).in_(codes))
    if stream.tier:
        of_tag.append(col(Tag.tier) == stream.tier)
    if of_tag:
        found.append(col(Item.story_id).in_(sa_select(col(Tag.story_id)).where(*of_tag)))
    if stream.language:
        story = aliased(Story)  # the query around it may hold a Story of its own
        spoken = func.lower(col(story.language))
        fits = or_(spoken == stream.language, spoken.like(f"{stream.language}-%"))
        found.append(sa_select(col(story.id)).where(col(story.id) == Item.story_id, fits).exists())
    return found


def _span(week: str, calendar: Calendar) -> tuple[datetime, datetime]:
    """The instants at which a week begins and ends in the newsroom's zone."""
    return calendar.instant(monday_of(week), time(0)), calendar.instant(after_week(week), time(0))


def _url(site: Site, stream: Stream, week: str | None = None) -> str:
    query = "&".join(part for part in (stream.query, f"week={week}" if week else "") if part)
    return f"{site.base_url}{stream.path}.{{ext}}{f'?{query}' if query else ''}"


async def _last_week(
    session: AsyncSession, matching: list[ColumnElement[bool]], *, before: datetime, calendar: Calendar
) -> str | None:
    """The last week before an instant in which anything of the stream was published."""
    at = col(Item.published_at)
    return await _week_of(session, sa_select(func.max(at)).where(at < before, _was_public(), *matching), calendar)


async def _first_week(
    session: AsyncSession, matching: list[ColumnElement[bool]], *, since: datetime, calendar: Calendar
) -> str | None:
    """The first week from an instant on in which anything of the stream was published."""
    at = col(Item.published_at)
    return await _week_of(session, sa_select(func.min(at)).where(at >= since, _was_public(), *matching), calendar)


async def _week_of(session: AsyncSession, query: Select[datetime | None], calendar: Calendar) -> str | None:
    moment = (await (await session.connection()).execute(query)).scalar_one()
    return week_of(calendar.day_of(moment)) if moment is not None else None


def _was_public() -> ColumnElement[bool]:
    return col(Item.state).in_((ItemState.PUBLISHED, ItemState.WITHDRAWN))
