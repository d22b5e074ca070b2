"""Pages for people on the real app: all there, well formed, and every link between them leads somewhere."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import lxml.html
import pytest
from lxml import etree

from service.checkpoints import make_checkpoint
from service.db import Database
from service.models import Editor
from tests.builders import a_feed, stored
from tests.conftest import NOON, Desk, add_account
from tests.desk.newsroom import TODAY
from tests.publishing.newsroom import CSC, UTC_CALENDAR, closed, corrected, published, withdrawn

pytestmark = pytest.mark.anyio
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = (
    "/",
    "/latest.html",
    "/latest.html?week=2026-W47",
    "/countries/KE.html",
    "/countries/X-AU.html",
    "/countries/TV.html",
    "/countries/KE.html?week=2026-W47",
    "/tiers/all_weather.html",
    "/tiers/no_relations.html",
    "/regions/africa.html",
    "/archive",
    "/archive/2026",
    "/about",
    "/status",
    "/partnerships.html",
    "/partnerships.html?on=2015-01-01&known=2026-11-24",
    "/partnerships/RU",
    "/partnerships/TW",
    "/map",
    "/map?date=2026-11-16",
    f"/editions/{TODAY}.html",
)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough: the queries have tests of their own."""
    return sqlite_url


async def a_newsroom(database: Database) -> tuple[Editor, str, str]:
    """A few weeks of lists; answers the editor, a corrected story of today and a withdrawn one."""
    editor, _ = await add_account(database, name="Wanjiru <b>Kamau</b>")
    feed = a_feed(name="The <i>Daily</i> & Paper", homepage="https://paper.example/", language="ar")
    await stored(database, feed)
    before = NOON - timedelta(days=8)
    await published(database, editor, at=before, feed=feed, title="القاهرة وبكين", language="ar", tags=[("EG", CSC)])
    for hour in range(3):
        await published(database, editor, at=before + timedelta(hours=hour), feed=feed)
    tags = [("KE", CSC), ("X-AU", "strategic"), ("TV", "no_relations")]
    kept = await published(database, editor, at=NOON - timedelta(hours=1), headline="A <b>dam</b>", tags=tags)
    gone = await published(database, editor, at=NOON - timedelta(minutes=50), feed=feed)
    await corrected(database, editor, kept, day=NOON.date(), at=NOON - timedelta(minutes=9), headline="A <b>road</b>")
    await withdrawn(database, editor, gone, day=NOON.date(), at=NOON - timedelta(minutes=5), reason="Not <so>.")
    await closed(database, editor, day=before.date(), at=before + timedelta(days=1))
    async with database.write() as session:
        await make_checkpoint(session, calendar=UTC_CALENDAR, ledger_key=None, now=NOON)
    return editor, kept, gone


def parsed(answer: httpx.Response) -> lxml.html.HtmlElement:
    assert answer.status_code == 200, (answer.url, answer.text)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return lxml.html.document_fromstring(answer.content)


async def test_every_page_is_there_and_keeps_the_rules_of_the_house(desk: Desk) -> None:
    _, story, _ = await a_newsroom(desk.database)
    for path in (*PAGES, f"/stories/{story}"):
        page = parsed(await desk.public.get(path, headers=BROWSER))
        assert len(page.findall(".//h1")) == 1, path
        assert page.findtext(".//title"), path
        assert page.get("lang") == "en"
        assert not page.xpath("//script | //*[@style] | //style | //form"), path
        assert not page.xpath("//b | //i"), f"what people wrote came out as markup on {path}"
        ids = page.xpath("//@id")
        assert len(ids) == len(set(ids)), path
        for name in ("og:title", "og:description", "og:url", "og:type", "og:site_name"):
            assert page.xpath(f"//meta[@property='{name}']/@content"), (path, name)
        canonical = page.xpath("//link[@rel='canonical']/@href")
        assert len(canonical) == 1, path
        assert all(image.get("alt") for image in page.iter("img"))


async def test_every_link_between_pages_leads_somewhere(desk: Desk) -> None:
    _, story, gone = await a_newsroom(desk.database)
    base = urlsplit(desk.settings.base_url).netloc
    waiting, seen, kinds = [*PAGES, f"/stories/{story}"], set(), set()
    while waiting:
        path = waiting.pop()
        # One of each kind of page is enough to find a template that links to nowhere.
        kind = re.sub(r"/[A-Z]{2}\b|X-\w+|\d+|W\d\d|=[\w-]+", "*", path)
        if path in seen or (kind in kinds and path not in PAGES):
            continue
        seen.add(path)
        kinds.add(kind)
        answer = await desk.public.get(path, headers=BROWSER, follow_redirects=True)
        assert answer.status_code == (410 if gone in path else 200), path
        assert not answer.history or path.startswith("/digest."), f"a page links to {path}, which redirects"
        if answer.headers["Content-Type"].startswith("text/html"):
            page = lxml.html.document_fromstring(answer.content)
            for link in page.xpath("//a/@href | //link/@href | //img/@src"):
                there = urlsplit(link)
                if there.netloc in ("", base) and there.path:
                    waiting.append(f"{there.path}{f'?{there.query}' if there.query else ''}")
    assert len(seen) > 45


async def test_story_page_tells_what_a_correction_changed(desk: Desk) -> None:
    _, story, _ = await a_newsroom(desk.database)
    page = parsed(await desk.public.get(f"/stories/{story}"))
    assert page.xpath("//ol[@class='record']//del//text()") == ["A <b>dam</b>"]
    assert page.xpath("//ol[@class='record']//ins//text()") == ["A <b>road</b>"]
    facts = (await desk.public.get(f"/stories/{story}.json")).json()
    assert facts["id"] == story
    assert [decision["act"] for decision in facts["record"]] == ["publish", "correct"]
    assert facts["record"][-1]["hash"] == facts["decision"]
    assert facts["record"][-1]["changes"] == [{"what": "headline", "before": "A <b>dam</b>", "after": "A <b>road</b>"}]


async def test_people_get_a_page_for_what_is_not_there_and_programs_a_problem(desk: Desk) -> None:
    _, _, gone = await a_newsroom(desk.database)
    for path, status, words in (
        ("/nowhere", 404, "nothing at /nowhere"),
        ("/countries/Kenyya.html", 404, "Kenyya"),
        (f"/stories/{gone}", 410, "Not <so>."),
        ("/stories/unknown", 404, "no published story"),
        ("/editions/2026-11-25.html", 404, "has not begun"),
        ("/editions/yesterday.html", 422, "cannot be accepted"),
        ("/archive/1999", 404, "1999"),
        ("/map?date=tomorrow", 422, "tomorrow"),
        ("/latest.html?country=KE&country=NG", 422, "given twice"),
    ):
        for_people = await desk.public.get(path, headers=BROWSER)
        assert for_people.status_code == status, path
        text = lxml.html.document_fromstring(for_people.content).text_content()
        assert words in text, path
        assert for_people.headers["Vary"] == "Accept"
        for_programs = await desk.public.get(path, headers={"Accept": "application/json"})
        assert for_programs.headers["Content-Type"] == "application/problem+json"
        assert for_programs.json()["status"] == status
    suggested = (await desk.public.get("/countries/Kenyya.rss")).json()["errors"][0]["suggestions"]
    assert suggested[0] == "KE"
    api = await desk.public.get("/api/v1/nothing", headers=BROWSER)
    assert api.headers["Content-Type"] == "application/problem+json"


async def test_archive_links_the_days_that_have_a_list_and_no_others(desk: Desk) -> None:
    await a_newsroom(desk.database)
    page = parsed(await desk.public.get("/archive"))
    links = list(page.xpath("//table//a/@href"))
    assert links == ["/editions/2026-11-16.html", "/editions/2026-11-24.html"]
    assert page.xpath("//table/caption/text()") == ["November 2026"]


async def test_newest_digest_is_the_one_of_the_last_list(desk: Desk) -> None:
    editor, _ = await add_account(desk.database, name="Bola Page")
    await published(desk.database, editor, at=NOON - timedelta(days=3))
    for extension in ("html", "txt", "md", "json"):
        answer = await desk.public.get(f"/digest.{extension}")
        assert (answer.status_code, answer.headers["Location"]) == (307, f"/digest/2026-11-21.{extension}")


async def test_opml_names_every_stream_and_each_answers(desk: Desk) -> None:
    opml = etree.fromstring((await desk.public.get("/feeds.opml")).content)
    urls = opml.xpath("//outline[@type='rss']/@xmlUrl")
    assert len(urls) == len(set(urls)) > 250
    for url in (urls[0], urls[1], urls[2], urls[15], urls[100], urls[-1]):
        answer = await desk.public.get(urlsplit(url).path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/rss+xml; charset=utf-8")


async def test_sitemap_names_every_day_and_story_and_none_that_is_gone(desk: Desk) -> None:
    _, story, gone = await a_newsroom(desk.database)
    sitemap = etree.fromstring((await desk.public.get("/sitemap.xml")).content)
    places = sitemap.xpath("//*[local-name()='loc']/text()")
    base = desk.settings.base_url
    assert {f"{base}/editions/{TODAY}.html", f"{base}/stories/{story}", f"{base}/countries/KE.html"} <= set(places)
    assert f"{base}/stories/{gone}" not in places
    assert f"Sitemap: {base}/sitemap.xml" in (await desk.public.get("/robots.txt")).text
