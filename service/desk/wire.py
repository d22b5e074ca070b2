"""Any story with all that hangs on it, as the desk sees it, and the lock under which an act changes it.

Reads only. The wire's lists are in ``wire_lists``; acts on stories are in ``triage``, ``tagging`` and ``editions``,
which answer with ``story_view`` from here.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.db import WriteSession
from service.desk import schemas
from service.desk.second_looks import asked_about
from service.desk.siblings import sibling_hints
from service.errors import FieldError, Invalid, NotFound, Stale
from service.models import Editor, Feed, Item, Note, Revision, Sighting, Story, Tag
from service.partnerships import places, register
from service.words import StoryState

WAITING = (StoryState.NEW.value, StoryState.HELD.value)
"""The states of a story that still needs a decision."""


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
    story.changed_at = max(story.changed_at, now)
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
    sightings = await _sightings(session, ids)
    siblings: dict[str, list[str]] = defaultdict(list)
    merged = select(Story.id, Story.lead_id).where(col(Story.lead_id).in_(ids)).order_by(col(Story.id))
    for sibling, lead in await session.exec(merged):
        siblings[str(lead)].append(sibling)
    placed = {
        item.story_id: schemas.PlaceOut(edition=item.edition_date, position=item.position, state=item.state)
        for item in await session.exec(select(Item).where(col(Item.story_id).in_(ids)))
    }
    feeds = await feed_refs(session, {story.feed_id for story in stories})
    changed = await _source_changes(session, ids)
    hints = await sibling_hints(session, ids)
    notes = await _notes(session, ids)
    asked = await asked_about(session, ids)
    claims = await _claims(session, stories, now)
    tags = await tag_views(session, ids, now=now, calendar=calendar)
    return [
        schemas.StoryOut(
            **story.model_dump(exclude={"key", "feed_id", "content_hash", "lead_id", "claimed_by", "claimed_until"}),
            feed=feeds.get(story.feed_id or ""),
            sightings=sightings[story.id],
            tags=tags[story.id],
            siblings=siblings[story.id],
            sibling_hints=[schemas.SiblingHintOut.model_validate(hint) for hint in hints[story.id]],
            lead=story.lead_id,
            source_changed_at=changed.get(story.id),
            claim=claims.get(story.id),
            asked=asked.get(story.id),
            notes=notes[story.id],
            item=placed.get(story.id),
        )
        for story in stories
    ]


async def _sightings(session: AsyncSession, ids: Sequence[str]) -> dict[str, list[schemas.SightingOut]]:
    query = select(Sighting, Feed.name).join(Feed, col(Feed.id) == Sighting.feed_id)
    query = query.where(col(Sighting.story_id).in_(ids)).order_by(col(Sighting.id))
    found: dict[str, list[schemas.SightingOut]] = defaultdict(list)
    for seen, name in await session.exec(query):
        found[seen.story_id].append(
            schemas.SightingOut(feed=seen.feed_id, feed_name=name, guid=seen.guid, url=seen.url, seen_at=seen.seen_at)
        )
    return found


async def feed_refs(session: AsyncSession, ids: set[str | None]) -> dict[str, schemas.FeedRef]:
    """The sources with these ids, as a story names its own."""
    # Four columns and not the row: a feed carries much that fetching learned.
    query = select(Feed.id, Feed.name, Feed.url, Feed.country).where(col(Feed.id).in_([i for i in ids if i]))
    return {
        feed: schemas.FeedRef(id=feed, name=name, url=url, country=country)
        for feed, name, url, country in await session.exec(query)
    }


async def _source_changes(session: AsyncSession, ids: Sequence[str]) -> dict[str, datetime]:
    query = select(Revision.story_id, func.max(Revision.replaced_at)).where(col(Revision.story_id).in_(ids))
    return dict((await session.exec(query.group_by(col(Revision.story_id)))).all())


async def _notes(session: AsyncSession, ids: Sequence[str]) -> dict[str, list[schemas.NoteOut]]:
    query = select(Note.story_id, Editor.name, Note.at, Note.text).join(Editor, col(Editor.id) == Note.by)
    found: dict[str, list[schemas.NoteOut]] = defaultdict(list)
    for story_id, name, at, text in await session.exec(query.where(col(Note.story_id).in_(ids)).order_by(col(Note.id))):
        found[story_id].append(schemas.NoteOut(by=name, at=at, text=text))
    return found


async def _claims(session: AsyncSession, stories: Sequence[Story], now: datetime) -> dict[str, schemas.ClaimOut]:
    running = {s.id: (s.claimed_by, s.claimed_until) for s in stories if s.claimed_until and s.claimed_until > now}
    if not running:
        return {}
    query = select(Editor.id, Editor.name).where(col(Editor.id).in_({by for by, _ in running.values()}))
    names = dict((await session.exec(query)).all())
    return {
        story_id: schemas.ClaimOut(by=names[by], until=until)
        for story_id, (by, until) in running.items()
        if by is not None and until is not None
    }


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
