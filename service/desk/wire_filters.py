"""What an editor wants to see of the wire: the filter, its names checked, and its conditions in SQL.

A name that nothing has (a state, feed, region, kind of source or partner) is refused with what may have been meant,
since an empty list would look like news. ``wire_lists`` adds order, place and text.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, String, exists, literal
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select, SelectOfScalar

from service.desk.wire import WAITING
from service.errors import FieldError, Invalid
from service.models import Feed, Sighting, Story, Tag
from service.partnerships import places
from service.words import StoryState

STATES = tuple(state.value for state in StoryState)


@dataclass(frozen=True)
class WireFilter:
    """What to show of the wire; None means any."""

    states: tuple[str, ...] = WAITING
    feed: str | None = None
    """Stories seen in this feed, whichever brought them first."""
    language: str | None = None
    """``pt`` also means ``pt-BR``."""
    region: str | None = None
    """Of the source."""
    kind: str | None = None
    """Of the source."""
    country: str | None = None
    """A partner that the story is tagged with."""
    since: datetime | None = None
    """By the time that the list is ordered by."""
    until: datetime | None = None
    """Before this moment."""


@dataclass(frozen=True)
class Scope:
    """A filter whose names are known to be right, ready to be asked."""

    wanted: WireFilter
    languages: tuple[str, ...] | None
    """Every tag in use that the wanted language stands for."""
    merged_too: bool = False
    """Stories that were merged under another count as well."""

    @property
    def narrow(self) -> bool:
        """Whether anything but state and time is asked for."""
        wanted = self.wanted
        return any((wanted.feed, wanted.language, wanted.region, wanted.kind, wanted.country))

    @property
    def scattered(self) -> bool:
        """Whether what the filter leaves lies in no index in the order of time."""
        return self.wanted.feed is not None or self.wanted.country is not None

    def joined(self, query: Select[str, datetime]) -> list[Select[str, datetime]]:
        """The query held to this scope by indexes, for counting and listing what a narrow filter leaves.

        In parts that share no story: most of what was seen in a feed was brought by it, and lies in an index with its
        state and time; only the others' stories have to be looked up one by one.
        """
        held, feed = self._held(query), self.wanted.feed
        if feed is None:
            return [held]
        own = select(Story.id).where(Story.feed_id == feed, *self._unmerged())
        others = select(Sighting.story_id).where(Sighting.feed_id == feed).except_(own)
        return [
            held.where(col(Story.feed_id) == feed),
            query.where(col(Story.id).in_(others), *self.conditions()),
        ]

    def _held(self, query: Select[str, datetime]) -> Select[str, datetime]:
        if self.wanted.country is not None:
            query = query.join(Tag, col(Tag.story_id) == col(Story.id)).where(col(Tag.partner) == self.wanted.country)
        if self.languages is not None:
            query = query.where(col(Story.language).in_(self.languages))
        if self._sources is not None:
            query = query.where(col(Story.feed_id).in_(self._sources))
        return query.where(col(Story.state).in_(self.wanted.states), *self._unmerged())

    def conditions(self, state: str | None = None) -> list[ColumnElement[bool]]:
        """The scope row by row, for walking stories in the order of some other index.

        With ``state`` only that one is asked for, and the walk may be along the wire's index of it.
        """
        one_of = _plainly(Story.state).in_(self.wanted.states)
        conditions = [one_of if state is None else col(Story.state) == state, *self._unmerged()]
        if self.wanted.country is not None:
            conditions.append(_tagged(self.wanted.country))
        if self.wanted.feed is not None:
            conditions.append(_seen_in(self.wanted.feed))
        if self.languages is not None:
            conditions.append(_plainly(Story.language).in_(self.languages))
        if self._sources is not None:
            conditions.append(_plainly(Story.feed_id).in_(self._sources))
        return conditions

    def _unmerged(self) -> list[ColumnElement[bool]]:
        return [] if self.merged_too else [col(Story.lead_id).is_(None)]

    @property
    def _sources(self) -> SelectOfScalar[str] | None:
        if self.wanted.region is None and self.wanted.kind is None:
            return None
        query = select(Feed.id)
        if self.wanted.region is not None:
            query = query.where(Feed.region == self.wanted.region)
        if self.wanted.kind is not None:
            query = query.where(Feed.kind == self.wanted.kind)
        return query


def _tagged(partner: str) -> ColumnElement[bool]:
    return exists().where(col(Tag.story_id) == col(Story.id), col(Tag.partner) == partner)


def _seen_in(feed: str) -> ColumnElement[bool]:
    return exists().where(col(Sighting.story_id) == col(Story.id), col(Sighting.feed_id) == feed)


def _plainly(column: object) -> ColumnElement[str]:
    """The column as an expression, so that SQLite keeps to the index that gives the order."""
    assert isinstance(column, InstrumentedAttribute)  # noqa: S101 - mapped columns only
    return column.concat(literal("", String))


async def scope_of(session: AsyncSession, wanted: WireFilter, *, merged_too: bool = False) -> Scope:
    """Check the names in a filter.

    Raises:
        Invalid: one error for each name that nothing has, with near matches.
    """
    errors = [
        *(_unknown("state", state, STATES) for state in wanted.states if state not in STATES),
        *await _feed_errors(session, wanted),
    ]
    if wanted.region is not None and wanted.region not in places.regions():
        errors.append(_unknown("region", wanted.region, places.regions()))
    if wanted.country is not None and wanted.country not in places.places():
        errors.append(places.unknown_place("country", wanted.country))
    if errors:
        raise Invalid("The wire cannot be asked for this.", errors=errors)
    languages = None if wanted.language is None else await _languages(session, wanted.language)
    return Scope(wanted, languages, merged_too)


async def _feed_errors(session: AsyncSession, wanted: WireFilter) -> list[FieldError]:
    errors = []
    if wanted.feed is not None or wanted.kind is not None:
        feeds = (await session.exec(select(Feed.id, Feed.kind))).all()
        ids, kinds = [feed for feed, _ in feeds], {kind for _, kind in feeds if kind}
        if wanted.feed is not None and wanted.feed not in ids:
            errors.append(_unknown("feed", wanted.feed, ids))
        if wanted.kind is not None and wanted.kind not in kinds:
            errors.append(_unknown("kind", wanted.kind, kinds))
    return errors


def _unknown(field: str, word: str, known: Iterable[str]) -> FieldError:
    known = sorted(known)
    near = difflib.get_close_matches(word.lower()[:64], known, n=3, cutoff=0.5)
    return FieldError(field, f"there is no {field} '{word[:64]}'", tuple(near or known[:12]))


async def _languages(session: AsyncSession, wanted: str) -> tuple[str, ...]:
    # Hops from one language in use to the next along their index; there are dozens, in any number of stories.
    language = col(Story.language)
    lowest = select(func.min(language)).where(col(Story.lead_id).is_(None))
    tags = select(lowest.scalar_subquery().label("tag")).cte("tags", recursive=True)
    following = lowest.where(language > tags.c.tag).scalar_subquery()
    tags = tags.union_all(select(following).where(tags.c.tag.is_not(None)))
    used = await session.exec(select(tags.c.tag).where(tags.c.tag.is_not(None)))
    asked = wanted.lower()
    return tuple(tag for tag in used if tag.lower() == asked or tag.lower().startswith(f"{asked}-"))
