"""The register and the map for readers: on any day, as known on any other, safe in a spreadsheet."""

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from service.models import RegisterEntry
from service.partnerships.places import places
from service.partnerships.register import RegisterRow, Standing, amend_register
from service.partnerships.tiers import Tier
from service.publishing.register_facts import COLUMNS, write_csv
from service.publishing.timeline import TICKS, draw_timeline, spans_of
from service.publishing.world_map import LETTER, SHADES, draw_map, world
from service.translations import LANGUAGES, translations
from tests.conftest import NOON, Desk, add_account
from tests.publishing.newsroom import published

pytestmark = pytest.mark.anyio
TODAY = date(2026, 11, 24)
SVG = {"s": "http://www.w3.org/2000/svg"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough: the queries have tests of their own."""
    return sqlite_url


def an_entry(begins: date | None, tier: str = "strategic", **more: Any) -> RegisterEntry:
    values = {
        "id": f"{begins}-{tier}",
        "partner": "KE",
        "tier": tier,
        "label_en": "a label",
        "label_zh": "标签",
        "in_force_from": begins,
        "known_from": NOON,
        "source": "a test",
        "confidence": "high",
        **more,
    }
    return RegisterEntry(**values)


async def test_register_answers_for_any_day_in_three_forms(desk: Desk) -> None:
    old = (await desk.public.get("/partnerships.json?on=2014-01-01")).json()
    now = (await desk.public.get("/partnerships.json")).json()
    assert (old["on"], now["on"]) == ("2014-01-01", "2026-11-24")
    kenya = [next(row for row in document["partnerships"] if row["code"] == "KE") for document in (old, now)]
    assert [row["tier"] for row in kenya] == ["comprehensive_cooperative", "comprehensive_strategic_cooperative"]
    table = (await desk.public.get("/partnerships.csv?on=2014-01-01")).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == len(old["partnerships"]) == len(places())
    assert next(row for row in rows if row["code"] == "KE")["label_zh"] == kenya[0]["label_zh"]
    assert tuple(rows[0]) == COLUMNS


async def test_what_was_learned_later_was_not_known_before(desk: Desk) -> None:
    editor, _ = await add_account(desk.database, name="Bola Page")
    row = RegisterRow("KE", "strategic", "a strategic partnership", "战略伙伴关系", date(2020, 1, 1), "a test")
    async with desk.database.write() as session:
        await amend_register(session, row, now=datetime(2026, 11, 26, tzinfo=UTC), by=editor.id)
    for query, tier in (
        ("on=2021-01-01&known=2026-11-25", "comprehensive_strategic_cooperative"),
        ("on=2021-01-01&known=2026-11-26", "strategic"),
        ("on=2021-01-01", "strategic"),
    ):
        document = (await desk.public.get(f"/partnerships.json?{query}")).json()
        assert next(row["tier"] for row in document["partnerships"] if row["code"] == "KE") == tier, query


async def test_register_has_one_address_for_each_question(desk: Desk) -> None:
    for asked, leads_to in (
        ("/partnerships.csv?known=2026-01-01&on=2020-02-29", "/partnerships.csv?on=2020-02-29&known=2026-01-01"),
        ("/partnerships.html?on=20200101&x=1", "/partnerships.html?on=2020-01-01"),
        ("/partnerships/kenya", "/partnerships/KE"),
        ("/partnerships/KEN.json", "/partnerships/KE.json"),
        ("/map.svg?date=20261116", "/map.svg?date=2026-11-16"),
        ("/map.svg?language=FR&date=2026-11-16", "/map.svg?date=2026-11-16&language=fr"),
        ("/map.svg?language=en", "/map.svg"),
    ):
        answer = await desk.public.get(asked)
        assert (answer.status_code, answer.headers.get("Location")) == (308, leads_to)
        assert (await desk.public.get(leads_to)).status_code == 200
    for path, status in (
        ("/partnerships.xlsx", 404),
        ("/partnerships/nowhere", 404),
        ("/partnerships.json?on=1900-01-01", 422),
        ("/partnerships.json?on=soon", 422),
        ("/map.svg?date=2026-11-25", 404),
        ("/map.svg?language=xx", 422),
    ):
        assert (await desk.public.get(path)).status_code == status, path


async def test_map_rings_the_countries_of_the_day(desk: Desk) -> None:
    editor, _ = await add_account(desk.database, name="Bola Page")
    tags = [("KE", "strategic"), ("TV", "no_relations"), ("X-AU", "strategic")]
    for _ in range(2):
        await published(desk.database, editor, tags=tags)
    answer = await desk.public.get("/map.svg?date=2026-11-24")
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    rings = etree.fromstring(answer.content).xpath("//s:circle[@class='ring']/../s:title/text()", namespaces=SVG)
    assert rings == ["Kenya: 2 stories", "Tuvalu: 2 stories"]


@given(st.sampled_from(list(Tier)), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_map_is_well_formed_and_shades_by_band(tier: Tier, title: str) -> None:
    drawn = etree.fromstring(draw_map({"KE": tier.value, "TV": tier.value}, {}, day=TODAY, title=title))
    for shape in ("path", "circle"):
        found = drawn.xpath(f"//s:g[@class='land']/s:{shape}[@class='{tier.facts.band}']", namespaces=SVG)
        assert len(found) == 1
    assert drawn.xpath("count(//s:path[@class='china'])", namespaces=SVG) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_legend_speaks_the_language_of_the_page_and_stays_within_the_map(language: str) -> None:
    drawn = etree.fromstring(draw_map({"KE": "strategic"}, {"KE": 2}, day=TODAY, title="T", language=language))
    [legend] = drawn.xpath("/s:svg/s:g[@transform]", namespaces=SVG)
    words = [text.text for text in legend.iterfind("s:text", SVG)]
    assert words == [translations(language).gettext(said) for _, said in SHADES]
    last = legend.findall("s:text", SVG)[-1]
    scale = float(legend.get("transform").rpartition("scale(")[2].rstrip(")"))
    assert 40 + scale * (int(last.get("x")) + LETTER * len(words[-1])) <= world().width


async def test_the_page_of_the_map_shows_it_in_its_own_language(desk: Desk) -> None:
    page = (await desk.public.get("/fr/map?date=2026-11-24")).text
    assert "/map.svg?date=2026-11-24&amp;language=fr" in page
    assert "language=" not in (await desk.public.get("/map?date=2026-11-24")).text.partition("<main")[2]
    drawn = (await desk.public.get("/map.svg?date=2026-11-24&language=fr")).text
    assert "Afrique du Sud" in drawn


def test_map_knows_every_country_that_geometry_shows() -> None:
    known = world().shapes.keys() | world().dots.keys()
    missing = {code for code, place in places().items() if place.kind == "country" and code not in known}
    assert missing == {"AQ", "BQ", "BV", "CC", "CX", "GF", "GP", "MQ", "RE", "SJ", "TK", "YT"}
    assert known - places().keys() == {"CN"}
    assert not {code for code in missing if places()[code].un_member}
    marked = world().centres | world().dots
    assert marked.keys() == known
    assert all(0 < x < world().width and 0 < y < world().height for x, y in marked.values())


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_cell_of_the_table_is_a_formula(label: str, source: str) -> None:
    standing = Standing("KE", "strategic", label, label, ("new_era",), None, source, False)
    text = write_csv({"KE": standing}).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 2
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in rows[1])
    assert rows[1][COLUMNS.index("source")].removeprefix("'") == source


def test_spans_leave_out_what_was_superseded() -> None:
    first, wrong, right = an_entry(None, "none"), an_entry(date(2013, 8, 1)), an_entry(date(2013, 8, 1), "all_weather")
    spans = spans_of([first, wrong, right])
    assert [(span.begins, span.ends, span.entry) for span in spans] == [
        (None, date(2013, 8, 1), first),
        (date(2013, 8, 1), None, right),
    ]


@given(st.lists(st.dates(date(1950, 1, 1), date(2030, 1, 1)), unique=True, max_size=8))
def test_bars_fill_the_chart_from_the_first_day_to_today(days: list[date]) -> None:
    spans = spans_of([an_entry(day) for day in sorted(days)])
    line = draw_timeline(spans, today=TODAY)
    begun = [day for day in days if day <= TODAY]
    assert len(line.bars) == len(begun)
    assert len(line.ticks) <= TICKS + 1
    assert all(0 <= tick.x <= 100 for tick in line.ticks)
    for before, after in zip(line.bars, line.bars[1:], strict=False):
        assert before.x + before.width == pytest.approx(after.x, abs=0.02)
    if begun and len(begun) == len(days):
        assert line.bars[-1].x + line.bars[-1].width == pytest.approx(100, abs=0.02)
