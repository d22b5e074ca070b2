"""The wire: the stories that wait for an editor, and any one story with all that hangs on it.

Reads only. Order is time received or the source's time, never a rank. Acts on stories are in ``triage``,
``tagging`` and ``editions``; they answer with ``story_view`` from here.
"""

import base64
import binascii
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.db import WriteSession
from service.desk import schemas
from service.errors import FieldError, Invalid, NotFound, Stale
from service.journal import history_of
from service.models import Editor, Feed, Item, JournalRecord, Note, Sighting, Story, Tag
from service.partnerships import places, register
from service.words import StoryState

WAITING = (StoryState.NEW.value, StoryState.HELD.value)
PAGE_MAX = 200


@dataclass(frozen=True)
class WireFilter:
    """What to show of the wire; None means any."""

    states: tuple[str, ...] = WAITING
    feed: str | None = None
    language: str | None = None
    region: str | None = None
    country: str | None = None
    text: str | None = None
    since: datetime | None = None


Sort = Literal["received", "source"]


async def list_stories(
    session: AsyncSession,
    wanted: WireFilter,
    *,
    sort: Sort = "received",
    cursor: str | None = None,
    limit: int = 50,
    now: datetime,
    calendar: Calendar,
) -> schemas.StoryPage:
    """One page, newest first. The cursor names the last story shown, so arrivals neither shift nor repeat.

    Raises:
        Invalid: the cursor is not one that this list gave out.
    """
    moment = col(Story.received_at) if sort == "received" else col(Story.dated_at)
    conditions = _conditions(wanted)
    total = (await session.exec(select(func.count()).select_from(Story).where(*conditions))).one()
    if cursor:
        at, story_id = _read_cursor(cursor)
        conditions.append(or_(moment < at, and_(moment == at, col(Story.id) < story_id)))
    query = select(Story).where(*conditions).order_by(moment.desc(), col(Story.id).desc()).limit(limit + 1)
    stories = list((await session.exec(query)).all())
    more = len(stories) > limit
    stories = stories[:limit]
    last = stories[-1] if more else None
    return schemas.StoryPage(
        items=await story_views(session, stories, now=now, calendar=calendar),
        next=_write_cursor(last.received_at if sort == "received" else last.dated_at, last.id) if last else None,
        total=total,
    )


def _conditions(wanted: WireFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [col(Story.state).in_(wanted.states), col(Story.lead_id).is_(None)]
    if wanted.feed is not None:
        conditions.append(col(Story.id).in_(select(Sighting.story_id).where(Sighting.feed_id == wanted.feed)))
    if wanted.language is not None:
        primary = wanted.language.lower()
        language = func.lower(col(Story.language))
        conditions.append(or_(language == primary, language.startswith(f"{primary}-", autoescape=True)))
    if wanted.region is not None:
        conditions.append(col(Story.feed_id).in_(select(Feed.id).where(Feed.region == wanted.region)))
    if wanted.country is not None:
        conditions.append(col(Story.id).in_(select(Tag.story_id).where(Tag.partner == wanted.country)))
    if wanted.since is not None:
        conditions.append(col(Story.received_at) >= wanted.since)
    for word in (wanted.text or "").split():
        conditions.append(
            or_(
                col(Story.title).icontains(word, autoescape=True),
                col(Story.summary).icontains(word, autoescape=True),
            )
        )
    return conditions


def _write_cursor(moment: datetime, story_id: str) -> str:
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {story_id}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, _, story_id = base64.urlsafe_b64decode(padded.encode("ascii")).decode("ascii").partition(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), story_id
    except (ValueError, binascii.Error, UnicodeError, OverflowError) as error:
        raise Invalid(
            "That cursor is not one of ours. Begin again without it.",
            errors=[FieldError("cursor", "use the value of `next` from the page before")],
        ) from error


def aware(moment: datetime | None, calendar: Calendar) -> datetime | None:
    """A moment as the client meant it: one without a zone is the newsroom's wall time."""
    if moment is None:
        return None
    placed = moment if moment.tzinfo is not None else moment.replace(tzinfo=calendar.zone)
    try:
        return placed.astimezone(UTC)
    except OverflowError as error:  # the first and the last day that a datetime can hold
        raise Invalid(
            "That moment cannot be searched for.", errors=[FieldError("since", "name a moment after the year 1")]
        ) from error


async def get_story(session: AsyncSession, story_id: str) -> Story:
    """One story.

    Raises:
        NotFound: there is none with this id.
    """
    story = await session.get(Story, story_id)
    if story is None:
        raise NotFound(f"There is no story {story_id[:40]}.")
    return story


async def story_for_change(
    session: WriteSession, story_id: str, version: int | None, *, now: datetime, calendar: Calendar
) -> Story:
    """One story, locked until the transaction ends, its version already counted up.

    ``version`` is the one the editor saw; None where the act creates something and needs none.

    Raises:
        NotFound: there is none with this id.
        Stale: somebody changed it since; carries the story as it stands.
    """
    query = select(Story).where(Story.id == story_id).with_for_update()
    story = (await session.exec(query)).one_or_none()
    if story is None:
        raise NotFound(f"There is no story {story_id[:40]}.")
    if version is not None and story.version != version:
        view = await story_view(session, story, now=now, calendar=calendar)
        raise Stale(
            f"You changed version {version}, but version {story.version} is current. Look at it and try again.",
            current=view.model_dump(mode="json"),
        )
    story.version += 1
    session.add(story)
    return story


def story_day(story: Story, calendar: Calendar) -> date:
    """The day by which a story's tiers are read, in the newsroom's zone."""
    return calendar.day_of(story.dated_at)


async def story_view(session: AsyncSession, story: Story, *, now: datetime, calendar: Calendar) -> schemas.StoryOut:
    """One story as the API answers it."""
    return (await story_views(session, [story], now=now, calendar=calendar))[0]


async def story_views(
    session: AsyncSession, stories: Sequence[Story], *, now: datetime, calendar: Calendar
) -> list[schemas.StoryOut]:
    """Stories as the API answers them, in the given order; a fixed number of queries however many."""
    ids = [story.id for story in stories]
    if not ids:
        return []
    feeds = await _by_id(session, Feed, {story.feed_id for story in stories})
    sightings: dict[str, list[schemas.SightingOut]] = defaultdict(list)
    seen = select(Sighting, Feed.name).join(Feed, col(Feed.id) == Sighting.feed_id)
    for sighting, name in await session.exec(seen.where(col(Sighting.story_id).in_(ids)).order_by(col(Sighting.id))):
        sightings[sighting.story_id].append(
            schemas.SightingOut(
                feed=sighting.feed_id, feed_name=name, guid=sighting.guid, url=sighting.url, seen_at=sighting.seen_at
            )
        )
    siblings: dict[str, list[str]] = defaultdict(list)
    merged = select(Story.id, Story.lead_id).where(col(Story.lead_id).in_(ids)).order_by(col(Story.id))
    for sibling, lead in await session.exec(merged):
        siblings[str(lead)].append(sibling)
    items = {i.story_id: i for i in await session.exec(select(Item).where(col(Item.story_id).in_(ids)))}
    notes: dict[str, list[Note]] = defaultdict(list)
    for note in await session.exec(select(Note).where(col(Note.story_id).in_(ids)).order_by(col(Note.id))):
        notes[note.story_id].append(note)
    wanted = {n.by for group in notes.values() for n in group} | {story.claimed_by for story in stories}
    editors = await _by_id(session, Editor, wanted)
    tags = await tag_views(session, ids, now=now, calendar=calendar)
    return [
        _assemble(story, feeds, sightings[story.id], tags[story.id], siblings[story.id], items.get(story.id),
                  [schemas.NoteOut(by=editors[n.by].name, at=n.at, text=n.text) for n in notes[story.id]],
                  editors, now)
        for story in stories
    ]  # fmt: skip


def _assemble(
    story: Story,
    feeds: dict[str, Feed],
    sightings: list[schemas.SightingOut],
    tags: list[schemas.TagOut],
    siblings: list[str],
    item: Item | None,
    notes: list[schemas.NoteOut],
    editors: dict[str, Editor],
    now: datetime,
) -> schemas.StoryOut:
    claim = None
    if story.claimed_by and story.claimed_until and story.claimed_until > now:
        claim = schemas.ClaimOut(by=editors[story.claimed_by].name, until=story.claimed_until)
    feed = feeds.get(story.feed_id or "")
    return schemas.StoryOut(
        **story.model_dump(exclude={"key", "feed_id", "content_hash", "lead_id", "claimed_by", "claimed_until"}),
        feed=schemas.FeedRef(id=feed.id, name=feed.name, url=feed.url) if feed else None,
        sightings=sightings,
        tags=tags,
        siblings=siblings,
        lead=story.lead_id,
        claim=claim,
        notes=notes,
        item=schemas.PlaceOut(edition=item.edition_date, position=item.position, state=item.state) if item else None,
    )


async def tag_views(
    session: AsyncSession, story_ids: Sequence[str], *, now: datetime, calendar: Calendar
) -> dict[str, list[schemas.TagOut]]:
    """The tags of several stories in the editor's order, each with the tier of its date and today's."""
    found: dict[str, list[schemas.TagOut]] = {story_id: [] for story_id in story_ids}
    query = select(Tag, Editor.name).join(Editor, col(Editor.id) == Tag.confirmed_by)
    query = query.where(col(Tag.story_id).in_(story_ids)).order_by(col(Tag.position))
    rows = (await session.exec(query)).all()
    if not rows:
        return found
    partners = {tag.partner for tag, _ in rows}
    today = await register.standings(session, on=calendar.day_of(now), partners=partners)
    for tag, editor in rows:
        found[tag.story_id].append(
            schemas.TagOut(
                **tag.model_dump(exclude={"story_id", "position", "confirmed_by"}),
                name=places.name(tag.partner, "en"),
                tier_now=today[tag.partner].tier,
                confirmed_by=editor,
            )
        )
    return found


async def story_history(session: AsyncSession, story_id: str) -> schemas.HistoryOut:
    """Every decision about a story, oldest first.

    Raises:
        NotFound: there is no such story.
    """
    await get_story(session, story_id)
    records = await history_of(session, f"story:{story_id}")
    editors = await _by_id(session, Editor, {record.by for record in records})
    return schemas.HistoryOut(items=[record_view(record, editors) for record in records])


def record_view(record: JournalRecord, editors: dict[str, Editor]) -> schemas.RecordOut:
    """A journal record as the desk sees it: with the editor's name instead of the pseudonym."""
    payload = record.content()
    name = editors[record.by].name if record.by else str(payload["by"])
    return schemas.RecordOut(
        at=record.at, by=name, act=record.act, before=payload["before"], after=payload["after"], hash=record.hash
    )


async def _by_id(session: AsyncSession, model: type[Any], ids: set[str | None]) -> dict[str, Any]:
    wanted = [i for i in ids if i is not None]
    if not wanted:
        return {}
    return {row.id: row for row in await session.exec(select(model).where(model.id.in_(wanted)))}
