"""The digest: the same facts in four forms, grouped but never reordered, the same bytes each time."""

import hashlib
import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from service.publishing.digest import MEDIA_TYPES, render_digest, sha256_of
from service.publishing.digest_text import COLUMNS, columns_of, wrap
from service.publishing.edition import Correction, Issue, PublicEdition, PublicSource
from service.publishing.formats.jsonfeed import render_json
from service.publishing.formats.markup import clean
from tests.publishing.builders import (
    AFRICAN_UNION,
    EGYPT,
    ETHIOPIA,
    KENYA,
    a_full_edition,
    a_tombstone,
    an_edition,
    an_item,
    chinese_item,
    corrected_item,
)
from tests.publishing.test_formats import CASES, GOLDEN, TEXTS

STANDING = Issue()


def text_of(edition: PublicEdition, extension: str, issue: Issue = STANDING) -> str:
    return render_digest(edition, extension, issue).decode()


def json_of(edition: PublicEdition, issue: Issue = STANDING) -> Any:
    return json.loads(render_digest(edition, "json", issue))


def html_of(edition: PublicEdition) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(text_of(edition, "html"))


def shown(tokens: list[Token]) -> str:
    """What a reader of rendered Markdown sees."""
    return "".join(shown(token.children) if token.children else token.content for token in tokens)


@pytest.mark.parametrize("extension", sorted(MEDIA_TYPES))
@pytest.mark.parametrize("case", sorted(CASES))
def test_digest_is_the_golden_file(case: str, extension: str) -> None:
    changed = Issue(
        number=12,
        revision=2,
        corrected=(Correction(corrected_item(8), "As it was sent", ("A wrong name.", "And a wrong sum.")),),
        withdrawn=(a_tombstone(7),),
    )
    body = render_digest(CASES[case](), extension, changed if case == "full" else Issue())
    golden = GOLDEN / f"digest_{case}.{extension}"
    if os.environ.get("HUOBAN_GOLDEN") == "1":
        golden.write_bytes(body)
    assert body.decode() == golden.read_bytes().decode()


@pytest.mark.parametrize("extension", sorted(MEDIA_TYPES))
def test_every_form_prints_the_same_hash_of_the_items(extension: str) -> None:
    edition = a_full_edition()
    assert json_of(edition)["hash"] in text_of(edition, extension)
    assert render_digest(edition, extension) == render_digest(edition, extension)


def test_anyone_can_repeat_the_hash_from_the_items() -> None:
    digest = json_of(a_full_edition())
    canonical = json.dumps(digest["items"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(canonical.encode()).hexdigest() == digest["hash"]
    other = a_full_edition(items=(an_item(1, blurb="Changed."),))
    assert json_of(other)["hash"] != digest["hash"]
    assert sha256_of(b"huoban") == hashlib.sha256(b"huoban").hexdigest()


def test_items_carry_the_same_facts_as_in_the_json_feed() -> None:
    edition = a_full_edition()
    feed = json.loads(render_json(edition))["items"]
    for item, entry in zip(json_of(edition)["items"], feed, strict=True):
        assert entry["_huoban"].items() <= item.items()
        assert (item["uri"], item["headline"]) == (entry["id"], entry["title"])


def test_item_stands_once_under_its_first_country_in_the_order_of_first_meeting() -> None:
    items = (
        an_item(1, tags=(KENYA, EGYPT)),
        an_item(2, tags=(EGYPT, KENYA)),
        an_item(3, tags=(ETHIOPIA,)),
        an_item(4, tags=(KENYA,)),
    )
    digest = json_of(an_edition(*items))
    assert [
        (group["region"], country["code"], [item["id"][-1] for item in country["items"]])
        for group in digest["groups"]
        for country in group["countries"]
    ] == [("africa", "KE", ["1", "4"]), ("africa", "ET", ["3"]), ("mena", "EG", ["2"])]
    assert [item["id"][-1] for item in digest["items"]] == ["1", "2", "3", "4"]
    assert [group["name"] for group in digest["groups"]] == ["Africa", "Middle East and North Africa"]


@given(st.permutations([KENYA, ETHIOPIA, EGYPT, AFRICAN_UNION, KENYA]), TEXTS)
@settings(deadline=None, max_examples=30)
def test_order_never_depends_on_what_an_item_says(tags: list[Any], text: str) -> None:
    plain = [an_item(number, tags=(tag,)) for number, tag in enumerate(tags, 1)]
    edited = [replace(plain[0], headline=text), *plain[1:-1], replace(plain[-1], blurb=text, editor=text)]
    first, second = (json_of(an_edition(*items)) for items in (plain, edited))
    for digest in (first, second):
        assert [item["position"] for item in digest["items"]] == [1, 2, 3, 4, 5]
    assert [
        [[item["id"] for item in country["items"]] for country in group["countries"]] for group in first["groups"]
    ] == [[[item["id"] for item in country["items"]] for country in group["countries"]] for group in second["groups"]]


def test_item_reads_in_the_house_style() -> None:
    text = text_of(an_edition(an_item()), "txt")
    assert "🇰🇪 KENYA [■ comprehensive strategic cooperative partnership]\n" in text
    assert "(The Daily Paper)\nhttps://paper.example/articles/1?a=1&b=2\n" in text
    markdown = text_of(an_edition(an_item()), "md")
    assert "🇰🇪 **KENYA** (■ comprehensive strategic cooperative partnership) Nairobi" in markdown
    assert markdown.count("([The Daily Paper](<https://paper.example/articles/1?a=1&b=2>))") == 1
    document = html_of(an_edition(an_item()))
    assert document.xpath("string(//bdi[@class='place ink'])") == "🇰🇪 KENYA"
    assert document.xpath("//bdi/a/@href") == ["https://paper.example/articles/1?a=1&b=2"]


def test_other_countries_and_a_changed_tier_are_told() -> None:
    for extension in ("txt", "md", "html"):
        text = " ".join(text_of(an_edition(an_item(tags=(EGYPT, KENYA))), extension).split())
        assert "now ◆ all-weather or permanent strategic partnership" in text
        assert text.index("EGYPT") < text.index("Also") < text.index("KENYA")


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, "open", "open, closes 25 November 2026, 06:00 (Africa/Nairobi)"),
        (
            {"state": "closed", "closed_at": datetime(2026, 11, 25, 3, tzinfo=UTC)},
            "closed",
            "closed 25 November 2026, 06:00 (Africa/Nairobi)",
        ),
        (
            {
                "state": "closed",
                "closed_at": datetime(2026, 11, 25, 3, tzinfo=UTC),
                "items": (corrected_item(),),
                "updated_at": datetime(2026, 11, 25, 8, 15, tzinfo=UTC),
            },
            "corrected",
            "closed 25 November 2026, 06:00, corrected 25 November 2026, 11:15 (Africa/Nairobi)",
        ),
    ],
)
def test_every_form_says_whether_the_edition_is_open(changes: dict[str, Any], state: str, words: str) -> None:
    edition = an_edition(an_item(), **changes)
    assert json_of(edition)["state"] == state
    for extension in ("txt", "md", "html"):
        assert words in " ".join(text_of(edition, extension).split())


def test_edition_nobody_filled_is_a_visible_state() -> None:
    edition = an_edition(state="closed", closed_at=datetime(2026, 11, 25, 3, tzinfo=UTC))
    words = "no edition: no editor published a story for Tuesday 24 November 2026"
    assert json_of(edition)["notice"] == words
    assert json_of(edition)["groups"] == json_of(edition)["items"] == []
    for extension in ("txt", "md", "html"):
        assert words in text_of(edition, extension)


def test_neighbours_map_and_times_are_named() -> None:
    edition = a_full_edition(links={"map": "https://news.example/map.svg?date=2026-11-24"})
    digest = json_of(edition)
    assert (digest["edition"], digest["previous"], digest["next"]) == ("2026-11-24", "2026-11-23", "2026-11-25")
    assert (digest["zone"], digest["cutoff_at"]) == ("Africa/Nairobi", "2026-11-25T03:00:00Z")
    for extension in ("txt", "md", "html"):
        text = text_of(edition, extension)
        assert f"https://news.example/digest/2026-11-23.{extension}" in text
        assert f"https://news.example/digest/2026-11-25.{extension}" in text
        assert "https://news.example/map.svg?date=2026-11-24" in text


def test_changes_since_the_last_digest_stand_apart_and_outside_the_hash() -> None:
    edition = an_edition(an_item(1))
    corrected = Correction(corrected_item(8), "The road is 90 km long", ("It is 80 km.",))
    issue = Issue(corrected=(corrected,), withdrawn=(a_tombstone(7),))
    digest = json_of(edition, issue)
    assert [found["item"]["id"] for found in digest["since_last_digest"]["corrected"]] == ["story0008"]
    assert [stone["id"] for stone in digest["since_last_digest"]["withdrawn"]] == ["story0007"]
    assert digest["hash"] == json_of(edition)["hash"]
    for extension in ("txt", "md", "html"):
        text = text_of(edition, extension, issue).lower()
        assert "changed since the last digest" in text
        assert "it is 80 km" in text
        assert "the road is 90 km long" in text
        assert "https://news.example/stories/story0007" in text
        assert "changed since" not in text_of(edition, extension).lower()


def test_stream_and_unknown_form_are_refused() -> None:
    with pytest.raises(ValueError, match="only a day's list has a digest"):
        render_digest(an_edition(day=None), "json")
    with pytest.raises(ValueError, match="json, html, txt, md"):
        render_digest(an_edition(), "pdf")


def test_mail_needs_no_image_script_or_style_sheet() -> None:
    document = html_of(a_full_edition())
    assert not document.xpath("//img | //script | //link[@rel='stylesheet']")
    assert not document.xpath("//p[not(@style)] | //td[ancestor::td and not(@style) and not(p)]")
    assert document.xpath("//p[@lang='ar']/@dir") == ["rtl"]
    assert "prefers-color-scheme: dark" in document.xpath("string(//style)")
    assert all(link.startswith("https://") for link in document.xpath("//a/@href"))


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=3))
@settings(deadline=None, max_examples=60)
def test_any_text_comes_back_in_every_form(texts: list[tuple[str, str, str]]) -> None:
    items = [
        an_item(
            number,
            headline=headline,
            blurb=blurb,
            source=PublicSource(name=name, url=None, language=name),
            correction=name,
        )
        for number, (headline, blurb, name) in enumerate(texts, 1)
    ]
    edition = an_edition(*items)
    told = json_of(edition)["items"]
    assert [(item["uri"], item["headline"], item["blurb"]) for item in told] == [
        (item.uri, clean(item.headline), clean(item.blurb)) for item in items
    ]
    assert html_of(edition).xpath("//td/p/b[not(text()='Corrected')]/text()") == [
        clean(item.headline) for item in items if clean(item.headline) not in ("", "Corrected")
    ]
    for line in text_of(edition, "txt").splitlines():
        assert columns_of(line) <= COLUMNS or "://" in line
    tokens = MarkdownIt("commonmark").parse(text_of(edition, "md"))
    assert not [token for token in tokens if token.type in ("html_block", "fence", "code_block")]
    seen, links = shown(tokens), 0
    for token in tokens:
        links += sum(child.type == "link_open" and "articles" in child.attrs["href"] for child in token.children or ())
    assert links == len(items)
    for item in items:
        assert clean(item.headline) in seen
        assert clean(item.blurb) in seen


@given(TEXTS, st.integers(min_value=4, max_value=30))
@settings(deadline=None)
def test_wrapping_keeps_every_letter_within_the_columns(text: str, columns: int) -> None:
    cleaned = clean(text)
    lines = wrap(cleaned, columns)
    assert "".join(lines).replace(" ", "") == cleaned.replace(" ", "")
    assert all(columns_of(line) <= columns for line in lines)


def test_chinese_wraps_between_letters_and_never_before_a_comma() -> None:
    assert wrap("双方同意，明年开工。", 8) == ["双方同", "意，明年", "开工。"]
    assert wrap("two words 🇰🇪", 9) == ["two words", "🇰🇪"]
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrap("", 10) == []
    text = text_of(an_edition(chinese_item()), "txt")
    assert max(columns_of(line) for line in text.splitlines() if "://" not in line) <= COLUMNS


@pytest.mark.parametrize("extension", ["txt", "md", "html"])
def test_item_whose_source_cannot_be_linked_is_still_told(extension: str) -> None:
    text = text_of(an_edition(an_item(source_url="javascript:alert(1)"), description=""), extension)
    assert "javascript" not in text
    assert "The Daily Paper" in text
    assert "**" not in text.split("KENYA")[0].replace("🇰🇪 **", "")


def test_days_are_written_out() -> None:
    assert "Monday 2 March 2026" in text_of(an_edition(an_item(), day=date(2026, 3, 2)), "txt")
