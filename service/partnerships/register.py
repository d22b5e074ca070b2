"""The register: what China calls each partnership, from which day on, and since when we know that.

Two time axes. ``in_force_from`` is the day a wording began to hold; ``known_from`` is the moment our register
learned of it. Rows are only ever added: a later row for the same partner and day takes the place of the
earlier one from the moment it is known, and asking with an earlier ``known_at`` still gives the old answer.
A row without a day holds from the beginning.

Called by the desk (tagging, amendments), by the public pages, by the command line and at start
(``ship_register``). It suggests and never tags; it does not commit and does not journal: its callers do.
"""

import csv
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from importlib import resources

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.errors import FieldError, Invalid
from service.models import RegisterEntry, new_id
from service.partnerships.places import find, places, unknown_place
from service.partnerships.tiers import QUALIFIERS, Tier, near_tiers, tier_of_wording

RELEASED = datetime(2026, 11, 24, tzinfo=UTC)
"""When the shipped rows became known. A later release of ``data/register.csv`` sets its own moment here:
rows that a database already holds keep theirs."""

ABSENT_EN = "no partnership on the register"
ABSENT_ZH = "登记册中无伙伴关系记录"

CONFIDENCES = ("high", "medium", "low")


@dataclass(frozen=True)
class RegisterRow:
    """What one row of the register says, before the register knows it."""

    partner: str
    tier: str
    label_en: str
    label_zh: str
    in_force_from: date | None
    source: str
    qualifiers: tuple[str, ...] = ()
    confidence: str = "high"
    """``high``, ``medium`` or ``low``: how sure whoever wrote it was of tier and year."""
    verified: bool = False
    """A page that gives both tier and day was looked up and is named in ``source``."""


@dataclass(frozen=True)
class Standing:
    """How a partner stands on one day, as known at one moment."""

    partner: str
    tier: str
    """A key of ``tiers.Tier``."""
    label_en: str
    label_zh: str
    qualifiers: tuple[str, ...]
    in_force_from: date | None
    source: str
    """Empty when the register holds no row that answers."""
    verified: bool

    @property
    def on_register(self) -> bool:
        """Whether a row answers; False means tier ``none`` for want of any."""
        return self.source != ""


class Problem(StrEnum):
    """What ``check_register`` may find; the last two are doubts, the rest must be mended."""

    UNKNOWN_PARTNER = "unknown_partner"
    UNKNOWN_TIER = "unknown_tier"
    UNKNOWN_QUALIFIER = "unknown_qualifier"
    UNDATED = "undated"
    """A partnership without the day it began; it would hold from the beginning of time."""
    OVERLAP = "overlap"
    """Two rows for the same partner and day, learned at the same moment: neither supersedes the other."""
    GAP = "gap"
    """A member of the United Nations without any row."""
    WORDING = "wording"
    """The Chinese label reads as another tier."""
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Finding:
    """One thing to look at in the register."""

    problem: Problem
    partner: str
    detail: str
    entry_id: str | None = None

    @property
    def is_doubt(self) -> bool:
        """True where a person should look, False where the row is wrong as it stands."""
        return self.problem in (Problem.WORDING, Problem.UNVERIFIED)


def standing_on(entries: Iterable[RegisterEntry], *, on: date, known_at: datetime | None) -> RegisterEntry | None:
    """Of one partner's rows, the one that answers for day ``on`` as known at ``known_at``.

    Pure; ``known_at`` None means by all we know. The latest day in force decides, then the latest moment
    known; the id breaks a tie between rows that ``check_register`` reports as an overlap, so that every
    process answers alike.
    """
    eligible = (
        entry
        for entry in entries
        if (entry.in_force_from or date.min) <= on and (known_at is None or entry.known_from <= known_at)
    )
    return max(eligible, key=_precedence, default=None)


def row_problems(row: RegisterRow) -> tuple[FieldError, ...]:
    """Everything that keeps a row from entering the register, with near matches for misspelt keys."""
    problems: list[FieldError] = []
    if row.partner not in places():
        meant = find(row.partner)
        problems.append(
            FieldError("partner", f"Write the code {meant.code}.", (meant.code,))
            if meant
            else unknown_place("partner", row.partner)
        )
    if row.tier not in list(Tier):
        problems.append(FieldError("tier", f"“{row.tier}” is no tier.", near_tiers(row.tier)))
    elif row.in_force_from is None and row.tier not in (Tier.NONE, Tier.NO_RELATIONS):
        problems.append(FieldError("in_force_from", "A partnership needs the day from which it holds."))
    problems += [
        FieldError("qualifiers", f"“{key}” is no qualifier.", tuple(QUALIFIERS))
        for key in row.qualifiers
        if key not in QUALIFIERS
    ]
    problems += [
        FieldError(field, "Say it in a few words; it is shown to readers.")
        for field in ("label_en", "label_zh", "source")
        if not getattr(row, field).strip()
    ]
    if row.confidence not in CONFIDENCES:
        problems.append(FieldError("confidence", f"“{row.confidence}” is no confidence.", CONFIDENCES))
    if row.verified and "http" not in row.source:
        problems.append(FieldError("source", "A verified row names the page (http…) that gives tier and day."))
    return tuple(problems)


@cache
def shipped_rows() -> tuple[RegisterRow, ...]:
    """The register that ships with the service, in the file's order.

    A date known only to the month or year begins on its first day; its source says so.
    """
    text = resources.files("service.partnerships").joinpath("data", "register.csv").read_text(encoding="utf-8")
    return tuple(
        RegisterRow(
            partner=line["partner"],
            tier=line["tier"],
            label_en=line["label_en"],
            label_zh=line["label_zh"],
            in_force_from=_first_day(line["in_force_from"]),
            source=line["source"],
            qualifiers=tuple(key for key in line["qualifiers"].split(";") if key),
            confidence=line["confidence"],
            verified=line["verified"] == "true",
        )
        for line in csv.DictReader(text.splitlines())
    )


async def ship_register(session: WriteSession, *, now: datetime) -> int:
    """Add the shipped rows that this database does not hold yet, and say how many were added.

    Safe to repeat at every start; processes that start together on PostgreSQL take turns by whatever lock
    guards the migrations. A row counts as held if an earlier release shipped the same partner, day,
    tier and labels; what editors added (``added_by``) is neither compared nor touched.
    """
    held = await session.exec(select(RegisterEntry).where(col(RegisterEntry.added_by).is_(None)))
    known = {(e.partner, e.in_force_from, e.tier, e.label_en, e.label_zh) for e in held}
    missing = [
        row
        for row in shipped_rows()
        if (row.partner, row.in_force_from, row.tier, row.label_en, row.label_zh) not in known
    ]
    session.add_all(_entry(row, now=now, known_from=RELEASED, by=None) for row in missing)
    await session.flush()
    return len(missing)


async def amend_register(session: WriteSession, row: RegisterRow, *, now: datetime, by: str) -> RegisterEntry:
    """Add what an editor (``by``, an editor's id) learned, known from ``now``, and return the new row.

    Nothing is overwritten: a correction is a row for the same partner and day. To take back a wording that
    never held, add a row for its day that says what held instead.

    Raises:
        Invalid: the row is not fit for the register; every field that is wrong is named.
    """
    problems = row_problems(row)
    if problems:
        raise Invalid("The register cannot take this row.", errors=problems)
    entry = _entry(row, now=now, known_from=now, by=by)
    session.add(entry)
    await session.flush()
    return entry


async def entry_in_force(
    session: AsyncSession, partner: str, *, on: date, known_at: datetime | None = None
) -> Standing:
    """How ``partner`` stands on day ``on``, as known at ``known_at`` (None: by all we know).

    The register's answer for a partner without a row that day is tier ``none`` under a label that says so.
    """
    rows = await session.exec(select(RegisterEntry).where(RegisterEntry.partner == partner))
    return _standing(partner, standing_on(rows, on=on, known_at=known_at))


async def standings(
    session: AsyncSession,
    *,
    on: date,
    known_at: datetime | None = None,
    partners: Collection[str] | None = None,
) -> dict[str, Standing]:
    """How every partner stands on day ``on``, by code; one query, for lists and the map.

    Without ``partners`` all of ``places()`` are there, in that order, and ``Standing.on_register`` tells
    which have a row; with ``partners``, exactly those.
    """
    day = col(RegisterEntry.in_force_from)
    query = select(RegisterEntry).where(or_(day.is_(None), day <= on))
    if partners is not None:
        query = query.where(col(RegisterEntry.partner).in_(partners))
    of_partner = _by_partner(await session.exec(query))
    return {
        code: _standing(code, standing_on(of_partner.get(code, ()), on=on, known_at=known_at))
        for code in dict.fromkeys((*places(), *of_partner) if partners is None else partners)
    }


async def history(session: AsyncSession, partner: str) -> list[RegisterEntry]:
    """Every row about ``partner``, superseded ones too, from the earliest day in force to the latest."""
    rows = await session.exec(select(RegisterEntry).where(RegisterEntry.partner == partner))
    return sorted(rows, key=_precedence)


async def check_register(session: AsyncSession) -> list[Finding]:
    """What in the register is wrong or doubtful, partner by partner. Superseded rows are not reported."""
    of_partner = _by_partner(await session.exec(select(RegisterEntry)))
    findings = [
        Finding(Problem.GAP, place.code, "No row at all for this member of the United Nations.")
        for place in places().values()
        if place.un_member and place.code not in of_partner
    ]
    for entries in of_partner.values():
        entries.sort(key=_precedence)
        for position, entry in enumerate(entries):
            following = entries[position + 1] if position + 1 < len(entries) else None
            if following is None or following.in_force_from != entry.in_force_from:
                findings += _entry_findings(entry)
            elif following.known_from == entry.known_from:
                detail = f"Two rows hold from {entry.in_force_from or 'the beginning'}, learned at once."
                findings.append(Finding(Problem.OVERLAP, entry.partner, detail, entry.id))
    return sorted(findings, key=lambda finding: (finding.is_doubt, finding.partner))


def _entry_findings(entry: RegisterEntry) -> Iterator[Finding]:
    def found(problem: Problem, detail: str) -> Finding:
        return Finding(problem, entry.partner, detail, entry.id)

    if entry.partner not in places():
        yield found(Problem.UNKNOWN_PARTNER, f"{entry.partner} is no partner's code.")
    if entry.tier not in list(Tier):
        yield found(Problem.UNKNOWN_TIER, f"{entry.tier} is no tier.")
    elif entry.in_force_from is None and entry.tier not in (Tier.NONE, Tier.NO_RELATIONS):
        yield found(Problem.UNDATED, f"{entry.label_en} has no day from which it holds.")
    for key in entry.qualifiers:
        if key not in QUALIFIERS:
            yield found(Problem.UNKNOWN_QUALIFIER, f"{key} is no qualifier.")
    read = tier_of_wording(entry.label_zh)
    if read not in (None, entry.tier):
        yield found(Problem.WORDING, f"{entry.label_zh} reads as {read}, the row says {entry.tier}.")
    if not entry.verified:
        yield found(Problem.UNVERIFIED, f"No page that gives tier and day of {entry.label_en}: {entry.source}")


def _precedence(entry: RegisterEntry) -> tuple[date, datetime, str]:
    return entry.in_force_from or date.min, entry.known_from, entry.id


def _by_partner(entries: Iterable[RegisterEntry]) -> dict[str, list[RegisterEntry]]:
    grouped: dict[str, list[RegisterEntry]] = defaultdict(list)
    for entry in entries:
        grouped[entry.partner].append(entry)
    return dict(grouped)


def _entry(row: RegisterRow, *, now: datetime, known_from: datetime, by: str | None) -> RegisterEntry:
    return RegisterEntry(
        id=new_id(now),
        partner=row.partner,
        tier=row.tier,
        qualifiers=list(row.qualifiers),
        label_en=row.label_en,
        label_zh=row.label_zh,
        in_force_from=row.in_force_from,
        known_from=known_from,
        source=row.source,
        confidence=row.confidence,
        verified=row.verified,
        added_by=by,
    )


def _standing(partner: str, entry: RegisterEntry | None) -> Standing:
    if entry is None:
        return Standing(partner, Tier.NONE, ABSENT_EN, ABSENT_ZH, (), None, "", False)
    return Standing(
        partner=partner,
        tier=entry.tier,
        label_en=entry.label_en,
        label_zh=entry.label_zh,
        qualifiers=tuple(entry.qualifiers),
        in_force_from=entry.in_force_from,
        source=entry.source,
        verified=entry.verified,
    )


def _first_day(text: str) -> date | None:
    if not text:
        return None
    year, month, day = (*text.split("-"), "1", "1")[:3]
    return date(int(year), int(month), int(day))
