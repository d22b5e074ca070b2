"""A day's list as it will look: what is public, and every draft and scheduled item in its place beside it.

For the desk only: the one loader that reads what is not public. It makes the same frozen values as ``load``, so every
format and the digest can be looked at before anything is published; what an item does not have yet (its time, its
record) is shown as if it were published now. Called by ``preview_routes``, and by the desk's pages through ``app``.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from html import unescape

from lxml import etree
from sqlalchemy import select as sa_select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.errors import NotFound
from service.models import Editor, Feed, Item, Story
from service.publishing.digest_text import text_item
from service.publishing.edition import PublicEdition, PublicItem, Site
from service.publishing.formats.rss import render_rss
from service.publishing.items import load_items, load_tags, public_source, rewritten_stories
from service.publishing.load import load_edition
from service.words import ItemState

_WAITING = (ItemState.DRAFT, ItemState.SCHEDULED)


@dataclass(frozen=True)
class ItemPreview:
    """One item as its readers will have it, out of the documents that they will have."""

    rss_title: str
    rss_description: str
    """As a reader program shows it."""
    digest: str
    """Its lines of the plain digest; empty without a country, under which it would stand."""


async def preview_item(
    session: AsyncSession,
    day: date,
    story_id: str,
    *,
    headline: str | None = None,
    blurb: str | None = None,
    site: Site,
    digest_site: Site,
    calendar: Calendar,
    now: datetime,
) -> ItemPreview:
    """How one item of a day's list will read, with these words where some are given; nothing is stored.

    Raises:
        NotFound: the story has no place in this list, or is withdrawn from it.
    """
    # The one item alone: its question is asked with each publication, whatever the length of the list.
    waiting = await _waiting_items(session, day, site=site, calendar=calendar, now=now, only=story_id)
    public = [col(Item.edition_date) == day, col(Item.story_id) == story_id]
    found = waiting or await load_items(session, site, public, today=calendar.day_of(now))
    if not found:
        raise NotFound(f"Story {story_id[:40]} has no place in the edition of {day}.")
    item = replace(
        found[0],
        headline=found[0].headline if headline is None else headline,
        blurb=found[0].blurb if blurb is None else blurb,
    )
    alone = PublicEdition(site, "Preview", "", f"/editions/{day}", items=(item,), updated_at=now, day=day)
    [rss] = etree.fromstring(render_rss(alone)).iter("item")
    return ItemPreview(
        rss_title=rss.findtext("title", ""),
        rss_description=unescape(rss.findtext("description", "")),
        digest="\n".join(text_item(item, digest_site)) if item.tags else "",
    )


async def load_preview(
    session: AsyncSession, day: date, *, site: Site, calendar: Calendar, now: datetime
) -> PublicEdition:
    """The list of one day with what is not public yet, in the editors' order."""
    public = await load_edition(session, day, site=site, calendar=calendar, now=now)
    waiting = await _waiting_items(session, day, site=site, calendar=calendar, now=now)
    places = await _places(session, day)
    items = sorted([*public.items, *waiting], key=lambda item: places[item.id])
    return replace(
        public,
        title=f"Preview: {public.title}",
        description="Not public: the list as it will be when every item in it is published.",
        items=tuple(replace(item, position=position) for position, item in enumerate(items, start=1)),
        updated_at=now,
    )


async def _places(session: AsyncSession, day: date) -> dict[str, int]:
    """The editors' order, drafts included."""
    query = sa_select(col(Item.story_id)).where(col(Item.edition_date) == day, col(Item.state) != ItemState.WITHDRAWN)
    rows = await (await session.connection()).execute(query.order_by(col(Item.position), col(Item.story_id)))
    return {story_id: place for place, (story_id,) in enumerate(rows)}


async def _waiting_items(
    session: AsyncSession, day: date, *, site: Site, calendar: Calendar, now: datetime, only: str | None = None
) -> list[PublicItem]:
    query = (
        sa_select(Item, Story, Feed, Editor)
        .join(Story, col(Story.id) == Item.story_id)
        .join(Editor, col(Editor.id) == Item.placed_by)
        .outerjoin(Feed, col(Feed.id) == Story.feed_id)
        .where(col(Item.edition_date) == day, col(Item.state).in_(_WAITING))
    )
    if only is not None:
        query = query.where(col(Item.story_id) == only)
    rows = (await session.exec(query)).all()  # type: ignore[call-overload]  # as in ``items``
    tags = await load_tags(session, site, [item.story_id for item, *_ in rows], today=calendar.day_of(now))
    rewritten = await rewritten_stories(session, [story for _, story, *_ in rows])
    return [
        PublicItem(
            id=story.id,
            uri=f"urn:huoban:preview:{story.id}",
            permalink=f"{site.base_url}/stories/{story.id}",
            source_url=story.url,
            edition=day,
            position=item.position,
            headline=story.headline or story.title,
            blurb=story.blurb or "",
            language=site.language if story.id in rewritten else story.language,
            source=public_source(story, feed),
            tags=tags[story.id],
            editor=editor.name,
            source_published_at=story.published_at,
            published_at=item.publish_at or now,
            updated_at=item.publish_at or now,
            correction=None,
            decision="",
        )
        for item, story, feed, editor in rows
    ]
