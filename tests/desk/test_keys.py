"""The key map: no conflicts as it comes, and none that an editor could make."""

from hypothesis import given
from hypothesis import strategies as st

from service.desk.keys import KEYS, effective_keys, key_problems

ACTS = [each.act for each in KEYS]


def test_the_map_as_it_comes_has_no_conflict_and_wants_shift_for_what_takes_away() -> None:
    assert key_problems({}) == ()
    assert key_problems({each.act: each.key for each in KEYS}) == ()
    assert {each.act for each in KEYS if each.shifted} == {"pass_ticked", "withdraw", "takeout", "close"}


def test_every_refusal_names_the_act_and_says_why() -> None:
    for own, field, words in (
        ({"pass": "h"}, "keys.pass", "'h' already stands for"),
        ({"pass": "5"}, "keys.pass", "digits choose"),
        ({"pass": "Enter"}, "keys.pass", "one key"),
        ({"pass": " "}, "keys.pass", "one key"),
        ({"pass": "\x07"}, "keys.pass", "one key"),
        ({"withdraw": "v"}, "keys.withdraw", "capital"),
        ({"rank": "v"}, "keys.rank", "no such act"),
    ):
        assert any(each.field == field and words in each.message for each in key_problems(own)), own


def test_an_act_of_the_wire_and_one_of_the_edition_may_share_a_key() -> None:
    assert key_problems({"schedule": "x"}) == ()
    assert key_problems({"schedule": "j"}) != ()


@given(st.dictionaries(st.sampled_from(ACTS), st.sampled_from("abcxyzJKXYZ!;é")))
def test_a_map_that_is_taken_gives_each_key_one_meaning_on_each_screen(own: dict[str, str]) -> None:
    if key_problems(own):
        return
    for screen in ("wire", "edition"):
        keys = [each.key for each in effective_keys(own) if each.where in (screen, "everywhere")]
        assert len(keys) == len(set(keys))
