"""The quick reader says what the feed parser says, or nothing."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.feed_farm import feed_document
from service.fetching import parse
from service.fetching.charset import decode
from service.fetching.defuse import Undefusable, defuse
from service.fetching.document import RawFeed
from service.fetching.plain import read_plain

CAPTURES = Path(__file__).parents[3] / "shared" / "feeds"
RSS_HEAD = (
    "<rss version='2.0'{names}><channel><title>Paper</title><link>https://e.org/</link>{head}{items}</channel></rss>"
)
NAMES = (
    " xmlns:atom='http://www.w3.org/2005/Atom' xmlns:dc='http://purl.org/dc/elements/1.1/'"
    " xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:media='http://search.yahoo.com/mrss/'"
    " xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'"
)


def rss(items: str, head: str = "") -> bytes:
    return RSS_HEAD.format(names=NAMES, head=head, items=items).encode()


def atom(entries: str, head: str = "", root: str = "") -> bytes:
    return f"<feed xmlns='http://www.w3.org/2005/Atom'{root}><title>P</title>{head}{entries}</feed>".encode()


def by_feed_parser(document: bytes, monkeypatch: pytest.MonkeyPatch) -> RawFeed:
    with monkeypatch.context() as patch:
        patch.setattr(parse, "read_plain", lambda document: None)
        raw = parse._read_xml(defuse(document.decode()))
    # Whether a title without a language has an empty one or none is the same to whoever reads it.
    return replace(raw, entries=tuple(replace(entry, language=entry.language or None) for entry in raw.entries))


def same(document: bytes, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the quick reader took it; if so, it must agree."""
    quick = read_plain(defuse(document.decode()).document)
    if quick is not None:
        assert quick == by_feed_parser(document, monkeypatch)
    return quick is not None


ITEM = "<item><title>T</title><link>https://e.org/1</link><guid>https://e.org/1</guid>{more}</item>"


@pytest.mark.parametrize(
    "document",
    [
        rss(ITEM.format(more="")),
        rss("<item><title> A &amp; B\n</title><description>&lt;p&gt;x<![CDATA[<b>y</b>]]></description></item>"),
        rss("<item><title/><guid isPermaLink='false'>n-1</guid><description>d</description></item>"),
        rss("<item><title>T</title><guid>https://e.org/g</guid></item>"),
        rss("<item><title>T</title><link/><guid>https://e.org/g</guid></item>"),
        rss("<item><title>T</title><link>https://e.org/?a=1&amp;amp;b=2&amp;copy;=3</link></item>"),
        rss(ITEM.format(more="<content:encoded>long</content:encoded><description>short</description>")),
        rss(ITEM.format(more="<content:encoded>long</content:encoded><description/>")),
        rss(ITEM.format(more="<description/><content:encoded>long</content:encoded>")),
        rss(ITEM.format(more="<pubDate> Tue, 24 Nov 2026 </pubDate><dc:date>2026-11-24</dc:date>")),
        rss(ITEM.format(more="<author>Amina</author><dc:creator>Wanjiru</dc:creator>")),
        rss(ITEM.format(more="<dc:creator/><dc:creator>Wanjiru</dc:creator>")),
        rss(ITEM.format(more="<media:thumbnail url='https://e.org/a.jpg'/><category domain='x'>c</category>")),
        rss(ITEM.format(more="<enclosure url='https://e.org/a.mp3' type='audio/mpeg'/><comments>c</comments>")),
        rss(ITEM.format(more="<PubDate>x</PubDate>")),
        rss(ITEM.format(more="<description>æ˜¥èŠ‚</description>")),
        rss(ITEM.format(more="<description>Ã©tÃ©</description>")),
        rss(ITEM.format(more="<description>春节 été</description>")),
        rss(ITEM.format(more=""), "<language>en-gb</language><ttl>15</ttl><sy:updatePeriod>hourly</sy:updatePeriod>"),
        rss(
            ITEM.format(more=""),
            "<atom:link rel='self' href='https://e.org/f'/><atom:link rel='hub' href='https://h.org/'/>",
        ),
        rss(ITEM.format(more=""), "<image><title>I</title><url>u</url><link>https://i.org/</link></image>"),
        rss(
            ITEM.format(more=""), "<skipHours><hour>1</hour></skipHours><cloud domain='d'/><description>d</description>"
        ),
        rss(""),
        atom("<entry><id>u:1</id><title>T</title><link href='l'/><summary type='html'>&lt;p/&gt;</summary></entry>"),
        atom("<entry><id>https://e.org/1</id><title>T</title><content type='text'>c</content></entry>"),
        atom(
            "<entry><id>u:1</id><title type='html'>&lt;b&gt;T</title><content>c</content><summary>s</summary></entry>"
        ),
        atom("<entry><id>u:1</id><title>T</title><author><name> N </name><email>a@b.org</email></author></entry>"),
        atom("<entry><id>u:1</id><title>T</title><published>2026</published><updated>2027</updated></entry>"),
        atom("<entry><id>u:1</id><title>T</title><link rel='replies' href='https://e.org/r'/></entry>"),
        atom("", "<id>https://e.org/</id><link rel='self' href='https://e.org/f'/><link href='https://e.org/'/>"),
        atom("<entry><id>u:1</id><title>T</title></entry>", "<id>https://e.org/</id>", " xml:lang='pt_BR'"),
        atom("<entry><id>u:1</id><title>T</title><link href='a b'/><link rel='alternate' href='/c'/></entry>"),
    ],
)
def test_usual_documents_are_read_as_the_feed_parser_reads_them(
    document: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert same(document, monkeypatch)


@pytest.mark.parametrize(
    "document",
    [
        rss(ITEM.format(more="<title>again</title>")),
        rss(ITEM.format(more="<description>a</description><description>b</description>")),
        rss(ITEM.format(more="<description><p>markup</p></description>")),
        rss(ITEM.format(more="<author>a@e.org (Amina)</author>")),
        rss(ITEM.format(more="<media:title>M</media:title>")),
        rss(ITEM.format(more="<media:content><media:title>M</media:title></media:content>")),
        rss(ITEM.format(more="<atom:link href='https://e.org/2'/>")),
        rss(ITEM.format(more="<description xml:lang='fr'>d</description>")),
        rss(ITEM.format(more="<description>a \x85 b</description>")),
        rss(ITEM.format(more="<source url='https://s.org/'>S</source>")),
        rss(ITEM.format(more="")).replace(b"<item>", b"<item xml:base='https://x.org/'>"),
        rss("<item><title>T</title><link>http:///e.org/1</link></item>"),
        rss(ITEM.format(more=""), "<unheard>of</unheard>"),
        rss(ITEM.format(more=""), "<atom:link href='https://other.org/'/>"),
        rss(ITEM.format(more="")).replace(b"<channel>", b"<channel href='https://x.org/'>"),
        rss(ITEM.format(more="")).replace(b"<rss", b"<rss xml:base='https://x.org/'"),
        atom("<entry><id>u</id><title>T</title><content type='xhtml'><div>x</div></content></entry>"),
        atom("<entry><id>u</id><title>T</title><content src='https://e.org/'/></entry>"),
        atom("<entry><id>u</id><title type='image/png'>T</title></entry>"),
        atom("<entry><id>u</id><title>T</title><link rel='alternate' type='application/json' href='j'/></entry>"),
        atom("<entry><id>u</id><title>T</title><author><name>A</name></author><author><name>B</name></author></entry>"),
        atom("<entry><id>u</id><title>T</title><author><email>a@b.org</email></author></entry>"),
        b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><item/></rdf:RDF>",
        b"<rss><channel/><channel/></rss>",
    ],
)
def test_anything_beyond_is_left_to_the_feed_parser(document: bytes) -> None:
    assert read_plain(document) is None


def documents() -> Iterator[Path]:
    return (file for file in sorted(CAPTURES.glob("*")) if file.suffix in (".xml", ".rss"))


@pytest.mark.captures
@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the feed captures are not beside the checkout")
def test_real_feeds_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0
    for file in documents():
        try:
            defused = defuse(decode(file.read_bytes(), None).text)
        except Undefusable:
            continue
        if not defused.damage:
            taken += same(defused.document, monkeypatch)
    assert taken >= 15


def test_the_benchmarks_feeds_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(same(feed_document(number), monkeypatch) for number in range(12))


_PARTS = (
    "<title>T &amp; t</title>",
    "<title/>",
    "<link>https://e.org/{n}</link>",
    "<link/>",
    "<guid>https://e.org/g{n}</guid>",
    "<guid isPermaLink='false'>g{n}</guid>",
    "<description>d{n} &lt;b&gt;</description>",
    "<content:encoded><![CDATA[<p>c{n}</p>]]></content:encoded>",
    "<pubDate>Tue, 24 Nov 2026 08:00:00 GMT</pubDate>",
    "<dc:date>2026-11-24</dc:date>",
    "<dc:creator>Café {n}</dc:creator>",
    "<author>Æther</author>",
    "<category>x</category>",
    "<media:thumbnail url='u'/>",
    "<media:title>m</media:title>",
    "<comments>https://e.org/c</comments>",
    "\n  text between \n",
)


@given(st.lists(st.lists(st.sampled_from(_PARTS), max_size=8), max_size=3), st.randoms(use_true_random=False))
def test_shuffled_items_are_read_alike(items: list[list[str]], dice: random.Random) -> None:
    written = "".join(f"<item>{''.join(part.format(n=dice.randint(1, 9)) for part in parts)}</item>" for parts in items)
    with pytest.MonkeyPatch.context() as monkeypatch:
        same(rss(written), monkeypatch)
