"""A thousand made-up publishers on loopback, for ``benchmarks.ingest``: each feed has a host of its own.

Deterministic: feed ``n`` is the same on every machine but for its dates. Three feeds of five are RSS and the others
Atom; 30 items each, HTML in the text, sizes as skewed as those of real feeds (some 60 kB on average, half of them
under 40), an eighth in Chinese, 15 % of the items wire reports that other feeds carry too. Answers are compressed once
and come after 50 ± 20 ms. It runs as a process of its own and knows nothing of what reads it.

    GET http://127.0.x.y:PORT/feed.xml      the feed of that address
    GET http://127.0.0.1:PORT/be?…          validators=0|1  edition=N  what the farm does from now on

Without validators the ETag is still sent, but what a client says of it is ignored, as many servers do.
"""

import argparse
import asyncio
import gzip
import hashlib
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from itertools import accumulate
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

ITEMS = 30
CHANGED_IN_TEN = 1
"""Of ten feeds so many have something new in each edition after the first."""
NEW_ITEMS = 3
_LATENCY, _SPREAD = 0.050, 0.020
_CHINESE = "中国非洲合作贸易铁路港口部长访问协议投资增长能源市场总统峰会代表团签署宣布项目计划地区银行公司工厂出口铜锂"


def host_of(number: int) -> str:
    """The loopback address of feed ``number``, counted from 0."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def number_of(host: str) -> int:
    """The inverse of ``host_of``; raises ``ValueError`` for another address."""
    first, second, third, fourth = (int(part) for part in host.split("."))
    if (first, second) != (127, 1):
        raise ValueError(host)
    return third * 250 + fourth - 1


def feed_document(number: int, edition: int = 0, *, now: datetime = datetime(2026, 11, 24, 12, tzinfo=UTC)) -> bytes:
    """What feed ``number`` says in an edition; a tenth of the feeds gains three items with each edition.

    Its newest item of the first edition was published shortly before ``now``, and the oldest most of a day earlier.
    """
    new = NEW_ITEMS * sum(number % 10 == turn % 10 for turn in range(1, edition + 1))
    items = list(_items(number, new, now))
    title = f"Paper {number}"
    if number % 5 < 3:
        body = "".join(map(_rss_item, items))
        head = f"<title>{title}</title><link>https://paper{number}.example/</link><description>News</description>"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>{head}\n{body}</channel></rss>\n'
        ).encode()
    body = "".join(map(_atom_entry, items))
    head = f"<title>{title}</title><id>urn:paper:{number}</id><updated>{items[0]['at'].isoformat()}</updated>"
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">{head}\n{body}</feed>\n'
    ).encode()


def _items(number: int, new: int, now: datetime) -> Iterator[dict[str, object]]:
    """The newest 30 items; item ``k`` of a feed never changes."""
    size = random.Random(number).lognormvariate(0, 1.05)
    chinese = number % 8 == 5
    for place in range(ITEMS + new - 1, new - 1, -1):
        dice = random.Random(number * 100_000 + place)
        wire = dice.random() < 0.15
        report = dice.randrange(2_000) if wire else 0
        words = text_of(random.Random(report) if wire else dice, 10, chinese)
        link = f"https://wire.example/report/{report}" if wire else f"https://paper{number}.example/{place}-{words[:9]}"
        yield {
            "title": words.capitalize(),
            "link": link.replace(" ", "-"),
            "guid": f"paper{number}-{place}",
            "at": now - timedelta(minutes=37 * (ITEMS - place) + number % 37),
            "html": _html(dice, max(int(110 * size), 12), chinese),
        }


def text_of(dice: random.Random, count: int, chinese: bool) -> str:
    """So many made-up words, some far commoner than others; in Chinese twice as many characters."""
    if chinese:
        return "".join(dice.choices(_CHINESE, k=count * 2))
    words, weights = _vocabulary()
    return " ".join(dice.choices(words, cum_weights=weights, k=count))


@cache
def _vocabulary() -> tuple[list[str], list[float]]:
    """Twelve thousand made-up words, as unequally common as those of a language (Zipf), with summed weights."""
    dice = random.Random(0)
    syllables = [first + vowel + last for first in "bdfgklmnprst" for vowel in "aeiou" for last in ("", "n", "r", "st")]
    words = sorted({"".join(dice.choices(syllables, k=dice.randint(1, 4))) for _ in range(14_000)})[:12_000]
    dice.shuffle(words)
    return words, list(accumulate(1 / rank for rank in range(1, len(words) + 1)))


def _html(dice: random.Random, words: int, chinese: bool) -> str:
    paragraphs = []
    while words > 0:
        length = dice.randint(20, 60)
        text = text_of(dice, min(length, words), chinese)
        link = f'<a href="https://paper.example/{words}">{text[:12]}</a>'
        paragraphs.append(f'<p class="body">{text} {link} &amp; more.</p>')
        words -= length
    return '<img src="https://img.example/a.jpg" width="600">' + "\n".join(paragraphs)


def _rss_item(item: dict[str, object]) -> str:
    return (
        f"<item><title>{escape(str(item['title']))}</title><link>{item['link']}</link>"
        f'<guid isPermaLink="false">{item["guid"]}</guid><pubDate>{format_datetime(item["at"])}</pubDate>'  # type: ignore[arg-type]
        f"<description><![CDATA[{item['html']}]]></description></item>\n"
    )


def _atom_entry(item: dict[str, object]) -> str:
    moment = item["at"].isoformat()  # type: ignore[attr-defined]
    return (
        f'<entry><title>{escape(str(item["title"]))}</title><link href="{item["link"]}"/><id>{item["guid"]}</id>'
        f"<updated>{moment}</updated><published>{moment}</published>"
        f'<summary type="html">{escape(str(item["html"]))}</summary></entry>\n'
    )


class _Farm:
    """What is served now."""

    def __init__(self, feeds: int) -> None:
        self._now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - a benchmark has no clock to be given
        self.validators = True
        self.edition = 0
        self.requests = 0
        self._feeds = feeds
        self._made: dict[tuple[int, int], tuple[bytes, str]] = {}
        self.dice = random.Random(1)

    def grow(self) -> None:
        """Make what is new in this edition; the others keep their bytes."""
        for number in range(self._feeds):
            body = None
            if self.edition == 0 or number % 10 == self.edition % 10:
                body = feed_document(number, self.edition, now=self._now)
            if body is None:
                self._made[number, self.edition] = self._made[number, self.edition - 1]
            else:
                packed = gzip.compress(body, 6, mtime=0)
                self._made[number, self.edition] = packed, f'"{hashlib.sha256(packed).hexdigest()[:16]}"'

    def answer(self, host: str, target: str, head: str) -> tuple[bytes, float]:
        """The answer's bytes, and after how many seconds they leave."""
        parts = urlsplit(target)
        if parts.path == "/be":
            asked = parse_qs(parts.query)
            self.validators = asked.get("validators", ["1"])[0] == "1"
            edition = int(asked.get("edition", [self.edition])[0])
            while self.edition < edition:
                self.edition += 1
                self.grow()
            return b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 0.0
        self.requests += 1
        delay = _LATENCY + self.dice.uniform(-_SPREAD, _SPREAD)
        body, tag = self._made[number_of(host), self.edition]
        if self.validators and tag in head:
            return f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode(), delay
        lines = ["HTTP/1.1 200 OK", "Content-Type: application/xml", "Content-Encoding: gzip"]
        lines += [f"Content-Length: {len(body)}", f"ETag: {tag}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body, delay


class _Talk(asyncio.Protocol):
    """One connection, on which requests may follow each other."""

    def __init__(self, farm: _Farm) -> None:
        self._farm = farm
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._host = str(transport.get_extra_info("sockname")[0])
        if not self._host.startswith("127."):  # every address is bound, but only loopback is answered
            transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if not end:
            self._buffer = head
            return
        text = head.decode("latin-1")
        answer, delay = self._farm.answer(self._host, text.split(" ", 2)[1], text)
        close = "connection: close" in text.lower()
        asyncio.get_running_loop().call_later(delay, self._send, answer, close)

    def _send(self, answer: bytes, close: bool) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)
            if close:
                self._transport.close()


async def serve(feeds: int, port: int) -> None:
    """Print the port and serve until stopped."""
    farm = _Farm(feeds)
    farm.grow()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Talk(farm),
        "0.0.0.0",  # noqa: S104 - _Talk answers loopback only
        port,
        backlog=4096,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def main() -> int:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description="Serve made-up feeds on 127.1.x.y.")
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    try:
        asyncio.run(serve(given.feeds, given.port))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
