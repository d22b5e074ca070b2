"""The demonstration's facts: sources, accounts, a ready-made edition, and how its documents are filled.

The feed documents in ``feeds/`` are real files, one of them in GBK bytes. They hold placeholders, because
neither the server's port nor the day is known when they are written:

    {base}                     the server's address, without a trailing slash
    {hours:2.5}                the moment 2.5 hours before the demonstration began
    {after:60} … {/after}      what appears only once 60 seconds have passed; within it,
    {then}                     the moment at which it appeared

So the wire looks like a day's wire, while each text says when its event really was. The outlets are invented
and say so in their names; the events are public history in our own words.

Pure, apart from reading the package's own files. It stores nothing: ``huoban demo`` carries the edition out
through the desk's actions, as the accounts given here. ``feed_server`` serves the documents.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.resources import files

import yaml
from lxml import etree, html

from service.partnerships.tiers import Tier
from service.words import Role

NOTHING_YET = timedelta(0)
ALL_TIME = timedelta.max

# Bytes, not text: the GBK document must leave as the bytes it is. A placeholder cannot begin or end inside
# a Chinese character, since ASCII letters stand between its braces.
_LATER = re.compile(rb"\{after:(\d{1,6})\}(.*?)\{/after\}", re.DOTALL)
_HOURS = re.compile(rb"\{hours:(\d{1,4}(?:\.\d{1,3})?)\}")
_SLUG = re.compile(r"/?articles/([a-z0-9-]+)")


@dataclass(frozen=True)
class SampleFeed:
    """One source of the demonstration, as its feeds file lists it."""

    id: str
    name: str
    url: str
    homepage: str
    language: str
    country: str
    region: str
    kind: str


@dataclass(frozen=True)
class SampleArticle:
    """What stands behind a sample link: the words of the outlet whose document is first by name."""

    slug: str
    title: str
    text: str
    language: str
    outlet: str


@dataclass(frozen=True)
class SampleAccount:
    """A person who does not exist, with a role that does."""

    email: str
    name: str
    role: Role


@dataclass(frozen=True)
class SampleItem:
    """One place in the ready-made edition."""

    slug: str
    headline: str
    blurb: str
    tags: tuple[tuple[str, Tier], ...]
    """Partner and tier: the register's tier today, since sample stories bear today's date."""

    def url(self, base: str) -> str:
        """The article's canonical address on the server at ``base``."""
        return f"{base}/articles/{self.slug}"


SAMPLE_ACCOUNTS = (
    SampleAccount("editor@example.org", "Wanjiku Sample", Role.EDITOR),
    SampleAccount("chief@example.org", "Lin Yangben", Role.CHIEF),
    SampleAccount("admin@example.org", "Tomás Muestra", Role.ADMIN),
)

SAMPLE_EDITION = (
    SampleItem(
        "focac-beijing-2024",
        "China lifts ties with 53 African states to strategic level",
        "Xi Jinping proposed it at the Beijing summit of 5 September 2024, for every African country that "
        "has diplomatic relations with China, and promised 360 billion yuan over three years.",
        (("X-AU", Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE),),
    ),
    SampleItem(
        "saudi-iran-beijing",
        "Riyadh and Tehran restore relations in a statement signed in Beijing",
        "After seven years without embassies, Saudi Arabia and Iran agreed on 10 March 2023 to open them "
        "again within two months. China hosted the last round of talks.",
        (("SA", Tier.COMPREHENSIVE_STRATEGIC), ("IR", Tier.COMPREHENSIVE_STRATEGIC)),
    ),
    SampleItem(
        "chancay-port-opens",
        "Peru opens Chancay port, 60 percent owned by COSCO",
        "Dina Boluarte and Xi Jinping inaugurated the deep-water terminal by video link on 14 November 2024.",
        (("PE", Tier.COMPREHENSIVE_STRATEGIC),),
    ),
    SampleItem(
        "zambia-debt-2023",
        "Zambia's official creditors agree terms on 6.3 billion dollars",
        "China and France led the committee that settled on 22 June 2023; about two thirds of the sum "
        "was owed to the Export-Import Bank of China.",
        (("ZM", Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE),),
    ),
    SampleItem(
        "laos-china-railway",
        "Laos gets its railway to Kunming",
        "The 1,035-kilometre line from Kunming to Vientiane opened on 3 December 2021.",
        (("LA", Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE),),
    ),
    SampleItem(
        "alger-grande-mosquee",
        "Algiers inaugurates the Great Mosque that a Chinese builder raised",
        "President Abdelmadjid Tebboune opened it officially on 25 February 2024. The minaret is 265 metres high.",
        (("DZ", Tier.COMPREHENSIVE_STRATEGIC),),
    ),
)


def fill(document: bytes, *, base: str, now: datetime, elapsed: timedelta = NOTHING_YET) -> bytes:
    """Put address and dates into a document, and leave out what is not yet due.

    Dates are RFC 822 (as RSS 2.0 asks) in a document with an ``<rss`` root, RFC 3339 in any other.

    Args:
        document: the bytes as stored, in any encoding that keeps ASCII.
        base: the server's address, without a trailing slash.
        now: when the demonstration began.
        elapsed: how long it has been running.
    """
    rfc822 = b"<rss" in document

    def moment(offset: timedelta) -> bytes:
        at = now + offset
        return (format_datetime(at) if rfc822 else at.isoformat(timespec="seconds")).encode("ascii")

    def later(match: re.Match[bytes]) -> bytes:
        wait = timedelta(seconds=int(match[1]))
        return match[2].replace(b"{then}", moment(wait)) if wait <= elapsed else b""

    shown = _LATER.sub(later, document)
    dated = _HOURS.sub(lambda match: moment(-timedelta(hours=float(match[1]))), shown)
    return dated.replace(b"{base}", base.encode("ascii"))


def changed_after(document: bytes, elapsed: timedelta) -> timedelta:
    """How long after the beginning the document last changed, as seen once ``elapsed`` has passed."""
    waits = (timedelta(seconds=int(match[1])) for match in _LATER.finditer(document))
    return max((wait for wait in waits if wait <= elapsed), default=NOTHING_YET)


def sample_documents() -> dict[str, bytes]:
    """Every document that the server hands out under ``/feeds/``, unfilled, by file name."""
    entries = (files("service.demo") / "feeds").iterdir()
    return dict(sorted((entry.name, entry.read_bytes()) for entry in entries))


def feeds_text(base: str) -> str:
    """The demonstration's feeds file with the server's address in it, ready to be written and loaded."""
    text = (files("service.demo") / "feeds.yaml").read_text(encoding="utf-8")
    return text.replace("{base}", base)


def sample_feeds(base: str) -> tuple[SampleFeed, ...]:
    """The same sources as records, in the file's order."""
    return tuple(SampleFeed(**entry) for entry in yaml.safe_load(feeds_text(base))["feeds"])


def sample_articles(documents: Mapping[str, bytes]) -> dict[str, SampleArticle]:
    """Every article that a document links to, by slug, including those not yet due."""
    outlets = {feed.url.rpartition("/")[2]: feed for feed in sample_feeds("")}
    articles: dict[str, SampleArticle] = {}
    for name, document in documents.items():
        if name not in outlets or name.endswith(".html"):
            continue
        # The moment does not matter: an article's page shows no date of publication.
        whole = fill(document, base="", now=datetime(2000, 1, 1, tzinfo=UTC), elapsed=ALL_TIME)
        entries = _json_entries(whole) if name.endswith(".json") else _xml_entries(whole)
        for link, title, text in entries:
            if match := _SLUG.match(link):
                feed = outlets[name]
                article = SampleArticle(match[1], _plain(title), _plain(text), feed.language, feed.name)
                articles.setdefault(article.slug, article)
    return articles


def _json_entries(document: bytes) -> list[tuple[str, str, str]]:
    return [
        (item["url"], item["title"], item.get("content_text") or item["content_html"])
        for item in json.loads(document)["items"]
    ]


def _xml_entries(document: bytes) -> list[tuple[str, str, str]]:
    # recover: one document is cut off on purpose. resolve_entities=False keeps the names of entities that
    # XML does not know, so that _plain can still turn them into characters. What calls itself gb2312 is GBK
    # in practice (WHATWG Encoding §4.2), and libxml2 would stop at the first character beyond gb2312.
    encoding = "gb18030" if b'encoding="gb2312"' in document else None
    parser = etree.XMLParser(encoding=encoding, recover=True, resolve_entities=False, no_network=True)
    root = etree.fromstring(document, parser)
    entries = []
    for item in root.iter("{*}item", "{*}entry"):
        link = item.find("{*}link")
        text = next(item.iterchildren("{*}description", "{*}summary"), None)
        if link is not None and text is not None:
            title = item.find("{*}title")
            entries.append((link.get("href") or link.text or "", _words(title), _words(text)))
    return entries


def _words(element: etree._Element | None) -> str:
    return "" if element is None else "".join(str(part) for part in element.itertext())


def _plain(markup: str) -> str:
    return " ".join(_words(html.fromstring(f"<div>{markup}</div>")).split())
