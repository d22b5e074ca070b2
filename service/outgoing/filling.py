"""From the journal into the outbox: what was decided since the last look becomes deliveries, each once.

Decisions stand in the journal in the transaction that makes them, and its numbers have no gaps, so a bookmark is all
that has to be remembered: whatever was committed is found, after any crash, and nothing twice. Bookmark and
deliveries are written together. Called by ``sending``, and by the command line for a digest that a person wants sent.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.db import WriteSession
from service.journal import canonical
from service.models import Bookmark, Delivery, Digest, Item, JournalRecord, Story, Tag, Webhook, new_id
from service.outgoing.events import EVENT_OF, Event, Told, payload, topics
from service.publishing.edition import Site
from service.publishing.freezing import latest_digest
from service.publishing.load import newest_day
from service.settings import Settings
from service.words import DeliveryKind, DeliveryState, ItemState

READER = "outgoing"
AT_ONCE = 100
"""Records of one transaction."""
PING_AFTER = timedelta(seconds=3)
"""Several decisions within a moment are one change to a reader."""
MAILED_WITHIN = timedelta(days=2)
"""After its cut-off. A day that is closed later is for the record; a person may still send it."""
SMTP_LANE, HUB_LANE = "smtp", "hub"


@dataclass(frozen=True)
class Addressees:
    """Who is told of what, by the settings."""

    site: Site
    calendar: Calendar
    hub: str | None
    recipients: tuple[str, ...]
    """Empty where no mail server is set."""


def addressees_of(settings: Settings, site: Site) -> Addressees:
    """Who is to be told."""
    recipients = settings.smtp_recipients if settings.smtp_host else ()
    return Addressees(site, settings.calendar, settings.websub_hub or None, recipients)


async def is_behind(session: AsyncSession) -> bool:
    """Whether the journal holds more than was read."""
    last = (await session.exec(select(func.max(JournalRecord.seq)))).one() or 0
    bookmark = await session.get(Bookmark, READER)
    return bookmark is None or bookmark.seq < last


async def fill_outbox(session: WriteSession, whom: Addressees, *, now: datetime) -> int:
    """Read on in the journal and write what is to be sent; answers how many records were read."""
    bookmark = await open_outbox(session)
    query = select(JournalRecord).where(col(JournalRecord.seq) > bookmark.seq)
    records = (await session.exec(query.order_by(col(JournalRecord.seq)).limit(AT_ONCE))).all()
    for record in records:
        event = EVENT_OF.get(record.act)
        told = await _told(session, record, event) if event else None
        if told is not None:
            await _enter(session, record, told, whom, now=now)
    if records:
        bookmark.seq = records[-1].seq
    return len(records)


async def open_outbox(session: WriteSession) -> Bookmark:
    """The bookmark, locked: whoever holds it is the only one who adds to the outbox."""
    query = select(Bookmark).where(Bookmark.reader == READER).with_for_update()
    bookmark = (await session.exec(query)).one_or_none()
    if bookmark is None:  # the migration writes it; a database made of a partial copy may lack it
        bookmark = Bookmark(reader=READER, seq=0)
        session.add(bookmark)
        await session.flush()
    return bookmark


async def _told(session: WriteSession, record: JournalRecord, event: Event) -> Told | None:
    """The decision as others are told of it; None where it is not about anything public."""
    kind, _, name = record.subject.partition(":")
    if kind == "edition":
        if event is Event.ORDERED and not await _order_shows(session, record, date.fromisoformat(name)):
            return None
        return Told(event, record.at, date.fromisoformat(name), record.hash)
    item = await session.get(Item, name)
    if item is None or item.uri is None or not record.public:
        return None
    story = await session.get_one(Story, name)
    tags = (await session.exec(select(Tag).where(Tag.story_id == name).order_by(col(Tag.position)))).all()
    before: dict[str, Any] = record.content()["before"] or {}
    return Told(
        event,
        record.at,
        item.edition_date,
        record.hash,
        story_id=name,
        uri=item.uri,
        tags=tuple((tag.partner, tag.tier) for tag in tags),
        tags_before=tuple((tag["partner"], tag["tier"]) for tag in before.get("tags") or ()),
        language=story.language,
    )


async def _order_shows(session: WriteSession, record: JournalRecord, day: date) -> bool:
    """Whether a new order is one for readers too; they do not see the drafts in it."""
    public = select(Item.story_id).where(Item.edition_date == day, Item.state == ItemState.PUBLISHED)
    shown = set((await session.exec(public)).all())
    content = record.content()
    before, after = ([i for i in content[key]["order"] if i in shown] for key in ("before", "after"))
    return before != after


async def _enter(session: WriteSession, record: JournalRecord, told: Told, whom: Addressees, *, now: datetime) -> None:
    if whom.hub:
        today = whom.calendar.day_of(now)
        for topic in topics(whom.site, told, newest_day=await newest_day(session, today=today)):
            await _want_ping(session, topic, record, now=now)
    body = canonical(payload(whom.site, told))
    for webhook in await session.exec(select(Webhook).where(col(Webhook.enabled))):
        if told.event.value in webhook.events:
            session.add(
                delivery_to(
                    webhook,
                    body,
                    key=f"webhook:{webhook.id}:{record.seq}",
                    subject=record.subject,
                    seq=record.seq,
                    now=now,
                )
            )
    if told.event is Event.CLOSED and now < whom.calendar.cutoff_of(told.day) + MAILED_WITHIN:
        await enter_mails(session, told.day, whom, seq=record.seq, now=now)
    await session.flush()


async def _want_ping(session: WriteSession, topic: str, record: JournalRecord, *, now: datetime) -> None:
    """One row for a topic, whatever happens to it: a change while the last ping waits or is under way asks again."""
    key = f"ping:{topic}"
    ping = (await session.exec(select(Delivery).where(Delivery.key == key).with_for_update())).one_or_none()
    if ping is None:
        ping = Delivery(
            id=f"msg_{new_id(now)}",
            key=key,
            kind=DeliveryKind.PING,
            lane=HUB_LANE,
            target=topic,
            subject=record.subject,
            seq=record.seq,
            created_at=now,
            due_at=now + PING_AFTER,
        )
        session.add(ping)
        await session.flush()
        return
    ping.seq, ping.subject, ping.created_at = record.seq, record.subject, now
    if ping.state != DeliveryState.WAITING:
        ping.state, ping.attempts, ping.finished_at, ping.due_at = DeliveryState.WAITING, 0, None, now + PING_AFTER


def delivery_to(webhook: Webhook, body: str, *, key: str, subject: str, seq: int, now: datetime) -> Delivery:
    """A delivery to a webhook; its id stays the same however often it is tried."""
    return Delivery(
        id=f"msg_{new_id(now)}",
        key=key,
        kind=DeliveryKind.WEBHOOK,
        lane=f"webhook:{webhook.id}",
        target=webhook.id,
        webhook_id=webhook.id,
        subject=subject,
        payload=body,
        seq=seq,
        created_at=now,
        due_at=now,
    )


async def enter_mails(session: WriteSession, day: date, whom: Addressees, *, seq: int, now: datetime) -> Sequence[str]:
    """A mail of the day's latest digest to each address that was not sent this very content; answers their keys.

    Empty for a digest that says nothing: no item, and no correction or withdrawal of one that was sent. The same
    content closed again has the same key, so nobody gets it twice.
    """
    frozen = await latest_digest(session, day, "json")
    if frozen is None:
        return ()
    content = json.loads(frozen.body)
    while frozen.revision > 1 and not _changes(content):
        earlier = await session.get_one(Digest, (day, frozen.revision - 1, "json"))
        if json.loads(earlier.body)["hash"] != content["hash"]:
            break
        frozen, content = earlier, json.loads(earlier.body)
    if not says_something(content):
        return ()
    said = hashlib.sha256(canonical([content["hash"], content["since_last_digest"]]).encode()).hexdigest()
    keys = [f"mail:{day.isoformat()}:{said}:{address}" for address in whom.recipients]
    known = set((await session.exec(select(Delivery.key).where(col(Delivery.key).in_(keys)))).all())
    for key, address in zip(keys, whom.recipients, strict=True):
        if key not in known:
            session.add(_mail(frozen, key=key, address=address, seq=seq, now=now))
    await session.flush()
    return keys


def _mail(frozen: Digest, *, key: str, address: str, seq: int, now: datetime) -> Delivery:
    return Delivery(
        id=f"msg_{new_id(now)}",
        key=key,
        kind=DeliveryKind.MAIL,
        lane=SMTP_LANE,
        target=address,
        subject=f"edition:{frozen.edition_date.isoformat()}",
        payload=canonical({"day": frozen.edition_date.isoformat(), "revision": frozen.revision}),
        seq=seq,
        created_at=now,
        due_at=now,
    )


def says_something(digest: dict[str, Any]) -> bool:
    """Whether a digest, as its JSON, tells anything: a day that nobody filled is not mailed as if it were news."""
    return bool(digest["items"]) or _changes(digest)


def _changes(digest: dict[str, Any]) -> bool:
    changed = digest.get("since_last_digest") or {}
    return bool(changed.get("corrected") or changed.get("withdrawn"))
