"""Step 6 of 8: stories become items of the day's edition; people place, order, publish, correct and withdraw them.

An edition rolls: items go public one by one, each by a person's decision, at once or at a time that the
person set. What was public is never deleted: a correction keeps the id, a withdrawal leaves a tombstone.
Order is in ``arranging``, closing in ``closing``, the desk's reads in ``lists``. Called by ``routes`` and
``scheduling``.

next: ``publishing.load``
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.db import WriteSession
from service.desk.arranging import inserted, renumber
from service.desk.lists import edition_view, items_of, require_open, require_room
from service.desk.schemas import CorrectIn, ItemIn
from service.desk.tagging import TagFacts, replace_tags, tag_facts
from service.desk.wire import story_day, story_for_change
from service.errors import FieldError, Invalid, NotFound, NotNow, Stale
from service.journal import record_decision, take_turn
from service.models import Edition, Editor, Item, Tag
from service.words import ItemState, StoryState


async def edition_for_change(
    session: WriteSession, day: date, version: int | None, *, calendar: Calendar, now: datetime
) -> Edition:
    """The day's edition, locked until the transaction ends, its version already counted up.

    ``version`` is the one the editor saw; None for placing a first draft, which needs none.

    Raises:
        Stale: somebody changed the list since; carries it as it stands.
    """
    await take_turn(session)
    edition = (await session.exec(select(Edition).where(Edition.day == day).with_for_update())).one_or_none()
    current = edition.version if edition else 0
    if version is not None and version != current:
        view = await edition_view(session, day, calendar=calendar, now=now)
        raise Stale(
            f"You changed version {version} of this edition, but version {current} is current.",
            current=view.model_dump(mode="json"),
        )
    if edition is None:
        edition = Edition(day=day, zone=calendar.zone.key, opened_at=now, version=0)
    edition.version += 1
    session.add(edition)
    await session.flush()
    return edition


async def item_of(session: WriteSession, edition: Edition, story_id: str) -> Item:
    """The item of this story in this edition.

    Raises:
        NotFound: the story has no place in it.
    """
    item = (await session.exec(select(Item).where(Item.story_id == story_id).with_for_update())).one_or_none()
    if item is None or item.edition_date != edition.day:
        raise NotFound(f"Story {story_id[:40]} has no place in the edition of {edition.day}.")
    return item


async def place_item(
    session: WriteSession, edition: Edition, wanted: ItemIn, *, calendar: Calendar, now: datetime, by: Editor
) -> Item:
    """Give a story its place as a draft, or as scheduled when ``publish_at`` is given.

    Raises:
        NotNow: the edition is closed or full, or the story already has a place.
        Invalid: ``publish_at`` has passed, or the story is not ready to be public.
    """
    require_open(edition)
    story = await story_for_change(session, wanted.story_id, None, now=now, calendar=calendar)
    taken = await session.get(Item, story.id)
    if taken is not None:
        raise NotNow(f"This story already stands in the edition of {taken.edition_date} as {taken.state}.")
    if story.lead_id is not None:
        raise NotNow(f"This story was merged under {story.lead_id}. Place that one, or split it off first.")
    others = await items_of(session, edition.day)
    require_room(others)
    story.headline = wanted.headline or story.headline
    story.blurb = wanted.blurb if wanted.blurb is not None else story.blurb
    story.state, story.pass_reason = StoryState.PICKED, None
    item = Item(story_id=story.id, edition_date=edition.day, position=len(others) + 1, placed_by=by.id, placed_at=now)
    session.add(item)
    await session.flush()
    renumber(inserted(others, item, wanted.position))
    after = {"edition": edition.day.isoformat(), "position": item.position}
    await record_item(session, "place", item, None, after, now=now, by=by, public=False)
    if wanted.publish_at is not None:
        await schedule_item(session, edition, item, at=wanted.publish_at, calendar=calendar, now=now, by=by)
    return item


async def schedule_item(
    session: WriteSession,
    edition: Edition,
    item: Item,
    *,
    at: datetime,
    calendar: Calendar,
    now: datetime,
    by: Editor,
) -> None:
    """Let the clock publish an item; the decision is this editor's, now.

    Raises:
        NotNow: the edition is closed or the item is public already.
        Invalid: the time has passed or lies outside the edition, or the story is not ready to be public.
    """
    require_open(edition)
    if item.state not in (ItemState.DRAFT, ItemState.SCHEDULED):
        raise NotNow(f"This item is {item.state}.")
    begins, cutoff = calendar.begins_at(edition.day), calendar.cutoff_of(edition.day)
    if not max(now, begins) < at < cutoff:
        raise Invalid(
            "An item can only be scheduled for a time to come within its edition.",
            errors=[FieldError("publish_at", f"name a time after now, from {begins} to before {cutoff}")],
        )
    await _require_tags(session, item)
    before = {"state": item.state, "publish_at": item.publish_at.isoformat() if item.publish_at else None}
    item.state, item.publish_at, item.published_by = ItemState.SCHEDULED, at, by.id
    after = {"state": item.state, "publish_at": at.isoformat()}
    await record_item(session, "schedule", item, before, after, now=now, by=by, public=False)


async def _require_tags(session: WriteSession, item: Item) -> TagFacts:
    tags = (await session.exec(select(Tag).where(Tag.story_id == item.story_id))).all()
    if not tags:
        raise Invalid(
            "A public item names at least one partner and its tier. Tag the story first.",
            errors=[FieldError("tags", "there are none")],
        )
    return tag_facts(tags)


async def publish_item(
    session: WriteSession,
    edition: Edition,
    item: Item,
    *,
    calendar: Calendar,
    authority: str,
    now: datetime,
    by: Editor,
    scheduled: bool = False,
) -> None:
    """Make an item public, now, in the name of this editor.

    The source's title is copied where the editor wrote no headline, so that a later change at the source
    does not change what a person published. ``authority`` is our host name, for the tag URI (RFC 4151).

    Raises:
        NotNow: the edition is closed or its day has not begun, or the item is public already.
        Invalid: the story has no tag.
    """
    require_open(edition)
    if item.state not in (ItemState.DRAFT, ItemState.SCHEDULED):
        raise NotNow(f"This item is {item.state}.")
    if edition.day > calendar.day_of(now):
        raise NotNow(
            f"The day of this edition, {edition.day}, has not begun in {calendar.zone.key}. Schedule the item."
        )
    tags = await _require_tags(session, item)
    story = await story_for_change(session, item.story_id, None, now=now, calendar=calendar)
    story.headline = story.headline or story.title
    story.blurb = story.blurb or ""
    uri = f"tag:{authority},{calendar.day_of(now).isoformat()}:{story.id}"
    after = {
        "edition": edition.day.isoformat(),
        "uri": uri,
        "url": story.url,
        "headline": story.headline,
        "blurb": story.blurb,
        "tags": tags,
        "scheduled": scheduled,
    }
    before = {"state": str(item.state)}
    decision = await record_item(session, "publish", item, before, after, now=now, by=by, public=True)
    item.uri, item.decision, item.published_by = uri, decision, by.id
    item.published_at = item.updated_at = now
    item.state, item.publish_at = ItemState.PUBLISHED, None
    await session.flush()


async def correct_item(
    session: WriteSession,
    item: Item,
    wanted: CorrectIn,
    *,
    calendar: Calendar,
    now: datetime,
    by: Editor,
) -> None:
    """Change a public item's words or tags: same id, later ``updated``, and a note that readers see.

    Raises:
        NotNow: the item is not public.
        Invalid: nothing would change, or the tags cannot be accepted.
    """
    if item.state != ItemState.PUBLISHED:
        raise NotNow(f"This item is {item.state}; only a published one is corrected.")
    story = await story_for_change(session, item.story_id, None, now=now, calendar=calendar)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for key in ("headline", "blurb"):
        value = getattr(wanted, key)
        if value is not None and value != getattr(story, key):
            before[key], after[key] = getattr(story, key), value
            setattr(story, key, value)
    if wanted.tags is not None:
        old, new = await replace_tags(session, story, wanted.tags, day=story_day(story, calendar), now=now, by=by)
        if old != new:
            before["tags"], after["tags"] = old, new
    if not after:
        raise Invalid(
            "This correction changes nothing.",
            errors=[FieldError("headline", "give a headline, a blurb or tags that differ")],
        )
    after["note"] = wanted.note
    item.decision = await record_item(session, "correct", item, before, after, now=now, by=by, public=True)
    item.correction, item.updated_at = wanted.note, now


async def withdraw_item(
    session: WriteSession, item: Item, *, reason: str, calendar: Calendar, now: datetime, by: Editor
) -> None:
    """Take a public item back, for good: 410 on its page, a tombstone in the lists.

    Raises:
        NotNow: the item is not public.
    """
    if item.state != ItemState.PUBLISHED:
        raise NotNow(f"This item is {item.state}; only a published one can be withdrawn.")
    await story_for_change(session, item.story_id, None, now=now, calendar=calendar)
    before, after = {"state": "published"}, {"state": "withdrawn", "reason": reason}
    item.decision = await record_item(session, "withdraw", item, before, after, now=now, by=by, public=True)
    item.state, item.withdrawn_reason = ItemState.WITHDRAWN, reason
    item.withdrawn_at = item.updated_at = now
    await session.flush()
    renumber(await items_of(session, item.edition_date))


def is_due(item: Item, *, now: datetime) -> bool:
    """Whether the clock should publish this item now; the same rule as ``due_items`` asks the database."""
    return item.state == ItemState.SCHEDULED and item.publish_at is not None and item.publish_at <= now


async def due_items(session: AsyncSession, *, now: datetime) -> list[Item]:
    """Scheduled items whose time has come, the earliest first."""
    query = select(Item).where(Item.state == ItemState.SCHEDULED, col(Item.publish_at) <= now)
    return list((await session.exec(query.order_by(col(Item.publish_at), col(Item.story_id)))).all())


async def record_item(
    session: WriteSession,
    act: str,
    item: Item,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    *,
    now: datetime,
    by: Editor,
    public: bool,
) -> str:
    """Journal an act on an item; answers the record's hash."""
    record = await record_decision(
        session, act=act, subject=f"story:{item.story_id}", before=before, after=after, now=now, by=by, public=public
    )
    return record.hash
