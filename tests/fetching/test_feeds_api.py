"""The sources API and the public pages about sources, through the real app on a real socket."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlmodel import select

from service.fetching import catalogue
from service.fetching.disclosure import address_holds_key
from service.fetching.options import Catalogue, FeedSpec
from service.journal import history_of
from service.models import Feed, Story
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, Desk
from tests.feed_server import Answer, FeedServer

pytestmark = pytest.mark.anyio

FEEDS = "/api/v1/feeds"
HTML = {"Content-Type": "text/html"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what asks nothing of the database that the other tests do not ask of both."""
RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Nairobi Paper</title>
<item><title>One</title><link>https://paper.example/1</link><pubDate>24/11/2026 09:00</pubDate></item>
<item><title>Two</title><link>https://paper.example/2</link><pubDate>03/04/2026 10:00</pubDate></item>
</channel></rss>"""


@pytest.fixture
async def paper() -> AsyncIterator[FeedServer]:
    async with FeedServer() as server:
        server.on("/rss.xml", body=RSS)
        yield server


async def a_stored_feed(desk: Desk, **more: Any) -> Feed:
    feed = a_feed(**more)
    await stored(desk.database, feed)
    return feed


async def feed_of(desk: Desk, feed_id: str) -> Feed:
    async with desk.database.read() as session:
        return await session.get_one(Feed, feed_id)


async def acts(desk: Desk, feed_id: str) -> list[str]:
    async with desk.database.read() as session:
        return [record.act for record in await history_of(session, f"feed:{feed_id}")]


async def patch(desk: Desk, feed: Feed, version: int | None = None, **changes: Any) -> Any:
    headers = {"If-Match": f'"{feed.version if version is None else version}"'}
    return await desk.chief.patch(f"{FEEDS}/{feed.id}", json=changes, headers=headers)


# Adding


async def test_a_feed_is_looked_at_and_added_with_its_own_title(desk: Desk, paper: FeedServer) -> None:
    answer = await desk.chief.post(FEEDS, json={"url": paper.url("/rss.xml"), "region": "africa"})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["id"], body["name"], body["origin"], body["enabled"]) == (
        "nairobi-paper",
        "Nairobi Paper",
        "desk",
        True,
    )
    assert answer.headers["Location"] == f"{FEEDS}/nairobi-paper"
    assert answer.headers["ETag"] == '"1"'
    assert await acts(desk, "nairobi-paper") == ["add_feed"]
    again = await desk.chief.post(FEEDS, json={"url": paper.url("/rss.xml")})
    assert again.status_code == 422
    assert again.json()["errors"][0]["suggestions"] == ["nairobi-paper"]
    assert paper.count() == 1, "a known address is not asked"


@on_sqlite
async def test_a_page_is_refused_with_the_feeds_behind_it(desk: Desk, paper: FeedServer) -> None:
    link = b'<html><head><link rel="alternate" type="application/rss+xml" href="/rss.xml"></head><body>x</body></html>'
    paper.on("/", Answer(body=link, headers=HTML))
    answer = await desk.chief.post(FEEDS, json={"url": paper.url("/")})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "url"
    assert answer.json()["errors"][0]["suggestions"] == [paper.url("/rss.xml")]
    found = await desk.chief.post(f"{FEEDS}/discover", json={"url": paper.url("/")})
    [feed] = found.json()["items"]
    assert (feed["url"], feed["title"], feed["items"], feed["works"]) == (
        paper.url("/rss.xml"),
        "Nairobi Paper",
        2,
        True,
    )
    assert (await desk.chief.get(FEEDS)).json()["total"] == 0


@on_sqlite
async def test_a_feed_that_does_not_answer_now_is_added_all_the_same(desk: Desk, paper: FeedServer) -> None:
    paper.on("/down.xml", status=503)
    answer = await desk.chief.post(FEEDS, json={"url": paper.url("/down.xml"), "name": "Down"})
    assert answer.status_code == 201
    wrong = await desk.chief.post(FEEDS, json={"url": paper.url("/x.xml"), "region": "afrca"})
    assert wrong.json()["errors"][0]["suggestions"] == ["africa"]


@on_sqlite
async def test_editors_read_and_only_chiefs_change(desk: Desk) -> None:
    feed = await a_stored_feed(desk)
    path = f"{FEEDS}/{feed.id}"
    for client in (desk.editor, desk.program):
        assert (await client.get(path)).status_code == 200
        assert (await client.patch(path, json={}, headers={"If-Match": '"1"'})).status_code == 403
        assert (await client.delete(path, headers={"If-Match": '"1"'})).status_code == 403
        for act in ("discover", "import", f"{feed.id}/fetch", f"{feed.id}/try-dates"):
            assert (await client.post(f"{FEEDS}/{act}", json={"url": "https://a.example/"})).status_code == 403
        assert (await client.get(f"{FEEDS}/export")).status_code == 403
    assert (await desk.public.get(path)).status_code == 401


# Listing


async def test_the_list_is_filtered_paged_and_says_its_total(desk: Desk) -> None:
    feeds = [
        await a_stored_feed(desk, id=f"f-{n}", name=f"Paper {n}", region="africa" if n % 2 else "mena")
        for n in range(5)
    ]
    await stored(desk.database, a_feed(id="removed", removed_at=NOON))
    await stored(desk.database, a_feed(id="quiet", alarm="Has gone quiet", enabled=False, name="100% off"))

    async def ids(**query: Any) -> list[str]:
        return [feed["id"] for feed in (await desk.editor.get(FEEDS, params=query)).json()["items"]]

    assert await ids() == [*(feed.id for feed in feeds), "quiet"]
    assert await ids(region="africa") == ["f-1", "f-3"]
    assert await ids(alarm=True) == ["quiet"]
    assert await ids(enabled=False) == ["quiet"]
    assert await ids(q="PAPER 3") == ["f-3"]
    assert await ids(q="%") == ["quiet"]
    answer = await desk.editor.get(FEEDS, params={"limit": 4})
    page = answer.json()
    assert (page["total"], page["next"]) == (6, "f-3")
    following = await desk.editor.get(answer.links["next"]["url"])
    assert ([feed["id"] for feed in following.json()["items"]], following.links) == (["f-4", "quiet"], {})
    assert await ids(limit=4, cursor=page["next"]) == ["f-4", "quiet"]
    for limit in (0, -1, 501):
        assert (await desk.editor.get(FEEDS, params={"limit": limit})).status_code == 422


# Changing


async def test_a_change_carries_the_version_it_was_made_against(desk: Desk) -> None:
    feed = await a_stored_feed(desk)
    path = f"{FEEDS}/{feed.id}"
    assert (await desk.chief.get(path)).headers["ETag"] == '"1"'
    assert (await desk.chief.patch(path, json={"name": "New"})).status_code == 428
    answer = await patch(desk, feed, name="New  name", core=True)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["name"], answer.json()["core"], answer.headers["ETag"]) == ("New name", True, '"2"')
    stale = await patch(desk, feed, name="Other")
    assert stale.status_code == 412
    assert (stale.json()["current"]["name"], stale.headers["ETag"]) == ("New name", '"2"')
    async with desk.database.read() as session:
        [record] = await history_of(session, f"feed:{feed.id}")
    assert record.act == "change_feed"
    assert '"after":{"core":true,"name":"New name"}' in record.payload
    assert (await patch(desk, feed, version=2, name="New name")).headers["ETag"] == '"2"', "nothing changed"


async def test_another_address_or_other_options_read_the_feed_afresh(desk: Desk) -> None:
    feed = await a_stored_feed(desk, etag='"x"', body_hash="h", failures=4.0, alarm="Keeps failing", item_hashes=["a"])
    answer = await patch(desk, feed, options={"interval": "30m", "date_zone": "Asia/Shanghai", "exclude": "/sport/"})
    assert answer.json()["options"]["interval"] == "30m"
    assert answer.json()["options"]["date_zone"] == "Asia/Shanghai"
    row = await feed_of(desk, feed.id)
    assert (row.etag, row.body_hash, row.item_hashes, row.failures) == (None, None, [], 4.0)
    answer = await patch(desk, row, url="https://new.example/feed", options={"date_zone": None})
    row = await feed_of(desk, feed.id)
    assert (row.host, row.failures, row.alarm) == ("new.example", 0.0, None)
    assert answer.json()["options"]["date_zone"] is None
    assert answer.json()["options"]["exclude"] == "/sport/"


async def test_an_address_that_another_feed_has_is_refused_and_a_removed_one_gives_it_up(desk: Desk) -> None:
    first = await a_stored_feed(desk)
    second = await a_stored_feed(desk)
    removed = await a_stored_feed(desk, removed_at=NOON, enabled=False)
    answer = await patch(desk, second, url=first.url)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["suggestions"] == [first.id]
    assert (await patch(desk, second, url=removed.url)).status_code == 200
    plain = second.url.replace("https://", "http://")
    assert (await patch(desk, await feed_of(desk, first.id), url=first.url.replace("https", "http"))).status_code == 200
    assert plain != second.url


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"url": None}, "url"),
        ({"url": "ftp://paper.example/"}, "url"),
        ({"region": "afrca"}, "region"),
        ({"groups": ["Not a slug"]}, "groups[0]"),
        ({"options": {"interval": "1s"}}, "options.interval"),
        ({"options": {"date_zone": "Mars/Olympus"}}, "options.date_zone"),
        ({"options": {"headers": {"Host": "x"}}}, "options.headers.Host.[key]"),
        ({"options": {"enabled": False}}, "options.enabled"),
        ({"nmae": "x"}, "nmae"),
    ],
)
async def test_a_value_that_cannot_be_is_refused_and_nothing_changes(
    desk: Desk, changes: dict[str, Any], field: str
) -> None:
    feed = await a_stored_feed(desk)
    answer = await patch(desk, feed, **changes)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await feed_of(desk, feed.id)).version == 1


@on_sqlite
async def test_headers_go_in_and_never_come_out(desk: Desk) -> None:
    feed = await a_stored_feed(desk)
    answer = await patch(desk, feed, options={"headers": {"Authorization": "Bearer s3cret"}}, name="Private")
    assert answer.json()["header_names"] == ["Authorization"]
    row = await feed_of(desk, feed.id)
    assert row.options["headers"] == {"Authorization": "Bearer s3cret"}
    texts = [
        answer.text,
        (await desk.chief.get(FEEDS)).text,
        (await desk.chief.get(f"{FEEDS}/export")).text,
        (await patch(desk, feed, name="Stale")).text,
        (await desk.public.get("/status.json")).text,
        (await desk.public.get("/sources.opml")).text,
        (await desk.public.get("/ledger.jsonl")).text,
    ]
    assert not [text for text in texts if "s3cret" in text]
    async with desk.database.read() as session:
        [record] = await history_of(session, f"feed:{feed.id}")
    assert not record.public
    assert "s3cret" not in record.payload
    kept = await patch(desk, row, options={"interval": "2h"})
    assert kept.json()["header_names"] == ["Authorization"]


# Pausing, and the feeds of the file


def the_file(**more: Any) -> Catalogue:
    return Catalogue((FeedSpec(id="lusaka", name="Lusaka", url="https://lusaka.example/feed", **more),))


async def sync(desk: Desk, file: Catalogue) -> Feed:
    async with desk.database.write() as session:
        await catalogue.sync_feeds(session, file, now=NOON)
    return await feed_of(desk, file.specs[0].id)


async def test_a_pause_holds_whatever_the_file_says(desk: Desk) -> None:
    feed = await sync(desk, the_file())
    assert (await patch(desk, feed, enabled=False)).json()["paused_at"] is not None
    row = await sync(desk, the_file())
    assert (row.enabled, row.version) == (False, 2)
    row = await sync(desk, the_file(core=True))
    assert (row.enabled, row.core) == (False, True)
    resumed = await patch(desk, row, enabled=True)
    assert (resumed.json()["enabled"], resumed.json()["paused_at"]) == (True, None)
    assert (await sync(desk, the_file(core=True))).enabled
    assert await acts(desk, "lusaka") == ["pause_feed", "resume_feed"]


@on_sqlite
async def test_what_the_file_decides_is_changed_in_the_file(desk: Desk) -> None:
    feed = await sync(desk, the_file())
    answer = await patch(desk, feed, name="Other", options={"interval": "2h"})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["name", "options"]
    removed = await desk.chief.delete(f"{FEEDS}/{feed.id}", headers={"If-Match": '"1"'})
    assert removed.status_code == 409
    assert "feeds.yaml" in removed.json()["detail"]


@on_sqlite
async def test_a_feed_that_was_off_already_can_be_paused_against_the_file(desk: Desk) -> None:
    feed = await sync(desk, the_file(enabled=False))
    assert (await patch(desk, feed, enabled=False)).headers["ETag"] == '"2"'
    assert not (await sync(desk, the_file())).enabled


@on_sqlite
async def test_a_resumed_feed_that_was_gone_is_tried_anew(desk: Desk) -> None:
    feed = await a_stored_feed(desk, enabled=False, alarm="gone for good", moved_to="", moved_seen=3, moved_since=NOON)
    await patch(desk, feed, enabled=True)
    row = await feed_of(desk, feed.id)
    assert (row.enabled, row.alarm, row.moved_seen, row.moved_since) == (True, None, 0, None)


async def test_a_removed_feed_keeps_its_stories_and_comes_back_when_added_again(desk: Desk, paper: FeedServer) -> None:
    added = await desk.chief.post(FEEDS, json={"url": paper.url("/rss.xml")})
    path = added.headers["Location"]
    await stored(desk.database, a_story(await feed_of(desk, added.json()["id"])))
    assert (await desk.chief.delete(path)).status_code == 428
    assert (await desk.chief.delete(path, headers={"If-Match": '"1"'})).status_code == 204
    assert (await desk.chief.get(path)).status_code == 404
    assert (await desk.chief.delete(path, headers={"If-Match": '"2"'})).status_code == 404
    async with desk.database.read() as session:
        assert len((await session.exec(select(Story))).all()) == 1
    again = await desk.chief.post(FEEDS, json={"url": paper.url("/rss.xml")})
    assert again.headers["Location"] == path
    assert await acts(desk, added.json()["id"]) == ["add_feed", "remove_feed", "add_feed"]


# Fetching and date rules


async def test_fetch_now_answers_how_it_went_and_is_listed(desk: Desk, paper: FeedServer) -> None:
    added = await desk.chief.post(FEEDS, json={"url": paper.url("/rss.xml")})
    path = added.headers["Location"]
    answer = await desk.chief.post(f"{path}/fetch")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["outcome"], answer.json()["items"], answer.json()["new"]) == ("ok", 2, 2)
    listed = (await desk.editor.get(f"{path}/fetches")).json()["items"]
    assert [fetch["outcome"] for fetch in listed] == ["ok"]
    version = (await desk.editor.get(path)).headers["ETag"]
    await desk.chief.patch(path, json={"enabled": False}, headers={"If-Match": version})
    paused = await desk.chief.post(f"{path}/fetch")
    assert (paused.status_code, paused.json()["code"]) == (409, "not_now")
    assert (await desk.chief.post(f"{FEEDS}/nobody/fetch")).status_code == 404


@on_sqlite
async def test_a_date_rule_is_tried_on_the_items_at_hand_and_stores_nothing(desk: Desk, paper: FeedServer) -> None:
    added = await desk.chief.post(FEEDS, json={"url": paper.url("/rss.xml")})
    path = added.headers["Location"]
    rule = {"zone": "Africa/Nairobi", "format": "%d/%m/%Y %H:%M"}
    answer = (await desk.chief.post(f"{path}/try-dates", json=rule)).json()
    assert (answer["outcome"], answer["changed"]) == ("ok", 2)
    assert answer["items"] == [
        {
            "title": "One",
            "date_raw": "24/11/2026 09:00",
            "before": "2026-11-24T09:00:00Z",
            "before_rule": "numeric+utc",
            "after": "2026-11-24T06:00:00Z",
            "after_rule": "format+zone",
        },
        {
            "title": "Two",
            "date_raw": "03/04/2026 10:00",
            "before": None,
            "before_rule": "ambiguous",
            "after": "2026-04-03T07:00:00Z",
            "after_rule": "format+zone",
        },
    ]
    first_seen = (await desk.chief.post(f"{path}/try-dates", json={"policy": "first_seen"})).json()
    assert [(item["after"], item["date_raw"]) for item in first_seen["items"]] == [
        (None, "24/11/2026 09:00"),
        (None, "03/04/2026 10:00"),
    ]
    wrong = await desk.chief.post(f"{path}/try-dates", json={"zone": "Africa/Nairobbi", "policy": "guess"})
    assert wrong.status_code == 422
    assert [error["field"] for error in wrong.json()["errors"]] == ["policy", "zone"]
    assert "Africa/Nairobi" in wrong.json()["errors"][1]["suggestions"]
    paper.on("/rss.xml", status=404)
    gone = (await desk.chief.post(f"{path}/try-dates", json={})).json()
    assert (gone["outcome"], gone["items"]) == ("not_found", [])
    row = await feed_of(desk, added.json()["id"])
    assert (row.last_fetch_at, row.version) == (None, 1)
    async with desk.database.read() as session:
        assert (await session.exec(select(Story))).all() == []


# Lists in and out, and what the public sees


async def test_a_list_is_imported_with_a_report_and_exported_again(desk: Desk) -> None:
    known = await a_stored_feed(desk)
    outlines = "".join(
        f'<outline text="{name}" xmlUrl="{url}"/>'
        for name, url in (
            ("New one", "https://one.example/feed"),
            ("Known", known.url),
            ("Bad", "javascript:alert(1)"),
        )
    )
    document = f'<opml version="2.0"><body><outline text="Africa">{outlines}</outline></body></opml>'
    answer = await desk.chief.post(f"{FEEDS}/import", content=document, headers={"Content-Type": "text/x-opml"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["added"] == ["new-one"]
    assert [refused["name"] for refused in body["refused"]] == ["Known", "Bad"]
    assert known.id in body["refused"][0]["message"]
    assert (await feed_of(desk, "new-one")).region == "africa"
    assert await acts(desk, "new-one") == ["add_feed"]
    exported = await desk.chief.get(f"{FEEDS}/export")
    assert exported.headers["content-type"] == "text/x-opml; charset=utf-8"
    assert "https://one.example/feed" in exported.text
    bomb = '<!DOCTYPE opml [<!ENTITY a "aaaa">]><opml version="2.0"><body>&a;</body></opml>'
    for wrong in (bomb, "", "<html/>", "x" * 1_100_000):
        assert (await desk.chief.post(f"{FEEDS}/import", content=wrong)).status_code == 422


async def test_the_public_status_tells_an_outage_from_a_quiet_day(desk: Desk) -> None:
    ago = NOON.replace(hour=11)
    await a_stored_feed(desk, id="good", last_outcome="ok", last_fetch_at=ago, last_ok_at=ago, newest_at=ago)
    await a_stored_feed(desk, id="quiet", last_outcome="not_modified", newest_at=NOON.replace(month=1))
    await a_stored_feed(desk, id="bad", last_outcome="timeout", alarm="Moved from https://old.example/?token=abc; see")
    await a_stored_feed(desk, id="private", url="https://x.example/feed?token=abc", url_key="private")
    await a_stored_feed(desk, id="new")
    await a_stored_feed(desk, id="off", enabled=False, paused_at=NOON, last_outcome="gone")
    answer = await desk.public.get("/status.json")
    assert answer.headers["cache-control"].startswith("public")
    body = answer.json()
    assert (body["minutes_since_last_fetch"], body["last_fetch_at"]) == (60, "2026-11-24T11:00:00+00:00")
    assert body["sources"] == {"total": 6, "enabled": 5, "paused": 1, "alarms": 1, "stale": 1}
    assert body["outcomes"] == {"ok": 1, "not_modified": 1, "timeout": 1, "never_fetched": 2}
    shown = {feed["id"]: feed for feed in body["feeds"]}
    assert (shown["quiet"]["stale"], shown["quiet"]["enabled"]) == (True, True)
    assert shown["private"]["url"] is None
    assert shown["off"]["paused"]
    assert "token" not in answer.text
    unchanged = await desk.public.get("/status.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert unchanged.status_code == 304
    assert (await desk.public.head("/status.json")).status_code == 200


@on_sqlite
async def test_the_public_list_holds_what_others_could_follow(desk: Desk) -> None:
    empty = (await desk.public.get("/status.json")).json()
    assert (empty["last_fetch_at"], empty["minutes_since_last_fetch"]) == (None, None)
    await a_stored_feed(desk, id="open", name="Open & free")
    await a_stored_feed(desk, id="keyed", url="https://x.example/feed?apikey=1", url_key="keyed")
    await a_stored_feed(desk, id="asked-with-headers", options={"headers": {"Cookie": "x"}})
    await a_stored_feed(desk, id="off", enabled=False)
    answer = await desk.public.get("/sources.opml")
    assert answer.headers["content-type"] == "text/x-opml; charset=utf-8"
    assert answer.text.count("xmlUrl") == 1
    assert "Open &amp; free" in answer.text
    assert (
        await desk.public.get("/sources.opml", headers={"If-None-Match": answer.headers["ETag"]})
    ).status_code == 304


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://paper.example/feed", False),
        ("https://news.google.com/rss/search?q=china+africa+when:1d&hl=en-KE&gl=KE&ceid=KE:en", False),
        ("https://www.youtube.com/feeds/videos.xml?channel_id=UC7fWeaHhqgM4Ry-RMpM2YYw", False),
        ("https://paper.example/feed?keyword=monkey&page=2", False),
        ("https://paper.example/feed?token=abc", True),
        ("https://paper.example/feed?access_token=abc", True),
        ("https://paper.example/feed?userToken=abc", True),
        ("https://paper.example/feed?x=0123456789abcdef0123456789abcdef", True),
        ("https://me:pass@paper.example/feed", True),
        ("https://[broken", True),
    ],
)
def test_an_address_that_lets_in_whoever_knows_it_is_not_shown(url: str, secret: bool) -> None:
    assert address_holds_key(url) is secret
