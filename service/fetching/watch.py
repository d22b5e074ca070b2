"""After publication the source is looked at again: a changed headline, a vanished page, a story that moved.

A published item is found by its row; nobody calls from the desk. Its page is looked at when it went public and 1, 6,
24 and 72 hours later, politely (``looking``); the first look only remembers the page's own headline. What its feed
changes meanwhile counts as well. Each change becomes one alert with both texts, for an editor to judge
(``desk.alerts``); nothing that is published changes by itself. A page that would not answer says nothing: only 404
and 410 mean that it is gone. Called by ``scheduling``.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from service.among import among
from service.db import WriteSession
from service.errors import NotNow
from service.fetching.looking import Look, look_at
from service.fetching.normalize import content_hash
from service.fetching.outcomes import Outcome
from service.fetching.turns import PATIENCE
from service.fetching.vocabulary import BadValue, check_url, feed_host
from service.models import Item, Revision, SourceAlert, Story, Watch, new_id
from service.runtime import Runtime
from service.words import ItemState

log = structlog.get_logger(__name__)

LOOKS = tuple(timedelta(hours=hours) for hours in (0, 1, 6, 24, 72))
"""When a page is looked at, counted from its item's publication."""
_CLAIM = timedelta(minutes=15)
"""When a look that was begun and never noted (a killed process, a busy host) is due again."""
_MOST_LOOKS = 60
"""In one go; the rest is due in the next."""
_AT_ONCE = 8


@dataclass(frozen=True)
class Due:
    """A page to look at."""

    story_id: str
    url: str
    title: str
    """The story's, as its source told it."""
    published_at: datetime
    headline: str | None
    """The page's own at the last look; None before the first one that showed it."""


@dataclass(frozen=True)
class Change:
    """Something that readers of a published item should not learn before its editors."""

    story_id: str
    kind: str
    """``headline_changed``, ``summary_changed``, ``vanished`` or ``moved``."""
    before: str
    after: str


async def check_watches(runtime: Runtime, *, now: datetime, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Begin watching what was published, note what feeds changed, and look at the pages that are due.

    Several processes may do so at once; each page is looked at by one. Answers how many pages were looked at.
    """
    async with runtime.database.write() as session:
        await begin_watches(session, now=now)
        await note_revisions(session, now=now)
        due = await _take_due(session, now=now)
    by_host: dict[str, list[Due]] = {}
    for one in due:
        by_host.setdefault(feed_host(one.url), []).append(one)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def visit(pages: list[Due]) -> int:
        async with slots:
            return await _visit_host(runtime, pages, keep_going, now)

    async with asyncio.TaskGroup() as group:
        visits = [group.create_task(visit(pages)) for pages in by_host.values()]
    return sum(task.result() for task in visits)


async def begin_watches(session: WriteSession, *, now: datetime) -> None:
    """Watch every item that went public in the last three days and is not watched yet; aggregators' links are not."""
    published = (
        select(col(Item.story_id), col(Item.published_at), col(Story.url))
        .join(Story, col(Story.id) == Item.story_id)
        .outerjoin(Watch, col(Watch.story_id) == Item.story_id)
        .where(col(Item.state) == ItemState.PUBLISHED, col(Item.published_at) > now - LOOKS[-1])
        .where(col(Story.opaque).is_(False), col(Watch.story_id).is_(None))
    )
    connection = await session.connection()
    rows = [
        {"story_id": story_id, "next_check_at": at, "until": at + LOOKS[-1], "headline": None}
        for story_id, at, url in await connection.execute(published)
        if at is not None and _askable(url)
    ]
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        await connection.execute(dialect.insert(Watch).on_conflict_do_nothing(), rows)


def _askable(url: str) -> bool:
    try:
        check_url(url)
    except BadValue:  # a story known by its guid alone has no page
        return False
    return True


async def note_revisions(session: WriteSession, *, now: datetime) -> None:
    """Raise an alert for each change that a watched story's own feed made after it was published."""
    changed = (
        select(col(Story.id), col(Story.title), col(Story.summary), col(Revision.title), col(Revision.summary))
        .join(Watch, col(Watch.story_id) == Story.id)
        .join(Item, col(Item.story_id) == Story.id)
        .join(Revision, col(Revision.story_id) == Story.id)
        .where(col(Item.state) == ItemState.PUBLISHED, col(Revision.replaced_at) > col(Item.published_at))
        .order_by(col(Revision.id).desc())
    )
    changes: list[Change] = []
    newer: dict[str, tuple[str, str]] = {}
    for story_id, title, summary, old_title, old_summary in await (await session.connection()).execute(changed):
        new_title, new_summary = newer.get(story_id, (title, summary))
        newer[story_id] = old_title, old_summary
        if not _same_headline(old_title, new_title):
            changes.append(Change(story_id, "headline_changed", old_title, new_title))
        elif content_hash("", old_summary) != content_hash("", new_summary):
            changes.append(Change(story_id, "summary_changed", old_summary, new_summary))
    await _raise_alerts(session, list(reversed(changes)), now=now)


async def _take_due(session: WriteSession, *, now: datetime) -> list[Due]:
    """Pages to look at now, marked so that no other process takes them; watches of what is not public any more end."""
    query = (
        select(col(Watch.story_id), col(Story.url), col(Story.title), col(Item.published_at), col(Watch.headline))
        .add_columns(col(Item.state))
        .join(Story, col(Story.id) == Watch.story_id)
        .join(Item, col(Item.story_id) == Watch.story_id)
        .where(col(Watch.next_check_at) <= now)
        .order_by(col(Watch.next_check_at), col(Watch.story_id))
        .limit(_MOST_LOOKS)
        .with_for_update(of=Watch, skip_locked=True)
    )
    connection = await session.connection()
    rows = (await connection.execute(query)).all()
    ended = [row.story_id for row in rows if row.state != ItemState.PUBLISHED]
    due = [Due(*row[:5]) for row in rows if row.state == ItemState.PUBLISHED]
    await connection.execute(delete(Watch).where(col(Watch.story_id).in_(ended)))
    taken = col(Watch.story_id).in_([one.story_id for one in due])
    await connection.execute(update(Watch).where(taken).values(next_check_at=now + _CLAIM))
    return due


async def _visit_host(runtime: Runtime, pages: Sequence[Due], keep_going: Callable[[], bool], now: datetime) -> int:
    """Look at one host's pages one after the other; answers how many."""
    looked = 0
    for page in pages:
        if not keep_going():
            break
        if looked:
            await asyncio.sleep(runtime.settings.host_gap)
        try:
            look = await look_at(runtime, page.url, patience=PATIENCE, now=now)
        except NotNow:  # its feeds are being fetched: the claim brings this page back
            break
        async with runtime.database.write() as session:
            await _note_look(session, page, look, now=now)
        looked += 1
    return looked


async def _note_look(session: WriteSession, page: Due, look: Look, *, now: datetime) -> None:
    change, headline = judge(page, look)
    if change:
        await _raise_alerts(session, [change], now=now)
    following = next((page.published_at + wait for wait in LOOKS if page.published_at + wait > now), None)
    mine = col(Watch.story_id) == page.story_id
    connection = await session.connection()
    if following is None:
        await connection.execute(delete(Watch).where(mine))
    else:
        await connection.execute(update(Watch).where(mine).values(next_check_at=following, headline=headline))


def judge(page: Due, look: Look) -> tuple[Change | None, str | None]:
    """What a look tells: the change, if there is one, and the headline to compare with from now on.

    A redirect alone is none: some links always redirect, and readers arrive. One that shows another headline is.
    """
    if look.outcome in (Outcome.NOT_FOUND, Outcome.GONE):
        told = page.headline or page.title
        return Change(page.story_id, "vanished", told, "The page is not there any more."), page.headline
    said = look.facts.title
    if said is None:
        return None, page.headline
    if page.headline is None or _same_headline(page.headline, said):
        return None, said
    if look.elsewhere:
        before, after = f"{page.headline} ({page.url})", f"{said} ({look.url})"
        return Change(page.story_id, "moved", before, after), said
    return Change(page.story_id, "headline_changed", page.headline, said), said


def _same_headline(one: str, other: str) -> bool:
    """Letter case, punctuation and white space are no change; every number is."""
    return content_hash(one, "") == content_hash(other, "")


async def _raise_alerts(session: WriteSession, changes: Sequence[Change], *, now: datetime) -> None:
    """Store each change once: page and feed often tell the same one, and the feed's stays visible for days."""
    if not changes:
        return
    told = select(col(SourceAlert.story_id), col(SourceAlert.kind), col(SourceAlert.after))
    ids = sorted({change.story_id for change in changes})
    rows = await (await session.connection()).execute(told.where(among(col(SourceAlert.story_id), ids)))
    known = {(story_id, kind, content_hash(after, "")) for story_id, kind, after in rows}
    for change in changes:
        key = (change.story_id, change.kind, content_hash(change.after, ""))
        if key not in known:
            known.add(key)
            session.add(
                SourceAlert(
                    id=new_id(now),
                    story_id=change.story_id,
                    at=now,
                    kind=change.kind,
                    before=change.before,
                    after=change.after,
                )
            )
            log.info("source_changed", story=change.story_id, kind=change.kind)
