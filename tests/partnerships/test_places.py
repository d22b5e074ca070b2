"""The partners: one closed list, six languages, and words that find their place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.partnerships.places import (
    CHINA,
    LANGUAGES,
    find,
    flag,
    name,
    near_places,
    places,
    region,
    region_name,
    regions,
    unknown_place,
)


def test_list_holds_iso_without_china_with_kosovo_and_eight_organisations() -> None:
    kinds = [place.kind for place in places().values()]
    assert kinds.count("country") == 249
    assert kinds.count("organisation") == 8
    assert CHINA not in places()
    assert "XK" in places()
    assert all(code.startswith("X-") == (place.kind == "organisation") for code, place in places().items())


def test_every_other_member_of_the_united_nations_is_there() -> None:
    assert sum(place.un_member for place in places().values()) == 192


def test_alpha_three_codes_are_whole_and_unique() -> None:
    codes = [place.alpha3 for place in places().values() if place.kind == "country"]
    assert all(len(code) == 3 and code.isupper() for code in codes)
    assert len(set(codes)) == len(codes)


def test_every_region_of_a_place_is_on_the_closed_list() -> None:
    assert {region(code) for code in places()} <= set(regions())
    assert set(regions()) - {region(code) for code in places()} == {"china"}
    assert [code for code in places() if region(code) == "global"] == ["AQ"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_place_and_region_has_a_name_in_each_language(language: str) -> None:
    assert all(name(code, language).strip() for code in places())
    assert all(region_name(key, language).strip() for key in regions())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_places_share_a_name_that_readers_see(language: str) -> None:
    names = [name(code, language) for code in places()]
    assert len(set(names)) == len(names)


def test_names_are_those_a_newsroom_writes() -> None:
    assert name("CD") == "DR Congo"
    assert name("PS") == "Palestine"
    assert name("KE", "zh") == "肯尼亚"
    assert name("X-AU", "pt-BR") == "União Africana"
    assert name("KE", "zh_Hans") == "肯尼亚"
    assert name("CN", "fr") == "Chine"


def test_language_without_names_gets_english() -> None:
    assert name("KE", "sw") == "Kenya"
    assert region_name("mena", "") == "Middle East and North Africa"


def test_unknown_code_has_no_name_and_no_region() -> None:
    with pytest.raises(KeyError):
        name("ZZ")
    with pytest.raises(KeyError):
        region(CHINA)


def test_flag_spells_the_code_and_organisations_have_none() -> None:
    assert flag("KE") == "\U0001f1f0\U0001f1ea"
    assert flag("XK") == "\U0001f1fd\U0001f1f0"
    assert flag("X-ASEAN") == ""
    assert flag("ke") == ""


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("ke", "KE"),
        ("KEN", "KE"),
        ("Kenia", "KE"),
        ("  quênia ", "KE"),
        ("كينيا", "KE"),
        ("DR Congo", "CD"),
        ("刚果\uff08金\uff09", "CD"),
        ("Republic of the Congo", "CG"),
        ("Ivory Coast", "CI"),
        ("Côte d\u2019Ivoire", "CI"),
        ("Cote d'Ivoire", "CI"),
        ("Turkey", "TR"),
        ("TÜRKIYE", "TR"),
        ("Burma", "MM"),
        ("UK", "GB"),
        ("U.S.A.", "US"),
        ("UAE", "AE"),
        ("Swaziland", "SZ"),
        ("Cape Verde", "CV"),
        ("St Lucia", "LC"),
        ("Saint Kitts and Nevis", "KN"),
        ("Niger", "NE"),
        ("Vatican", "VA"),
        ("AU", "AU"),
        ("African Union", "X-AU"),
        ("x-au", "X-AU"),
        ("EU", "X-EU"),
        ("东盟", "X-ASEAN"),
        ("Arab League", "X-LAS"),
    ],
)
def test_code_name_or_alias_finds_its_place(word: str, code: str) -> None:
    found = find(word)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_leads_back_to_its_code(language: str) -> None:
    astray = {}
    for code in places():
        found = find(name(code, language))
        if found is None or found.code != code:
            astray[code] = name(code, language)
    # In Spanish and French the short "Congo" would be a guess between two states.
    assert set(astray) <= {"CG"}


def test_word_for_several_partners_is_not_guessed() -> None:
    assert find("Congo") is None
    answer = unknown_place("partner", "Congo")
    assert answer.suggestions == ("CD", "CG")
    assert "several" in answer.message


@pytest.mark.parametrize("word", ["CN", "chn", "China", "中国", "Chine", "الصين"])
def test_china_is_told_apart_as_the_other_side_of_every_tie(word: str) -> None:
    assert find(word) is None
    answer = unknown_place("tags.0.partner", word)
    assert answer.field == "tags.0.partner"
    assert "other side" in answer.message
    assert answer.suggestions == ()


@pytest.mark.parametrize(
    ("word", "expected"),
    [("KEN", {"KE"}), ("Nigera", {"NG", "NE"}), ("Marroco", {"MA"}), ("Tanzan", {"TZ"}), ("Kenyaa", {"KE"})],
)
def test_misspelling_brings_up_what_was_meant(word: str, expected: set[str]) -> None:
    assert expected <= set(near_places(word))


def test_unknown_word_is_answered_with_near_matches() -> None:
    answer = unknown_place("partner", "Nigera")
    assert "Nigera" in answer.message
    assert "NG" in answer.suggestions


def test_nothing_is_near_to_nothing() -> None:
    assert near_places("") == ()
    assert near_places("?!") == ()
    assert find("") is None


@settings(deadline=None)  # the machine may be busy; the rule is what is tested
@given(st.text(max_size=40))
def test_any_word_finds_a_partner_or_gets_an_answer(word: str) -> None:
    found = find(word)
    assert found is None or found.code in places()
    near = near_places(word)
    assert len(near) <= 5
    assert len(set(near)) == len(near)
    assert set(near) <= set(places())
    assert unknown_place("partner", word).message


@settings(deadline=None)  # the machine may be busy; the rule is what is tested
@given(st.sampled_from(sorted(places())), st.sampled_from(LANGUAGES))
def test_case_and_surrounding_blanks_never_matter(code: str, language: str) -> None:
    word = name(code, language)
    assert find(f"  {word.upper()} ") == find(word)
