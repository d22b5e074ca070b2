"""Documents keep the written rules: RFC 4287 and 6721, the RSS 2.0 profile, JSON Feed 1.1.

The rules are set down here from the specifications, for what our documents use and no more: an element that
no rule names is an error.
"""

import json
import re
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from lxml import etree

from service.publishing.edition import PublicEdition
from service.publishing.formats.atom import render_atom
from service.publishing.formats.jsonfeed import render_json
from service.publishing.formats.rss import render_rss
from tests.publishing.builders import an_edition, an_item
from tests.publishing.test_formats import CASES, TEXTS

ATOM_RULES = """
<grammar xmlns="http://relaxng.org/ns/structure/1.0" ns="http://www.w3.org/2005/Atom"
  datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
 <start><element name="feed"><ref name="common"/><interleave>
  <ref name="id"/><ref name="title"/><ref name="updated"/>
  <oneOrMore><ref name="author"/></oneOrMore>
  <optional><element name="subtitle"><ref name="text"/></element></optional>
  <optional><element name="generator"><ref name="common"/><text/></element></optional>
  <zeroOrMore><ref name="link"/></zeroOrMore>
  <zeroOrMore><ref name="entry"/></zeroOrMore>
  <optional><element name="archive" ns="http://purl.org/syndication/history/1.0"><empty/></element></optional>
  <zeroOrMore><ref name="deleted"/></zeroOrMore>
 </interleave></element></start>
 <define name="entry"><element name="entry"><ref name="common"/><interleave>
  <ref name="id"/><ref name="title"/><ref name="updated"/>
  <oneOrMore><ref name="author"/></oneOrMore>
  <optional><element name="published"><ref name="moment"/></element></optional>
  <optional><element name="summary"><ref name="text"/></element></optional>
  <optional><element name="content"><ref name="text"/></element></optional>
  <zeroOrMore><ref name="link"/></zeroOrMore>
  <zeroOrMore><ref name="category"/></zeroOrMore>
 </interleave></element></define>
 <define name="deleted"><element name="deleted-entry" ns="http://purl.org/atompub/tombstones/1.0">
  <attribute name="ref" ns=""><ref name="iri"/></attribute>
  <attribute name="when" ns=""><data type="dateTime"><param name="pattern">.+T.+Z</param></data></attribute>
  <interleave>
   <optional><element name="comment" ns="http://purl.org/atompub/tombstones/1.0"><text/></element></optional>
   <zeroOrMore><ref name="link"/></zeroOrMore>
  </interleave>
 </element></define>
 <define name="id"><element name="id"><ref name="common"/><ref name="iri"/></element></define>
 <define name="title"><element name="title"><ref name="text"/></element></define>
 <define name="updated"><element name="updated"><ref name="moment"/></element></define>
 <define name="author"><element name="author"><ref name="common"/>
  <element name="name"><text/></element></element></define>
 <define name="link"><element name="link"><ref name="common"/>
  <attribute name="href" ns=""><ref name="iri"/></attribute>
  <optional><attribute name="rel" ns=""><ref name="word"/></attribute></optional>
  <optional><attribute name="type" ns=""><ref name="media"/></attribute></optional>
  <optional><attribute name="title" ns=""/></optional>
 </element></define>
 <define name="category"><element name="category"><ref name="common"/>
  <attribute name="term" ns=""><ref name="word"/></attribute>
  <optional><attribute name="scheme" ns=""><ref name="iri"/></attribute></optional>
  <optional><attribute name="label" ns=""/></optional>
 </element></define>
 <define name="text"><ref name="common"/>
  <optional><attribute name="type" ns=""><choice><value>text</value><value>html</value></choice></attribute></optional>
  <text/></define>
 <define name="moment"><ref name="common"/>
  <data type="dateTime"><param name="pattern">[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z</param></data>
 </define>
 <define name="word"><data type="string"><param name="minLength">1</param></data></define>
 <define name="media"><data type="string"><param name="pattern">.+/.+</param></data></define>
 <define name="iri"><data type="string"><param name="pattern">[A-Za-z][A-Za-z0-9+.\\-]*:[!-~]+</param></data></define>
 <define name="common"><optional><attribute name="xml:lang">
  <data type="string"><param name="pattern">[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*</param></data>
 </attribute></optional></define>
</grammar>
"""

ATOM = "{http://www.w3.org/2005/Atom}"
RSS_ONCE = {"title", "link", "description", "lastBuildDate", "generator", "pubDate", "guid", "source"}
RSS_CHANNEL = {"title", "link", "description", "language", "lastBuildDate", "generator", "item"}
RSS_ITEM = {"title", "link", "description", "pubDate", "guid", "source", "category"}
RSS_MOMENT = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+0000"


def check_atom(body: bytes) -> None:
    """RFC 4287 by grammar, and the rules that a grammar cannot say."""
    root = etree.fromstring(body)
    etree.RelaxNG(etree.fromstring(ATOM_RULES)).assertValid(root)
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
    """JSON Feed 1.1: required members, types, and that addresses are absolute."""
    feed = json.loads(body.decode())
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    allowed: dict[str, type] = {
        "version": str, "title": str, "home_page_url": str, "feed_url": str, "description": str,
        "authors": list, "next_url": str, "hubs": list, "items": list, "_huoban": dict,
        "language": str,
    }  # fmt: skip
    _check_members(feed, allowed, required=("version", "title", "items"))
    assert all(set(hub) == {"type", "url"} for hub in feed.get("hubs", []))
    assert feed["_huoban"]["about"].startswith("https://")
    item_members: dict[str, type] = {
        "id": str, "url": str, "external_url": str, "title": str, "content_html": str, "content_text": str,
        "summary": str, "date_published": str, "date_modified": str, "authors": list, "tags": list,
        "language": str, "_huoban": dict,
    }  # fmt: skip
    for item in feed["items"]:
        _check_members(item, item_members, required=("id", "content_html"))
        assert all(isinstance(tag, str) for tag in item["tags"])
        for moment in (item["date_published"], item["date_modified"]):
            assert datetime.fromisoformat(moment).tzinfo is not None
        for address in (item["url"], item.get("external_url", item["url"])):
            assert urlsplit(address).scheme in ("http", "https")
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


def _check_members(value: dict[str, Any], allowed: dict[str, type], *, required: tuple[str, ...]) -> None:
    assert set(value) <= set(allowed)
    assert set(required) <= set(value)
    for name, member in value.items():
        assert isinstance(member, allowed[name]), name


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
