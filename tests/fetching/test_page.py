"""What an article's page says of itself, from careful markup, careless markup and hostile markup."""

import time
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fetching.linked_data import find_article, first_text
from service.fetching.page import PageFacts, is_web_page, read_page
from tests.conftest import NOON

URL = "https://paper.example/news/rail"


def page(
    head: str, body: str = "", *, lang: str = ' lang="en"', url: str = URL, content_type: str = "text/html"
) -> PageFacts:
    html = f"<!doctype html><html{lang}><head>{head}</head><body>{body}</body></html>"
    return read_page(html.encode(), url=url, content_type=content_type, now=NOON)


LINKED = """<script type="application/ld+json">
{"@context": "https://schema.org", "@graph": [
  {"@type": "WebSite", "name": "Nairobi Paper", "inLanguage": "fr"},
  {"@type": ["NewsArticle"], "headline": "Kenya &amp; China sign a <b>rail</b> deal", "inLanguage": "en-KE",
   "datePublished": "2026-11-24T09:30:00+03:00", "description": "The line is to reach Malaba.",
   "author": [{"@type": "Person", "name": "Amina Otieno"}, {"name": "Li Wei"}],
   "publisher": {"@type": "Organization", "name": "Nairobi Paper"}}]}
</script>"""


def test_json_ld_is_believed_before_everything_else() -> None:
    facts = page(
        LINKED
        + '<title>Rail | Nairobi Paper</title><meta property="og:title" content="Other">'
        + '<meta name="date" content="2020-01-01"><link rel="canonical" href="/news/rail-deal">'
    )
    assert facts == PageFacts(
        title="Kenya & China sign a rail deal",
        description="The line is to reach Malaba.",
        published_at=datetime(2026, 11, 24, 6, 30, tzinfo=UTC),
        date_raw="2026-11-24T09:30:00+03:00",
        date_rule="iso8601",
        language="en-KE",
        site_name="Nairobi Paper",
        author="Amina Otieno, Li Wei",
        canonical_url="https://paper.example/news/rail-deal",
    )


def test_open_graph_and_meta_stand_in_where_there_is_no_json_ld() -> None:
    facts = page(
        """<title>Rail deal signed | Nairobi Paper</title><meta property="og:site_name" content="Nairobi Paper">
        <meta property="og:title" content="Rail deal signed – Nairobi Paper"><meta name="Author" content="A. Otieno">
        <meta property="og:description" content="To Malaba.&nbsp;By 2028."><meta property="og:locale" content="sw_KE">
        <meta property="article:published_time" content="2026-11-24T06:30:00Z">
        <meta property="og:url" content="https://www.paper.example/news/rail?utm_source=x">""",
        lang="",
    )
    assert facts.title == "Rail deal signed"
    assert facts.description == "To Malaba. By 2028."
    assert facts.author == "A. Otieno"
    assert facts.language == "sw-KE"
    assert facts.published_at == datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    assert facts.canonical_url == "https://www.paper.example/news/rail?utm_source=x"


def test_a_bare_page_gives_its_title_its_time_and_its_language() -> None:
    facts = page("<title>  Rail\n deal </title>", '<h1>Rail</h1><time datetime="2026-11-23">yesterday</time>')
    assert (facts.title, facts.language, facts.canonical_url) == ("Rail deal", "en", None)
    assert (facts.published_at, facts.date_rule) == (datetime(2026, 11, 23, tzinfo=UTC), "iso8601+day+utc")
    assert page("", "<h1>Only <em>this</em></h1>").title == "Only this"
    assert page("", "nothing") == PageFacts(language="en")


def test_a_date_that_cannot_be_read_is_kept_raw_with_the_reason_and_the_next_one_is_tried() -> None:
    future = page('<meta name="date" content="2031-01-01">')
    assert (future.published_at, future.date_raw, future.date_rule) == (None, "2031-01-01", "future")
    both = page('<meta name="date" content="soon"><meta name="pubdate" content="2026-11-24T08:00:00Z">')
    assert both.published_at == NOON - timedelta(hours=4)


@pytest.mark.parametrize(
    ("link", "believed"),
    [
        ("https://paper.example/a", "https://paper.example/a"),
        ("https://www.paper.example/a", "https://www.paper.example/a"),
        ("/a", "https://paper.example/a"),
        ("https://other.example/a", None),
        ("https://sub.paper.example/a", None),
        ("https://paper.example/", None),
        ("javascript:alert(1)", None),
        ("https://user@paper.example/a", None),
        ("http://[broken", None),
        ("", None),
    ],
)
def test_a_canonical_link_is_believed_on_its_own_host_only(link: str, believed: str | None) -> None:
    assert page(f'<link rel="canonical" href="{link}">').canonical_url == believed


@pytest.mark.parametrize("title", ["Just a moment...", "Access Denied", "Attention Required! | Cloudflare", "安全验证"])
def test_a_gatekeepers_page_has_no_title(title: str) -> None:
    assert page(f"<title>{title}</title>", f"<h1>{title}</h1>").title is None
    assert page("<title>Access denied: how a dam was never built</title>").title is not None


def test_markup_scripts_and_overrides_do_not_survive() -> None:
    facts = page(
        '<meta property="og:title" content="Deal\u202e &lt;script&gt;alert(1)&lt;/script&gt;'
        '&lt;b&gt;signed&lt;/b&gt;\x07">'
        f'<meta name="description" content="{"long " * 2000}"><meta name="author" content="https://paper.example/amina">'
    )
    assert facts.title == "Deal signed"
    assert len(facts.description) <= 2_000
    assert facts.author is None


@pytest.mark.parametrize(
    "block",
    [
        "",
        "not json",
        "[" * 100_000,
        '{"@type": "NewsArticle", "headline": ' + "[" * 5_000 + "]" * 5_000 + "}",
        '{"@graph": {"@graph": {"@graph": {"@graph": {"@graph": {"@graph": {"@type": "NewsArticle"}}}}}}}',
        '{"@type": {"a": 1}, "headline": {"name": {"name": 5}}}',
        "null",
        "7",
        '"NewsArticle"',
        '{"@type": "NewsArticle", "headline": null, "author": {"name": {"x": []}}, "datePublished": 20261124}',
        '{"@type": "NewsArticle", "headline": "\\ud83d"}',
    ],
)
def test_bad_json_ld_never_raises_and_the_rest_of_the_page_counts(block: str) -> None:
    html = f'<html><head><script type="application/ld+json">{block}</script><title>Rail deal</title></head></html>'
    facts = read_page(html.encode("utf-8", "surrogatepass"), url=URL, content_type=None, now=NOON)
    assert facts.title == "Rail deal"


@pytest.mark.parametrize(
    "block",
    [
        '<!-- {"@type": "NewsArticle", "headline": "Deal"} -->',
        '//<![CDATA[\n{"@type": "NewsArticle", "headline": "Deal",}\n//]]>',
        '[{"@type": "BreadcrumbList"}, {"@type": "http://schema.org/NewsArticle", "headline": "Deal"}];',
        '{"@type": "WebPage", "mainEntity": {"@type": "LiveBlogPosting", "headline": ["De\tal"]}}',
        '{"@type": "ItemList", "itemListElement": [{"@type": "NewsArticle", "headline": "Wrong"}],'
        ' "mainEntityOfPage": {"@type": "Article", "headline": {"@value": "Deal"}}}',
    ],
)
def test_usual_mistakes_in_json_ld_are_mended(block: str) -> None:
    assert "".join(first_text(find_article(block).get("headline")).split()) == "Deal"


@pytest.mark.parametrize(
    ("charset", "declared", "header"),
    [
        ("gb18030", '<meta charset="gb2312">', "text/html"),
        ("gb18030", '<meta http-equiv="Content-Type" content="text/html; charset=gbk">', None),
        ("big5", "", "text/html; charset=big5"),
        ("utf-8", '<meta charset="gbk">', None),
    ],
)
def test_the_pages_charset_is_found(charset: str, declared: str, header: str | None) -> None:
    title = "中國與肯尼亞簽署鐵路協議" if charset == "big5" else "中国与肯尼亚签署铁路协议"
    html = f"<html><head>{declared}<title>{title}</title></head></html>".encode(charset)
    assert read_page(html, url=URL, content_type=header, now=NOON).title == title


def test_what_is_a_web_page_is_told_by_the_header_or_the_first_bytes() -> None:
    assert is_web_page(b"whatever", "text/html; charset=utf-8")
    assert is_web_page(b"", "application/xhtml+xml")
    assert is_web_page(b"\n <!DOCTYPE html><html>", None)
    assert is_web_page(b"<html>", "application/octet-stream")
    assert not is_web_page(b"%PDF-1.7", "application/pdf")
    assert not is_web_page(b"%PDF-1.7", None)
    assert not is_web_page(b"<html>", "application/pdf")


@pytest.mark.parametrize(
    "html",
    [
        b"",
        b"\x00\x01\x02",
        b"<" * 500_000,
        b"<div>" * 100_000 + b"<title>x",
        b"<title>" * 50_000,
        b"<meta name=a content=b>" * 50_000,
        b"<time datetime=2026-11-24>" * 50_000,
        b"<title>" + b"a." * 500_000,
        b'<script type="application/ld+json">' + b"{" * 400_000,
        (b'<script type="application/ld+json">' + b", " * 140_000 + b"</script>") * 3,
        b'<script type="application/ld+json">' + b"<!--" * 70_000,
        b"<html " + b"a=b " * 200_000 + b">",
        b"<!DOCTYPE html [<!ENTITY a 'b'>]><html><title>&a;</title>",
    ],
)
def test_a_hostile_page_costs_little_time_and_raises_nothing(html: bytes) -> None:
    begun = time.process_time()
    read_page(html, url=URL, content_type=None, now=NOON)
    assert time.process_time() - begun < 2


@settings(max_examples=40)  # telling a charset from noise takes its time
@given(st.binary(max_size=600) | st.text(max_size=600).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_read_without_raising(noise: bytes) -> None:
    head = (
        b"<html><head><script type='application/ld+json'>" + noise[:200] + b"</script><meta property=og:title content='"
    )
    facts = read_page(head + noise + b"'><title>x", url=URL, content_type=None, now=NOON)
    assert facts.title is None or not {unicodedata.category(sign) for sign in facts.title} & {"Cc", "Cs", "Zl", "Zp"}
