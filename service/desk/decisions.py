"""The journal as editors search it: by act, person, subject and day, the newest first; and whether its chain holds.

Reads only: what is written into it, and how, is ``service.journal``'s. Called by ``journal_routes`` and
``journal_pages``.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from pydantic import Field
from sqlalchemy import ColumnElement, not_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.auth import role_reaches
from service.checkpoints import own_checkpoints
from service.clock import Calendar
from service.desk.cursors import read_cursor, write_cursor
from service.desk.history import record_view
from service.desk.schemas import RecordOut, Shape
from service.journal import check_journal
from service.models import Editor, JournalRecord

PAGE_MOST = 200
_ACCOUNTS = "editor:"
NOBODY = ("clock", "operator")
"""Deciders that are no person's account: what carries out a schedule, and the command line."""


class DecisionOut(RecordOut):
    """A decision and its place in the journal."""

    seq: int
    subject: str = Field(description="What it is about, as `kind:id`.", examples=["story:01k…", "edition:2026-11-24"])
    public: bool = Field(description="Whether it stands in full in the public ledger.")


class DecisionList(Shape):
    """Decisions, the newest first."""

    items: list[DecisionOut]
    next: str | None = Field(description="The `cursor` of the next page.")


class ChainOut(Shape):
    """Whether the journal holds together, record by record."""

    records: int
    public: int
    checkpoints: int = Field(description="Signed statements that it was held against.")
    holds: bool
    broken_at: int | None = Field(description="The number of the first record, or checkpoint, that does not hold.")
    reason: str | None
    head: str = Field(description="The hash of the last record that holds.")


@dataclass(frozen=True)
class Search:
    """Which decisions; None means any."""

    act: str | None = None
    by: str | None = None
    """An account's id, or ``clock`` or ``operator``."""
    subject: str | None = None
    """``kind:id``, or ``kind:`` for all of a kind."""
    day: date | None = None
    """A newsroom day."""
    after: int | None = None
    """Only those that stand behind this number."""


async def find_decisions(
    session: AsyncSession, wanted: Search, *, cursor: str | None, limit: int, calendar: Calendar, reader: Editor
) -> DecisionList:
    """One page of decisions, the newest first; what was done to accounts is shown to those who manage them alone.

    Raises:
        Invalid: this list gave out no such cursor.
    """
    conditions = _conditions(wanted, calendar)
    if not role_reaches(reader.role, "manage_editors"):
        conditions.append(not_(col(JournalRecord.subject).startswith(_ACCOUNTS)))
    if cursor:
        [place] = read_cursor(repr(wanted), cursor)
        conditions.append(col(JournalRecord.seq) < int(place))
    query = select(JournalRecord).where(*conditions).order_by(col(JournalRecord.seq).desc()).limit(limit + 1)
    records = list((await session.exec(query)).all())
    shown = records[:limit]
    names = {editor.id: editor.name for editor in await session.exec(select(Editor))}
    more = write_cursor(repr(wanted), shown[-1].seq) if len(records) > limit else None
    return DecisionList(items=[_view(record, names) for record in shown], next=more)


def _conditions(wanted: Search, calendar: Calendar) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.act:
        conditions.append(col(JournalRecord.act) == wanted.act)
    if wanted.by in NOBODY:
        conditions.append(col(JournalRecord.by).is_(None))
        conditions.append(col(JournalRecord.payload).contains(f'"by":"{wanted.by}"'))
    elif wanted.by:
        conditions.append(col(JournalRecord.by) == wanted.by)
    if wanted.subject and wanted.subject.endswith(":"):
        conditions.append(col(JournalRecord.subject).startswith(wanted.subject, autoescape=True))
    elif wanted.subject:
        conditions.append(col(JournalRecord.subject) == wanted.subject)
    if wanted.after is not None:
        conditions.append(col(JournalRecord.seq) > wanted.after)
    if wanted.day:
        following = wanted.day + timedelta(days=1) if wanted.day < date.max else wanted.day
        conditions.append(col(JournalRecord.at) >= calendar.begins_at(wanted.day))
        conditions.append(col(JournalRecord.at) < calendar.begins_at(following))
    return conditions


def _view(record: JournalRecord, names: dict[str, str]) -> DecisionOut:
    told = record_view(record, names).model_dump()
    return DecisionOut(**told, seq=record.seq, subject=record.subject, public=record.public)


async def known_acts(session: AsyncSession) -> list[str]:
    """The acts that the journal holds, in their alphabet."""
    return list((await session.exec(select(JournalRecord.act).distinct().order_by(JournalRecord.act))).all())


async def people_of_the_desk(session: AsyncSession) -> list[tuple[str, str]]:
    """Id and name of every account, shut ones too: their decisions stay."""
    query = select(Editor.id, Editor.name).order_by(Editor.name, Editor.id)
    return list((await session.exec(query)).all())


async def verify_chain(session: AsyncSession) -> ChainOut:
    """Walk the whole journal, private records and columns included, and hold it against its signed checkpoints."""
    signed = await own_checkpoints(session)
    check = await check_journal(session, signed.seals)
    broken = signed.broken or check.broken
    return ChainOut(
        records=check.count,
        public=check.public,
        checkpoints=len(signed.seals),
        holds=broken is None,
        broken_at=broken.seq if broken else None,
        reason=broken.reason if broken else None,
        head=check.head,
    )
