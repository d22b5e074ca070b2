"""Published and withdrawn items → rows of the research export, page by page; and the counts of what was passed.

Each page is read in a session of its own that ends before the page is handed on, so that a slow reader holds none and
memory does not grow with the corpus. Pages follow the stories' ids. Drafts are never read. Called by
``research_routes`` and the command.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement
from sqlalchemy import select as sa_select
from sqlalchemy.orm import aliased
from sqlmodel import case, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import Database
from service.models import Editor, Feed, Item, Revision, Story, Tag
from service.partnerships import places, register
from service.publishing.edition import Site
from service.publishing.formats.markup import clean, language_tag, web_address
from service.publishing.research.columns import PassedRow, Row
from service.words import ItemState

PAGE = 500
"""Items read at once."""


@dataclass(frozen=True)
class Span:
    """The editions that an export takes in, both ends included; None for no end."""

    since: date | None = None
    until: date | None = None


async def pages_of_rows(
    database: Database, site: Site, span: Span, *, today: date, page: int = PAGE
) -> AsyncIterator[list[Row]]:
    """Every row, in pages of at most ``page`` items; ``today`` is the day that ``tier_now`` is read for."""
    async with database.read() as session:
        tiers_now = {code: standing.tier for code, standing in (await register.standings(session, on=today)).items()}
    after = ""
    while True:
        async with database.read() as session:
            found = await _load_page(session, span, after=after, limit=page)
            rows = list(_rows(site, found, await _load_words(session, found), tiers_now))
        if rows:
            yield rows
        if len(found) < page:
            return
        after = found[-1].story.id


@dataclass(frozen=True)
class _Found:
    item: Item
    story: Story
    feed: Feed | None
    editor: str
    position: int
    tags: Sequence[tuple[Tag, str]]


async def _load_page(session: AsyncSession, span: Span, *, after: str, limit: int) -> list[_Found]:
    other = aliased(Item)
    place = select(func.count()).where(
        other.edition_date == Item.edition_date,
        other.state == ItemState.PUBLISHED,
        col(other.position) <= Item.position,
    )
    query = (
        sa_select(Item, Story, Feed, col(Editor.pseudonym), place.scalar_subquery())
        .join(Story, col(Story.id) == Item.story_id)
        .join(Editor, col(Editor.id) == Item.published_by)
        .outerjoin(Feed, col(Feed.id) == Story.feed_id)
        .where(col(Item.state).in_((ItemState.PUBLISHED, ItemState.WITHDRAWN)), *_within(span))
        .where(col(Item.story_id) > after)
        .order_by(col(Item.story_id))
        .limit(limit)
    )
    rows = (await session.exec(query)).all()  # type: ignore[call-overload]  # SQLModel types four columns at most
    tags = await _load_tags(session, [item.story_id for item, *_ in rows])
    return [_Found(item, story, feed, editor, position, tags[story.id]) for item, story, feed, editor, position in rows]


def _within(span: Span) -> list[ColumnElement[bool]]:
    day = col(Item.edition_date)
    return [
        *([day >= span.since] if span.since is not None else []),
        *([day <= span.until] if span.until is not None else []),
    ]


async def _load_tags(session: AsyncSession, story_ids: Sequence[str]) -> dict[str, list[tuple[Tag, str]]]:
    found: dict[str, list[tuple[Tag, str]]] = defaultdict(list)
    query = select(Tag, Editor.pseudonym).join(Editor, col(Editor.id) == Tag.confirmed_by)
    query = query.where(col(Tag.story_id).in_(story_ids)).order_by(col(Tag.story_id), col(Tag.position))
    for tag, pseudonym in await session.exec(query):
        found[tag.story_id].append((tag, pseudonym))
    return found


async def _load_words(session: AsyncSession, found: Sequence[_Found]) -> dict[str, list[str]]:
    """What the publisher says or said of each story."""
    words = {each.story.id: [each.story.title, each.story.summary] for each in found}
    query = select(Revision.story_id, Revision.title, Revision.summary).where(col(Revision.story_id).in_(words))
    for story_id, title, summary in await session.exec(query):
        words[story_id] += [title, summary]
    return words


def _rows(site: Site, found: Iterable[_Found], words: dict[str, list[str]], tiers_now: dict[str, str]) -> Iterator[Row]:
    for each in found:
        item, story, feed = each.item, each.story, each.feed
        withdrawn = item.state == ItemState.WITHDRAWN
        link = web_address(story.url)
        publishers = [] if withdrawn else [clean(text) for text in words[story.id]]
        assert item.uri and item.published_at and item.updated_at and item.decision  # noqa: S101, PT018 - ck_item_complete
        for tag, confirmed_by in each.tags:
            yield Row(
                story_id=story.id,
                uri=item.uri,
                permalink=f"{site.base_url}/stories/{story.id}",
                edition=item.edition_date,
                position=None if withdrawn else each.position,
                state="withdrawn" if withdrawn else "published" if item.correction is None else "corrected",
                partner=tag.partner,
                partner_name=places.name(tag.partner),
                partner_region=places.region(tag.partner),
                partner_order=tag.position,
                tier_then=tag.tier,
                tier_now=tiers_now.get(tag.partner, tag.tier),
                label_en=clean(tag.label_en),
                label_zh=clean(tag.label_zh),
                tier_reason=_text(tag.reason),
                confirmed_by=confirmed_by,
                confirmed_at=tag.confirmed_at,
                headline=None if withdrawn else own_words(story.headline, publishers),
                blurb=None if withdrawn else own_words(story.blurb, publishers),
                link=link,
                language=language_tag(story.language or (feed.language if feed else None)),
                source_id=feed.id if feed else None,
                source_name=clean(feed.name) if feed else (urlsplit(link).hostname or "") if link else "",
                source_url=web_address(feed.homepage or feed.url) if feed else None,
                source_language=language_tag(feed.language) if feed else None,
                source_country=feed.country if feed else None,
                story_date=story.dated_at,
                source_published_at=story.published_at,
                received_at=story.received_at,
                published_at=item.published_at,
                updated_at=item.updated_at,
                correction=None if withdrawn else _text(item.correction),
                withdrawn_at=item.withdrawn_at,
                withdrawn_reason=_text(item.withdrawn_reason),
                editor=each.editor,
                decision=item.decision,
            )


def own_words(text: str | None, publishers: Iterable[str]) -> str | None:
    """A text if an editor wrote it; None where it stands word for word in what the publisher wrote."""
    written = clean(text or "")
    return None if not written or any(written in theirs for theirs in publishers) else written


def _text(text: str | None) -> str | None:
    return clean(text) if text else None


async def count_states(session: AsyncSession) -> list[PassedRow]:
    """How many stories of each source stand in each state, the passed ones by reason."""
    state = case((col(Story.lead_id).is_not(None), "merged"), else_=col(Story.state))
    reason = case((col(Story.lead_id).is_(None), col(Story.pass_reason)), else_=None)
    counts = sa_select(col(Story.feed_id), state, reason, func.count()).group_by(col(Story.feed_id), state, reason)
    found = (await (await session.connection()).execute(counts)).all()
    feeds = {feed.id: feed for feed in await session.exec(select(Feed))}
    rows = []
    for feed_id, standing, why, stories in sorted(found, key=lambda row: tuple(str(part or "") for part in row[:3])):
        feed = feeds.get(feed_id)
        rows.append(
            PassedRow(
                source_id=feed_id,
                source_name=clean(feed.name) if feed else "",
                source_language=language_tag(feed.language) if feed else None,
                source_country=feed.country if feed else None,
                source_region=feed.region if feed else None,
                state=standing,
                reason=why,
                stories=stories,
            )
        )
    return rows
