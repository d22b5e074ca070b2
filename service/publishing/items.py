"""Published and withdrawn rows → frozen items and tombstones: the queries that every list shares.

Drafts, scheduled items and notes are never read here, so no format can leak one. Which items a list holds is its
loader's business (``load`` for days, ``stream_load`` for streams). Those call it, and the desk's ``preview`` takes
tags and sources from it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy import select as sa_select
from sqlalchemy.orm import Bundle, aliased
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.models import Editor, Feed, Item, Revision, Story, Tag
from service.partnerships import places, register
from service.publishing.edition import PublicItem, PublicSource, PublicTag, Site, Tombstone
from service.words import ItemState

Conditions = Sequence[ColumnElement[bool]]
"""On columns of ``Item``."""
_TAG = (col(Tag.story_id), col(Tag.partner), col(Tag.tier), col(Tag.label_en), col(Tag.label_zh))


async def load_items(
    session: AsyncSession,
    site: Site,
    conditions: Conditions,
    *,
    today: date,
    newest: int | None = None,
    stream: bool = False,
) -> tuple[PublicItem, ...]:
    """The published items that meet the conditions: in the editors' order, or for a stream the newest first.

    ``newest`` bounds a stream. ``today`` is the day that ``tier_now`` is read for.
    """
    # The place among what is public: drafts between two items must not show as a gap.
    other = aliased(Item)
    place = select(func.count()).where(
        other.edition_date == Item.edition_date,
        other.state == ItemState.PUBLISHED,
        col(other.position) <= Item.position,
    )
    query = (
        sa_select(*_columns(), place.scalar_subquery())
        .join(Story, col(Story.id) == Item.story_id)
        .join(Editor, col(Editor.id) == Item.published_by)
        .outerjoin(Feed, col(Feed.id) == Story.feed_id)
        .where(col(Item.state) == ItemState.PUBLISHED, *conditions)
    )
    if stream:
        query = query.order_by(col(Item.published_at).desc(), col(Item.story_id).desc()).limit(newest)
    else:
        query = query.order_by(col(Item.position), col(Item.story_id))
    rows = (await session.exec(query)).all()  # type: ignore[call-overload]  # SQLModel types four columns at most
    tags = await load_tags(session, site, [item.story_id for item, *_ in rows], today=today)
    rewritten = await rewritten_stories(session, [story for _, story, *_ in rows])
    return tuple(
        _public(
            site,
            item,
            story,
            feed if feed.id else None,
            editor,
            tags=tags[item.story_id],
            position=position,
            language=site.language if item.story_id in rewritten else story.language,
        )
        for item, story, feed, editor, position in rows
    )


def _columns() -> tuple[Bundle[Any], ...]:
    # A list needs a third of the columns, and no objects that could be changed: together half the cost of loading it.
    return (
        Bundle(
            "item",
            col(Item.story_id),
            col(Item.uri),
            col(Item.edition_date),
            col(Item.published_at),
            col(Item.updated_at),
            col(Item.correction),
            col(Item.decision),
        ),
        Bundle(
            "story",
            col(Story.id),
            col(Story.url),
            col(Story.title),
            col(Story.headline),
            col(Story.blurb),
            col(Story.language),
            col(Story.published_at),
        ),
        Bundle("feed", col(Feed.id), col(Feed.name), col(Feed.homepage), col(Feed.url), col(Feed.language)),
        Bundle("editor", col(Editor.name)),
    )


async def load_tombstones(session: AsyncSession, site: Site, conditions: Conditions) -> tuple[Tombstone, ...]:
    """The withdrawn items that meet the conditions, the latest withdrawal first."""
    query = select(Item).where(Item.state == ItemState.WITHDRAWN, *conditions)
    items = await session.exec(query.order_by(col(Item.withdrawn_at).desc(), col(Item.story_id)))
    return tuple(
        Tombstone(
            id=item.story_id,
            uri=item.uri or "",
            permalink=f"{site.base_url}/stories/{item.story_id}",
            withdrawn_at=item.withdrawn_at,
            reason=item.withdrawn_reason or "",
            edition=item.edition_date,
        )
        for item in items
        if item.withdrawn_at is not None
    )


def latest_change(
    items: Sequence[PublicItem], tombstones: Sequence[Tombstone], *others: datetime | None, default: datetime
) -> datetime:
    """When anything in a list last changed in public; ``default`` for a list that never held anything."""
    moments = [item.updated_at for item in items] + [stone.withdrawn_at for stone in tombstones]
    return max([*moments, *(moment for moment in others if moment is not None)], default=default)


def _public(
    site: Site,
    item: Item,
    story: Story,
    feed: Feed | None,
    editor: Editor,
    *,
    tags: tuple[PublicTag, ...],
    position: int,
    language: str | None,
) -> PublicItem:
    assert item.uri and item.published_at and item.updated_at and item.decision  # noqa: S101, PT018 - ck_item_complete
    return PublicItem(
        id=story.id,
        uri=item.uri,
        permalink=f"{site.base_url}/stories/{story.id}",
        source_url=story.url,
        edition=item.edition_date,
        position=position,
        headline=story.headline or story.title,
        blurb=story.blurb or "",
        language=language,
        source=public_source(story, feed),
        tags=tags,
        editor=editor.name,
        source_published_at=story.published_at,
        published_at=item.published_at,
        updated_at=item.updated_at,
        correction=item.correction,
        decision=item.decision,
    )


def public_source(story: Story, feed: Feed | None) -> PublicSource:
    """The outlet whose article a story is."""
    return PublicSource(
        name=feed.name if feed else "",
        url=feed.homepage or feed.url if feed else None,
        language=story.language or (feed.language if feed else None),
    )


async def rewritten_stories(session: AsyncSession, stories: Sequence[Story]) -> set[str]:
    """The stories whose headline is an editor's own words, and so in the newsroom's language.

    A source may change its title after publication; the title that was published is then among its revisions.
    """
    differing = {story.id: story.headline for story in stories if story.headline and story.headline != story.title}
    if not differing:
        return set()
    query = select(Revision.story_id, Revision.title).where(col(Revision.story_id).in_(differing))
    taken_over = {story_id for story_id, title in await session.exec(query) if title == differing[story_id]}
    return differing.keys() - taken_over


async def load_tags(
    session: AsyncSession, site: Site, story_ids: Sequence[str], *, today: date
) -> dict[str, tuple[PublicTag, ...]]:
    """The tags of these stories in the editor's order, each with the tier of its date and today's."""
    query = sa_select(*_TAG).where(col(Tag.story_id).in_(story_ids)).order_by(col(Tag.position))
    rows = (await (await session.connection()).execute(query)).all() if story_ids else []
    standings = await register.standings(session, on=today, partners={tag.partner for tag in rows})
    found: dict[str, list[PublicTag]] = defaultdict(list)
    for tag in rows:
        found[tag.story_id].append(
            PublicTag(
                code=tag.partner,
                name=places.name(tag.partner, site.interface),
                flag=places.flag(tag.partner),
                region=places.region(tag.partner),
                tier=tag.tier,
                label_en=tag.label_en,
                label_zh=tag.label_zh,
                tier_now=standings[tag.partner].tier,
            )
        )
    return {story_id: tuple(found[story_id]) for story_id in story_ids}
