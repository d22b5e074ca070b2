"""The status page says what ``/status.json`` says, in words."""

from datetime import timedelta

import pytest

from tests.builders import a_feed, stored
from tests.conftest import NOON, Desk
from tests.publishing.test_pages import BROWSER, a_newsroom, parsed

pytestmark = pytest.mark.anyio


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough: the queries have tests of their own."""
    return sqlite_url


async def test_page_tells_a_quiet_day_from_a_breakdown(desk: Desk) -> None:
    page = parsed(await desk.public.get("/status", headers=BROWSER))
    assert "No alarm" in page.text_content()
    assert page.xpath("//dt[text()='The last act of a person']/following-sibling::dd[1]/text()") == ["none yet"]
    await a_newsroom(desk.database)
    broken = a_feed(
        name="A <b>broken</b> paper",
        last_outcome="timeout",
        last_fetch_at=NOON - timedelta(minutes=5),
        alarm="ten failures in a row",
    )
    await stored(desk.database, broken)
    page = parsed(await desk.public.get("/status", headers=BROWSER))
    words = " ".join(page.text_content().split())
    assert "Alarms: sources 1" in words
    assert "1 story, open, closes 25 November 2026, 06:00" in words
    assert "5 minutes ago" in words
    assert "does not answer timeout ten failures in a row" in words
    assert page.xpath("//tbody//bdi[text()='A <b>broken</b> paper']")
    assert [table.get("class") for table in page.xpath("//table")] == ["sources"]


async def test_page_speaks_the_languages_and_answers_conditional_requests(desk: Desk) -> None:
    for language, title in (("", "Status"), ("/fr", "État du service"), ("/ar", "الحالة")):
        answer = await desk.public.get(f"{language}/status", headers=BROWSER)
        assert parsed(answer).findtext(".//h1") == title
        again = await desk.public.get(f"{language}/status", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
    moved = await desk.public.get("/fr/status.json")
    assert (moved.status_code, moved.headers["Location"]) == (308, "/status.json")
