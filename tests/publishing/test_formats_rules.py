"""Documents keep the written rules: RFC 4287 and 6721, the RSS 2.0 profile, JSON Feed 1.1.

The rules are set down from the specifications (``rules/``, and here for RSS, which has no schema), for what our
documents use and no more: an element that no rule names is an error.
"""

import json
import re
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
from hypothesis import given, settings
from lxml import etree

from service.publishing.edition import PublicEdition
from service.publishing.formats.atom import render_atom
from service.publishing.formats.jsonfeed import render_json
from service.publishing.formats.rss import render_rss
from tests.publishing.builders import an_edition, an_item
from tests.publishing.test_formats import CASES, TEXTS

RULES = Path(__file__).parent / "rules"
JSON_FEED = jsonschema_rs.validator_for(json.loads((RULES / "jsonfeed.json").read_text(encoding="utf-8")))

ATOM = "{http://www.w3.org/2005/Atom}"
RSS_ONCE = {"title", "link", "description", "lastBuildDate", "generator", "pubDate", "guid", "source"}
RSS_CHANNEL = {"title", "link", "description", "language", "lastBuildDate", "generator", "item"}
RSS_ITEM = {"title", "link", "description", "pubDate", "guid", "source", "category"}
RSS_MOMENT = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+0000"


def check_atom(body: bytes) -> None:
    """RFC 4287 by grammar, and the rules that a grammar cannot say."""
    root = etree.fromstring(body)
    etree.RelaxNG(etree.parse(RULES / "atom.rng")).assertValid(root)
    ns = {"a": "http://www.w3.org/2005/Atom", "at": "http://purl.org/atompub/tombstones/1.0"}
    ids = root.xpath("a:entry/a:id/text()", namespaces=ns)
    assert len(ids) == len(set(ids))
    assert not set(ids) & set(root.xpath("at:deleted-entry/@ref", namespaces=ns))
    assert len(root.xpath("a:link[@rel='self']", namespaces=ns)) == 1
    for holder in (root, *root.findall("a:entry", ns)):  # §4.1.2: one alternate per type and language
        assert len(holder.xpath("a:link[@rel='alternate']", namespaces=ns)) == 1


def check_rss(body: bytes) -> None:
    """The RSS Advisory Board's specification and profile."""
    root = etree.fromstring(body)
    assert (root.tag, root.get("version"), len(root)) == ("rss", "2.0", 1)
    channel = root[0]
    assert channel.tag == "channel"
    _check_rss_names(channel, RSS_CHANNEL)
    for name in ("title", "link", "description"):
        assert len(channel.findall(name)) == 1
    assert re.fullmatch(RSS_MOMENT, channel.findtext("lastBuildDate") or "")
    assert len(channel.findall("{http://www.w3.org/2005/Atom}link[@rel='self']")) == 1
    guids = [_check_rss_item(item) for item in channel.findall("item")]
    assert len(guids) == len(set(guids))


def check_json_feed(body: bytes) -> None:
    """JSON Feed 1.1 by schema, and the rules that a schema cannot say."""
    feed = json.loads(body.decode())
    JSON_FEED.validate(feed)
    assert feed["_huoban"]["about"].startswith("https://")
    moments = [item[name] for item in feed["items"] for name in ("date_published", "date_modified")]
    assert all(datetime.fromisoformat(moment).tzinfo is not None for moment in moments)
    ids = [item["id"] for item in feed["items"]]
    assert len(ids) == len(set(ids))


def _check_rss_names(parent: etree._Element, allowed: set[str]) -> None:
    own = [child.tag for child in parent if not str(child.tag).startswith("{")]
    assert set(own) <= allowed
    assert all(own.count(name) <= 1 for name in RSS_ONCE)


def _check_rss_item(item: etree._Element) -> str:
    _check_rss_names(item, RSS_ITEM)
    assert item.find("title") is not None or item.find("description") is not None
    moment = item.findtext("pubDate") or ""
    assert re.fullmatch(RSS_MOMENT, moment)
    assert parsedate_to_datetime(moment).strftime("%a") == moment[:3]
    guid = item.find("guid")
    assert guid is not None
    assert guid.get("isPermaLink") == "false"
    source = item.find("source")
    assert source is None or urlsplit(source.get("url")).scheme in ("http", "https")
    assert urlsplit(item.findtext("link")).scheme in ("http", "https")
    assert all(category.get("domain") for category in item.findall("category"))
    return guid.text or ""


def check_all(edition: PublicEdition) -> None:
    check_atom(render_atom(edition))
    check_rss(render_rss(edition))
    check_json_feed(render_json(edition))


@pytest.mark.parametrize("case", sorted(CASES))
def test_documents_keep_the_rules_with_many_items_one_or_none(case: str) -> None:
    check_all(CASES[case]())


@given(TEXTS, TEXTS)
@settings(deadline=None, max_examples=80)
def test_documents_keep_the_rules_whatever_people_wrote(text: str, other: str) -> None:
    item = an_item(headline=text, blurb=other, editor=other, correction=text, language=other)
    check_all(an_edition(item, title=text, description=other))


@given(TEXTS)
@settings(deadline=None, max_examples=80)
def test_documents_keep_the_rules_whatever_address_a_source_gave(text: str) -> None:
    check_all(an_edition(an_item(source_url=f"https://paper.example/{text}?q={text}")))
    check_all(an_edition(an_item(source_url=f"http://{text}")))


def test_pages_of_a_narrowed_stream_keep_the_rules_and_are_one_list() -> None:
    address = "https://news.example/latest.{ext}?region=africa&language=ar"
    newest = an_edition(
        an_item(1), path="/latest", query="region=africa&language=ar", day=None, previous=None,
        links={"prev-archive": f"{address}&week=2026-W46"},
    )  # fmt: skip
    archive = replace(newest, page="week=2026-W46", links={"current": address})
    ids, links = set(), {}
    for edition in (newest, archive):
        check_atom(render_atom(edition))
        check_rss(render_rss(edition))
        check_json_feed(render_json(edition))
        root = etree.fromstring(render_atom(edition))
        ids.add(root.findtext(f"{ATOM}id"))
        links |= {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")}
        assert (root.find("{http://purl.org/syndication/history/1.0}archive") is not None) == (edition is archive)
    assert ids == {"tag:news.example,2026:/latest?region=africa&language=ar"}
    assert links["prev-archive"] == "https://news.example/latest.atom?region=africa&language=ar&week=2026-W46"
    assert links["current"] == "https://news.example/latest.atom?region=africa&language=ar"
    assert links["self"] == "https://news.example/latest.atom?region=africa&language=ar&week=2026-W46"
    following = json.loads(render_json(newest))["next_url"]
    assert following == json.loads(render_json(archive))["feed_url"]


DAMAGE = {
    "atom": [("<id>", "<ID>"), ("</updated>", "x</updated>"), ("rel=", "wrong="), ("T05", " 05"), (" term=", " t=")],
    "json": [
        ('"version"', '"Version"'), ('"id": "tag', '"Id": "tag'), ('"items": [', '"items": [1, '), ("T05:", " 05:"),
        ('"url": "h', '"url": "'), ('"authors": [{', '"authors": [{}, {'), ('"content_', '"other_'),
        ('"tags": [', '"tags": [1,'),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("extension", "good", "bad"), [(e, *pair) for e, pairs in DAMAGE.items() for pair in pairs])
def test_rules_notice_what_is_wrong(extension: str, good: str, bad: str) -> None:
    render, check = {"atom": (render_atom, check_atom), "json": (render_json, check_json_feed)}[extension]
    text = render(an_edition(an_item())).decode()
    assert good in text
    with pytest.raises((etree.DocumentInvalid, etree.XMLSyntaxError, jsonschema_rs.ValidationError)):
        check(text.replace(good, bad).encode())
