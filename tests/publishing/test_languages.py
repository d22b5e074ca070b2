"""Pages in the six languages of the interface: one address each, right words, right direction, everything else once."""

from dataclasses import replace
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import httpx
import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from service.db import Database
from service.publishing.digest import render_digest
from service.publishing.edition import Issue
from service.publishing.formats.html import render_html
from service.publishing.languages import interface_of, is_page
from service.translations import LANGUAGES, choose, dates, direction, translations
from tests.conftest import Desk, SettableClock, serving, settings_for
from tests.publishing.builders import SITE, a_full_edition, a_tombstone
from tests.publishing.test_pages import BROWSER, PAGES, a_newsroom, parsed

pytestmark = pytest.mark.anyio
OTHERS = [language for language in LANGUAGES if language != "en"]
FRENCH_DAY = "mardi 24 novembre 2026"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough: the queries have tests of their own."""
    return sqlite_url


async def test_every_page_is_there_in_every_language(desk: Desk) -> None:
    _, story, _ = await a_newsroom(desk.database)
    for number, path in enumerate((*PAGES, f"/stories/{story}")):
        english = parsed(await desk.public.get(path, headers=BROWSER))
        for language in (OTHERS[number % len(OTHERS)], "ar"):
            page = parsed(await desk.public.get(f"/{language}{path}", headers=BROWSER))
            assert (page.get("lang"), page.get("dir")) == (language, direction(language)), path
            assert page.xpath("//header//nav//a[1]/text()") != english.xpath("//header//nav//a[1]/text()"), path
            assert len(page.findall(".//h1")) == 1, path
            assert not page.xpath("//b | //i"), f"what people wrote came out as markup on {language}{path}"
            assert page.xpath("count(//*[@id='main']//a)") == english.xpath("count(//*[@id='main']//a)"), path


async def test_page_names_all_its_languages_and_each_names_the_same(desk: Desk) -> None:
    _, story, _ = await a_newsroom(desk.database)
    base = desk.settings.base_url
    for path in (
        "/",
        "/latest.html?week=2026-W47",
        "/archive",
        "/about",
        "/map",
        "/partnerships/RU",
        f"/stories/{story}",
    ):
        told = set()
        for language in LANGUAGES:
            page = parsed(await desk.public.get(f"{'' if language == 'en' else f'/{language}'}{path}", headers=BROWSER))
            links = {link.get("hreflang"): link.get("href") for link in page.xpath("//head/link[@hreflang]")}
            assert list(links) == [*LANGUAGES, "x-default"]
            assert page.xpath("//link[@rel='canonical']/@href") == [links[language]]
            assert links["x-default"] == links["en"]
            switch = page.xpath("//nav[@class='languages']//a")
            assert {link.get("hreflang"): base + link.get("href") for link in switch} == {
                other: links[other] for other in LANGUAGES if other != language
            }
            told.add(tuple(links.items()))
        assert len(told) == 1, path


async def test_links_between_pages_stay_in_the_language_and_links_to_data_leave_it(desk: Desk) -> None:
    await a_newsroom(desk.database)
    for path in PAGES:
        page = parsed(await desk.public.get(f"/ar{path}", headers=BROWSER))
        for link in page.xpath("//a[not(@hreflang)]/@href | //img/@src"):
            parts = urlsplit(link)
            if parts.netloc not in ("", urlsplit(desk.settings.base_url).netloc) or not parts.path:
                continue
            assert parts.path.startswith("/ar/") == is_page(parts.path.removeprefix("/ar")), (path, link)


async def test_what_is_no_page_exists_once(desk: Desk) -> None:
    await a_newsroom(desk.database)
    for asked, plain in (
        ("/fr/daily.rss", "/daily.rss"),
        ("/ar/latest.json?region=africa", "/latest.json?region=africa"),
        ("/es/digest/2026-11-24.html", "/digest/2026-11-24.html"),
        ("/zh/map.svg", "/map.svg"),
        ("/pt/feeds.opml", "/feeds.opml"),
        ("/fr/static/public.css", "/static/public.css"),
        ("/fr//elsewhere.example", "/elsewhere.example"),
        ("/en/latest.html?week=2026-W47", "/latest.html?week=2026-W47"),
        ("/en/", "/"),
        ("/fr/api/v1/me", "/api/v1/me"),
        ("/fr/desk", "/desk"),
        ("/fr/health/live", "/health/live"),
    ):
        answer = await desk.public.get(asked)
        assert (answer.status_code, answer.headers["Location"]) == (308, plain), asked
    for nowhere in ("/fr/fr/archive", "/fr/ar/", "/de/archive"):
        assert (await desk.public.get(nowhere)).status_code == 404, nowhere


async def test_redirects_keep_the_language(desk: Desk) -> None:
    for asked, leads_to in (
        ("/fr/partnerships/kenya", "/fr/partnerships/KE"),
        ("/ar/countries/KEN.html", "/ar/countries/KE.html"),
        ("/zh/latest.html?country=KE", "/zh/countries/KE.html"),
        ("/es/latest.html?week=2026-W48", "/es/latest.html"),
        ("/pt/map?date=20261116", "/pt/map?date=2026-11-16"),
    ):
        answer = await desk.public.get(asked)
        assert (answer.status_code, answer.headers["Location"]) in ((308, leads_to), (307, leads_to)), asked


async def test_caches_keep_the_languages_apart(desk: Desk) -> None:
    await a_newsroom(desk.database)
    first = {language: await desk.public.get(f"/{language}/archive") for language in OTHERS}
    again = {language: await desk.public.get(f"/{language}/archive") for language in OTHERS}
    tags = {answer.headers["ETag"] for answer in first.values()}
    assert len(tags) == len(OTHERS)
    for language in OTHERS:
        assert first[language].content == again[language].content
        assert "Accept-Language" not in first[language].headers["Vary"]
        held = await desk.public.get(f"/{language}/archive", headers={"If-None-Match": first[language].headers["ETag"]})
        assert held.status_code == 304


async def test_errors_are_told_in_the_language_of_the_page(desk: Desk) -> None:
    _, _, gone = await a_newsroom(desk.database)
    for path, status, title, words in (
        (f"/fr/stories/{gone}", 410, "Retiré", "Not <so>."),
        ("/fr/stories/unknown", 404, "Introuvable", "Aucun article"),
        ("/fr/nowhere", 404, "Introuvable", "nothing at /fr/nowhere"),
        ("/es/editions/2026-11-25.html", 404, "No encontrada", "aún no ha comenzado"),
        ("/fr/archive/1999", 404, "Introuvable", "1999"),
    ):
        answer = await desk.public.get(path, headers=BROWSER)
        assert answer.status_code == status, path
        page = lxml.html.document_fromstring(answer.content)
        assert page.findtext(".//h1") == title
        notice = page.xpath("//p[@class='notice']/bdi")[0]
        assert words in notice.text_content()
        assert notice.get("lang") == ("en" if "nothing at" in words else None)
        assert not page.xpath("//nav[@class='languages']")


async def test_sitemap_gives_each_page_its_languages(desk: Desk) -> None:
    sitemap = etree.fromstring((await desk.public.get("/sitemap.xml")).content)
    for url in sitemap[:20]:
        place = url.findtext("{*}loc")
        links = {link.get("hreflang"): link.get("href") for link in url.findall("{http://www.w3.org/1999/xhtml}link")}
        assert list(links) == list(LANGUAGES)
        assert links["en"] == place
        path = urlsplit(links["ar"]).path
        assert (await desk.public.get(path, headers=BROWSER)).status_code == 200


def test_stories_and_labels_keep_their_own_language() -> None:
    edition = a_full_edition(site=replace(SITE, interface="ar"))
    page = lxml.html.document_fromstring(render_html(edition))
    assert page.get("dir") == "rtl"
    assert page.get_element_by_id("headline-story0001").get("dir") == "ltr"
    assert page.get_element_by_id("headline-story0003").get("lang") == "zh-Hans"
    badge = page.xpath("//article[@id='story-story0001']//a[starts-with(@class, 'badge')]")[0]
    assert "شراكة تعاون استراتيجي شاملة" in badge.text_content()
    assert badge.xpath("./bdi[@lang='zh']/text()") == ["全面战略合作伙伴关系"]


def test_chinese_pages_show_the_chinese_label_first() -> None:
    edition = a_full_edition(site=replace(SITE, interface="zh"))
    page = lxml.html.document_fromstring(render_html(edition))
    badge = page.xpath("//article[@id='story-story0001']//a[starts-with(@class, 'badge')]")[0].text_content()
    assert badge.index("全面战略合作伙伴关系") < badge.index("comprehensive")


def test_days_and_moments_read_as_in_each_language() -> None:
    day, moment = date(2026, 11, 24), datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    assert dates.day_words(day) == "Tuesday 24 November 2026"
    assert dates.day_words(day, "fr") == FRENCH_DAY
    assert dates.date_words(day, "zh") == "2026年11月24日"
    assert dates.month_words(day, "es") == "noviembre de 2026"
    assert dates.moment_words(moment, "Africa/Nairobi", "pt") == "25 de novembro de 2026 01:30"
    assert dates.weekday_heads("ar")[0][1] == "الاثنين"
    assert all(len(dates.weekday_heads(language)) == 7 for language in LANGUAGES)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-CA, en;q=0.8", "fr"),
        ("de, sw;q=0.9", "en"),
        ("en;q=0.5, ar;q=0.7", "ar"),
        ("zh;q=0, es;q=0.1", "es"),
        ("pt-AO", "pt"),
        ("fr;q=x", "en"),
        ("", "en"),
    ],
)
def test_a_reader_is_offered_the_language_that_the_browser_asks_for(header: str, language: str) -> None:
    assert choose(header) == language


@given(st.text(max_size=80))
def test_any_header_and_any_path_have_a_language(text: str) -> None:
    assert choose(text) in LANGUAGES
    assert interface_of(f"/{text}") in LANGUAGES
    assert isinstance(is_page(f"/{text}"), bool)


def test_no_catalogue_for_a_language_that_is_none() -> None:
    with pytest.raises(KeyError):
        translations("../../etc/passwd")


@pytest.mark.parametrize("language", OTHERS)
def test_digest_is_in_the_newsrooms_language_in_every_form(language: str) -> None:
    edition = a_full_edition(site=replace(SITE, interface=language))
    issue = Issue(number=12, revision=2, corrected=(), withdrawn=(a_tombstone(7),))
    words = translations(language)
    for extension in ("html", "txt", "md"):
        text = render_digest(edition, extension, issue).decode()
        for english in ("Changed since", "Withdrawn", "Corrected", "On the web", "Also "):
            assert english not in text, (language, extension)
        changed = words.gettext("Changed since the last digest")
        assert changed in text or changed.upper() in text
    page = lxml.html.document_fromstring(render_digest(edition, "html", issue))
    assert (page.get("lang"), page.get("dir")) == (language, direction(language))


async def test_newsroom_that_writes_portuguese_sends_its_digest_in_it(database: Database, clock: SettableClock) -> None:
    await a_newsroom(database)
    settings = settings_for(database.url.render_as_string(hide_password=False), language="pt-BR")
    async with serving(settings, clock=clock) as base, httpx.AsyncClient(base_url=base, timeout=30) as client:
        digest = lxml.html.document_fromstring((await client.get("/digest/2026-11-24.html")).content)
        assert digest.get("lang") == "pt"
        assert "terça-feira, 24 de novembro de 2026" in digest.text_content()
        assert f"{settings.base_url}/pt/editions/2026-11-24.html" in digest.xpath("//a/@href")
        assert parsed(await client.get("/", headers=BROWSER)).get("lang") == "en"
