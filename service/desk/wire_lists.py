"""The wire in pages: waiting stories by time, search by words, and what changed since a moment.

Every page costs a fixed number of queries, and none of them grows with the number of stories. What makes that so:

* Stories of one state lie in an index in the wire's order; a list of several states takes the first of each
  (``_walk``).
* Counting stops at ``COUNT_MAX``, and the page says so (``total_is_lower_bound``).
* A narrow filter (a feed, a country …) that leaves no more than that, or than ``READ_MAX``, is read whole and
  ordered. One that leaves more is met often enough on a walk.
* Words are looked for in whichever is few, the filter's stories or the index's hits; where both are many, the
  newest hits fill the page soon (``_search``).

Order is time received or the source's time, never a rank. Called by ``wire_routes``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, desc, or_, union_all
from sqlalchemy.sql.selectable import CTE, Subquery
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.desk import schemas, search
from service.desk.cursors import read_cursor, read_moment, write_cursor
from service.desk.search_text import Phrase, parse_query
from service.desk.wire import WAITING, story_views
from service.desk.wire_filters import STATES, Scope, WireFilter, scope_of
from service.models import SearchEntry, Story

PAGE_MAX = 200
COUNT_MAX = 2_000
"""Lists are counted up to here."""
READ_MAX = 10_000
"""Stories that a filter which no index keeps in order (a feed, a partner) may leave to be read and put in order."""
LOOK_MAX = 1_000
"""Stories that a search looks at one by one; beyond that it goes by the index's own order."""

Sort = Literal["received", "source"]
_MANY = 1_000_000
"""More than ``LOOK_MAX``: keeps two counts apart in one number."""
NUMBER, STORY_ID = col(SearchEntry.number), col(Story.id)


@dataclass(frozen=True)
class _Page:
    """One page before it is dressed for the desk."""

    stories: list[Story]
    next: str | None
    total: int
    bounded: bool = False


async def list_stories(
    session: AsyncSession,
    wanted: WireFilter,
    *,
    text: str | None = None,
    sort: Sort = "received",
    cursor: str | None = None,
    limit: int = 50,
    now: datetime,
    calendar: Calendar,
) -> schemas.StoryPage:
    """One page, newest first. The cursor names the last story shown, so arrivals neither shift nor repeat.

    ``text`` is searched in title, summary, headline and blurb (``search_text.parse_query``); the caller has brought
    the index up to date. Sorted by the source's time, a word that more than ``LOOK_MAX`` stories hold is looked
    for in the newest received of them only.

    Raises:
        Invalid: the filter names what does not exist, or the cursor is not one that this list gave out.
    """
    scope = await scope_of(session, wanted)
    listing = _Listing(session, scope, sort, cursor, limit)
    phrases = parse_query(text or "")
    if phrases:
        page = await _search(listing, phrases)
    elif (text or "").strip():
        page = _Page([], None, 0)  # nothing but punctuation: no story holds it as a word
    else:
        page = await _browse(listing)
    return await _answer(session, page, now=now, calendar=calendar)


async def list_changes(
    session: AsyncSession,
    wanted: WireFilter,
    *,
    since: datetime,
    cursor: str | None = None,
    limit: int = 50,
    now: datetime,
    calendar: Calendar,
) -> schemas.StoryPage:
    """What changed at or after ``since``, the longest ago first, merged stories included.

    A story that changes while a client reads moves to the end, so it is met again and never missed. A client that
    has read to the end asks again from the last ``changed_at`` it saw, less a minute: an act that was under way then
    carries the time at which it began.

    Raises:
        Invalid: as ``list_stories``.
    """
    scope = await scope_of(session, wanted, merged_too=True)
    changed: Any = col(Story.changed_at)
    key = f"changes {since} {wanted}"
    conditions = [*scope.conditions(), changed >= since]
    counted = select(func.count()).select_from(select(STORY_ID).where(*conditions).limit(COUNT_MAX + 1).subquery())
    if cursor:
        moment, story_id = read_cursor(key, cursor)
        at = read_moment(moment)
        conditions += [changed >= at, or_(changed > at, story_id < STORY_ID)]
    query = select(Story, counted.scalar_subquery()).where(*conditions).order_by(changed, STORY_ID).limit(limit + 1)
    rows = (await session.exec(query)).all()
    total = rows[0][1] if rows else (await session.exec(counted)).one()
    stories = [story for story, _ in rows[:limit]]
    next_cursor = write_cursor(key, stories[-1].changed_at, stories[-1].id) if len(rows) > limit else None
    page = _Page(stories, next_cursor, min(total, COUNT_MAX), total > COUNT_MAX)
    return await _answer(session, page, now=now, calendar=calendar)


async def count_stories(session: AsyncSession) -> schemas.StoryCounts:
    """How many stories stand in each state, up to ``COUNT_MAX``, and since when the oldest one waits."""
    unmerged = col(Story.lead_id).is_(None)
    counts = [
        select(func.count())
        .select_from(select(STORY_ID).where(Story.state == state, unmerged).limit(COUNT_MAX + 1).subquery())
        .scalar_subquery()
        for state in STATES
    ]
    oldest = [
        select(func.min(col(Story.received_at))).where(Story.state == state, unmerged).scalar_subquery()
        for state in WAITING
    ]
    row = (await (await session.connection()).execute(select(*counts, *oldest))).one()
    found = dict(zip(STATES, row[: len(STATES)], strict=True))
    waiting = [moment for moment in row[len(STATES) :] if moment is not None]
    return schemas.StoryCounts(
        counts={state: min(count, COUNT_MAX) for state, count in found.items()},
        lower_bounds=[state for state, count in found.items() if count > COUNT_MAX],
        oldest_waiting_at=min(waiting, default=None),
    )


class _Listing:
    """What one page needs to know: the scope, its order, and where the page begins."""

    def __init__(self, session: AsyncSession, scope: Scope, sort: Sort, cursor: str | None, limit: int) -> None:
        self.session, self.scope, self.sort, self.cursor, self.limit = session, scope, sort, cursor, limit
        self.moment: Any = col(Story.received_at if sort == "received" else Story.dated_at)

    def key(self, kind: str) -> str:
        """What a cursor of this list belongs to."""
        return f"{kind} {self.sort} {self.scope.wanted}"

    def within(self) -> list[ColumnElement[bool]]:
        """The span of time that is asked for."""
        wanted = self.scope.wanted
        after = [self.moment >= wanted.since] if wanted.since else []
        return after + ([self.moment < wanted.until] if wanted.until else [])

    def candidates(self, most: int) -> CTE:
        """Id and time of what the filter leaves, up to one more than ``most``, in no order."""
        query = select(Story.id, self.moment.label("moment")).where(*self.within())
        first, *others = self.scope.joined(query)
        found: Any = first.union_all(*others) if others else first
        return found.limit(most + 1).cte("candidates")  # type: ignore[no-any-return]  # one query or several

    async def count(self, rows: Any) -> int:
        """How many rows a subquery has."""
        number: int = (await self.session.exec(counted(rows))).one()
        return number

    async def page(self, rows: Any, total: Any, *, kind: str, most: int, by: str = "moment") -> _Page:
        """The page of a subquery's rows, the highest ``by`` moment or number first.

        ``total`` is a query for one number; more than ``most`` only means that there are more.
        """
        order, story_id = rows.c[by], rows.c.id
        query: Any = select(story_id, order, total.scalar_subquery().label("total"))
        if self.cursor:
            query = query.where(self.before(order, story_id, kind=kind))
        # First which ones, then what they say: only a page of stories is read whole.
        shown = query.order_by(order.desc(), story_id.desc()).limit(self.limit + 1).subquery("shown")
        full: Any = select(Story, shown.c[by], shown.c.total).join(shown, shown.c.id == STORY_ID)
        found = (await self.session.exec(full.order_by(shown.c[by].desc(), STORY_ID.desc()))).all()
        count = found[0][2] if found else (await self.session.exec(total)).one()
        return self.cut(found, min(count, most), kind=kind, bounded=count > most)

    def before(self, by: Any, story_id: Any, *, kind: str) -> ColumnElement[bool]:
        """What comes after the last story shown."""
        place, last = read_cursor(self.key(kind), self.cursor or "")
        at = int(place) if place.isdigit() else read_moment(place)
        # Said in two parts, because neither database finds the beginning of an OR in an index.
        return and_(by <= at, or_(by < at, story_id < last))

    def cut(self, rows: Sequence[Any], total: int, *, kind: str, bounded: bool) -> _Page:
        """Rows of a story and its place as a page, with the cursor if there is more."""
        stories = [row[0] for row in rows[: self.limit]]
        if len(rows) <= self.limit:
            return _Page(stories, None, total, bounded)
        return _Page(stories, write_cursor(self.key(kind), rows[self.limit - 1][1], stories[-1].id), total, bounded)


def counted(rows: Any) -> Any:
    """The query for the number of rows of a subquery."""
    return select(func.count()).select_from(rows)


async def _browse(listing: _Listing) -> _Page:
    most = READ_MAX if listing.scope.scattered else COUNT_MAX
    candidates = listing.candidates(most)
    if listing.scope.narrow:
        page = await listing.page(candidates, counted(candidates), kind="wire", most=most)
        if not page.bounded:
            return page
    return await listing.page(_walk(listing), counted(candidates), kind="wire", most=most)


def _walk(listing: _Listing) -> Subquery:
    """The first of each state in the wire's order."""
    branches = []
    for state in listing.scope.wanted.states:
        query: Any = select(Story.id, listing.moment.label("moment"))
        query = query.where(*listing.scope.conditions(state), *listing.within())
        if listing.cursor:
            query = query.where(listing.before(listing.moment, STORY_ID, kind="wire"))
        first = query.order_by(listing.moment.desc(), STORY_ID.desc()).limit(listing.limit + 1).subquery()
        branches.append(select(first.c.id, first.c.moment))
    return union_all(*branches).subquery("walked")


async def _search(listing: _Listing, phrases: tuple[Phrase, ...]) -> _Page:
    sqlite = (await listing.session.connection()).dialect.name == "sqlite"
    kind, by = f"search {phrases}", "number" if listing.sort == "received" else "moment"
    entries: Any = select(Story.id, listing.moment.label("moment"), NUMBER.label("number"))
    entries = entries.join(SearchEntry, col(SearchEntry.story_id) == STORY_ID)
    candidates = listing.candidates(LOOK_MAX)
    if await listing.count(candidates) <= LOOK_MAX:
        found = entries.join(candidates, candidates.c.id == STORY_ID)
        found = found.where(search.entry_matches(phrases, sqlite=sqlite)).cte("found")
        return await listing.page(found, counted(found), kind=kind, most=COUNT_MAX, by=by)
    hits: Any = search.hits(phrases, sqlite=sqlite).limit(LOOK_MAX + 1)
    # FTS5 gives its hits in this order anyway; PostgreSQL is asked for it only where it need not sort them all.
    if sqlite or await listing.count(hits.cte("any")) > LOOK_MAX:
        hits = hits.order_by(desc("number"))
    newest = hits.cte("newest")
    found = entries.join(newest, newest.c.number == NUMBER).where(*listing.scope.conditions(), *listing.within())
    found = found.cte("found")
    # Both numbers in one: each asking of the index for a word's beginning costs as much as all the rest.
    numbers = select(counted(found).scalar_subquery() + _MANY * counted(newest).scalar_subquery())
    page = await listing.page(found, numbers, kind=kind, most=_MANY * _MANY, by=by)
    hit, total = divmod(page.total, _MANY)
    if hit <= LOOK_MAX or listing.sort == "source" or page.next is not None:
        return replace(page, total=total, bounded=hit > LOOK_MAX)
    rows = await _stream(listing, phrases, kind=kind, sqlite=sqlite)
    return listing.cut(rows, max(total, min(len(rows), listing.limit)), kind=kind, bounded=True)


async def _stream(listing: _Listing, phrases: tuple[Phrase, ...], *, kind: str, sqlite: bool) -> Sequence[Any]:
    """The newest of many hits, taken from the index in its own order until the page is full."""
    number: Any = search.FTS5.c.rowid if sqlite else NUMBER
    query: Any = select(Story, number).select_from(search.FTS5 if sqlite else SearchEntry)
    if sqlite:
        query = query.join(SearchEntry, number == NUMBER)
    query = query.join(Story, col(SearchEntry.story_id) == STORY_ID)
    matches = search.fts5_matches(phrases) if sqlite else search.entry_matches(phrases, sqlite=False)
    query = query.where(matches, *listing.scope.conditions(), *listing.within())
    if listing.cursor:
        query = query.where(listing.before(number, STORY_ID, kind=kind))
    # By number alone, which no two stories share: SQLite then takes the hits as its index gives them.
    rows: Sequence[Any] = (await listing.session.exec(query.order_by(number.desc()).limit(listing.limit + 1))).all()
    return rows


async def _answer(session: AsyncSession, page: _Page, *, now: datetime, calendar: Calendar) -> schemas.StoryPage:
    return schemas.StoryPage(
        items=await story_views(session, page.stories, now=now, calendar=calendar),
        next=page.next,
        total=page.total,
        total_is_lower_bound=page.bounded,
    )
