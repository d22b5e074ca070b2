"""The way of a story, from a real feed document to RSS, through the real app on a real socket."""

from io import BytesIO

import feedparser
import pytest

from service.app import open_service
from service.fetching import catalogue
from service.fetching.parsers import ParserPool
from service.fetching.run import run_round
from tests.conftest import NOON, Desk, SettableClock
from tests.feed_server import Answer, FeedServer

pytestmark = pytest.mark.anyio

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>Nairobi Paper</title><link>https://paper.example/</link><description>d</description>
<item><title>Kenya and China sign a rail deal</title><link>https://paper.example/rail?utm_source=rss</link>
<guid isPermaLink="false">rail-1</guid><pubDate>Tue, 24 Nov 2026 09:00:00 +0300</pubDate>
<description>&lt;p&gt;The line is to reach Malaba.&lt;/p&gt;</description></item>
</channel></rss>"""


async def test_a_story_goes_from_a_feed_to_json_rss_atom_and_the_digest(desk: Desk, clock: SettableClock) -> None:
    async with FeedServer() as paper:
        paper.on("/rss.xml", Answer(body=FEED.encode(), headers={"Content-Type": "application/rss+xml"}))
        async with open_service(desk.settings, clock=clock) as runtime, ParserPool(workers=1) as parsers:
            async with runtime.database.write() as session:
                await catalogue.add_feed(
                    session, url=paper.url("/rss.xml"), name="Nairobi Paper", language="en", now=NOON
                )
            reports = await run_round(runtime, parsers)
    assert [(report.outcome, report.items, report.new) for report in reports] == [("ok", 1, 1)]

    wire = (await desk.editor.get("/api/v1/stories")).json()
    assert wire["total"] == 1
    story = wire["items"][0]
    assert story["title"] == "Kenya and China sign a rail deal"
    assert story["summary"] == "The line is to reach Malaba."
    assert story["published_at"] == "2026-11-24T06:00:00Z"
    assert [sighting["guid"] for sighting in story["sightings"]] == ["rail-1"]

    path = f"/api/v1/stories/{story['id']}"
    answer = await desk.editor.get(path)
    wanted = {"tags": [{"partner": "KE", "tier": "comprehensive_strategic_cooperative", "reason": None}]}
    tagged = await desk.editor.put(f"{path}/tags", json=wanted, headers={"If-Match": answer.headers["ETag"]})
    assert tagged.status_code == 200, tagged.text
    assert tagged.json()["tags"][0]["label_zh"]

    placed = await desk.editor.post(
        "/api/v1/editions/2026-11-24/items",
        json={"story_id": story["id"], "headline": "Rail to Malaba agreed", "blurb": "Nairobi and Beijing sign."},
    )
    assert placed.status_code == 201, placed.text
    assert placed.json()["state"] == "draft"
    assert (await desk.public.get("/daily.json")).json()["items"] == []

    publish = f"/api/v1/editions/2026-11-24/items/{story['id']}/publish"
    published = await desk.editor.post(publish, headers={"If-Match": placed.headers["ETag"]})
    assert published.status_code == 200, published.text

    clock.move(minutes=1)
    document = (await desk.public.get("/daily.json")).json()
    item = document["items"][0]
    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert item["title"] == "Rail to Malaba agreed"
    assert item["_huoban"]["countries"][0]["code"] == "KE"
    assert item["_huoban"]["countries"][0]["tier"] == "comprehensive_strategic_cooperative"
    for extension in ("rss", "atom"):
        answer = await desk.public.get(f"/daily.{extension}")
        parsed = feedparser.parse(BytesIO(answer.content))
        assert not parsed.bozo
        assert [(entry.id, entry.title) for entry in parsed.entries] == [(item["id"], "Rail to Malaba agreed")]
        again = await desk.public.get(f"/daily.{extension}", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304

    digest = (await desk.public.get("/digest/2026-11-24.json")).json()
    assert digest["state"] == "open"
    assert [entry["id"] for entry in digest["items"]] == [story["id"]]

    history = (await desk.editor.get(f"{path}/history")).json()["items"]
    assert [record["act"] for record in history] == ["source_sighting", "tag", "place", "publish"]
    assert history[-1]["hash"] == item["_huoban"]["decision"]
