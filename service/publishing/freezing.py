"""The digest of a day: as it stands, or frozen for good in the transaction that closes its edition.

Each closing writes a revision of its own; an earlier one stays as it was, and the database refuses to change it.
What was corrected or withdrawn since the last digest is read from the journal: from the closing behind that digest
to the one behind this. Rendering is ``digest``'s. Called by the routes, the command line and, for a closing edition,
by the door that closes it (docs/decisions/0007).
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.db import WriteSession
from service.errors import NotFound
from service.models import Digest, Edition, Item, JournalRecord
from service.publishing import digest
from service.publishing.edition import Correction, Issue, Site, Tombstone
from service.publishing.items import load_items, load_tombstones
from service.publishing.load import load_edition
from service.words import EditionState


async def load_digest(
    session: AsyncSession,
    day: date,
    extension: str,
    *,
    site: Site,
    calendar: Calendar,
    now: datetime,
    revision: int | None = None,
) -> tuple[bytes, bool]:
    """The day's digest, and whether it is frozen: the bytes of a closed edition, else as it stands now.

    Raises:
        NotFound: the day has no such revision.
    """
    if revision is not None:
        asked = await session.get(Digest, (day, revision, extension))
        if asked is None:
            raise NotFound(f"The digest of {day} has no revision {revision}.")
        return asked.body, True
    edition = await session.get(Edition, day)
    if edition is not None and edition.state == EditionState.CLOSED:
        frozen = await latest_digest(session, day, extension)
        if frozen is not None:
            return frozen.body, True
    live = await load_edition(session, day, site=site, calendar=calendar, now=now)
    corrected, withdrawn = await _changes(session, day, site=site, calendar=calendar, now=now)
    return digest.render_digest(live, extension, Issue(corrected=corrected, withdrawn=withdrawn)), False


async def latest_digest(session: AsyncSession, day: date, extension: str) -> Digest | None:
    """The last revision of a day's digest in one format; None for a day that was never closed."""
    query = select(Digest).where(Digest.edition_date == day, Digest.extension == extension)
    return (await session.exec(query.order_by(col(Digest.revision).desc()).limit(1))).one_or_none()


async def freeze_digest(session: WriteSession, day: date, now: datetime, *, site: Site, calendar: Calendar) -> None:
    """Render a closing edition in every digest format and keep the bytes as its next revision.

    The closing is on the record already; whoever closes holds the journal's turn, so numbers are given out one by one.
    """
    edition = await load_edition(session, day, site=site, calendar=calendar, now=now)
    corrected, withdrawn = await _changes(session, day, site=site, calendar=calendar, now=now)
    earlier = await latest_digest(session, day, "json")
    last = (await session.exec(select(func.max(Digest.number)))).one() or 0
    number, revision = (earlier.number, earlier.revision + 1) if earlier else (last + 1, 1)
    issue = Issue(number=number, revision=revision, corrected=corrected, withdrawn=withdrawn)
    closing = select(func.max(JournalRecord.seq)).where(
        JournalRecord.act == "close", JournalRecord.subject == f"edition:{day}"
    )
    close_seq = (await session.exec(closing)).one() or 0
    for extension, media_type in digest.MEDIA_TYPES.items():
        body = digest.render_digest(edition, extension, issue)
        session.add(
            Digest(
                edition_date=day,
                revision=revision,
                extension=extension,
                number=number,
                close_seq=close_seq,
                media_type=media_type,
                body=body,
                sha256=digest.sha256_of(body),
                frozen_at=now,
            )
        )
    await session.flush()


async def _changes(
    session: AsyncSession, day: date, *, site: Site, calendar: Calendar, now: datetime
) -> tuple[tuple[Correction, ...], tuple[Tombstone, ...]]:
    """What was corrected and withdrawn, since the last digest, of what digests had told before."""
    since = await _last_close(session, day)
    if since is None:
        return (), ()
    query = select(JournalRecord).where(
        col(JournalRecord.seq) > since, col(JournalRecord.act).in_(("correct", "withdraw"))
    )
    acts: dict[str, list[JournalRecord]] = defaultdict(list)
    for record in await session.exec(query.order_by(col(JournalRecord.seq))):
        acts[record.subject.removeprefix("story:")].append(record)
    told_at = await _told_at(session, acts, up_to=day)
    news = {
        story_id: later
        for story_id, seq in told_at.items()
        if (later := [record for record in acts[story_id] if record.seq > seq])
    }
    if not news:
        return (), ()
    concerned = [col(Item.story_id).in_(news)]
    items = await load_items(session, site, concerned, today=calendar.day_of(now))
    ordered = sorted(items, key=lambda item: (item.edition, item.position))
    corrected = tuple(
        Correction(item, _headline_before(news[item.id], item.headline), _notes(news[item.id])) for item in ordered
    )
    return corrected, await load_tombstones(session, site, concerned)


async def _last_close(session: AsyncSession, day: date) -> int | None:
    """The closing behind the last digest: of this day if it was closed before, else of the nearest earlier one."""
    nearest = select(func.max(Digest.edition_date)).where(Digest.edition_date <= day).scalar_subquery()
    return (await session.exec(select(func.max(Digest.close_seq)).where(Digest.edition_date == nearest))).one()


async def _told_at(session: AsyncSession, acts: dict[str, list[JournalRecord]], *, up_to: date) -> dict[str, int]:
    """Of these stories those that a digest told, in editions up to a day, with the first closing that did."""
    query = select(col(Item.story_id), col(Item.edition_date)).where(
        col(Item.story_id).in_(acts), Item.edition_date <= up_to
    )
    days = dict((await session.exec(query)).all()) if acts else {}
    subjects = {f"edition:{found}" for found in days.values()}
    closings = select(JournalRecord).where(JournalRecord.act == "close", col(JournalRecord.subject).in_(subjects))
    told: dict[str, int] = {}
    for record in (await session.exec(closings.order_by(col(JournalRecord.seq)))).all() if subjects else ():
        for story_id in record.content()["after"]["order"]:
            told.setdefault(story_id, record.seq)
    return {story_id: told[story_id] for story_id in days if story_id in told}


def _headline_before(acts: Sequence[JournalRecord], headline: str) -> str:
    said: list[dict[str, Any]] = [record.content()["before"] or {} for record in acts]
    return next((str(before["headline"]) for before in said if "headline" in before), headline)


def _notes(acts: Sequence[JournalRecord]) -> tuple[str, ...]:
    said = (record.content()["after"].get("note") for record in acts if record.act == "correct")
    return tuple(str(note) for note in said if note)
