"""Step 7 of 8: published rows → one frozen ``PublicEdition``. The only queries of this stage.

Drafts, scheduled items and notes are never read here, so no format can leak one. Withdrawn items come out
as tombstones only. Called by ``routes`` and, for the digest of a closing edition, by the door that closes it.

next: ``publishing.formats.rss``
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement
from sqlalchemy import select as sa_select
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.db import WriteSession
from service.errors import Gone, NotFound
from service.journal import history_of
from service.models import Digest, Edition, Editor, Feed, Item, Story, Tag
from service.partnerships import places, register
from service.publishing import digest
from service.publishing.edition import PublicEdition, PublicItem, PublicSource, PublicTag, Site, Tombstone
from service.words import EditionState, ItemState

STREAM_PAGE = 50
TOMBSTONES_FOR = timedelta(days=60)
"""How long a stream keeps saying that an item was withdrawn."""


async def load_edition(
    session: AsyncSession, day: date, *, site: Site, calendar: Calendar, now: datetime
) -> PublicEdition:
    """The list of one day, in the editors' order; empty and open when nobody placed anything."""
    edition = await session.get(Edition, day)
    items = await _load_items(session, site, [col(Item.edition_date) == day], today=calendar.day_of(now))
    tombstones = await _load_tombstones(session, site, [col(Item.edition_date) == day])
    previous, following = await _neighbours(session, day)
    changes = [i.updated_at for i in items] + [t.withdrawn_at for t in tombstones]
    closed_at = edition.closed_at if edition else None
    return PublicEdition(
        site=site,
        title=f"{site.title}, {day.isoformat()}",
        description=f"China and the Global South on {day.isoformat()}: chosen, ordered and tagged by people.",
        path=f"/editions/{day.isoformat()}",
        items=items,
        updated_at=max([*changes, *([closed_at] if closed_at else [])], default=calendar.begins_at(day)),
        tombstones=tombstones,
        day=day,
        state=edition.state if edition else EditionState.OPEN,
        closed_at=closed_at,
        cutoff_at=calendar.cutoff_of(day),
        previous=previous,
        next=following,
    )


async def load_daily(session: AsyncSession, *, site: Site, calendar: Calendar, now: datetime) -> PublicEdition:
    """Today's list; before the first item of a day, the last day that has one, under its own date."""
    today = calendar.day_of(now)
    query = select(func.max(Item.edition_date)).where(
        Item.state == ItemState.PUBLISHED, col(Item.edition_date) <= today
    )
    day = (await session.exec(query)).one() or today
    edition = await load_edition(session, day, site=site, calendar=calendar, now=now)
    return replace(
        edition,
        title=site.title,
        description="The day's stories on China and the Global South: chosen, ordered and tagged by people.",
        path="/daily",
    )


async def load_latest(session: AsyncSession, *, site: Site, calendar: Calendar, now: datetime) -> PublicEdition:
    """The running stream of published items, newest first."""
    items = await _load_items(session, site, [], today=calendar.day_of(now), stream=True)
    tombstones = await _load_tombstones(session, site, [col(Item.withdrawn_at) >= now - TOMBSTONES_FOR])
    changes = [i.updated_at for i in items] + [t.withdrawn_at for t in tombstones]
    return PublicEdition(
        site=site,
        title=f"{site.title}: latest",
        description="Every published story, the newest first.",
        path="/latest",
        items=items,
        updated_at=max(changes, default=calendar.begins_at(calendar.day_of(now))),
        tombstones=tombstones,
    )


async def load_item(
    session: AsyncSession, story_id: str, *, site: Site, calendar: Calendar, now: datetime
) -> PublicItem:
    """One published item.

    Raises:
        NotFound: it is not public and never was.
        Gone: it was withdrawn; the message gives the reason.
    """
    items = await _load_items(session, site, [col(Item.story_id) == story_id], today=calendar.day_of(now))
    if items:
        return items[0]
    withdrawn = await _load_tombstones(session, site, [col(Item.story_id) == story_id])
    if withdrawn:
        raise Gone(f"This story was withdrawn on {withdrawn[0].withdrawn_at.date()}: {withdrawn[0].reason}")
    raise NotFound("There is no published story here.")


async def list_days(session: AsyncSession) -> list[tuple[date, int]]:
    """The days that have a published item, newest first, with how many."""
    day = col(Item.edition_date)
    query = sa_select(day, func.count()).where(col(Item.state) == ItemState.PUBLISHED)
    rows = await (await session.connection()).execute(query.group_by(day).order_by(day.desc()))
    return [(day, count) for day, count in rows]


async def load_digest(
    session: AsyncSession,
    day: date,
    extension: str,
    *,
    site: Site,
    calendar: Calendar,
    now: datetime,
) -> tuple[bytes, datetime]:
    """The day's digest and when it last changed: the frozen bytes of a closed edition, else as it stands now."""
    edition = await session.get(Edition, day)
    if edition is not None and edition.state == EditionState.CLOSED:
        frozen = await session.get(Digest, (day, extension))
        if frozen is not None:
            return frozen.body, frozen.frozen_at
    live = await load_edition(session, day, site=site, calendar=calendar, now=now)
    return digest.render_digest(live, extension), live.updated_at


async def freeze_digest(session: WriteSession, day: date, now: datetime, *, site: Site, calendar: Calendar) -> None:
    """Render a closing edition in every digest format and keep the bytes."""
    edition = await load_edition(session, day, site=site, calendar=calendar, now=now)
    for extension, media_type in digest.MEDIA_TYPES.items():
        body = digest.render_digest(edition, extension)
        await session.merge(
            Digest(
                edition_date=day,
                extension=extension,
                media_type=media_type,
                body=body,
                sha256=digest.sha256_of(body),
                frozen_at=now,
            )
        )


async def _neighbours(session: AsyncSession, day: date) -> tuple[date | None, date | None]:
    public = Item.state == ItemState.PUBLISHED
    before = select(func.max(Item.edition_date)).where(public, col(Item.edition_date) < day)
    after = select(func.min(Item.edition_date)).where(public, col(Item.edition_date) > day)
    return (await session.exec(before)).one(), (await session.exec(after)).one()


async def _load_items(
    session: AsyncSession,
    site: Site,
    conditions: Sequence[ColumnElement[bool]],
    *,
    today: date,
    stream: bool = False,
) -> tuple[PublicItem, ...]:
    # The place among what is public: drafts between two items must not show as a gap.
    other = aliased(Item)
    place = select(func.count()).where(
        other.edition_date == Item.edition_date,
        other.state == ItemState.PUBLISHED,
        col(other.position) <= Item.position,
    )
    query = (
        sa_select(Item, Story, Feed, Editor, place.scalar_subquery())
        .join(Story, col(Story.id) == Item.story_id)
        .join(Editor, col(Editor.id) == Item.published_by)
        .outerjoin(Feed, col(Feed.id) == Story.feed_id)
        .where(col(Item.state) == ItemState.PUBLISHED, *conditions)
    )
    if stream:
        query = query.order_by(col(Item.published_at).desc(), col(Item.story_id).desc()).limit(STREAM_PAGE)
    else:
        query = query.order_by(col(Item.position), col(Item.story_id))
    rows = (await session.exec(query)).all()  # type: ignore[call-overload]  # SQLModel types four columns at most
    tags = await _load_tags(session, [item.story_id for item, *_ in rows], today=today)
    return tuple(
        _public(site, item, story, feed, editor, tags[item.story_id], position)
        for item, story, feed, editor, position in rows
    )


def _public(
    site: Site, item: Item, story: Story, feed: Feed | None, editor: Editor, tags: tuple[PublicTag, ...], position: int
) -> PublicItem:
    assert item.uri and item.published_at and item.updated_at and item.decision  # noqa: S101, PT018 - ck_item_complete
    return PublicItem(
        id=story.id,
        uri=item.uri,
        permalink=f"{site.base_url}/stories/{story.id}",
        source_url=story.url,
        edition=item.edition_date,
        position=item.position,
        headline=story.headline or story.title,
        blurb=story.blurb or "",
        language=story.language,
        source=PublicSource(
            name=feed.name if feed else "", url=feed.homepage or feed.url if feed else None,
            language=feed.language if feed else None,
        ),
        tags=tags,
        editor=editor.name,
        source_published_at=story.published_at,
        published_at=item.published_at,
        updated_at=item.updated_at,
        correction=item.correction,
        decision=item.decision,
    )  # fmt: skip


async def _load_tags(
    session: AsyncSession, story_ids: Sequence[str], *, today: date
) -> dict[str, tuple[PublicTag, ...]]:
    query = select(Tag).where(col(Tag.story_id).in_(story_ids)).order_by(col(Tag.position))
    rows = (await session.exec(query)).all() if story_ids else []
    standings = await register.standings(session, on=today, partners={tag.partner for tag in rows})
    found: dict[str, list[PublicTag]] = defaultdict(list)
    for tag in rows:
        found[tag.story_id].append(
            PublicTag(
                code=tag.partner,
                name=places.name(tag.partner, "en"),
                flag=places.flag(tag.partner),
                region=places.region(tag.partner),
                tier=tag.tier,
                label_en=tag.label_en,
                label_zh=tag.label_zh,
                tier_now=standings[tag.partner].tier,
            )
        )
    return {story_id: tuple(found[story_id]) for story_id in story_ids}


async def _load_tombstones(
    session: AsyncSession, site: Site, conditions: Sequence[ColumnElement[bool]]
) -> tuple[Tombstone, ...]:
    query = select(Item).where(Item.state == ItemState.WITHDRAWN, *conditions)
    items = await session.exec(query.order_by(col(Item.withdrawn_at).desc(), col(Item.story_id)))
    return tuple(
        Tombstone(
            id=item.story_id,
            uri=item.uri or "",
            permalink=f"{site.base_url}/stories/{item.story_id}",
            withdrawn_at=item.withdrawn_at,
            reason=item.withdrawn_reason or "",
        )
        for item in items
        if item.withdrawn_at is not None
    )


@dataclass(frozen=True)
class PublicDecision:
    """One public record about a story, as its page shows it."""

    at: datetime
    by: str
    """The editor's pseudonym: the ledger names nobody."""
    act: str
    note: str | None
    hash: str


async def public_record(session: AsyncSession, story_id: str) -> list[PublicDecision]:
    """The public decisions about a story, oldest first."""
    found = []
    for record in await history_of(session, f"story:{story_id}"):
        if record.public:
            content = record.content()
            after = content["after"] or {}
            found.append(
                PublicDecision(
                    record.at, content["by"], record.act, after.get("note") or after.get("reason"), record.hash
                )
            )
    return found


async def ping(session: AsyncSession) -> None:
    """Ask the database for something trivial."""
    await session.exec(select(1))
