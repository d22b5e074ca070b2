"""The register that ships: whole, in order, and consistent with its own words."""

from collections import defaultdict
from datetime import date

import pytest

from service.partnerships.places import places
from service.partnerships.register import RegisterRow, row_problems, shipped_rows
from service.partnerships.tiers import Tier, tier_of_wording


def _of_partner() -> dict[str, list[RegisterRow]]:
    rows: dict[str, list[RegisterRow]] = defaultdict(list)
    for row in shipped_rows():
        rows[row.partner].append(row)
    return rows


def test_every_row_is_fit_for_the_register() -> None:
    assert [(row.partner, row_problems(row)) for row in shipped_rows() if row_problems(row)] == []


def test_every_member_of_the_united_nations_and_every_organisation_has_a_row() -> None:
    expected = {code for code, place in places().items() if place.un_member or place.kind == "organisation"}
    assert expected | {"PS", "VA", "CK", "NU"} == set(_of_partner())


def test_days_rise_within_each_partner_and_only_a_lone_row_may_have_none() -> None:
    for partner, rows in _of_partner().items():
        days = [row.in_force_from for row in rows]
        assert all(days) or len(days) == 1, partner
        dated = [day for day in days if day]
        assert dated == sorted(set(dated)), partner


def test_no_row_lies_after_the_release_or_before_the_peoples_republic() -> None:
    days = [row.in_force_from for row in shipped_rows() if row.in_force_from]
    assert min(days) >= date(1949, 10, 1)
    assert max(days) <= date(2026, 11, 24)


def test_chinese_label_reads_as_the_tier_but_for_the_one_known_doubt() -> None:
    astray = [
        (row.partner, row.in_force_from)
        for row in shipped_rows()
        if tier_of_wording(row.label_zh) not in (None, row.tier)
    ]
    assert astray == [("DE", date(2004, 5, 3))]


def test_chinese_label_that_reads_as_no_partnership_is_explained_by_tier_or_qualifier() -> None:
    for row in shipped_rows():
        if tier_of_wording(row.label_zh) is None:
            explained = row.tier in (Tier.NONE, Tier.NO_RELATIONS)
            assert explained or {"relation_only", "community"} & set(row.qualifiers) or row.partner == "TT"


@pytest.mark.parametrize(
    ("tier", "words"),
    [
        (Tier.STRATEGIC_COORDINATION, ("strategic", "coordination")),
        (Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE, ("strategic", "cooperat")),
        (Tier.COMPREHENSIVE_STRATEGIC, ("strategic",)),
        (Tier.STRATEGIC_COOPERATIVE, ("strategic", "cooperat")),
        (Tier.STRATEGIC, ("strategic",)),
    ],
)
def test_english_label_names_what_its_tier_names(tier: Tier, words: tuple[str, ...]) -> None:
    astray = [
        row.partner
        for row in shipped_rows()
        if row.tier == tier
        and "community" not in row.qualifiers
        and not all(word in row.label_en.lower() for word in words)
    ]
    assert astray == []


def test_english_label_calls_comprehensive_what_the_tier_calls_so() -> None:
    for row in shipped_rows():
        if row.tier in (Tier.COMPREHENSIVE_STRATEGIC, Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE):
            assert any(word in row.label_en for word in ("comprehensive", "all-round", "community")), row
        if row.tier in (Tier.STRATEGIC, Tier.STRATEGIC_COOPERATIVE):
            label = row.label_en.replace("comprehensive cooperation", "")
            assert "comprehensive" not in label or row.partner == "DE", row


def test_verified_rows_name_a_page_and_the_whole_day() -> None:
    verified = [row for row in shipped_rows() if row.verified]
    assert verified
    for row in verified:
        assert "http" in row.source
        assert row.in_force_from is not None
        assert row.confidence == "high"
        assert not any(word in row.source for word in ("memory", "inferred", "not the day"))


def test_day_that_stands_for_a_month_or_year_says_so() -> None:
    inferred = [row for row in shipped_rows() if row.source.endswith("not the day")]
    assert {row.partner for row in inferred} >= {"BF", "NE", "CI", "US"}
    assert all(row.in_force_from and row.in_force_from.day == 1 for row in inferred)


def test_known_marks_stand_in_the_data() -> None:
    now = {partner: rows[-1] for partner, rows in _of_partner().items()}
    assert now["RU"].tier == Tier.STRATEGIC_COORDINATION
    assert {partner for partner, row in now.items() if row.tier == Tier.ALL_WEATHER} == {
        "BY", "ET", "HU", "KZ", "PK", "UZ", "VE",
    }  # fmt: skip
    assert now["KE"].tier == Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE
    assert sum(row.tier == Tier.NO_RELATIONS for row in now.values()) == 13
    african = [
        row
        for partner, row in now.items()
        if places()[partner].un_member
        and (places()[partner].region == "africa" or partner in ("EG", "LY", "TN", "DZ", "MA"))
    ]
    assert len(african) == 54
    strategic = [row for row in african if row.tier in list(Tier)[:6]]
    assert len(strategic) == 53
