"""OPML in and out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from service.errors import Invalid
from service.fetching.opml import MAX_FEEDS, NAMESPACE, OpmlFeed, export_opml, read_opml
from service.fetching.vocabulary import KINDS, REGIONS
from service.models import Feed

texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
slugs = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,4})?", fullmatch=True)
listed = st.builds(
    OpmlFeed,
    name=texts,
    url=slugs.map(lambda word: f"https://{word}.example/feed?a=1&b=<2>"),
    id=st.none() | slugs,
    homepage=st.none() | slugs.map(lambda word: f"https://{word}.example/"),
    language=st.sampled_from([None, "en", "zh-Hans", "pt-BR", "es-419"]),
    country=st.sampled_from([None, "KE", "XK"]),
    region=st.sampled_from([None, *REGIONS]),
    kind=st.sampled_from([None, *KINDS]),
    groups=st.lists(slugs, max_size=3, unique=True).map(tuple),
)


def opml(body: str, head: str = "") -> bytes:
    return f'<?xml version="1.0"?>{head}<opml version="2.0"><head/><body>{body}</body></opml>'.encode()


@given(st.lists(listed, max_size=12, unique_by=lambda feed: feed.url))
def test_a_list_that_we_wrote_reads_back_as_the_same_feeds(feeds: list[OpmlFeed]) -> None:
    again = read_opml(export_opml(feeds, title="Sources"))
    assert sorted(again, key=lambda feed: feed.url) == sorted(feeds, key=lambda feed: feed.url)


@given(st.text(max_size=40))
def test_any_title_and_name_gives_well_formed_xml(text: str) -> None:
    feed = OpmlFeed(name=text, url="https://a.example/feed", groups=("x",))
    data = export_opml([feed], title=text)
    etree.fromstring(data)
    assert len(read_opml(data)) == 1


def test_regions_are_folders_and_our_own_facts_stand_in_our_namespace() -> None:
    feeds = [
        OpmlFeed(name="A", url="https://a.example/", id="a", region="africa", country="KE", groups=("research",)),
        OpmlFeed(name="B", url="https://b.example/"),
        OpmlFeed(name="C", url="https://c.example/", region="africa"),
    ]
    root = etree.fromstring(export_opml(feeds, title="Sources"))
    assert root.get("version") == "2.0"
    assert root.findtext("head/title") == "Sources"
    folder, loose = root.findall("body/outline")
    assert folder.get("text") == "Africa"
    assert [outline.get("text") for outline in folder] == ["A", "C"]
    assert folder[0].attrib == {
        "type": "rss",
        "text": "A",
        "title": "A",
        "xmlUrl": "https://a.example/",
        "category": "/research",
        f"{{{NAMESPACE}}}id": "a",
        f"{{{NAMESPACE}}}country": "KE",
        f"{{{NAMESPACE}}}region": "africa",
    }
    assert loose.get("xmlUrl") == "https://b.example/"


def test_a_stored_feed_is_written_without_its_headers() -> None:
    feed = Feed(
        id="a", name="A", url="https://a.example/", url_key="a.example", host="a.example", groups=["g"],
        options={"headers": {"Authorization": "secret"}},
    )  # fmt: skip
    data = export_opml([feed], title="T")
    assert b"secret" not in data
    assert read_opml(data) == (OpmlFeed(name="A", url="https://a.example/", id="a", groups=("g",)),)


def test_a_list_of_another_reader_keeps_what_we_can_take() -> None:
    body = """
      <outline text="Middle East and North Africa">
        <outline text="One" title=" The  One " type="rss" xmlUrl=" https://one.example/rss " htmlUrl="nowhere"
                 language="unknown" category="/News/World News,/Other,"/>
        <outline text="Deeper"><outline xmlUrl="https://two.example/rss" language="en-us"/></outline>
      </outline>
      <outline text="again" xmlUrl="https://one.example/rss"/>
      <outline type="include" url="https://evil.example/more.opml"/>
      <outline text="odd" xmlUrl="javascript:alert(1)"/>
    """
    assert read_opml(opml(body)) == (
        OpmlFeed(name="The One", url="https://one.example/rss", region="mena", groups=("world-news", "other")),
        OpmlFeed(name="https://two.example/rss", url="https://two.example/rss", language="en-US"),
        OpmlFeed(name="odd", url="javascript:alert(1)"),
    )


BOMB = '<!DOCTYPE opml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not XML"),
        (b"<opml", "not XML"),
        (b"\x00\xff", "not XML"),
        (b"<rss/>", "not OPML"),
        (b"<opml/>", "not OPML"),
        (opml("<outline text='&b;' xmlUrl='http://a.example/'/>", BOMB), "DOCTYPE|not XML"),
        (opml("&b;", BOMB), "DOCTYPE"),
        (opml("&x;", '<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/hostname">]>'), "DOCTYPE"),
        (opml("", '<!DOCTYPE opml SYSTEM "http://127.0.0.1:9/x.dtd">'), "DOCTYPE"),
        (opml("<outline>" * 9 + "</outline>" * 9), "more than 8 deep"),
        (opml("<outline>" * 3000 + "</outline>" * 3000), "not XML"),
        (opml("".join(f"<outline xmlUrl='http://{n}.example'/>" for n in range(MAX_FEEDS + 1))), "more than 2,000"),
        (opml(" " * 1_000_000), "larger than 1,000,000"),
    ],
)
def test_a_hostile_or_foreign_document_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read_opml(data)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: opml(re.sub("[^\x20-\x7e]", "", text))))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_opml(data)
    except Invalid as error:
        assert error.detail  # noqa: PT017  (either way is right; it must only never be another error)
