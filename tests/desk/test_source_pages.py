"""The screen of sources without script: health at a glance, and every act on a source as a plain form."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from service.models import Feed, Fetch
from service.words import Role
from tests.builders import a_feed, stored
from tests.conftest import NOON, Desk
from tests.desk.forms import FormDesk, an_account, signed_in
from tests.feed_server import FeedServer

pytestmark = pytest.mark.anyio

LIST = "/desk/sources"
RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Nairobi Paper</title>
<item><title>One &amp; all</title>
<link>https://paper.example/1</link><pubDate>24/11/2026 09:00</pubDate></item>
<item><title>Two</title><link>https://paper.example/2</link><pubDate>03/04/2026 10:00</pubDate></item>
</channel></rss>"""
PAGE = b'<html><head><link rel="alternate" type="application/rss+xml" href="/rss.xml"></head></html>'


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: the pages call the actions, whose tests run on both."""
    return sqlite_url


async def _browser(desk: Desk, role: Role) -> FormDesk:
    return await signed_in(desk, desk.database, await an_account(desk, role))


@pytest.fixture
async def chief(desk: Desk) -> AsyncIterator[FormDesk]:
    """A chief's browser."""
    browser = await _browser(desk, Role.CHIEF)
    async with browser.client:
        yield browser


@pytest.fixture
async def editor(desk: Desk) -> AsyncIterator[FormDesk]:
    """An editor's browser."""
    browser = await _browser(desk, Role.EDITOR)
    async with browser.client:
        yield browser


@pytest.fixture
async def paper() -> AsyncIterator[FeedServer]:
    """A paper with a page that announces a feed."""
    async with FeedServer() as server:
        server.on("/rss.xml", body=RSS)
        server.on("/", body=PAGE, headers={"Content-Type": "text/html"})
        yield server


async def _feed(desk: Desk, feed_id: str) -> Feed:
    async with desk.database.read() as session:
        return await session.get_one(Feed, feed_id)


def _attempts(feed: Feed, *outcomes: str) -> list[Any]:
    return [
        Fetch(feed_id=feed.id, started_at=NOON - timedelta(hours=len(outcomes) - n), seconds=0.2, outcome=outcome)
        for n, outcome in enumerate(outcomes)
    ]


def _parts(browser: FormDesk, path: str) -> list[Any]:
    return list(browser.page.xpath(f"//{path}"))


def _strips(browser: FormDesk) -> list[tuple[str, str]]:
    strips = _parts(browser, "p[@class='outcomes']/span[@role='img']")
    return [(strip.get("aria-label"), strip.text_content().strip()) for strip in strips]


async def test_alarms_stand_first_and_a_strip_says_how_the_last_attempts_ended(desk: Desk, editor: FormDesk) -> None:
    calm, loud = a_feed(id="calm", name="<b>Calm</b>"), a_feed(id="loud", name="Loud", alarm="Keeps failing (tls).")
    await stored(desk.database, calm, loud, *_attempts(calm, "ok", "not_modified", "empty"))
    await stored(desk.database, *_attempts(loud, "ok", "timeout", "tls"))
    await editor.open(LIST)
    assert [h.text_content() for h in _parts(editor, "ul[@class='sources']//h2")] == ["Loud", "<b>Calm</b>"]
    assert _strips(editor) == [
        ("2 of the last 3 attempts failed: timeout, tls", "●~×"),
        ("0 of the last 3 attempts failed", "●·○"),
    ]
    assert "Keeps failing (tls)." in editor.text
    await editor.open(f"{LIST}?show=alarm")
    assert len(_parts(editor, "ul[@class='sources']/li")) == 1
    await editor.open(f"{LIST}?q=CALM")
    assert len(_parts(editor, "ul[@class='sources']/li")) == 1


async def test_an_editor_reads_the_health_but_is_offered_and_allowed_no_act(desk: Desk, editor: FormDesk) -> None:
    feed = a_feed()
    await stored(desk.database, feed)
    for path in (LIST, f"{LIST}/{feed.id}"):
        await editor.open(path)
        assert editor.answer.status_code == 200
        assert [form.action for form in editor.page.forms if form.method == "POST"] == ["/desk/sign-out"]
    for act in ("pause", "resume", "fetch", "try-dates", "rule", "facts", "remove"):
        answer = await editor.client.post(f"{LIST}/{feed.id}/{act}", data={"version": "1"})
        assert answer.status_code == 403, act
    for path in (LIST, f"{LIST}/discover"):
        assert (await editor.client.post(path, data={"url": "https://paper.example/"})).status_code == 403
    assert (await _feed(desk, feed.id)).version == 1


async def test_a_chief_pauses_and_resumes_and_a_stale_form_overwrites_nothing(desk: Desk, chief: FormDesk) -> None:
    feed = a_feed()
    await stored(desk.database, feed)
    await chief.open(f"{LIST}?q=feed")
    old_page, old_answer = chief.page, chief.answer
    await chief.send(f"{feed.id}/pause")
    assert (chief.answer.url.path, chief.answer.url.params["q"]) == (LIST, "feed"), "back to where the form stood"
    assert "Paused" in chief.said
    assert not (await _feed(desk, feed.id)).enabled
    chief.page, chief.answer = old_page, old_answer
    assert (await chief.send(f"{feed.id}/pause")).status_code == 412
    assert "Nothing was overwritten" in chief.text
    await chief.open(f"{LIST}/{feed.id}")
    await chief.send("/resume")
    assert (await _feed(desk, feed.id)).enabled


async def test_a_source_is_found_behind_its_page_added_fetched_and_given_a_date_rule_after_a_trial(
    desk: Desk, chief: FormDesk, paper: FeedServer
) -> None:
    await chief.open(LIST)
    await chief.send("/discover", url=paper.url("/"))
    assert "Nothing has been stored." in chief.text
    assert "2 items" in chief.text
    await chief.send(LIST, country="KE")
    assert "Source added" in chief.said
    assert (await _feed(desk, "nairobi-paper")).country == "KE"
    await chief.send("/fetch")
    assert "Read just now." in chief.said
    assert [cell.text_content() for cell in _parts(chief, "tbody//td")][3] == "2"
    await chief.send("/try-dates", zone="Africa/Nairobi", format="%d/%m/%Y %H:%M")
    assert "of 2 dates would change" in chief.text
    assert "One & all" in chief.text
    assert not (await _feed(desk, "nairobi-paper")).options.get("date_zone"), "a trial stores nothing"
    await chief.send("/rule")
    assert "Source changed." in chief.said
    assert (await _feed(desk, "nairobi-paper")).options["date_zone"] == "Africa/Nairobi"
    assert chief.page.get_element_by_id("format").get("value") == "%d/%m/%Y %H:%M"


async def test_what_cannot_be_accepted_is_said_and_a_source_can_be_renamed_and_removed(
    desk: Desk, chief: FormDesk
) -> None:
    feed = a_feed(language="en")
    await stored(desk.database, feed)
    await chief.open(f"{LIST}/{feed.id}")
    assert (await chief.send("/try-dates", zone="Africa/Nairobbi")).status_code == 422
    assert "Africa/Nairobi" in chief.text
    await chief.open(f"{LIST}/{feed.id}")
    assert (await chief.send("/facts", country="Atlantis")).status_code == 422
    await chief.open(f"{LIST}/{feed.id}")
    await chief.send("/facts", name="The Paper", language="")
    kept = await _feed(desk, feed.id)
    assert (kept.name, kept.language) == ("The Paper", None)
    await chief.send("/remove")
    assert chief.answer.url.path == LIST
    assert (await _feed(desk, feed.id)).removed_at is not None


async def test_a_source_of_the_file_offers_a_pause_and_nothing_else(desk: Desk, chief: FormDesk) -> None:
    feed = a_feed(origin="file")
    await stored(desk.database, feed)
    await chief.open(f"{LIST}/{feed.id}")
    actions = {form.action.rpartition("/")[2] for form in chief.page.forms if form.method == "POST"}
    assert actions == {"sign-out", "fetch", "pause", "try-dates"}
    assert (await chief.client.post(f"{LIST}/{feed.id}/remove", data={"version": "1"})).status_code == 409


async def test_three_hundred_sources_are_paged_and_open_quickly(desk: Desk, editor: FormDesk) -> None:
    feeds = [a_feed() for _ in range(300)]
    await stored(desk.database, *feeds)
    async with desk.database.write() as session:
        session.add_all([fetch for feed in feeds for fetch in _attempts(feed, *["ok"] * 20)])
    await editor.open(LIST)
    began = time.perf_counter()
    await editor.open(LIST)
    assert time.perf_counter() - began < 5, "a second on a quiet machine"
    seen = set()
    while True:
        shown = [code.text_content() for code in _parts(editor, "ul[@class='sources']//code")]
        seen |= set(shown)
        assert len(shown) == 100
        if not _parts(editor, "a[@rel='next']"):
            break
        await editor.follow("Next sources")
    assert len(seen) == 300
