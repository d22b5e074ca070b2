"""The rules for text, addresses, languages and times that every output shares."""

from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.publishing.formats.markup import clean, direction, language_tag, rfc822, rfc3339, web_address
from service.publishing.formats.wording import sentences, tier_mark
from tests.publishing.builders import an_item

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_clean_text_is_legal_xml_and_utf8_and_settled(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    escaped = cleaned.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert ElementTree.fromstring(f"<t>{escaped}</t>".encode()).text == (cleaned or None)


@given(st.text(st.characters(categories=("L", "N", "P", "So"))))
def test_ordinary_text_passes_unchanged(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two\r\n words\t ", "two words"),
        ("a\x00b\ud800c\ufffe", "a\ufffdb\ufffdc\ufffd"),
        ("safe \u202etxt.exe", "safe txt.exe"),
        ("«\u00a0mot\u00a0»", "«\u00a0mot\u00a0»"),
        ("سلام\u200f!", "سلام\u200f!"),
        ("👩\u200d👧 🇰🇪", "👩\u200d👧 🇰🇪"),
    ],
)
def test_clean_keeps_what_a_language_needs_and_drops_what_steers(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x?y=1&z=[2]#f", "https://a.example/x?y=1&z=[2]#f"),
        ("https://a.example/新闻 1", "https://a.example/%E6%96%B0%E9%97%BB%201"),
        ("https://a.example/%E6%96%B0", "https://a.example/%E6%96%B0"),
        ('https://a.example/">x', "https://a.example/%22%3Ex"),
        ("HTTP://A.example/", "HTTP://A.example/"),
        ("java\nscript:alert(1)", None),
        ("ftp://a.example/", None),
        ("https://[x/", None),
        ("https:///path", None),
        (None, None),
    ],
)
def test_web_address_is_ascii_http_or_nothing(url: str | None, expected: str | None) -> None:
    assert web_address(url) == expected


@given(ANY_TEXT)
def test_web_address_never_raises_and_is_settled(text: str) -> None:
    found = web_address(text)
    assert found is None or (found.isascii() and web_address(found) == found)


@pytest.mark.parametrize(
    ("language", "tag", "way"),
    [
        ("ar", "ar", "rtl"),
        ("fa-IR", "fa-IR", "rtl"),
        ("ur_PK", "ur-PK", "rtl"),
        ("he", "he", "rtl"),
        ("zh-Hans", "zh-Hans", "ltr"),
        ("English, mostly", None, "auto"),
        ("", None, "auto"),
        (None, None, "auto"),
    ],
)
def test_language_gives_tag_and_direction(language: str | None, tag: str | None, way: str) -> None:
    assert (language_tag(language), direction(language)) == (tag, way)


def test_moments_are_written_in_utc() -> None:
    moment = datetime(2026, 1, 1, 1, 30, 5, 999_999, tzinfo=timezone(timedelta(hours=8)))
    assert rfc3339(moment) == "2025-12-31T17:30:05Z"
    assert rfc822(moment.astimezone(UTC)) == "Wed, 31 Dec 2025 17:30:05 +0000"


@pytest.mark.parametrize(
    ("language", "headline", "blurb", "expected"),
    [
        ("en", "Port opens", "It is deep.", "Port opens. It is deep."),
        ("en", "Port opens!", "It is deep.", "Port opens! It is deep."),
        ("en", "“Port opens.”", "It is deep.", "“Port opens.” It is deep."),
        ("zh", "港口开放", "水很深。", "港口开放。水很深。"),
        ("zh-Hans", "港口开放！", "水很深。", "港口开放！水很深。"),
        ("ko", "항구 개방", "깊다.", "항구 개방. 깊다."),
        (None, "Port opens", "", "Port opens"),
        (None, "", "It is deep.", "It is deep."),
    ],
)
def test_headline_and_blurb_read_as_sentences(language: str | None, headline: str, blurb: str, expected: str) -> None:
    assert sentences(an_item(language=language, headline=headline, blurb=blurb)) == expected


def test_bands_of_tiers_differ_in_shape() -> None:
    bands = ("all_weather", "comprehensive_strategic", "strategic", "comprehensive_cooperative", "cooperative", "none")
    assert len({tier_mark(tier) for tier in bands}) == len(bands)
    assert tier_mark("strategic_coordination") == tier_mark("all_weather")
