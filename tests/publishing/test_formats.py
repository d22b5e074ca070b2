"""What every format says about a list: golden files, two independent parsers, and arbitrary texts."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import feedparser
import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from service.publishing.edition import PublicEdition, PublicItem, PublicSource
from service.publishing.formats import BUILT_IN
from service.publishing.formats.facts import edition_state, feed_id
from service.publishing.formats.markup import clean
from tests.publishing.builders import (
    EGYPT,
    KENYA,
    PARAGUAY,
    SITE,
    a_full_edition,
    a_tombstone,
    an_edition,
    an_item,
    arabic_item,
    corrected_item,
)

GOLDEN = Path(__file__).parent / "golden"
CASES: dict[str, Callable[[], PublicEdition]] = {
    "empty": an_edition,
    "one": lambda: an_edition(an_item()),
    "full": a_full_edition,
}
RENDER = {known.extension: known.render for known in BUILT_IN}
NS = {
    "a": "http://www.w3.org/2005/Atom",
    "at": "http://purl.org/atompub/tombstones/1.0",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
}
NASTY = (
    "]]>",
    "<script>alert(1)</script>",
    "&amp; &#0; &lt;",
    "🇰🇪🇪🇹",
    "مرحبا",
    "\x00\x0b\x1b\x7f\x85\x9f",
    "\ud800",
    "\ufffe\uffff",
    "\u202eevil\u2066",
    "\r\n\t ",
    "<!--",
    "?>",
    "{{ 7*7 }}",
    "' onload=\"x",
    "\u2028",
    "e\u0301",
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.lists(st.sampled_from(NASTY), max_size=4).map(" ".join),
)


def parsed(body: bytes) -> Any:
    return feedparser.parse(BytesIO(body), sanitize_html=False, resolve_relative_uris=False)


def rss(edition: PublicEdition) -> etree._Element:
    return etree.fromstring(RENDER["rss"](edition))


def atom(edition: PublicEdition) -> etree._Element:
    return etree.fromstring(RENDER["atom"](edition))


def json_feed(edition: PublicEdition) -> Any:
    return json.loads(RENDER["json"](edition))


def page(edition: PublicEdition) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(RENDER["html"](edition).decode())


def ids_and_titles(edition: PublicEdition) -> dict[str, list[tuple[str, str]]]:
    """What each format says, in its order."""
    feed = atom(edition)
    articles = page(edition).xpath("//article")
    return {
        "rss": [(i.findtext("guid"), i.findtext("title") or "") for i in rss(edition).iter("item")],
        "atom": [
            (e.findtext("a:id", None, NS), e.findtext("a:title", None, NS) or "") for e in feed.findall("a:entry", NS)
        ],
        "json": [(i["id"], i["title"]) for i in json_feed(edition)["items"]],
        "html": [
            (f"tag:news.example,2026-11-24:stories/{a.get('id').removeprefix('story-')}", a.xpath("string(h2)"))
            for a in articles
        ],
    }


@pytest.mark.parametrize("extension", sorted(RENDER))
@pytest.mark.parametrize("case", sorted(CASES))
def test_output_is_the_golden_file(case: str, extension: str) -> None:
    body = RENDER[extension](CASES[case]())
    golden = GOLDEN / f"{case}.{extension}"
    if os.environ.get("HUOBAN_GOLDEN") == "1":
        golden.write_bytes(body)
    assert body.decode() == golden.read_bytes().decode()


@pytest.mark.parametrize("extension", sorted(RENDER))
def test_same_edition_gives_the_same_bytes(extension: str) -> None:
    assert RENDER[extension](a_full_edition()) == RENDER[extension](a_full_edition())


@pytest.mark.parametrize("extension", ["rss", "atom"])
@pytest.mark.parametrize("case", sorted(CASES))
def test_feedparser_reads_every_item_without_complaint(case: str, extension: str) -> None:
    edition = CASES[case]()
    feed = parsed(RENDER[extension](edition))
    assert not feed.bozo
    assert feed.version == {"rss": "rss20", "atom": "atom10"}[extension]
    assert feed.feed.title == edition.title
    for entry, item in zip(feed.entries, edition.items, strict=True):
        assert entry.id == item.uri
        assert entry.link == item.permalink
        assert entry.author == item.editor
        assert entry.title == item.headline
        assert datetime(*entry.published_parsed[:6], tzinfo=UTC) == item.published_at
        assert datetime(*entry.updated_parsed[:6], tzinfo=UTC) == item.updated_at
        found = {(tag.scheme, tag.term) for tag in entry.tags}
        assert {("https://news.example/countries", tag.code) for tag in item.tags} <= found
        assert {("https://news.example/tiers", tag.tier) for tag in item.tags} <= found
        assert {("https://news.example/regions", tag.region) for tag in item.tags} <= found


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), max_size=3))
@settings(deadline=None, max_examples=60)
def test_any_text_comes_back_as_the_same_items(texts: list[tuple[str, str, str, str]]) -> None:
    items = [
        an_item(
            number,
            headline=headline,
            blurb=blurb,
            source=PublicSource(name=name, url=name, language=name),
            editor=name,
            correction=note,
            language=note,
            source_url=f"https://paper.example/{name}",
            tags=(replace(KENYA, name=name, flag=note, label_zh=blurb, label_en=note),),
        )
        for number, (headline, blurb, name, note) in enumerate(texts, 1)
    ]
    title = texts[0][0] if texts else "list"
    edition = an_edition(*items, title=title, description=title, site=replace(SITE, title=title))
    edition = replace(edition, tombstones=(a_tombstone(reason=title),))
    expected = [(item.uri, clean(item.headline)) for item in items]
    for extension, found in ids_and_titles(edition).items():
        assert found == expected, extension
    for extension in ("rss", "atom"):
        feed = parsed(RENDER[extension](edition))
        assert not feed.bozo
        assert [entry.id for entry in feed.entries] == [item.uri for item in items]


def test_very_long_texts_come_back_whole() -> None:
    long = "".join(NASTY) * 1_000
    edition = an_edition(*(an_item(number, headline=long, blurb=long, editor=long[:999]) for number in (1, 2)))
    for extension, found in ids_and_titles(edition).items():
        assert found == [(item.uri, clean(long)) for item in edition.items], extension
    assert [entry.title for entry in parsed(RENDER["rss"](edition)).entries] == [clean(long)] * 2


@given(TEXTS)
@settings(deadline=None)
def test_markup_in_a_text_stays_text(text: str) -> None:
    plain, hostile = an_edition(an_item()), an_edition(an_item(headline=text, blurb=text, correction=None))
    elements = [[e.tag for e in page(edition).iter()] for edition in (plain, hostile)]
    assert elements[0] == elements[1]
    fragments = [
        lxml.html.fragment_fromstring(json_feed(edition)["items"][0]["content_html"], create_parent="div")
        for edition in (plain, hostile)
    ]
    assert [e.tag for e in fragments[0].iter()] == [e.tag for e in fragments[1].iter()]
    assert fragments[1].xpath("string(.//strong)") == clean(text)


@given(st.permutations(range(1, 6)), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_order_is_the_editors_and_never_depends_on_content(order: list[int], random: Any) -> None:
    tags = [(KENYA,), (EGYPT,), (PARAGUAY,)]
    items = [
        an_item(
            number,
            headline=random.choice(["Zebra", "aardvark", "BREAKING"]),
            tags=random.choice(tags),
            published_at=datetime(2026, 11, 24, tzinfo=UTC) + timedelta(minutes=random.randrange(999)),
            position=random.randrange(99),
        )
        for number in order
    ]
    for found in ids_and_titles(an_edition(*items)).values():
        assert [uri for uri, _ in found] == [item.uri for item in items]


def test_correction_keeps_the_id_and_moves_updated_alone() -> None:
    before = an_item(4)
    after = replace(before, updated_at=before.updated_at + timedelta(hours=2), correction="Not 800 km.")
    first, second = (json_feed(an_edition(item))["items"][0] for item in (before, after))
    assert first["id"] == second["id"]
    assert first["date_published"] == second["date_published"]
    assert first["date_modified"] < second["date_modified"]
    assert (first["_huoban"]["state"], second["_huoban"]["state"]) == ("published", "corrected")
    assert second["_huoban"]["correction"] == "Not 800 km."
    assert "Not 800 km." in second["content_html"]


def test_withdrawn_item_stands_as_a_tombstone_and_nowhere_else() -> None:
    edition = an_edition(an_item(1), tombstones=(a_tombstone(9),))
    deleted = atom(edition).find("at:deleted-entry", NS)
    assert deleted is not None
    assert deleted.get("ref") == "tag:news.example,2026-11-24:stories/story0009"
    assert deleted.get("when") == "2026-11-24T09:30:00Z"
    assert deleted.findtext("at:comment", None, NS) == a_tombstone().reason
    assert json_feed(edition)["_huoban"]["tombstones"] == [
        {
            "id": "story0009",
            "uri": "tag:news.example,2026-11-24:stories/story0009",
            "url": "https://news.example/stories/story0009",
            "withdrawn_at": "2026-11-24T09:30:00Z",
            "reason": a_tombstone().reason,
        }
    ]
    assert "story0009" not in RENDER["rss"](edition).decode()
    assert all(len(found) == 1 for found in ids_and_titles(edition).values())


def test_hub_and_archive_links_stand_in_every_feed_with_its_own_extension() -> None:
    edition = a_full_edition()
    for extension, root in (("rss", rss(edition)), ("atom", atom(edition))):
        links = {link.get("rel"): link.get("href") for link in root.iter(f"{{{NS['a']}}}link")}
        assert links["self"] == f"https://news.example/editions/2026-11-24.{extension}"
        assert links["hub"] == "https://hub.example/"
        assert links["prev-archive"] == f"https://news.example/latest.{extension}?page=4"
    feed = json_feed(edition)
    assert feed["hubs"] == [{"type": "WebSub", "url": "https://hub.example/"}]
    assert feed["next_url"] == "https://news.example/latest.json?page=4"


def test_archive_document_says_that_it_is_one() -> None:
    archive = an_edition(an_item(), links={"current": "https://news.example/latest.{ext}"})
    assert rss(archive).find("channel/fh:archive", NS) is not None
    assert atom(archive).find("fh:archive", NS) is not None
    assert atom(an_edition(an_item())).find("fh:archive", NS) is None


def test_feed_id_depends_on_host_and_path_alone() -> None:
    edition = an_edition(an_item())
    assert feed_id(edition) == "tag:news.example,2026:/editions/2026-11-24"
    assert feed_id(replace(edition, title="Other", items=())) == feed_id(edition)
    moved = replace(SITE, base_url="http://127.0.0.1:8080/desk")
    assert feed_id(replace(edition, site=moved, path="/daily")) == "tag:127.0.0.1,2026:/desk/daily"


def test_huoban_object_holds_every_promised_fact() -> None:
    facts = json_feed(an_edition(arabic_item()))["items"][0]["_huoban"]
    assert facts == {
        "id": "story0002",
        "edition": "2026-11-24",
        "position": 2,
        "source": {"name": "جريدة الصباح", "url": None, "language": "ar"},
        "countries": [
            {
                "code": "EG",
                "name": "Egypt",
                "tier": "comprehensive_strategic",
                "label_en": "comprehensive strategic partnership",
                "label_zh": "全面战略伙伴关系",
                "tier_now": "all_weather",
            },
            {
                "code": "ET",
                "name": "Ethiopia",
                "tier": "all_weather",
                "label_en": "all-weather strategic partnership",
                "label_zh": "全天候战略伙伴关系",
            },
        ],
        "editor": "Wanjiru Kamau",
        "times": {
            "source_published_at": None,
            "published_at": "2026-11-24T05:02:00Z",
            "updated_at": "2026-11-24T05:02:00Z",
        },
        "state": "published",
        "correction": None,
        "decision": f"{2:064x}",
    }


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//host/x", "/etc/passwd", "http://", ""])
def test_address_that_is_not_a_web_address_is_never_linked(url: str) -> None:
    edition = an_edition(an_item(source_url=url, source=PublicSource(name="Paper", url=url, language="en")))
    assert "external_url" not in json_feed(edition)["items"][0]
    assert atom(edition).find("a:entry/a:link[@rel='via']", NS) is None
    assert rss(edition).find("channel/item/source") is None
    for link in page(edition).iter("a"):
        assert link.get("href").startswith(("/", "#", "https://news.example/"))


def test_source_without_a_name_goes_by_its_host() -> None:
    edition = an_edition(an_item(source=PublicSource(name="", url=None, language=None)))
    assert json_feed(edition)["items"][0]["_huoban"]["source"]["name"] == "paper.example"
    assert rss(edition).findtext("channel/item/source") == "paper.example"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no edition: no editor has published a story for Tuesday 24 November 2026 yet"),
        ({"state": "closed"}, "no edition: no editor published a story for Tuesday 24 November 2026"),
        (
            {"tombstones": (a_tombstone(),)},
            "no edition: everything published for Tuesday 24 November 2026 was withdrawn",
        ),
        ({"day": None}, "no items: nothing published here yet"),
    ],
)
def test_list_without_items_says_so_in_every_format(changes: dict[str, Any], words: str) -> None:
    edition = an_edition(**changes)
    assert words in (rss(edition).findtext("channel/description") or "")
    assert words in (atom(edition).findtext("a:subtitle", None, NS) or "")
    assert json_feed(edition)["_huoban"]["notice"] == words
    assert page(edition).xpath("string(//p[@class='notice'])") == words


def test_edition_is_corrected_only_by_what_came_after_its_close() -> None:
    close = datetime(2026, 11, 25, 3, tzinfo=UTC)
    closed: dict[str, Any] = {"state": "closed", "closed_at": close}
    assert edition_state(an_edition(corrected_item())) == "open"
    assert edition_state(an_edition(an_item(), **closed)) == "closed"
    assert edition_state(an_edition(corrected_item(), **closed)) == "corrected"
    assert edition_state(an_edition(corrected_item(), state="closed")) == "corrected"
    assert edition_state(an_edition(an_item(), tombstones=(a_tombstone(),), **closed)) == "closed"
    late = a_tombstone(withdrawn_at=close + timedelta(seconds=1))
    assert edition_state(an_edition(an_item(), tombstones=(late,), **closed)) == "corrected"


def test_page_marks_foreign_text_and_offers_its_feeds() -> None:
    edition = a_full_edition()
    document = page(edition)
    arabic = document.get_element_by_id("headline-story0002")
    assert (arabic.get("lang"), arabic.get("dir")) == ("ar", "rtl")
    assert document.get_element_by_id("headline-story0005").get("dir") == "auto"
    feeds = {link.get("type"): link.get("href") for link in document.xpath("//link[@rel='alternate'][@type]")}
    assert feeds == {known.media_type: edition.url(known.extension) for known in BUILT_IN if known.extension != "html"}
    assert document.xpath("string(//link[@rel='canonical']/@href)") == edition.url("html")
    assert document.xpath("//nav//a[@rel='prev']/@href") == ["/editions/2026-11-23.html"]
    assert document.xpath("//nav//a[@rel='next']/@href") == ["/editions/2026-11-25.html"]
    assert not document.xpath("//script | //*[@style] | //img")
    assert [len(document.xpath(f"//{landmark}")) for landmark in ("main", "h1")] == [1, 1]
    assert len(document.xpath("//article/h2")) == len(edition.items)
    ids = document.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_page_links_keep_the_path_that_the_site_lives_under() -> None:
    document = page(an_edition(an_item(), site=replace(SITE, base_url="https://news.example/desk")))
    assert document.xpath("//link[@rel='stylesheet']/@href") == ["/desk/static/public.css"]
    assert document.xpath("//article/h2/a/@href") == ["/desk/stories/story0001"]


def test_a_stream_has_no_dateline_and_no_state() -> None:
    document = page(an_edition(an_item(), day=None, previous=None, title="Latest", path="/latest"))
    assert document.xpath("string(//h1)") == "Latest"
    assert not document.xpath("//*[contains(@class, 'standing')]")
    assert json_feed(an_edition(an_item(), day=None))["_huoban"]["day"] is None


def test_times_are_utc_to_the_second_whatever_zone_they_came_in() -> None:
    nairobi = datetime.fromisoformat("2026-11-24T08:01:02.999999+03:00")
    edition = an_edition(an_item(published_at=nairobi, updated_at=nairobi, edition=date(2026, 11, 24)))
    assert rss(edition).findtext("channel/item/pubDate") == "Tue, 24 Nov 2026 05:01:02 +0000"
    assert atom(edition).findtext("a:entry/a:published", None, NS) == "2026-11-24T05:01:02Z"
    assert json_feed(edition)["items"][0]["date_published"] == "2026-11-24T05:01:02Z"


def test_the_content_for_readers_names_headline_countries_and_source() -> None:
    item: PublicItem = arabic_item()
    content = rss(an_edition(item)).findtext("channel/item/content:encoded", None, NS)
    assert content is not None
    fragment = lxml.html.fragment_fromstring(content, create_parent="div")
    assert fragment.xpath("div/@dir") == ["rtl"]
    assert fragment.xpath("string(.//strong/a/@href)") == item.permalink
    assert item.source_url in fragment.xpath(".//bdi/a/@href")
    assert "comprehensive strategic partnership" in fragment.xpath("string(ul)")
    assert "now all-weather" in fragment.xpath("string(ul)")
