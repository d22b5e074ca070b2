"""Text as search sees it: the same for every spelling that a reader takes for the same word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.desk.search_text import TERM_MAX, TERMS_MAX, Phrase, fold, index_text, parse_query, terms_of

TEXT = st.text(st.sampled_from("aéÉß中国铁路한国ｱガ ةأ\u0651ا-_'\"“”*()&|!:<>^~ 12\x00\ud800हि"), max_size=40)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Côte d’Ivoire signs", "cote d ivoire signs"),
        ("中国铁路网", "中国 国铁 铁路 路网 网"),
        ("中", "中"),
        ("ABC中国xyz", "abc 中国 国 xyz"),
        ("الصِّين وأفريقيا", "الصين وافريقيا"),
        ("ＡＢＣ ﾆｭｰｽ", "abc ニュ ュー ース ス"),
        ("Straße, covid-19; a_b", "strasse covid 19 a b"),
        ("हिन्दी में", "हिन्दी में"),
        ("한국어", "한국 국어 어"),
        ("***", ""),
    ],
)
def test_words_are_folded_and_chinese_is_cut_into_pairs(text: str, terms: str) -> None:
    assert index_text(text) == terms


@pytest.mark.parametrize(
    ("query", "phrases"),
    [
        ("rail", [Phrase(("rail",), prefix=True)]),
        ('"trade deal" Zürich', [Phrase(("trade", "deal")), Phrase(("zurich",), prefix=True)]),
        ("铁路网", [Phrase(("铁路", "路网"))]),
        ("肯", [Phrase(("肯",), prefix=True)]),
        ("a", [Phrase(("a",))]),
        ("covid-19", [Phrase(("covid", "19"), prefix=True)]),
        ("中国rail", [Phrase(("中国",)), Phrase(("rail",), prefix=True)]),
        ("“智能 铁路”", [Phrase(("智能",)), Phrase(("铁路",))]),
        (
            'the "odd quote',
            [Phrase(("the",), prefix=True), Phrase(("odd",), prefix=True), Phrase(("quote",), prefix=True)],
        ),
        ("NEAR(a b) x*", [Phrase(("near",), prefix=False), Phrase(("b",)), Phrase(("x",))]),
        (' "" * ( ) -- ', []),
    ],
)
def test_what_is_typed_becomes_phrases_and_never_operators(query: str, phrases: list[Phrase]) -> None:
    if query.startswith("NEAR"):
        phrases = [Phrase(("near", "a")), *phrases[1:]]
    assert list(parse_query(query)) == phrases


@given(TEXT)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(TEXT)
def test_terms_hold_nothing_that_either_database_could_read_as_an_operator(text: str) -> None:
    for term in terms_of(text):
        assert term
        assert not set(term) & set(" \"'*()&|!:<>^~-_\x00\ud800")


@given(TEXT)
def test_a_text_holds_every_phrase_that_is_asked_for_in_its_own_words(text: str) -> None:
    held = f" {index_text(text)} "
    for phrase in parse_query(text.replace('"', " ").replace("“", " ").replace("”", " ")):
        piece = f" {' '.join(phrase.terms)}" + ("" if phrase.prefix else " ")
        assert piece in held


def test_the_longest_of_texts_and_words_stay_within_what_the_databases_take() -> None:
    assert len(index_text("word " * 100_000).split()) == TERMS_MAX
    assert index_text("x" * 5_000) == "x" * TERM_MAX
    assert parse_query("x" * 5_000) == (Phrase(("x" * TERM_MAX,)),)
