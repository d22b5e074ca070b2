"""WebSub for publishing: feeds name their hub, and it is told of every change once the change can be seen."""

from datetime import timedelta
from urllib.parse import parse_qs

import feedparser
import httpx
import pytest
from sqlmodel import select

from service.db import Database
from service.desk.arranging import order_items
from service.desk.editions import edition_for_change
from service.models import Editor, Item
from service.outgoing.sending import send_outgoing
from tests.conftest import SettableClock, serving, settings_for
from tests.feed_server import Answer, FeedServer, Request
from tests.outgoing.newsroom import EVENING, TODAY, attempts, deliveries, states, telling
from tests.publishing.newsroom import CSC, UTC_CALENDAR, closed, corrected, published, withdrawn

pytestmark = pytest.mark.anyio

SITE = "http://127.0.0.1:8000"
OF_KENYA = {
    f"{SITE}{path}"
    for name in ("editions/2026-11-24", "daily", "latest", "countries/KE", f"tiers/{CSC}", "regions/africa")
    for path in (f"/{name}.rss", f"/{name}.atom", f"/{name}.json")
} | {f"{SITE}/latest.{extension}?language=en" for extension in ("rss", "atom", "json")}


def told(hub: FeedServer) -> list[str]:
    """The topics that the hub was told of, in order."""
    forms = [parse_qs(request.body.decode()) for request in hub.requests]
    assert all(form["hub.mode"] == ["publish"] for form in forms)
    return [form["hub.url"][0] for form in forms]


async def test_the_hub_is_told_of_every_feed_that_changed_and_once_for_many_changes(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    async with FeedServer() as hub, telling(database, clock, websub_hub=hub.url("/hub")) as runtime:
        hub.on("/hub", Answer(status=204))
        story = await published(database, editor)
        await published(database, editor)
        assert await send_outgoing(runtime) == 0, "what follows within a moment is told together"
        clock.move(seconds=5)
        assert await send_outgoing(runtime) == len(OF_KENYA)
        assert set(told(hub)) == OF_KENYA
        assert len(told(hub)) == len(OF_KENYA)
        for change in (corrected, withdrawn):
            more = {"headline": "Right"} if change is corrected else {}
            await change(database, editor, story, day=TODAY, at=clock.move(minutes=1), **more)  # type: ignore[operator]
            await send_outgoing(runtime)
            clock.move(seconds=5)
            hub.requests.clear()
            assert await send_outgoing(runtime) == len(OF_KENYA)
        hub.requests.clear()
        clock.now = EVENING
        await closed(database, editor, day=TODAY, at=EVENING)
        await send_outgoing(runtime)
        clock.move(seconds=5)
        assert await send_outgoing(runtime) == 6
        assert {url.rsplit("/", 1)[-1].partition(".")[0] for url in told(hub)} == {"2026-11-24", "daily"}


async def test_an_order_is_told_when_readers_see_it_and_a_draft_never_is(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    first, second = await published(database, editor), await published(database, editor)
    async with FeedServer() as hub, telling(database, clock, websub_hub=hub.url("/hub")) as runtime:
        hub.on("/hub", Answer(status=204))
        await send_outgoing(runtime)
        clock.move(seconds=5)
        await send_outgoing(runtime)
        hub.requests.clear()
        async with database.write() as session:
            edition = await edition_for_change(session, TODAY, None, calendar=UTC_CALENDAR, now=clock())
            await order_items(session, edition, [second, first], now=clock(), by=editor)
        await send_outgoing(runtime)
        clock.move(seconds=5)
        assert await send_outgoing(runtime) == 6


async def test_a_hub_that_fails_is_asked_again_and_a_change_meanwhile_is_not_lost(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    async def changes_again(request: Request) -> Answer:
        if hub.count("/hub") == 1:
            await published(database, editor)
            async with database.write() as session:  # the bookmark moves while the first ping is under way
                from service.outgoing.filling import addressees_of, fill_outbox
                from service.publishing.routes import site_of

                whom = addressees_of(runtime.settings, site_of(runtime.settings))
                await fill_outbox(session, whom, now=clock())
        return Answer(status=202)

    async with FeedServer() as hub, telling(database, clock, websub_hub=hub.url("/hub")) as runtime:
        hub.on("/hub", Answer(status=500), Answer(status=202))
        await published(database, editor)
        await send_outgoing(runtime)
        clock.move(seconds=5)
        assert await send_outgoing(runtime) == len(OF_KENYA) - 1
        clock.move(seconds=10)
        assert await send_outgoing(runtime) == 1
        assert set(states(await deliveries(database, "ping"))) == {"sent"}
        hub.on("/hub", changes_again)
        hub.requests.clear()
        await published(database, editor)
        await send_outgoing(runtime)
        clock.move(seconds=5)
        await send_outgoing(runtime)
        assert len(told(hub)) == len(OF_KENYA) + 1, "the one that was under way is told once more"
        assert set(states(await deliveries(database, "ping"))) == {"sent"}


async def test_a_hub_on_a_private_address_is_refused_and_given_up(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    hub = "http://127.0.0.1:9/hub"
    async with telling(database, clock, websub_hub=hub, allowed_networks=()) as runtime:
        await published(database, editor)
        await send_outgoing(runtime)
        for _ in range(12):
            clock.move(hours=1)
            assert await send_outgoing(runtime) == 0
    rows = await deliveries(database, "ping")
    assert set(states(rows)) == {"failed"}
    assert all("not a public address" in (row.detail or "") for row in rows)
    assert len(await attempts(database)) < 12, "one attempt is enough to see that the hub is out of reach"


async def test_feeds_name_their_hub_in_themselves_and_in_a_header(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    await published(database, editor, at=clock() - timedelta(days=14))
    await published(database, editor)
    hub = "https://hub.example/"
    url = database.url.render_as_string(hide_password=False)
    async with serving(settings_for(url, websub_hub=hub), clock=clock) as base, httpx.AsyncClient(timeout=30) as client:
        for path in ("/daily", "/latest", "/editions/2026-11-24", "/countries/KE"):
            for extension in ("rss", "atom"):
                answer = await client.get(f"{base}{path}.{extension}")
                topic = f"{SITE}{path}.{extension}"
                links = {link["rel"]: link["href"] for link in feedparser.parse(answer.text).feed.links}
                assert (links["hub"], links["self"]) == (hub, topic)
                assert answer.headers["link"] == f'<{hub}>; rel="hub", <{topic}>; rel="self"'
            feed = await client.get(f"{base}{path}.json")
            assert feed.json()["hubs"] == [{"type": "WebSub", "url": hub}]
            assert 'rel="hub"' in feed.headers["link"]
            assert "link" not in (await client.get(f"{base}{path}.html")).headers
        for nobody_tells in ("/latest.rss?country=KE&language=en", "/latest.rss?week=2026-W46"):
            answer = await client.get(f"{base}{nobody_tells}")
            assert answer.status_code == 200
            assert 'rel="hub"' not in answer.text
            assert "link" not in answer.headers
    async with database.read() as session:
        assert (await session.exec(select(Item))).first() is not None
