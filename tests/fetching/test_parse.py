"""Documents as publishers really write them, and as attackers do."""

import csv
import json
import pickle
import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from time import process_time

import pytest

from service.fetching.document import Parsed, ParsedFeed, ParseOptions, Unreadable
from service.fetching.outcomes import Outcome
from service.fetching.parse import parse_document
from service.fetching.slices import cut_items

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
URL = "https://news.example.org/world/feed.xml"
CAPTURES = Path(__file__).parents[3] / "shared" / "feeds"

SAMPLE = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom"
     xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">
<channel>
  <title>World &amp; Trade</title><link>/world</link><language>en_gb</language><ttl>30</ttl>
  <sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>
  <skipHours><hour>3</hour><hour>24</hour></skipHours><skipDays><day>Sunday</day></skipDays>
  <atom:link rel="hub" href="https://hub.example.org/"/><atom:link rel="self" href="https://news.example.org/feed"/>
  <item>
    <title>Port &amp;amp; rail deal signed</title>
    <link>https://news.example.org/a?id=1&amp;utm_source=rss</link>
    <guid isPermaLink="false">item-1</guid>
    <pubDate>Mon, 23 Nov 2026 10:00:00 EAT</pubDate>
    <dc:creator>A. Writer</dc:creator>
    <description>&lt;p&gt;First &lt;b&gt;lines&lt;/b&gt;.&lt;/p&gt;&lt;p&gt;More.&lt;/p&gt;</description>
  </item>
  <item><title>Second</title><link>b.html</link><guid>2</guid><dc:date>2026-11-23T11:00:00+08:00</dc:date></item>
</channel></rss>"""


def parse(document: str | bytes, content_type: str | None = None, **options: object) -> Parsed:
    body = document.encode() if isinstance(document, str) else document
    chosen = ParseOptions(feed_id="f", **options)  # type: ignore[arg-type]  # the tests' own shorthand
    return parse_document(body, content_type=content_type, url=URL, now=NOW, options=chosen)


def read(document: str | bytes, content_type: str | None = None, **options: object) -> ParsedFeed:
    parsed = parse(document, content_type, **options)
    assert isinstance(parsed, ParsedFeed), parsed
    return parsed


def refused(document: str | bytes) -> Outcome:
    parsed = parse(document)
    assert isinstance(parsed, Unreadable), parsed
    assert parsed.detail
    return parsed.outcome


def rss(content: str, before: str = "") -> str:
    return f'<?xml version="1.0"?>{before}<rss version="2.0"><channel><title>t</title>{content}</channel></rss>'


def an_item(title: str = "T", link: str = "https://e.org/1", more: str = "") -> str:
    return f"<item><title>{title}</title><link>{link}</link>{more}</item>"


def test_rss_is_read_whole() -> None:
    feed = read(SAMPLE)
    assert (feed.title, feed.homepage, feed.language) == ("World & Trade", "https://news.example.org/world", "en-GB")
    assert (feed.ttl_minutes, feed.update_period, feed.skip_hours, feed.skip_days) == (30, 900, (0, 3), (6,))
    assert (feed.hub, feed.self_url) == ("https://hub.example.org/", "https://news.example.org/feed")
    assert (feed.newest, feed.damaged, feed.charset) == (datetime(2026, 11, 23, 7, tzinfo=UTC), None, "utf-8")
    first, second = feed.entries
    assert (first.title, first.summary, first.author) == ("Port & rail deal signed", "First lines.\nMore.", "A. Writer")
    assert (first.link, first.guid) == ("https://news.example.org/a?id=1&utm_source=rss", "item-1")
    assert (first.key, first.opaque) == ("url:https://news.example.org/a?id=1", False)
    assert (first.published_at, first.date_rule) == (datetime(2026, 11, 23, 7, tzinfo=UTC), "rfc822")
    assert (second.link, second.guid) == ("https://news.example.org/world/b.html", "2")
    assert (second.published_at, second.date_rule) == (datetime(2026, 11, 23, 3, tzinfo=UTC), "iso8601")
    assert pickle.loads(pickle.dumps(feed)) == feed  # noqa: S301 - our own value of a moment ago


def test_atom_with_bases_and_text_types_is_read() -> None:
    feed = read("""<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr" xml:base="https://other.example/fr/">
      <title>Journal</title><link href="/"/>
      <entry xml:base="monde/"><title type="text">Un &lt; deux</title><id>urn:1</id><link href="a"/>
        <published>2026-11-20T10:00:00Z</published><updated>2026-11-23T10:00:00Z</updated>
        <summary type="html">&lt;em&gt;Oui&lt;/em&gt;</summary></entry>
      <entry xml:lang="ar"><title>ب</title><id>urn:2</id><link rel="alternate" href="https://other.example/2"/>
        <updated>2026-11-22T10:00:00Z</updated>
        <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>x</p><p>y</p></div></content></entry>
    </feed>""")  # fmt: skip
    first, second = feed.entries
    assert (first.title, first.link, first.summary) == ("Un < deux", "https://other.example/fr/monde/a", "Oui")
    assert first.published_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert (feed.language, first.language, second.language) == ("fr", "fr", "ar")
    assert (second.summary, second.published_at) == ("x\ny", datetime(2026, 11, 22, 10, tzinfo=UTC))


def test_rdf_and_old_rss_are_read() -> None:
    rdf = read("""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>t</title><link>https://e.org/</link>
      </channel><item rdf:about="https://e.org/1"><title>One</title><link>https://e.org/1</link>
      <dc:date>2026-11-23</dc:date></item></rdf:RDF>""")
    old = read('<rss version="0.91"><channel><title>t</title>' + an_item() + "</channel></rss>")
    assert rdf.entries[0].date_rule == "iso8601+day+utc"
    assert len(old.entries) == 1


def test_json_feed_is_read() -> None:
    feed = read(
        json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": "J",
                "home_page_url": "https://e.org/",
                "language": "pt-br",
                "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
                "items": [
                    {"id": 7, "url": "/a", "title": "1 < 2", "content_html": "<p>x</p>", "authors": [{"name": "N"}]},
                    {"id": "8", "content_text": "no title <b>here", "date_published": "2026-11-20T10:00:00Z"},
                    {"id": ["odd"], "url": 5, "title": None, "author": "odd"},
                    "odd",
                ],
            }
        )
    )
    first, second = feed.entries
    assert (first.guid, first.link, first.title, first.summary, first.author) == (
        "7", "https://news.example.org/a", "1 < 2", "x", "N",
    )  # fmt: skip
    assert (second.title, second.summary, second.link) == ("no title <b>here", "no title <b>here", None)
    assert (feed.language, feed.hub) == ("pt-BR", "https://hub.example/")


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        ("", Outcome.EMPTY),
        (" \n\ufeff", Outcome.EMPTY),
        (rss(""), Outcome.EMPTY),
        ('{"version": "https://jsonfeed.org/version/1", "items": []}', Outcome.EMPTY),
        ("<!DOCTYPE html><html><body><p>hello <rss></p></body></html>", Outcome.HTML),
        ("\n<HTML><head></head></HTML>", Outcome.HTML),
        ("<!-- x --><script>var feed = '<rss>'</script><div></div>".replace("<rss>", ""), Outcome.HTML),
        ("/etc/hostname", Outcome.BAD_FEED),
        ("hello", Outcome.BAD_FEED),
        ("<opml><body/></opml>", Outcome.BAD_FEED),
        ("<urlset><url/></urlset>", Outcome.BAD_FEED),
        ("<!-- <rss></rss> -->", Outcome.BAD_FEED),
        ("<rss><chan", Outcome.BAD_FEED),
        ('{"items": []}', Outcome.BAD_FEED),
        ("[1, 2]", Outcome.BAD_FEED),
        ("{", Outcome.BAD_FEED),
        ('{"version": "https://jsonfeed.org/version/1", "items": ' + "[" * 100_000, Outcome.BAD_FEED),
        ("\0" * 10_000, Outcome.BAD_FEED),
    ],
)
def test_what_is_no_feed_says_so(document: str, outcome: Outcome) -> None:
    assert refused(document) is outcome


def test_body_in_the_shape_of_a_path_opens_no_file(tmp_path: Path) -> None:
    file = tmp_path / "feed.xml"
    file.write_text(SAMPLE)
    assert refused(str(file)) is Outcome.BAD_FEED


@pytest.mark.parametrize(
    ("document", "note"),
    [
        ("\n\n" + SAMPLE, None),
        ("\ufeff" + SAMPLE, None),
        ("<br />\n<b>Warning</b>: Undefined variable in <b>x.php</b>\n" + SAMPLE, "text before the feed"),
        (SAMPLE.replace("First", "Fir\x06st"), "characters that XML forbids"),
        (SAMPLE.replace("Second", "S&eacute;cond &amp; B&W &nope; &#2; &#xD800;"), "undefined entity"),
        (SAMPLE.replace("</channel></rss>", ""), "no element found"),
        (SAMPLE.replace("<link>b.html</link>", "<link>b.html"), "mismatched tag"),
        (SAMPLE + "<script>tracking()</script>", "junk after document element"),
    ],
)
def test_damaged_document_keeps_its_entries_and_says_what_is_wrong(document: str, note: str | None) -> None:
    feed = read(document)
    assert len(feed.entries) == 2
    assert (feed.damaged or "").startswith(note or "")
    assert (feed.damaged is None) == (note is None)


def test_html_entities_are_read_without_a_declaration() -> None:
    feed = read(
        rss(an_item("Caf&eacute; &ldquo;B&W&rdquo; a=1&b=2", more="<description><![CDATA[x&nbsp;y]]></description>"))
    )
    assert (feed.entries[0].title, feed.entries[0].summary) == ("Café “B&W” a=1&b=2", "x y")


def test_entry_that_was_cut_off_before_its_address_is_left_for_the_next_fetch() -> None:
    whole = rss(an_item("One", "https://e.org/1") + an_item("Two", "https://e.org/2"))
    cut = whole[: whole.index("https://e.org/2") + 13]
    assert [entry.title for entry in read(cut).entries] == ["One"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "gbk", "big5"])
def test_charset_is_found(encoding: str) -> None:
    document = rss(an_item("中非合作論壇北京峰會" if encoding == "big5" else "中非合作论坛北京峰会，中国与非洲国家"))
    assert "中非合作" in read(document.encode(encoding)).entries[0].title


def test_charset_of_the_header_and_of_the_newsroom_are_used() -> None:
    body = rss(an_item("Новости")).encode("koi8-r")
    assert read(body, "text/xml; charset=koi8-r").entries[0].title == "Новости"
    assert read(body, "text/xml; charset=windows-1251", charset="koi8-r").entries[0].title == "Новости"


def a_scripted_document() -> str:
    script = "<script>alert(1)</script><svg onload=alert(1)><a xlink:href='javascript:x'>z</a></svg>"
    text = f"<![CDATA[ok{script}\u202e<a href='javascript:1'>!</a>]]>"
    return rss(
        f"<item><title>{text}</title><link>java\tscript:alert(1)</link><guid>{text}</guid><author>{text}</author>"
        f"<description>{text}</description><comments>javascript:1</comments><category>{text}</category>"
        f"<enclosure url='javascript:1' type='x' length='1'/><source url='javascript:1'>{text}</source></item>"
    )


def test_nothing_that_runs_gets_through() -> None:
    (entry,) = read(a_scripted_document()).entries
    assert entry.link is None
    assert (entry.title, entry.summary) == ("ok!", "ok!")
    assert not {"<", "\u202e"} & set(entry.title + entry.summary + (entry.author or ""))
    assert "\u202e" not in (entry.guid or "")


def test_entry_without_words_of_its_own_is_named_by_what_it_has() -> None:
    feed = read(
        rss("<item><description>Only text here</description></item><item><link>https://e.org/2</link></item><item/>")
    )
    assert [entry.title for entry in feed.entries] == ["Only text here", "https://e.org/2"]


def test_elements_named_like_the_parsers_own_fields_do_no_harm() -> None:
    names = ("links", "content", "author_detail", "title_detail", "published", "updated", "id", "summary", "language")
    odd = "".join(f"<{name} a='b'/>" for name in names)
    assert read(rss(odd + an_item(more=odd))).entries[0].title == "T"


def test_guid_that_is_an_address_stands_in_for_the_link() -> None:
    (entry,) = read(rss("<item><title>T</title><guid>https://e.org/1</guid></item>")).entries
    assert entry.link == "https://e.org/1"


def test_readable_wrapper_is_replaced_and_other_wrappers_are_marked() -> None:
    google = "https://www.google.com/url?url=https://e.org/a&amp;ct=ga"
    first, second = read(rss(an_item("A", google) + an_item("B", "https://news.google.com/rss/articles/CB"))).entries
    assert (first.link, first.opaque) == ("https://e.org/a", False)
    assert second.opaque
    assert read(rss(an_item()), link_policy="opaque").entries[0].opaque


def test_one_article_under_two_headlines_is_one_story() -> None:
    feed = read(rss(an_item("A", more="<guid>1</guid>") + an_item("B", more="<guid>1</guid>")))
    assert len({entry.key for entry in feed.entries}) == 1
    assert not feed.links_shared


@pytest.mark.parametrize("link", ["https://e.org/", "https://e.org/news", ""])
@pytest.mark.parametrize("guid", ["same", None])
def test_addresses_and_guids_that_are_all_equal_lose_no_story(link: str, guid: str | None) -> None:
    more = f"<guid isPermaLink='false'>{guid}</guid>" if guid else ""
    feed = read(rss("<link>https://e.org/</link>" + "".join(an_item(f"T{n}", link, more) for n in range(4))))
    assert len({entry.key for entry in feed.entries}) == 4


def test_address_of_the_feeds_own_page_names_no_story_even_alone() -> None:
    (entry,) = read(rss("<link>https://e.org/news/</link>" + an_item("A", "http://www.e.org/news"))).entries
    assert entry.key.startswith("title:f:")


def test_changing_guids_do_not_make_new_stories() -> None:
    keys = {read(rss(an_item(more=f"<guid isPermaLink='false'>{n}</guid>"))).entries[0].key for n in range(3)}
    assert len(keys) == 1


def test_the_newest_entries_are_kept_in_the_documents_order() -> None:
    items = [an_item(f"T{n}", f"https://e.org/{n}", f"<pubDate>2026-11-{n:02}</pubDate>") for n in (1, 9, 3, 8, 2)]
    feed = read(rss("".join(items) + an_item("undated", "https://e.org/u")), max_items=3)
    assert [entry.title for entry in feed.entries] == ["T9", "T8", "undated"]


def test_untrusted_dates_are_dropped_and_their_text_is_kept() -> None:
    (entry,) = read(rss(an_item(more="<pubDate>2026-11-01</pubDate>")), date_policy="first_seen").entries
    assert (entry.published_at, entry.date_raw, entry.date_rule) == (None, "2026-11-01", "first_seen")


def test_second_date_serves_where_the_first_cannot_be_read() -> None:
    dates = "<pubDate>soon</pubDate><dc:date xmlns:dc='http://purl.org/dc/elements/1.1/'>2026-11-01</dc:date>"
    (entry,) = read(rss(an_item(more=dates))).entries
    assert (entry.published_at, entry.date_raw) == (datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01")


def test_zone_and_format_of_the_newsroom_are_used() -> None:
    (entry,) = read(rss(an_item(more="<pubDate>10.12.2025 08:00</pubDate>")), date_zone="Asia/Shanghai").entries
    assert entry.published_at == datetime(2025, 12, 10, 0, tzinfo=UTC)
    american = read(rss(an_item(more="<pubDate>10.12.2025</pubDate>")), date_format="%m.%d.%Y")
    assert american.entries[0].published_at == datetime(2025, 10, 12, tzinfo=UTC)


def test_item_may_name_a_language_of_its_own_and_a_country_is_none() -> None:
    items = an_item("Uno", "https://e.org/1", "<dc:language>es</dc:language>") + an_item("Two", "https://e.org/2")
    for written, language in (("en-ke", "en-KE"), ("us", None), ("cn", None)):
        feed = read(rss(f"<language>{written}</language>{items}"))
        assert (feed.language, [entry.language for entry in feed.entries]) == (language, ["es", language])


def test_language_set_by_the_newsroom_wins() -> None:
    assert read(SAMPLE, language="sw").entries[0].language == "sw"


def test_feed_that_may_never_be_visited_is_not_believed() -> None:
    hours = "".join(f"<hour>{hour}</hour>" for hour in range(24))
    days = "".join(f"<day>{date(2026, 11, day):%A}</day>" for day in range(23, 30))
    feed = read(rss(f"<skipHours>{hours}</skipHours><skipDays>{days}</skipDays>{an_item()}"))
    assert (feed.skip_hours, feed.skip_days) == ((), ())


def forty_summaries(text: str) -> str:
    summary = f"<description><![CDATA[{text}]]></description>"
    return rss("".join(an_item(str(number), more=summary) for number in range(40)))


DOTS = "a." * 32_000
ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("dots", rss(an_item(more=f"<author>{DOTS}</author>"))),
        ("dots in CDATA", rss(an_item(more=f"<author><![CDATA[{DOTS}]]></author>"))),
        ("dots as entities", rss(an_item(more=f"<managingEditor>{'a&#46;' * 32_000}</managingEditor>"))),
        ("dots in another vocabulary", rss(an_item(more=f"<dc:creator x='{'y' * 900}'>{DOTS}</dc:creator>"))),
        ("dots in Atom", f"<feed><entry><title>T</title><author><name>{DOTS}</name></author></entry></feed>"),
        ("blanks in front", " " * 1_000_000 + rss(an_item())),
        ("blanks behind the declaration", '<?xml version="1.0"?>' + "\n " * 500_000 + rss(an_item())[21:]),
        ("blanks in an item", rss(an_item(" " * 1_000_000 + "T"))),
        ("entities", rss(an_item("&l11;"), f'<!DOCTYPE x [<!ENTITY l0 "lol">{ENTITIES}]>')),
        ("external entity", rss(an_item("&x;"), '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/hostname">]>')),
        ("deep elements", rss("<a>" * 20_000 + "</a>" * 20_000 + an_item())),
        ("deep markup", rss(an_item(more=f"<description><![CDATA[{'<div>' * 20_000}]]></description>"))),
        ("attributes", rss("<item " + " ".join(f"a{n}='1'" for n in range(20_000)) + "/>")),
        ("items", rss("".join(an_item(f"T{n}", f"https://e.org/{n}") for n in range(100_000)))),
        ("open doctype", "<!DOCTYPE x [" + "<!" * 200_000),
        ("doctypes", "<!a>" * 500_000),
        ("open breaks", forty_summaries("<br" * 9_000)),
        ("many deep divisions", forty_summaries("<div>" * 5_900)),
        ("open CDATA", rss("<![CDATA[" * 50_000)),
        ("open comments", "<!--" * 200_000),
        ("angles", "<" * 500_000),
        ("ampersands", rss(an_item() + "&" * 200_000)),
        ("a long number", '{"version":"https://jsonfeed.org/version/1","items":[' + "1" * 100_000 + "]}"),
    ],
)  # fmt: skip
def test_time_bomb_is_defused(name: str, document: str) -> None:
    started = process_time()
    parse(document)
    assert process_time() - started < 3, name


def test_angles_among_bytes_of_no_known_charset_do_not_stall_the_detection() -> None:
    started = process_time()
    parse_document(b"<rss><channel>" + b"<\xff" * 500_000, content_type=None, url="https://e.org/", now=NOW)
    assert process_time() - started < 3


def test_entities_are_neither_expanded_nor_loaded() -> None:
    feed = read(rss(an_item("&x;|&l1;"), '<!DOCTYPE x [<!ENTITY l1 "lol"><!ENTITY x SYSTEM "file:///etc/hostname">]>'))
    assert feed.entries[0].title == "&x;|&l1;"


def test_too_many_items_are_cut_and_noted() -> None:
    feed = read(rss("".join(an_item(f"T{n}", f"https://e.org/{n}") for n in range(2_500))), max_items=10_000)
    assert len(feed.entries) == 2_000
    assert feed.damaged == "only the first 2000 of 2500 items were read"


def test_unseen_slices_parse_to_the_same_entries() -> None:
    pieces = cut_items(SAMPLE.encode())
    assert pieces is not None
    whole, part = read(SAMPLE), read(pieces.keeping(pieces.hashes[1:]))
    assert part.entries == whole.entries[1:]
    assert (part.title, part.ttl_minutes, part.hub) == (whole.title, whole.ttl_minutes, whole.hub)


def manifest() -> list[dict[str, str]]:
    path = CAPTURES / "MANIFEST.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


needs_captures = pytest.mark.skipif(not manifest(), reason="the captured feeds do not lie beside the checkout")


@pytest.mark.captures
@needs_captures
@pytest.mark.parametrize("capture", manifest(), ids=lambda capture: capture["file"])
def test_capture_gives_every_entry(capture: dict[str, str]) -> None:
    body = (CAPTURES / capture["file"]).read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        feed = read(body, max_items=1_000)
    assert len(feed.entries) == int(capture["entries"])
    assert (feed.damaged is not None) or capture["kind"] == "wellformed" or not capture["notes"].startswith("lxml")
    for entry in feed.entries:
        assert entry.title
        assert entry.link is None or entry.link.startswith(("http://", "https://"))
        assert "\ufffd" not in entry.title
    pieces = cut_items(body)
    assert pieces is None or len(pieces.items) == len(feed.entries)


@pytest.mark.captures
@needs_captures
@pytest.mark.parametrize(
    ("file", "charset", "words"),
    [
        ("der-gbk-noprolog.xml", "gb18030", "格林沃尔德获德国新闻记者奖"),
        ("der-gb2312-label-gbk-bytes.xml", "gb18030", "格林沃尔德获德国新闻记者奖"),
        ("rbren-uolNoticias.rss", "cp1252", "simulações de 2º turno"),
        ("der-windows1256-ar.xml", "cp1256", "ا"),
        ("der-utf16le-bom-ar.xml", "utf-16-le", "ا"),
        ("miniflux-encoding_WINDOWS-1251.xml", "cp1251", "и"),
        ("spacecowboy-muhasebetr.html", "cp1254", "ı"),
    ],
)
def test_capture_is_read_in_its_charset(file: str, charset: str, words: str) -> None:
    feed = read((CAPTURES / file).read_bytes())
    assert feed.charset == charset
    assert any(words in entry.title for entry in feed.entries)
