"""What is the same article, and what text and links are let in."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fetching.normalize import (
    canonical_url,
    clean_link,
    clean_summary,
    clean_text,
    content_hash,
    identity,
    is_opaque,
    shorten,
    uncounted,
    unwrap,
)

BASE = "https://news.example.org/world/feed.xml"
OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("given_url", "same_as"),
    [
        ("http://Example.com/a", "https://example.com/a"),
        ("https://example.com:443/a/", "https://example.com/a"),
        ("http://example.com:80/a#comments", "https://example.com/a"),
        ("https://www.example.com/a", "https://example.com/a"),
        ("https://m.example.com/a", "https://example.com/a"),
        ("https://amp.example.com/a", "https://example.com/a"),
        ("https://mobile.example.co.uk/a", "https://example.co.uk/a"),
        ("https://en.m.wikipedia.org/wiki/China", "https://en.wikipedia.org/wiki/China"),
        ("https://example.com/a/amp/", "https://example.com/a"),
        ("https://example.com/amp/a", "https://example.com/a"),
        ("https://example.com/a.amp.html", "https://example.com/a.html"),
        ("https://example.com/a?amp=1", "https://example.com/a"),
        ("https://www.google.com/amp/s/www.example.com/a", "https://example.com/a"),
        ("https://www-example-com.cdn.ampproject.org/c/s/www.example.com/a", "https://example.com/a"),
        ("https://example.com/a?utm_source=rss&utm_medium=feed&fbclid=1", "https://example.com/a"),
        ("https://example.com/a;jsessionid=0A1B.node2?PHPSESSID=9f&id=5", "https://example.com/a?id=5"),
        ("https://example.com/a?at_medium=RSS&at_campaign=KARANGA", "https://example.com/a"),
        ("https://example.com/a?CMP=share&ito=1490&ocid=x&ns_mchannel=rss&igshid=1&spm=a.b", "https://example.com/a"),
        ("https://example.com/a?maca=en-rss-en-all-1573-rdf&mc_cid=1&gclid=2", "https://example.com/a"),
        ("https://example.com/a?partner=rss&emc=rss", "https://example.com/a"),
        ("https://example.com/a?b=2&a=1", "https://example.com/a?a=1&b=2"),
        ("https://example.com/a?id=5&amp;utm_source=x&amp;p=3", "https://example.com/a?id=5&p=3"),
        ("https://example.com/%7Ejoe/%e4%b8%ad", "https://example.com/~joe/中"),
        ("https://example.com/x/../a//b/./c", "https://example.com/a/b/c"),
        ("https://BÜCHER.example/a", "https://xn--bcher-kva.example/a"),
        ("https://例子.中国/新闻", "https://xn--fsqu00a.xn--fiqs8s/%E6%96%B0%E9%97%BB"),
        ("https://www.google.com/url?rct=j&url=https://example.com/a%3Fid%3D1&ct=ga", "https://example.com/a?id=1"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://user:secret@example.com/a", "https://example.com/a"),
        ("  https://example.com/a\n", "https://example.com/a"),
    ],
)
def test_spellings_of_one_address_have_one_key(given_url: str, same_as: str) -> None:
    assert canonical_url(given_url) == canonical_url(same_as)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.com/a?id=1", "https://example.com/a?id=2"),
        ("https://example.com/?p=1", "https://example.com/?p=2"),
        ("https://example.com/a?cid=1", "https://example.com/a"),
        ("https://example.com/a?article=1", "https://example.com/a"),
        ("https://example.com/a?ref=chapter-2", "https://example.com/a"),
        ("https://example.com/A", "https://example.com/a"),
        ("https://example.com:8443/a", "https://example.com/a"),
        ("https://example.com/#!/story/1", "https://example.com/#!/story/2"),
        ("https://m.co.uk/a", "https://co.uk/a"),
        ("https://example.com/a%2Fb", "https://example.com/a/b"),
        ("https://example.com/a?x=1%262", "https://example.com/a?x=1&2"),
    ],
)
def test_different_articles_keep_different_keys(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


@pytest.mark.parametrize(
    "odd", ["", "urn:uuid:1", "tag:example.org,2020:1", "http://[bad", "http:///x", "https://x:y/", "?"]
)
def test_what_is_no_web_address_stays_as_it_is(odd: str) -> None:
    assert canonical_url(odd) == odd


paths = st.text("abz/.?&=%#:@;-_~+é中 2561utmamp_", max_size=40)
addresses = st.one_of(
    paths.map("http://example.com/".__add__),
    paths.map("https://".__add__),
    paths.map("https://m.www.example.org/".__add__),
    st.text(max_size=40).map("https://example.com/".__add__),
    st.text(max_size=60),
)


@given(addresses)
def test_canonical_url_is_its_own_key(url: str) -> None:
    key = canonical_url(url)
    assert canonical_url(key) == key


@given(st.lists(st.sampled_from(["id=1", "p=2", "x=é", "utm_source=z", "fbclid=1", "b"]), unique=True).flatmap(
    lambda fields: st.tuples(st.just(fields), st.permutations(fields))
))  # fmt: skip
def test_order_of_parameters_never_counts(orders: tuple[list[str], list[str]]) -> None:
    first, second = ("https://example.com/a?" + "&".join(order) for order in orders)
    assert canonical_url(first) == canonical_url(second)


@pytest.mark.parametrize(
    ("url", "opaque"),
    [
        ("https://news.google.com/rss/articles/CBMiXyz?oc=5", True),
        ("https://news.google.com/articles/CBMiXyz", True),
        ("https://feedproxy.google.com/~r/site/~3/abc/", True),
        ("https://t.co/abc", True),
        ("https://www.google.com/url?url=https://example.com/a", False),
        ("https://news.google.com/", False),
        ("https://example.com/rss/articles/1", False),
        ("not a link", False),
    ],
)
def test_wrappers_that_hide_their_target_are_opaque(url: str, opaque: bool) -> None:
    assert is_opaque(url) is opaque


def test_readable_wrapper_gives_its_target() -> None:
    assert (
        unwrap("https://www.google.com/url?q=https://l.facebook.com/l.php?u%3Dhttps%253A%252F%252Fe.org%252Fa")
        == "https://e.org/a"
    )
    assert (
        unwrap("https://www.google.com/url?q=javascript:alert(1)") == "https://www.google.com/url?q=javascript:alert(1)"
    )


@pytest.mark.parametrize(
    ("raw", "link"),
    [
        ("https://e.org/a?b=1&amp;c=2#d", "https://e.org/a?b=1&c=2#d"),
        ("//cdn.example.org/x", "https://cdn.example.org/x"),
        ("/a b", "https://news.example.org/a%20b"),
        ("story.html", "https://news.example.org/world/story.html"),
        ("?id=1", "https://news.example.org/world/feed.xml?id=1"),
        (" \n https://e.org/\ta\n", "https://e.org/a"),
        ("HTTPS://e.org/中文", "https://e.org/中文"),
        ("\u202ehttps://e.org/a\u200b", "https://e.org/a"),
        ("http:\\\\e.org\\a", "http://e.org/a"),
    ],
)
def test_link_becomes_absolute(raw: str, link: str) -> None:
    assert clean_link(raw, BASE) == link


@pytest.mark.parametrize(
    "raw",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)"),
        *("java\nscript:alert(1)", "\x01javascript:alert(1)", "java&#10;script:alert(1)", "java&Tab;script:alert(1)"),
        *("&#x6a;avascript:alert(1)", "javascript&colon;alert(1)", "java\u200bscript:alert(1)"),
        *("data:text/html,<script>", "vbscript:x", "file:///etc/passwd", "ftp://e.org/", "mailto:a@e.org"),
        *(
            "https://user:pass@e.org/",
            "https://e.org@evil.org/",
            "http:///a",
            "https://",
            "https://[::1",
            "https://e.org:99999/",
        ),
        *("https://e.org/" + "a" * 3000, "", "   "),
    ],
)
def test_unfit_link_is_refused(raw: str) -> None:
    assert clean_link(raw, BASE) is None


@given(st.text(max_size=80) | st.text("javscript:datahp/\t\n&#;x0x6a\\@.?", max_size=50))
def test_link_is_absolute_web_address_or_nothing(raw: str) -> None:
    link = clean_link(raw, BASE)
    if link is not None:
        assert link.lower().startswith(("http://", "https://"))
        assert not any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp") for sign in link)
        assert clean_link(link, BASE) == link


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("A<br>b<p>c</p>d", "A b c d"),
        ("<td>1</td><td>2</td>", "1 2"),
        ("<b>Bold</b>ly", "Boldly"),
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
        ("&lt;b&gt;Bold&lt;/b&gt; move", "Bold move"),
        ("caf&eacute;&nbsp;noir", "café noir"),
        ("AT&T, R&D, 5 < 6 > 4", "AT&T, R&D, 5 < 6 > 4"),
        ("<script>alert(1)</script><style>p{}</style>ok", "ok"),
        ('<img src=x onerror="alert(1)">text', "text"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;ok", "ok"),
        ("<svg><a xlink:href='javascript:x'>y</a></svg>ok", "ok"),
        ("unclosed <a href='", "unclosed"),
        (f"x{OVERRIDES}y", "xy"),
        ("zero\u200b\ufeff\u2060width", "zerowidth"),
        ("soft\u00adhyphen", "softhyphen"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200c\u200c\u200cb \u200d c", "a\u200cb c"),
        ("\ud800lone\udfff", "lone"),
        ("nul\x00 bell\x07 esc\x1b", "nul bell esc"),
        ("e\u0301", "é"),
        ("Z" + "\u0351" * 50, "Z" + "\u0351" * 3),
        ("  many\t\n\u3000\u2028 spaces ", "many spaces"),
        (None, ""),
    ],
)
def test_text_is_plain(raw: str | None, text: str) -> None:
    assert clean_text(raw) == text


def test_text_that_is_no_markup_keeps_its_signs() -> None:
    assert clean_text("if a<b>c &amp; d", markup=False) == "if a<b>c &amp; d"


@given(st.text(max_size=200) | st.text("<>&;/abp#x0 brl\u202e\u200b\ud800\x07\n", max_size=100))
def test_text_has_nothing_hidden_in_it(raw: str) -> None:
    for text in (clean_text(raw), clean_summary(raw).replace("\n", " ")):
        assert text == " ".join(text.split())
        assert not set(text) & set(OVERRIDES)
        assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text)
        assert unicodedata.is_normalized("NFC", text)
        text.encode("utf-8")


def test_summary_keeps_paragraphs_as_lines() -> None:
    assert clean_summary("<p>One\n line</p><p>two<br/>three</p><ul><li>a<li>b</ul>") == "One line\ntwo\nthree\na\nb"


@given(st.text(max_size=300), st.integers(0, 100))
def test_shortened_text_fits(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit or short == text == ""
    assert len(text) > limit or short == text


def test_summary_is_cut_at_a_word() -> None:
    assert clean_summary("word " * 1000, 23) == "word word word word…"
    assert len(clean_summary("字" * 5000)) == 2000


def test_deep_markup_costs_no_time() -> None:
    assert clean_summary("<div>" * 20_000 + "x") == ""  # what lies beyond the first 30,000 characters is not read


ARTICLE = "Officials met on Tuesday. Trade grew by 12 percent."


@pytest.mark.parametrize(
    "noise",
    [
        "Officials met on Tuesday. Trade grew by 12 percent. 14 comments",
        "Officials met on Tuesday. Trade grew by 12 percent. 1,204 views",
        "2 hours ago Officials met on Tuesday. Trade grew by 12 percent.",
        "Officials met on Tuesday — trade grew by 12 percent",
        "12:45 Officials met on Tuesday. Trade grew by 12 percent. 2026-11-24",
        "OFFICIALS met  on Tuesday.\nTrade grew by 12 percent. Last updated on 24.11.2026 12:45",
        "Officials met on Tuesday. Trade grew by 12 percent. 阅读量：12万",
    ],
)
def test_moving_furniture_is_no_edit(noise: str) -> None:
    assert content_hash("Title", noise) == content_hash("Title", ARTICLE)


@pytest.mark.parametrize(
    ("title", "summary"),
    [
        ("Title", "Officials met on Tuesday. Trade grew by 13 percent."),
        ("Title", "Officials met on Monday. Trade grew by 12 percent."),
        ("Title 2", ARTICLE),
        ("Title", ""),
    ],
)
def test_changed_facts_are_an_edit(title: str, summary: str) -> None:
    assert content_hash(title, summary) != content_hash("Title", ARTICLE)


def test_toll_in_a_headline_is_an_edit() -> None:
    assert content_hash("Quake kills 12", "") != content_hash("Quake kills 30", "")


def test_markup_alone_is_no_edit() -> None:
    one, other = clean_summary("<p>A <b>b</b>&nbsp;c</p><img src='/t.gif?1'>"), clean_summary("A b c")
    assert content_hash("T", one) == content_hash("T", other)


@given(st.text(), st.text())
def test_fingerprint_has_one_shape(title: str, summary: str) -> None:
    assert len(content_hash(title, summary)) == 64


def test_address_is_the_identity_in_every_feed() -> None:
    one = identity(link="http://m.e.org/a?utm_source=x", guid="1", title="A", day=None, feed_id="f")
    other = identity(link="https://e.org/a", guid="2", title="B", day=date(2026, 1, 1), feed_id="g")
    assert one == other == "url:https://e.org/a"


def test_guid_and_title_belong_to_their_feed() -> None:
    keys = {identity(link=None, guid=guid, title="A", day=day, feed_id=feed)
            for guid in ("1", None) for day in (None, date(2026, 1, 1)) for feed in ("f", "g")}  # fmt: skip
    assert len(keys) == 2 + 4


@given(st.text(max_size=3000), st.none() | st.text(max_size=50), st.text(max_size=50))
def test_key_fits_its_column(path: str, guid: str | None, title: str) -> None:
    for link in (f"https://e.org/{path}", None):
        assert 0 < len(identity(link=link, guid=guid, title=title, day=None, feed_id="f" * 64)) <= 2100


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://m.paper.example/a?utm_source=rss&id=5", "https://m.paper.example/a?id=5"),
        ("http://paper.example/a?b=2&a=1&fbclid=x#part", "http://paper.example/a?b=2&a=1#part"),
        ("https://paper.example/a?utm_source=rss", "https://paper.example/a"),
        ("https://paper.example/a?utm_source=rss#part", "https://paper.example/a#part"),
        ("https://paper.example/a?source=rss", "https://paper.example/a"),
        ("https://paper.example/a?source=42", "https://paper.example/a?source=42"),
        ("https://paper.example/a?amp", "https://paper.example/a?amp"),
        ("https://paper.example/a?b&&c", "https://paper.example/a?b&&c"),
        ("https://paper.example/a", "https://paper.example/a"),
        ("nonsense?utm_source=rss", "nonsense?utm_source=rss"),
    ],
)
def test_readers_are_sent_to_the_publishers_address_without_its_counters(written: str, shown: str) -> None:
    assert uncounted(written) == shown


@given(st.text(max_size=80))
def test_an_address_without_counters_names_the_same_article(rest: str) -> None:
    url = "https://paper.example/" + rest
    assert canonical_url(uncounted(url)) == canonical_url(url)
    assert uncounted(uncounted(url)) == uncounted(url)
