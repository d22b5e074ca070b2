"""The tiers, their facts, and how a label or a misspelling finds its tier."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.partnerships.tiers import QUALIFIERS, Band, Tier, near_tiers, tier_of_wording


def test_ranks_fall_from_eight_to_zero_and_no_relations_has_none() -> None:
    ranks = [tier.facts.rank for tier in Tier]
    assert ranks == [8, 7, 6, 5, 4, 3, 2, 1, 0, None]


def test_bands_never_rise_while_ranks_fall() -> None:
    order = list(Band)
    positions = [order.index(tier.facts.band) for tier in Tier]
    assert positions == sorted(positions)
    assert set(order) == {tier.facts.band for tier in Tier}


def test_every_tier_band_and_qualifier_has_a_name_in_both_languages() -> None:
    assert all(tier.facts.name_en and tier.facts.name_zh for tier in Tier)
    assert all(band.names.name_en and band.names.name_zh for band in Band)
    assert all(qualifier.name_en and qualifier.name_zh for qualifier in QUALIFIERS.values())
    assert all(tier.facts.description.endswith(".") for tier in Tier)


def test_qualifiers_cannot_be_changed_while_the_service_runs() -> None:
    with pytest.raises(TypeError):
        QUALIFIERS["another"] = QUALIFIERS["global"]  # type: ignore[index]  # the refusal is the test


@pytest.mark.parametrize(
    ("label", "tier"),
    [
        ("新时代全面战略协作伙伴关系", Tier.STRATEGIC_COORDINATION),
        ("全天候战略合作伙伴关系", Tier.ALL_WEATHER),
        ("永久全面战略伙伴关系", Tier.ALL_WEATHER),
        ("新时代全方位战略合作伙伴关系", Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE),
        ("相互信任、合作共赢的全面战略伙伴关系", Tier.COMPREHENSIVE_STRATEGIC),
        ("更加紧密的战略合作伙伴关系", Tier.STRATEGIC_COOPERATIVE),
        ("全面合作、共同发展、面向未来的战略伙伴关系", Tier.STRATEGIC),
        ("合作共赢的战略伙伴关系", Tier.STRATEGIC),
        ("与时俱进的全方位合作伙伴关系", Tier.COMPREHENSIVE_COOPERATIVE),
        ("睦邻互信伙伴关系", Tier.COOPERATIVE),
    ],
)
def test_chinese_label_is_read_as_its_tier(label: str, tier: Tier) -> None:
    assert tier_of_wording(label) is tier


def test_all_weather_community_does_not_raise_a_partnership() -> None:
    label = "全面战略合作伙伴关系\uff1b新时代全天候命运共同体"
    assert tier_of_wording(label) is Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE


@pytest.mark.parametrize("label", ["", "未建交", "新型大国关系", "未见伙伴关系定位", "更加紧密的中非命运共同体"])
def test_wording_without_a_partnership_reads_as_no_tier(label: str) -> None:
    assert tier_of_wording(label) is None


def test_names_of_the_partnership_tiers_read_as_themselves() -> None:
    for tier in Tier:
        expected = None if tier in (Tier.NONE, Tier.NO_RELATIONS) else tier
        assert tier_of_wording(tier.facts.name_zh) is expected


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("comprehensive_strategik", "comprehensive_strategic"),
        ("All-Weather", "all_weather"),
        ("strategic coperative", "strategic_cooperative"),
        ("comprehensive strategic partnership", "comprehensive_strategic"),
        ("全面战略合作伙伴关系", "comprehensive_strategic_cooperative"),
        ("no relations", "no_relations"),
    ],
)
def test_misspelt_tier_finds_the_one_that_was_meant(word: str, first: str) -> None:
    assert near_tiers(word)[0] == first


def test_nothing_is_near_to_nonsense() -> None:
    assert near_tiers("") == ()
    assert near_tiers("§§") == ()
    assert near_tiers("qqqqqq") == ()


@settings(deadline=None)  # the machine may be busy; the rule is what is tested
@given(st.text(max_size=80))
def test_any_word_gets_at_most_three_different_known_tiers(word: str) -> None:
    near = near_tiers(word)
    assert len(near) <= 3
    assert len(set(near)) == len(near)
    assert set(near) <= set(Tier)


@pytest.mark.parametrize("tier", list(Tier))
def test_every_key_is_nearest_to_itself(tier: Tier) -> None:
    assert near_tiers(tier.value)[0] == tier
