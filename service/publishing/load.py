"""Step 7 of 8: published rows → one frozen ``PublicEdition`` of a day; one story.

Which rows are public, and what of them, is ``items``'; the running streams are ``stream_load``'s, digests are
``freezing``'s. Withdrawn items come out as tombstones only. Called by the routes and ``freezing``.

next: ``publishing.formats.rss``
"""

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import ColumnElement, String, literal
from sqlalchemy import select as sa_select
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.errors import Gone, NotFound
from service.models import Edition, Item
from service.publishing.edition import PublicEdition, PublicItem, Site
from service.publishing.items import latest_change, load_items, load_tombstones
from service.translations import translations
from service.translations.dates import date_words
from service.words import EditionState, ItemState


async def load_edition(
    session: AsyncSession, day: date, *, site: Site, calendar: Calendar, now: datetime
) -> PublicEdition:
    """The list of one day, in the editors' order; empty and open when nobody placed anything."""
    edition = await session.get(Edition, day)
    items = await load_items(session, site, [col(Item.edition_date) == day], today=calendar.day_of(now))
    tombstones = await load_tombstones(session, site, [col(Item.edition_date) == day])
    previous, following = await neighbours(session, day)
    closed_at = edition.closed_at if edition else None
    words = translations(site.interface)
    about = words.gettext("China and the Global South on %(day)s: chosen, ordered and tagged by people.")
    return PublicEdition(
        site=site,
        title=f"{site.title}, {day.isoformat()}",
        description=about % {"day": day.isoformat()},
        path=f"/editions/{day.isoformat()}",
        items=items,
        updated_at=latest_change(items, tombstones, closed_at, default=calendar.begins_at(day)),
        tombstones=tombstones,
        day=day,
        state=edition.state if edition else EditionState.OPEN,
        closed_at=closed_at,
        cutoff_at=calendar.cutoff_of(day),
        previous=previous,
        next=following,
        links={"map": site.page_url(f"/map?date={day.isoformat()}")},
    )


async def load_daily(session: AsyncSession, *, site: Site, calendar: Calendar, now: datetime) -> PublicEdition:
    """Today's list; before the first item of a day, the last day that has one, under its own date."""
    day = await newest_day(session, today=calendar.day_of(now))
    edition = await load_edition(session, day, site=site, calendar=calendar, now=now)
    return replace(
        edition,
        title=site.title,
        description=translations(site.interface).gettext(
            "The day's stories on China and the Global South: chosen, ordered and tagged by people."
        ),
        path="/daily",
    )


async def newest_day(session: AsyncSession, *, today: date) -> date:
    """The last day, up to today, that has a published item; today when none has."""
    day = col(Item.edition_date)
    return await _first_day(session, day <= today, day.desc()) or today


async def load_item(
    session: AsyncSession, story_id: str, *, site: Site, calendar: Calendar, now: datetime
) -> PublicItem:
    """One published item.

    Raises:
        NotFound: it is not public and never was.
        Gone: it was withdrawn; the message gives the reason.
    """
    items = await load_items(session, site, [col(Item.story_id) == story_id], today=calendar.day_of(now))
    if items:
        return items[0]
    withdrawn = await load_tombstones(session, site, [col(Item.story_id) == story_id])
    language, words = site.interface, translations(site.interface)
    if withdrawn:
        day = date_words(calendar.day_of(withdrawn[0].withdrawn_at), language)
        told = words.gettext("This story was withdrawn on %(day)s: %(reason)s")
        raise Gone(told % {"day": day, "reason": withdrawn[0].reason}, language=language)
    raise NotFound(words.gettext("There is no published story at this address."), language=language)


async def list_days(session: AsyncSession) -> list[tuple[date, int]]:
    """The days that have a published item, newest first, with how many."""
    day = col(Item.edition_date)
    query = sa_select(day, func.count()).where(col(Item.state) == ItemState.PUBLISHED)
    rows = await (await session.connection()).execute(query.group_by(day).order_by(day.desc()))
    return [(day, count) for day, count in rows]


async def list_stories(session: AsyncSession, *, limit: int) -> list[tuple[str, datetime]]:
    """The ids of published stories and when each last changed, the newest first."""
    story, updated, published = col(Item.story_id), col(Item.updated_at), col(Item.published_at)
    query = sa_select(story, updated).where(col(Item.state) == ItemState.PUBLISHED)
    rows = await (await session.connection()).execute(query.order_by(published.desc(), story.desc()).limit(limit))
    return [(story_id, moment) for story_id, moment in rows if moment is not None]


async def neighbours(session: AsyncSession, day: date) -> tuple[date | None, date | None]:
    """The days before and after that have a published item."""
    other = col(Item.edition_date)
    return await _first_day(session, other < day, other.desc()), await _first_day(session, other > day, other.asc())


async def _first_day(session: AsyncSession, condition: ColumnElement[bool], order: ColumnElement[date]) -> date | None:
    # The state is asked for as an expression, so that a database walks along the days and stops at the first; by an
    # index of states it would read every item that was ever published.
    public = col(Item.state).concat(literal("", String)) == ItemState.PUBLISHED.value
    query = sa_select(col(Item.edition_date)).where(public, condition).order_by(order).limit(1)
    return (await (await session.connection()).execute(query)).scalar()


async def ping(session: AsyncSession) -> None:
    """Ask the database for something trivial."""
    await session.exec(select(1))
