"""The demonstration's documents are what they claim to be, and its server keeps the rules of HTTP."""

import asyncio
import csv
import json
import re
from calendar import timegm
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from importlib.resources import files
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import feedparser
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.demo.feed_server import HEAD_LIMIT, SampleServer, is_unchanged
from service.demo.samples import (
    ALL_TIME,
    NOTHING_YET,
    SAMPLE_ACCOUNTS,
    SAMPLE_EDITION,
    changed_after,
    feeds_text,
    fill,
    sample_articles,
    sample_documents,
    sample_feeds,
)
from service.fetching.feeds_file import load_feeds_file
from service.words import Role

NOW = datetime(2026, 11, 24, 9, 30, 15, 123456, tzinfo=UTC)
BASE = "http://127.0.0.1:4711"
DOCUMENTS = sample_documents()
XML = ["callao-gaceta.rss", "dakar-gazette.atom", "mekong-line.rss", "nairobi-courier.rss", "nile-post.rss"]
XML += ["planalto-gazeta.xml", "zh-nannan.rdf"]
MARKS = ("Sample ", "样本", "Échantillon ", "عينة ")


class Ticks:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
async def server(ticks: Ticks) -> AsyncIterator[SampleServer]:
    async with SampleServer(now=NOW, ticks=ticks) as opened:
        yield opened


@pytest.fixture
async def client(server: SampleServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.base, trust_env=False) as opened:
        yield opened


def filled(name: str, elapsed: timedelta = NOTHING_YET) -> bytes:
    return fill(DOCUMENTS[name], base=BASE, now=NOW, elapsed=elapsed)


def entries(name: str, elapsed: timedelta = NOTHING_YET) -> list[Any]:
    return list(feedparser.parse(BytesIO(filled(name, elapsed))).entries)


async def said_by(server: SampleServer, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.base.rpartition(":")[2]))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


# The documents


@pytest.mark.parametrize("name", XML)
@pytest.mark.parametrize("elapsed", [NOTHING_YET, ALL_TIME])
def test_every_entry_of_an_xml_feed_has_link_title_text_and_a_date_of_the_day(name: str, elapsed: timedelta) -> None:
    found = entries(name, elapsed)
    assert len(found) >= 4
    for entry in found:
        assert re.match(rf"{BASE}/articles/[a-z0-9-]+(\?|$)", entry.link)
        assert len(entry.title) >= 8
        written = datetime.fromtimestamp(timegm(entry.get("published_parsed") or entry.updated_parsed), UTC)
        assert timedelta(hours=-1) < NOW - written < timedelta(hours=20)
    whole = found[:-1] if name == "planalto-gazeta.xml" else found  # its last item is the one cut off
    assert all(len(entry.summary) >= 15 for entry in whole)


@pytest.mark.parametrize("elapsed", [NOTHING_YET, ALL_TIME])
def test_json_feed_keeps_version_1_1_with_its_required_fields(elapsed: timedelta) -> None:
    feed = json.loads(filled("south-wire.json", elapsed))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"]
    for item in feed["items"]:
        assert item["id"]
        assert item["url"].startswith(f"{BASE}/articles/")
        assert ("content_text" in item) != ("content_html" in item)
        assert datetime.fromisoformat(item["date_published"]).tzinfo is not None


@pytest.mark.parametrize("name", sorted(set(XML) - {"planalto-gazeta.xml", "zh-nannan.rdf"}))
def test_well_formed_feed_is_taken_as_such(name: str) -> None:
    assert not feedparser.parse(BytesIO(filled(name, ALL_TIME))).bozo


def test_malformed_feed_is_broken_and_still_yields_stories() -> None:
    parsed = feedparser.parse(BytesIO(filled("planalto-gazeta.xml")))
    assert parsed.bozo
    assert not DOCUMENTS["planalto-gazeta.xml"].rstrip().endswith(b">")
    assert "—" in parsed.entries[0].summary


def test_chinese_feed_is_gbk_under_the_name_of_gb2312() -> None:
    document = filled("zh-nannan.rdf", ALL_TIME)
    assert b'encoding="gb2312"' in document
    assert "样本南南通讯" in document.decode("gbk")
    for stricter in ("utf-8", "gb2312"):
        with pytest.raises(UnicodeDecodeError):
            document.decode(stricter)
    parsed = feedparser.parse(BytesIO(document))
    assert parsed.feed.title == "样本南南通讯"
    assert "王喆" in {entry.get("author") for entry in parsed.entries}


@pytest.mark.parametrize("name", sorted(set(DOCUMENTS) - {"zh-nannan.rdf"}))
def test_every_other_document_is_utf_8(name: str) -> None:
    assert "\ufffd" not in DOCUMENTS[name].decode("utf-8")


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
@pytest.mark.parametrize("seconds", [0, 59, 60, 200, 10**6])
def test_no_placeholder_is_left(name: str, seconds: int) -> None:
    text = filled(name, timedelta(seconds=seconds))
    assert not re.search(rb"\{(base|then|hours|after|/)[^{}]*\}?", text)


def test_page_in_place_of_a_feed_has_no_entries() -> None:
    assert entries("maputo-forum.html") == []


def test_dates_count_back_from_the_beginning_in_the_form_of_each_format() -> None:
    assert fill(b"<rss>{hours:1.5}", base=BASE, now=NOW) == b"<rss>Tue, 24 Nov 2026 08:00:15 +0000"
    assert fill(b"<feed>{hours:0}", base=BASE, now=NOW) == b"<feed>2026-11-24T09:30:15+00:00"


@given(st.integers(0, 1000), st.floats(0, 1000))
def test_later_part_appears_when_its_time_has_come_and_stays(wait: int, elapsed: float) -> None:
    document = b"<rss>a{after:%d}b {then}{/after}c" % wait
    text = fill(document, base=BASE, now=NOW, elapsed=timedelta(seconds=elapsed))
    if timedelta(seconds=wait) <= timedelta(seconds=elapsed):
        then = format_datetime(NOW + timedelta(seconds=wait)).encode()
        assert text == b"<rss>ab " + then + b"c"
    else:
        assert text == b"<rss>ac"


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), max_size=40))
def test_filling_leaves_gbk_text_as_it_is(text: str) -> None:
    document = f"{text}{{base}}{text}".encode("gbk")
    assert fill(document, base=BASE, now=NOW) == f"{text}{BASE}{text}".encode("gbk")


def test_one_more_story_appears_each_minute_at_first() -> None:
    counts = []
    for minute in range(10):
        elapsed = timedelta(minutes=minute)
        pages = (entries(name, elapsed) for name in XML)
        wire = json.loads(filled("south-wire.json", elapsed))["items"]
        counts.append(sum(map(len, pages)) + len(wire))
    assert [later - earlier for earlier, later in pairwise(counts)] == [1] * 8 + [0]


# The facts


def test_feeds_file_lists_outlets_that_are_marked_as_samples() -> None:
    feeds = sample_feeds(BASE)
    assert len(feeds) >= 8
    assert len({feed.id for feed in feeds}) == len(feeds)
    assert all(feed.name.startswith(MARKS) for feed in feeds)
    assert all(feed.url.startswith(f"{BASE}/feeds/") for feed in feeds)
    assert {"en", "zh-CN", "fr", "ar", "es", "pt-BR"} <= {feed.language for feed in feeds}
    assert "{" not in feeds_text(BASE).replace("defaults: {", "").partition("version:")[2]


def test_feeds_file_is_one_that_a_newsroom_could_load(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(feeds_text(BASE), encoding="utf-8")
    assert [spec.id for spec in load_feeds_file(path).specs] == [feed.id for feed in sample_feeds(BASE)]


def test_each_feed_names_its_outlet_as_the_feeds_file_does() -> None:
    names = {feed.url.rpartition("/")[2]: feed.name for feed in sample_feeds(BASE)}
    for name in XML:
        assert feedparser.parse(BytesIO(filled(name))).feed.title == names[name]
    assert json.loads(filled("south-wire.json"))["title"] == names["south-wire.json"]
    assert set(names) - set(DOCUMENTS) == {"pacific-bulletin.rss"}
    assert set(DOCUMENTS) <= set(names)


def test_regions_are_those_of_the_register() -> None:
    text = (files("service.partnerships") / "data" / "regions.csv").read_text(encoding="utf-8")
    known = {row["key"] for row in csv.DictReader(text.splitlines())}
    assert {feed.region for feed in sample_feeds(BASE)} <= known


def test_several_stories_are_in_two_or_three_feeds_under_one_address() -> None:
    seen: dict[str, set[str]] = {}
    links = {name: [entry.link for entry in entries(name)] for name in XML}
    links["south-wire.json"] = [item["url"] for item in json.loads(filled("south-wire.json"))["items"]]
    for name, urls in links.items():
        for url in urls:
            seen.setdefault(url.partition("?")[0], set()).add(name)
            assert all(part.startswith("utm_") for part in url.partition("?")[2].split("&") if part)
    assert sum(len(names) >= 2 for names in seen.values()) >= 6
    assert max(len(names) for names in seen.values()) >= 3
    assert len(seen) >= 35


def test_every_linked_article_can_be_read() -> None:
    articles = sample_articles(DOCUMENTS)
    slugs = {entry.link.partition("?")[0].rpartition("/")[2] for name in XML for entry in entries(name, ALL_TIME)}
    assert slugs <= set(articles)
    for article in articles.values():
        assert article.title
        assert article.text
        assert "<" not in article.text
        assert "&" not in article.text
        assert re.search(r"(19|20)\d\d", article.text), "each text says when its event was"


def test_edition_is_made_of_stories_that_are_there_from_the_beginning() -> None:
    shown = b"".join(filled(name) for name in DOCUMENTS)
    assert 4 <= len(SAMPLE_EDITION) <= 6
    assert len({item.slug for item in SAMPLE_EDITION}) == len(SAMPLE_EDITION)
    for item in SAMPLE_EDITION:
        assert item.url(BASE).encode() in shown
        assert item.headline
        assert item.blurb
        assert not item.headline.endswith(".")
        assert item.blurb.endswith(".")
        assert item.tags


def test_edition_bears_the_tiers_of_the_register() -> None:
    text = (files("service.partnerships") / "data" / "register.csv").read_text(encoding="utf-8")
    current: dict[str, tuple[str, str]] = {}
    for row in csv.DictReader(text.splitlines()):
        entry = (row["in_force_from"], row["tier"])
        current[row["partner"]] = max(entry, current.get(row["partner"], entry))
    tags = [tag for item in SAMPLE_EDITION for tag in item.tags]
    assert [(partner, str(tier)) for partner, tier in tags] == [(one, current[one][1]) for one, _ in tags]


def test_accounts_have_each_role_once_and_addresses_that_reach_nobody() -> None:
    assert {account.role for account in SAMPLE_ACCOUNTS} == set(Role)
    assert len({account.email for account in SAMPLE_ACCOUNTS}) == len(SAMPLE_ACCOUNTS)
    assert all(account.email.endswith("@example.org") and account.name for account in SAMPLE_ACCOUNTS)


# The server


@pytest.mark.anyio
async def test_server_serves_each_document_with_its_type(client: httpx.AsyncClient, server: SampleServer) -> None:
    for name in DOCUMENTS:
        answer = await client.get(f"/feeds/{name}")
        assert answer.status_code == 200
        assert answer.content == fill(DOCUMENTS[name], base=server.base, now=NOW)
        assert answer.headers["connection"] == "close"
        assert answer.headers["content-length"] == str(len(answer.content))
    assert (await client.get("/feeds/maputo-forum.html")).headers["content-type"] == "text/html; charset=utf-8"
    assert (await client.get("/feeds/zh-nannan.rdf")).headers["content-type"] == "application/rdf+xml"
    assert (await client.get("/feeds/south-wire.json")).headers["content-type"] == "application/feed+json"


@pytest.mark.anyio
async def test_unchanged_feed_is_answered_with_304_until_a_story_appears(
    client: httpx.AsyncClient, ticks: Ticks
) -> None:
    path = "/feeds/nairobi-courier.rss"
    first = await client.get(path)
    by_tag = {"If-None-Match": first.headers["etag"]}
    by_date = {"If-Modified-Since": first.headers["last-modified"]}
    ticks.seconds += 59.5
    for headers in (by_tag, by_date):
        same = await client.get(path, headers=headers)
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == first.headers["etag"]
        assert "content-length" not in same.headers
    ticks.seconds += 0.5
    for headers in (by_tag, by_date):
        changed = await client.get(path, headers=headers)
        assert changed.status_code == 200
        assert b"lekki-port-opens" in changed.content
        assert parsedate_to_datetime(changed.headers["last-modified"]) == datetime(2026, 11, 24, 9, 31, 15, tzinfo=UTC)


@pytest.mark.anyio
async def test_head_answers_as_get_does_without_the_body(client: httpx.AsyncClient) -> None:
    for path in ("/feeds/nile-post.rss", "/articles/focac-beijing-2024", "/feeds/pacific-bulletin.rss"):
        get, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.headers, head.content) == (get.status_code, get.headers, b"")


@pytest.mark.anyio
async def test_what_is_not_there_is_404_and_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    for path in ("/feeds/pacific-bulletin.rss", "/feeds/", "/articles/none", "/feeds/../feeds.yaml", "/x"):
        assert (await client.get(path)).status_code == 404
    refused = await client.post("/feeds/nile-post.rss")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.anyio
async def test_article_page_says_that_its_outlet_is_invented(client: httpx.AsyncClient) -> None:
    for slug, article in sample_articles(DOCUMENTS).items():
        page = await client.get(f"/articles/{slug}?utm_source=anything")
        assert page.status_code == 200
        assert "Sample article: invented outlet" in page.text
        assert f'lang="{article.language}" dir="{"rtl" if article.language == "ar" else "ltr"}"' in page.text
        assert f"<h1>{article.title}</h1>" in page.text.replace("&#x27;", "'")


@pytest.mark.anyio
async def test_every_outlet_has_a_page_that_leads_to_its_feed(client: httpx.AsyncClient, server: SampleServer) -> None:
    front = (await client.get("/")).text
    for feed in sample_feeds(server.base):
        page = await client.get(feed.homepage)
        assert page.status_code == 200
        assert feed.url in page.text
        assert feed.name in page.text
        assert feed.name in front


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", b"200"),
        (b"GET http://elsewhere.example/feeds/nile-post.rss HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/2.0\r\n\r\n", b"400"),
        (b"GET http://[ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * (HEAD_LIMIT + 10), b"431"),
    ],
)
async def test_odd_requests_get_a_plain_answer(server: SampleServer, request_bytes: bytes, status: bytes) -> None:
    assert (await said_by(server, request_bytes)).startswith(b"HTTP/1.1 " + status)


@pytest.mark.anyio
async def test_client_that_does_not_finish_its_request_is_told_so() -> None:
    async with SampleServer(now=NOW, patience=0.05) as server:
        assert (await said_by(server, b"GET / HTTP/1.1\r\n")).startswith(b"HTTP/1.1 408 ")


@pytest.mark.anyio
async def test_closing_does_not_wait_for_a_client_that_says_nothing() -> None:
    async with SampleServer(now=NOW) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.base.rpartition(":")[2]))
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(server.base)).status_code == 200  # so the server has seen both of us
    async with asyncio.timeout(2):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


def test_etag_decides_alone_and_is_compared_weakly() -> None:
    late = format_datetime(NOW + timedelta(days=1), usegmt=True)
    for value, unchanged in [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False)]:
        headers = {"if-none-match": value, "if-modified-since": late}
        assert is_unchanged(headers, etag='"a"', modified=NOW) is unchanged


@given(st.text(max_size=60))
def test_date_that_cannot_be_read_counts_as_no_date(text: str) -> None:
    assert is_unchanged({"if-modified-since": "no date " + text}, etag='"a"', modified=NOW) in (True, False)
    assert is_unchanged({"if-modified-since": ""}, etag='"a"', modified=NOW) is False


def test_last_change_is_the_latest_part_that_is_already_shown() -> None:
    document = DOCUMENTS["nairobi-courier.rss"]
    moments = [changed_after(document, timedelta(seconds=at)).total_seconds() for at in (0, 59, 60, 419, 420)]
    assert moments == [0, 0, 60, 60, 420]
    assert changed_after(document, ALL_TIME) == timedelta(seconds=420)
