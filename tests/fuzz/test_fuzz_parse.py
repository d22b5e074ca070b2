"""Broken documents without end: whatever comes, an answer comes back and nothing unclean in it.

A short run in ``make test``; ``HUOBAN_FUZZ_SECONDS=600`` makes it a long one, from a fresh seed that a failure
names.
"""

import os
import random
import time
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from service.fetching.document import ParsedFeed, ParseOptions
from service.fetching.parse import parse_document
from service.fetching.slices import body_hash, cut_items

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CAPTURES = Path(__file__).parents[3] / "shared" / "feeds"
SECONDS = float(os.environ.get("HUOBAN_FUZZ_SECONDS", "0"))
SHORT_RUN = 250

SEEDS = (
    b'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
    b"<title>T &amp; U</title><link>https://e.org/</link><ttl>60</ttl><skipHours><hour>1</hour></skipHours>"
    b"<item><title><![CDATA[A <b>b</b>]]></title><link>https://e.org/1?utm_source=x&amp;id=2</link><guid>1</guid>"
    b"<pubDate>Mon, 23 Nov 2026 10:00:00 CST</pubDate><dc:creator>a@e.org (A)</dc:creator>"
    b"<description>&lt;p&gt;x&lt;/p&gt;</description></item><item><title>\xe4\xb8\xad\xe6\x96\x87</title></item></channel></rss>",
    b'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://e.org/" xml:lang="zh"><title type="html">t</title>'
    b'<entry><title>T</title><id>urn:1</id><link href="a"/><updated>2026-11-23T10:00:00+08:00</updated>'
    b'<author><name>N</name></author><content type="xhtml"><div><p>x</p></div></content></entry></feed>',
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel>'
    b"<title>t</title></channel><item rdf:about='x'><title>T</title><link>/1</link></item></rdf:RDF>",
    b'{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"1","url":"https://e.org/1",'
    b'"content_html":"<p>x</p>","date_published":"2026-11-23T10:00:00Z"},{"id":2,"title":"T"}]}',
)
SCRAPS = (
    *(
        b"<",
        b">",
        b"&",
        b"]]>",
        b"<![CDATA[",
        b"<!--",
        b"-->",
        b"</item>",
        b"<item>",
        b"<entry/>",
        b"<author>",
        b"\0",
        b"\xff",
    ),
    *(
        b"&nbsp;",
        b"&#0;",
        b"&#xD800;",
        b"&amp;lt;",
        b"<!DOCTYPE x [",
        b"javascript:",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
        b"{",
        b'"',
    ),
    *(
        b"https://[",
        b"//",
        b"\t",
        b" " * 500,
        b"a." * 300,
        b"<b>" * 50,
        b"2026-13-45",
        b"encoding='utf-16'",
        b"\x1b$B",
        b"@",
    ),
)


def corpus() -> list[bytes]:
    captures = sorted(CAPTURES.iterdir()) if CAPTURES.is_dir() else []
    return [*SEEDS, *(path.read_bytes()[:12_000] for path in captures if path.suffix != ".csv")]


def mangled(source: random.Random, document: bytes, others: list[bytes]) -> bytes:
    body = bytearray(document)
    for _ in range(source.randint(1, 8)):
        start = source.randrange(len(body) + 1)
        end = min(start + source.choice([0, 1, 5, 40, 400]), len(body))
        match source.randrange(5):
            case 0:
                body[start:end] = source.choice(SCRAPS)
            case 1:
                del body[start:end]
            case 2:
                body[start:end] = source.randbytes(end - start)
            case 3:
                other = source.choice(others)
                place = source.randrange(len(other))
                body[start:start] = other[place : place + source.randint(1, 600)]
            case _:
                body[start:start] = body[start:end] * source.randint(1, 20)
    return bytes(body[: source.randrange(len(body))] if body and source.random() < 0.15 else body)


def documents(seed: int) -> Iterator[bytes]:
    source, seeds = random.Random(seed), corpus()
    started, count = time.monotonic(), 0
    while count < SHORT_RUN if not SECONDS else time.monotonic() - started < SECONDS:
        yield mangled(source, source.choice(seeds if source.random() < 0.3 else list(SEEDS)), seeds)
        count += 1


def assert_clean(text: str | None) -> None:
    if text is not None:
        assert not [sign for sign in text if unicodedata.category(sign) in ("Cc", "Cs") and sign != "\n"]
        assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check(body: bytes) -> None:
    options = ParseOptions(feed_id="f", date_zone="Asia/Shanghai")
    parsed = parse_document(body, content_type="text/xml", url="https://e.org/f", now=NOW, options=options)
    pieces = cut_items(body)
    assert pieces is None or pieces.first(len(pieces.items)) == body
    assert len(body_hash(body)) == 64
    if not isinstance(parsed, ParsedFeed):
        assert parsed.detail
        return
    assert parsed.entries
    for entry in parsed.entries:
        assert 0 < len(entry.title) <= 500
        assert len(entry.summary) <= 2_000
        assert len(entry.key) <= 2_100
        for text in (entry.title, entry.summary, entry.author, entry.guid, entry.date_raw, entry.link, entry.key):
            assert_clean(text)
        assert entry.link is None or entry.link.lower().startswith(("http://", "https://"))
        assert entry.published_at is None or entry.published_at <= NOW


def test_no_document_escapes_the_rules() -> None:
    seed = random.SystemRandom().randrange(2**32) if SECONDS else 20261124
    for number, body in enumerate(documents(seed)):
        try:
            check(body)
        except Exception as error:
            error.add_note(f"seed {seed}, document {number}: {body[:2_000]!r}")
            raise
