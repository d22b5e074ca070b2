"""The register in the database: two time axes, additions only, and the pure rule that answers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from service.db import Database
from service.errors import Invalid
from service.models import METADATA, Editor, RegisterEntry
from service.partnerships.places import places
from service.partnerships.register import (
    ABSENT_EN,
    ABSENT_ZH,
    RELEASED,
    Finding,
    Problem,
    RegisterRow,
    amend_register,
    check_register,
    entry_in_force,
    history,
    row_problems,
    ship_register,
    shipped_rows,
    standing_on,
    standings,
)
from service.partnerships.tiers import Tier

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
TODAY = date(2026, 12, 1)

UPGRADE = RegisterRow(
    partner="GH",
    tier=Tier.COMPREHENSIVE_STRATEGIC,
    label_en="comprehensive strategic partnership",
    label_zh="全面战略伙伴关系",
    in_force_from=date(2026, 11, 30),
    source="https://example.org/joint-statement",
    verified=True,
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'register.db'}")
    async with database.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    async with database.write() as session:
        session.add(Editor(id="ama", email="ama@example.org", name="Ama", pseudonym="e-1", created_at=NOW))
    yield database
    await database.close()


def an_entry(partner: str = "KE", **values: Any) -> RegisterEntry:
    base: dict[str, Any] = {
        "id": f"{partner}-{values.get('in_force_from')}-{values.get('known_from')}",
        "partner": partner,
        "tier": Tier.STRATEGIC,
        "qualifiers": [],
        "label_en": "strategic partnership",
        "label_zh": "战略伙伴关系",
        "in_force_from": date(2020, 1, 1),
        "known_from": RELEASED,
        "source": "https://example.org/",
        "confidence": "high",
        "verified": True,
    }
    return RegisterEntry(**(base | values))


# --- the pure rule -------------------------------------------------------------------------------------

DAYS = st.dates(date(2000, 1, 1), date(2000, 1, 12))
MOMENTS = st.integers(0, 12).map(lambda hours: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
ENTRIES = st.lists(
    st.builds(
        lambda number, day, known: an_entry(id=str(number), in_force_from=day, known_from=known),
        st.integers(0, 999),
        st.none() | DAYS,
        MOMENTS,
    ),
    max_size=8,
)


@settings(deadline=None)  # the machine may be busy; the rule is what is tested
@given(ENTRIES, DAYS, st.none() | MOMENTS)
def test_answer_is_the_latest_row_in_force_and_known_by_then(
    entries: list[RegisterEntry], on: date, known_at: datetime | None
) -> None:
    answer = standing_on(entries, on=on, known_at=known_at)
    eligible = [
        entry
        for entry in entries
        if (entry.in_force_from is None or entry.in_force_from <= on)
        and (known_at is None or entry.known_from <= known_at)
    ]
    if answer is None:
        assert eligible == []
        return
    assert answer in eligible
    for other in eligible:
        assert (other.in_force_from or date.min) <= (answer.in_force_from or date.min)
        if other.in_force_from == answer.in_force_from:
            assert other.known_from <= answer.known_from


@settings(deadline=None)  # the machine may be busy; the rule is what is tested
@given(ENTRIES, DAYS, MOMENTS, st.randoms(use_true_random=False))
def test_order_of_rows_never_matters(
    entries: list[RegisterEntry], on: date, known_at: datetime, random: Random
) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)
    first = standing_on(entries, on=on, known_at=known_at)
    second = standing_on(shuffled, on=on, known_at=known_at)
    assert (first and (first.in_force_from, first.known_from, first.id)) == (
        second and (second.in_force_from, second.known_from, second.id)
    )


@settings(deadline=None)  # the machine may be busy; the rule is what is tested
@given(ENTRIES, DAYS, MOMENTS)
def test_rows_learned_later_never_change_an_earlier_answer(
    entries: list[RegisterEntry], on: date, known_at: datetime
) -> None:
    known_then = [entry for entry in entries if entry.known_from <= known_at]
    assert standing_on(entries, on=on, known_at=known_at) is standing_on(known_then, on=on, known_at=None)


# --- shipping ------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_shipped_register_is_added_once_however_often_it_is_shipped(database: Database) -> None:
    async with database.write() as session:
        assert await ship_register(session, now=NOW) == len(shipped_rows())
    async with database.write() as session:
        assert await ship_register(session, now=NOW + timedelta(days=1)) == 0
    async with database.read() as session:
        rows = (await session.exec(select(RegisterEntry))).all()
    assert len(rows) == len(shipped_rows())
    assert {row.known_from for row in rows} == {RELEASED}
    assert {row.added_by for row in rows} == {None}


@pytest.mark.anyio
async def test_shipping_again_restores_a_missing_row_and_leaves_amendments_alone(database: Database) -> None:
    async with database.write() as session:
        await ship_register(session, now=NOW)
        await amend_register(session, UPGRADE, now=NOW, by="ama")
        lost = (await session.exec(select(RegisterEntry).where(RegisterEntry.partner == "RU"))).first()
        assert lost is not None
        await session.delete(lost)
    async with database.write() as session:
        assert await ship_register(session, now=NOW) == 1
    async with database.read() as session:
        assert (await entry_in_force(session, "GH", on=TODAY)).tier == Tier.COMPREHENSIVE_STRATEGIC


@pytest.mark.anyio
async def test_shipped_register_has_no_faults_only_doubts(database: Database) -> None:
    async with database.write() as session:
        await ship_register(session, now=NOW)
    async with database.read() as session:
        findings = await check_register(session)
    assert [finding for finding in findings if not finding.is_doubt] == []
    assert [finding.partner for finding in findings if finding.problem is Problem.WORDING] == ["DE"]
    unverified = [finding for finding in findings if finding.problem is Problem.UNVERIFIED]
    assert len(unverified) == sum(not row.verified for row in shipped_rows())


# --- asking --------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_tier_of_a_story_is_that_of_its_day(database: Database) -> None:
    async with database.write() as session:
        await ship_register(session, now=NOW)
    async with database.read() as session:
        before = await entry_in_force(session, "KE", on=date(2017, 5, 14))
        after = await entry_in_force(session, "KE", on=date(2017, 5, 15))
    assert before.tier == Tier.COMPREHENSIVE_COOPERATIVE
    assert after.tier == Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE
    assert after.label_zh == "全面战略合作伙伴关系"
    assert after.in_force_from == date(2017, 5, 15)
    assert after.on_register


@pytest.mark.anyio
async def test_row_without_a_day_holds_from_the_beginning(database: Database) -> None:
    async with database.write() as session:
        await ship_register(session, now=NOW)
    async with database.read() as session:
        standing = await entry_in_force(session, "PY", on=date(1980, 1, 1))
    assert standing.tier == Tier.NO_RELATIONS
    assert standing.in_force_from is None
    assert standing.on_register


@pytest.mark.anyio
@pytest.mark.parametrize(("partner", "on"), [("GL", TODAY), ("KE", date(1999, 1, 1))])
async def test_partner_without_a_row_that_day_stands_at_none_and_says_why(
    database: Database, partner: str, on: date
) -> None:
    async with database.write() as session:
        await ship_register(session, now=NOW)
    async with database.read() as session:
        standing = await entry_in_force(session, partner, on=on)
    assert (standing.tier, standing.label_en, standing.label_zh) == (Tier.NONE, ABSENT_EN, ABSENT_ZH)
    assert not standing.on_register
    assert not standing.verified


@pytest.mark.anyio
async def test_standings_agree_with_asking_one_by_one(database: Database) -> None:
    async with database.write() as session:
        await ship_register(session, now=NOW)
        await amend_register(session, UPGRADE, now=NOW, by="ama")
    async with database.read() as session:
        for on in (date(2003, 6, 1), date(2024, 9, 3), TODAY):
            for known_at in (None, RELEASED):
                every = await standings(session, on=on, known_at=known_at)
                assert list(every) == list(places())
                for partner in ("GH", "RU", "US", "HN", "GL", "X-AU"):
                    assert every[partner] == await entry_in_force(session, partner, on=on, known_at=known_at)


@pytest.mark.anyio
async def test_standings_of_some_partners_hold_exactly_those(database: Database) -> None:
    async with database.write() as session:
        await ship_register(session, now=NOW)
    async with database.read() as session:
        some = await standings(session, on=TODAY, partners=["KE", "GL"])
        assert await standings(session, on=TODAY, partners=[]) == {}
    assert list(some) == ["KE", "GL"]
    assert some["KE"].on_register
    assert not some["GL"].on_register


@pytest.mark.anyio
async def test_nothing_was_known_before_the_first_release(database: Database) -> None:
    async with database.write() as session:
        await ship_register(session, now=NOW)
    async with database.read() as session:
        then = await standings(session, on=TODAY, known_at=RELEASED - timedelta(seconds=1))
    assert not any(standing.on_register for standing in then.values())


# --- amending ------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_amendment_is_a_new_row_and_the_past_stays_askable(database: Database) -> None:
    async with database.write() as session:
        await ship_register(session, now=NOW)
    async with database.write() as session:
        entry = await amend_register(session, UPGRADE, now=NOW, by="ama")
    assert (entry.added_by, entry.known_from, entry.verified) == ("ama", NOW, True)
    async with database.read() as session:
        assert (await entry_in_force(session, "GH", on=TODAY)).tier == Tier.COMPREHENSIVE_STRATEGIC
        assert (await entry_in_force(session, "GH", on=date(2026, 11, 29))).tier == Tier.STRATEGIC
        earlier = await entry_in_force(session, "GH", on=TODAY, known_at=NOW - timedelta(seconds=1))
        assert earlier.tier == Tier.STRATEGIC
        rows = await history(session, "GH")
    assert [row.tier for row in rows] == [Tier.STRATEGIC, Tier.COMPREHENSIVE_STRATEGIC]


@pytest.mark.anyio
async def test_correction_for_the_same_day_supersedes_without_erasing(database: Database) -> None:
    wrong = replace(UPGRADE, tier=Tier.STRATEGIC_COOPERATIVE, label_zh="战略合作伙伴关系")
    async with database.write() as session:
        await amend_register(session, wrong, now=NOW, by="ama")
    async with database.write() as session:
        await amend_register(session, UPGRADE, now=NOW + timedelta(hours=1), by="ama")
    async with database.read() as session:
        assert (await entry_in_force(session, "GH", on=TODAY)).tier == Tier.COMPREHENSIVE_STRATEGIC
        assert (await entry_in_force(session, "GH", on=TODAY, known_at=NOW)).tier == Tier.STRATEGIC_COOPERATIVE
        assert len(await history(session, "GH")) == 2
        assert [f for f in await check_register(session) if f.partner == "GH"] == []


@pytest.mark.anyio
async def test_amendment_by_nobody_on_file_is_refused_by_the_database(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await amend_register(session, UPGRADE, now=NOW, by="stranger")


@pytest.mark.anyio
async def test_unfit_amendment_names_every_field_and_adds_nothing(database: Database) -> None:
    unfit = RegisterRow(
        partner="Kenia",
        tier="comprehensive_strategik",
        label_en=" ",
        label_zh="",
        in_force_from=None,
        source="a paper",
        qualifiers=("shiny",),
        confidence="sure",
        verified=True,
    )
    with pytest.raises(Invalid) as caught:
        async with database.write() as session:
            await amend_register(session, unfit, now=NOW, by="ama")
    errors = {error.field: error for error in caught.value.errors}
    assert set(errors) == {"partner", "tier", "qualifiers", "label_en", "label_zh", "confidence", "source"}
    assert errors["partner"].suggestions == ("KE",)
    assert errors["tier"].suggestions[0] == Tier.COMPREHENSIVE_STRATEGIC
    assert "new_era" in errors["qualifiers"].suggestions
    async with database.read() as session:
        assert (await session.exec(select(RegisterEntry))).all() == []


def test_china_and_a_partnership_without_a_day_are_refused() -> None:
    (china,) = row_problems(replace(UPGRADE, partner="CN"))
    assert "other side" in china.message
    (undated,) = row_problems(replace(UPGRADE, in_force_from=None))
    assert undated.field == "in_force_from"
    assert row_problems(replace(UPGRADE, tier=Tier.NONE, in_force_from=None)) == ()


# --- checking ------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_check_finds_what_others_wrote_past_our_rules(database: Database) -> None:
    async with database.write() as session:
        session.add_all(
            [
                an_entry("ZZ", id="1"),
                an_entry("KE", id="2", tier="glorious"),
                an_entry("UG", id="3", qualifiers=["shiny"]),
                an_entry("TZ", id="4", in_force_from=None),
                an_entry("RW", id="5"),
                an_entry("RW", id="6", tier=Tier.COMPREHENSIVE_STRATEGIC, label_zh="全面战略伙伴关系"),
                an_entry("BI", id="7", tier=Tier.COOPERATIVE),
                an_entry("DJ", id="8", verified=False),
                an_entry("ER", id="9"),
            ]
        )
    async with database.read() as session:
        findings = await check_register(session)
        gaps = {finding.partner for finding in findings if finding.problem is Problem.GAP}
        found = {(f.partner, f.problem, f.entry_id) for f in findings if f.problem is not Problem.GAP}
    assert found == {
        ("ZZ", Problem.UNKNOWN_PARTNER, "1"),
        ("KE", Problem.UNKNOWN_TIER, "2"),
        ("KE", Problem.WORDING, "2"),
        ("UG", Problem.UNKNOWN_QUALIFIER, "3"),
        ("TZ", Problem.UNDATED, "4"),
        ("RW", Problem.OVERLAP, "5"),
        ("BI", Problem.WORDING, "7"),
        ("DJ", Problem.UNVERIFIED, "8"),
    }
    assert len(gaps) == 192 - 8 + 1
    assert "ER" not in gaps
    assert [finding.is_doubt for finding in findings] == sorted(finding.is_doubt for finding in findings)


@pytest.mark.anyio
async def test_partner_unknown_to_the_list_is_still_answered_for(database: Database) -> None:
    async with database.write() as session:
        session.add(an_entry("ZZ", id="1"))
    async with database.read() as session:
        every = await standings(session, on=TODAY)
    assert every["ZZ"].on_register
    assert set(every) == {*places(), "ZZ"}


def test_finding_about_a_gap_points_at_no_row() -> None:
    assert Finding(Problem.GAP, "KE", "none").entry_id is None
