"""New stories → hints that another feed reports the same news, each with its reason.

Runs inside the transaction that stores the stories. Rare pieces of recent titles are kept in the database; what
shares one is a candidate, and ``title_pieces.resemblance`` judges the few. A hint is a row for the desk to show
(``desk.siblings``): it merges nothing, hides nothing and orders nothing. A title that its source changes later is
not judged again. Called by ``intake`` and ``adding``; ``scheduling`` prunes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import delete, insert, select
from sqlmodel import col

from service.among import among
from service.db import WriteSession
from service.fetching.title_pieces import WINDOW, Reason, Title, read_title, resemblance
from service.models import Shingle, Sibling, Story

MOST_HOLDERS = 40
"""A piece that so many recent stories hold is not rare any more, and is not kept for further ones: what one new
story can meet stays bounded however large a day's event is."""
MOST_COMPARED = 12
"""Candidates judged for one story: those that share most pieces with it."""
MOST_HINTS = 5
"""Hints kept for one new story, the likest; an event of a hundred reports needs no hundred rows each."""


@dataclass(frozen=True)
class NewStory:
    """What a story that was just stored says, as far as it matters here."""

    id: str
    feed_id: str | None
    title: str
    language: str | None
    dated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From the row that was stored."""
        return cls(row["id"], row["feed_id"], row["title"], row["language"], row["dated_at"])


@dataclass(frozen=True)
class _Report:
    """A story with its title read."""

    id: str
    feed_id: str | None
    title: Title


async def note_siblings(session: WriteSession, stories: Sequence[NewStory], *, now: datetime) -> int:
    """Note which of these just stored stories seem to report what another feed does; answers how many hints.

    Stories dated outside the window are left out: back-filled archives are not the day's news. A fixed number of
    statements for up to some fifty stories, and in proportion beyond.
    """
    reports = [_report(story) for story in stories if abs(now - story.dated_at) <= WINDOW]
    reports = [report for report in reports if report.title.pieces]
    if not reports:
        return 0
    holders = await _holders(session, {piece for report in reports for piece in report.title.pieces}, now)
    candidates: dict[str, list[str]] = {}
    kept: list[dict[str, Any]] = []
    for report in reports:
        met = Counter(holder for piece in report.title.pieces for holder in holders[piece])
        candidates[report.id] = [story_id for story_id, _ in met.most_common(MOST_COMPARED)]
        for piece in report.title.pieces:
            if len(holders[piece]) < MOST_HOLDERS:
                holders[piece].append(report.id)
                kept.append({"story_id": report.id, "hash": piece, "received_at": now})
    known = {report.id: report for report in reports}
    known |= await _stored_reports(session, {one for met in candidates.values() for one in met} - known.keys())
    hints = [hint for report in reports for hint in _hints(report, candidates[report.id], known, now)]
    connection = await session.connection()
    if kept:
        await connection.execute(insert(Shingle), kept)
    if hints:
        await connection.execute(insert(Sibling), hints)
    return len(hints)


def _report(story: NewStory) -> _Report:
    return _Report(story.id, story.feed_id, read_title(story.title, language=story.language, at=story.dated_at))


async def _holders(session: WriteSession, pieces: set[int], now: datetime) -> dict[int, list[str]]:
    """Pieces → the recent stories that hold them."""
    found: dict[int, list[str]] = defaultdict(list)
    recent = select(col(Shingle.hash), col(Shingle.story_id)).where(col(Shingle.received_at) >= now - WINDOW)
    connection = await session.connection()
    for piece, story_id in await connection.execute(recent.where(among(col(Shingle.hash), pieces))):
        found[piece].append(story_id)
    return found


async def _stored_reports(session: WriteSession, ids: set[str]) -> dict[str, _Report]:
    columns = (col(Story.id), col(Story.feed_id), col(Story.title), col(Story.language), col(Story.dated_at))
    connection = await session.connection()
    return {
        row.id: _report(NewStory.of(row._asdict()))
        for row in await connection.execute(select(*columns).where(among(col(Story.id), ids)))
    }


def _hints(
    report: _Report, candidates: Iterable[str], known: Mapping[str, _Report], now: datetime
) -> list[dict[str, Any]]:
    """The rows for one new story; the candidates were all stored before it."""
    found: list[tuple[Reason, str]] = []
    for story_id in candidates:
        other = known[story_id]
        # A feed that repeats itself is not another newsroom's report.
        if other.feed_id != report.feed_id or report.feed_id is None:
            reason = resemblance(other.title, report.title)
            if reason is not None:
                found.append((reason, story_id))
    likest = sorted(found, key=lambda pair: (-pair[0].likeness, pair[1]))[:MOST_HINTS]
    return [
        {"story_id": earlier, "other_id": report.id, "reason": reason.text, "found_at": now}
        for reason, earlier in likest
    ]


async def prune_shingles(session: WriteSession, *, now: datetime) -> None:
    """Forget the pieces of stories that no new one can resemble any more."""
    await (await session.connection()).execute(delete(Shingle).where(col(Shingle.received_at) < now - WINDOW))
