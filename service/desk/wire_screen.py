"""What the wire's screen shows: a page of stories, the counts beside the filters, and one story in full.

Reads only; the lists are ``wire_lists``'. Counts by source and language look at the newest ``FACETS_MAX`` waiting
stories, so that their cost does not grow with the database; the screen says so where there are more. Called by
``wire_pages``.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import union_all
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.desk import history, schemas
from service.desk.tag_form import TagForm, tag_form
from service.desk.wire import WAITING, get_story, story_view, story_views
from service.models import DeskSession, Editor, Feed, Story
from service.partnerships import places

FACETS_MAX = 10_000
SIBLINGS_MAX = 20
HERE_FOR = timedelta(minutes=15)
"""An editor counts as present this long after their session was last seen; it is noted every ten minutes."""
NO_FORM = TagForm(())
_PLAIN_RULES = frozenset({None, "iso8601", "rfc822"})
"""Dates that say themselves when they are; any other rule assumed or repaired something (``fetching.dates``)."""


Rows = tuple[tuple[str, str, int], ...]
"""What a filter takes, what it is called, how many waiting stories it finds; the most first."""


@dataclass(frozen=True)
class Facets:
    """How many waiting stories there are of each kind."""

    feeds: Rows
    languages: Rows
    regions: Rows
    kinds: Rows
    bounded: bool
    """Whether only the newest were counted."""


@dataclass(frozen=True)
class Pane:
    """One story in full, with its forms."""

    story: schemas.StoryOut
    tags: TagForm
    siblings: tuple[schemas.StoryOut, ...] = ()
    """Those that were merged under it."""
    records: Sequence[schemas.RecordOut] = ()


def is_repaired(rule: str | None) -> bool:
    """Whether a story's time was assumed or mended rather than plainly said by its feed."""
    return rule not in _PLAIN_RULES


async def waiting_facets(session: AsyncSession) -> Facets:
    """Waiting stories counted by source, language, and the sources' regions and kinds."""
    newest = [
        select(col(Story.feed_id), col(Story.language))
        .where(col(Story.state) == state, col(Story.lead_id).is_(None))
        .order_by(col(Story.received_at).desc())
        .limit(FACETS_MAX)
        .subquery()
        for state in WAITING
    ]
    both = union_all(*(select(part.c.feed_id, part.c.language) for part in newest)).subquery()
    grouped = select(both.c.feed_id, both.c.language, func.count()).group_by(both.c.feed_id, both.c.language)
    rows = (await (await session.connection()).execute(grouped)).all()
    known = select(Feed.id, Feed.name, Feed.region, Feed.kind)
    sources = {feed: (name, region, kind) for feed, name, region, kind in await session.exec(known)}
    by_feed = _summed((feed, number) for feed, _, number in rows)
    by_language = _summed((language, number) for _, language, number in rows)
    by_region = _summed((sources[feed][1], number) for feed, number in by_feed.items())
    by_kind = _summed((sources[feed][2], number) for feed, number in by_feed.items())
    return Facets(
        feeds=tuple((feed, sources[feed][0], number) for feed, number in by_feed.most_common()),
        languages=tuple((tag, tag, number) for tag, number in by_language.most_common()),
        regions=tuple((key, places.region_name(key), number) for key, number in by_region.most_common()),
        kinds=tuple((kind, kind, number) for kind, number in by_kind.most_common()),
        bounded=sum(number for *_, number in rows) >= FACETS_MAX,
    )


def _summed(numbers: Iterable[tuple[str | None, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for word, number in numbers:
        if word:
            found[word] += number
    return found


async def story_pane(
    session: AsyncSession,
    story_id: str,
    *,
    added: Sequence[str] = (),
    suggest: bool,
    full: bool = True,
    with_history: bool = False,
    calendar: Calendar,
    now: datetime,
) -> Pane:
    """One story with its tag form (where ``full``), its siblings and, where asked for, its whole life.

    Raises:
        NotFound: there is no such story.
    """
    story = await get_story(session, story_id)
    view = await story_view(session, story, now=now, calendar=calendar)
    form = (
        await tag_form(session, story, view.tags, added=added, suggest=suggest, calendar=calendar) if full else NO_FORM
    )
    query = select(Story).where(Story.lead_id == story_id).order_by(col(Story.id)).limit(SIBLINGS_MAX)
    siblings = (await session.exec(query)).all() if full else ()
    merged = await story_views(session, siblings, now=now, calendar=calendar)
    records = (await history.story_history(session, story_id)).items if with_history else ()
    return Pane(view, form, tuple(merged), records)


async def editors_here(session: AsyncSession, *, now: datetime) -> list[str]:
    """The names of the editors who are signed in and were seen within the last quarter of an hour."""
    query = select(Editor.name).join(DeskSession, col(DeskSession.editor_id) == Editor.id)
    query = query.where(col(DeskSession.seen_at) > now - HERE_FOR, col(DeskSession.expires_at) > now)
    return list((await session.exec(query.distinct().order_by(col(Editor.name)))).all())


async def titles_of(session: AsyncSession, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """What these stories are called, with the language of the words where they are the source's."""
    query = select(Story.id, Story.headline, Story.title, Story.language).where(col(Story.id).in_(ids))
    rows = (await session.exec(query)).all()
    return {story: (headline or title, None if headline else language) for story, headline, title, language in rows}
