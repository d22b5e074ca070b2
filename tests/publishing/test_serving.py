"""The layer in front, on the real app: rendered once per change, never stale, the same for everyone."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.util import await_only

from service.db import Database
from service.publishing.freshness import LOOK_EVERY, Freshness
from tests.conftest import NOON, Desk, SettableClock, add_account
from tests.desk.newsroom import TODAY, a_draft, a_published, item
from tests.publishing.newsroom import UTC_CALENDAR, published

pytestmark = pytest.mark.anyio
LISTS = ("/daily.json", "/daily.rss", "/latest.atom", "/countries/KE.html", "/digest/2026-11-24.html", "/map.svg")


async def test_client_that_holds_a_list_is_told_304_until_it_changes(desk: Desk, clock: SettableClock) -> None:
    await a_published(desk)
    clock.move(minutes=1)
    first = {path: await desk.public.get(path) for path in LISTS}
    assert not any("Last-Modified" in answer.headers for answer in first.values()), "the second is not over"
    clock.move(minutes=1)
    held = {path: await desk.public.get(path) for path in LISTS}
    for path, answer in held.items():
        assert answer.status_code == 200, path
        for name, validator in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
            again = await desk.public.get(path, headers={name: answer.headers[validator]})
            assert (again.status_code, again.content) == (304, b""), (path, name)
            assert again.headers["ETag"] == answer.headers["ETag"]
    await a_published(desk, title="Another one")
    for path, answer in held.items():
        for name, validator in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
            again = await desk.public.get(path, headers={name: answer.headers[validator]})
            assert again.status_code == 200, (path, name)
            assert again.content != answer.content


async def test_reader_never_hears_304_after_a_change(desk: Desk) -> None:
    await a_published(desk)
    public = 1  # how many items have been published for certain
    over = False

    async def read(path: str, count: Any) -> int:
        tag, body, asked = "", b"", 0
        while not over:
            for_certain = public
            answer = await desk.public.get(path, headers={"If-None-Match": tag} if tag else {})
            asked += 1
            if answer.status_code == 200:
                tag, body = answer.headers["ETag"], answer.content
            else:
                assert answer.status_code == 304
            assert count(body) >= for_certain, f"{path} was answered {answer.status_code} with an older list"
        return asked

    async def publish() -> None:
        nonlocal public, over
        try:
            for number in range(8):
                answer = await item(desk, drafts[number], "publish")
                assert answer.status_code == 200, answer.text
                public += 1
        finally:
            over = True

    drafts = [await a_draft(desk) for _ in range(8)]
    readers = [
        read("/daily.json", lambda body: len(json.loads(body)["items"])),
        read("/daily.json", lambda body: len(json.loads(body)["items"])),
        read("/latest.rss", lambda body: body.count(b"<item>")),
        read("/countries/KE.atom", lambda body: body.count(b"<entry>")),
    ]
    *asked, _ = await asyncio.gather(*readers, publish())
    assert min(asked) > 3, "the readers hardly asked"


async def test_what_another_process_publishes_shows_within_a_moment(desk: Desk) -> None:
    editor, _ = await add_account(desk.database, name="Other Hand")
    assert (await desk.public.get("/daily.json")).json()["items"] == []
    story_id = await published(desk.database, editor)
    await asyncio.sleep(LOOK_EVERY)
    assert [found["_huoban"]["id"] for found in (await desk.public.get("/daily.json")).json()["items"]] == [story_id]


async def test_a_new_day_is_noticed_without_any_change(desk: Desk, clock: SettableClock) -> None:
    assert (await desk.public.get(f"/editions/{TODAY}.json")).status_code == 200
    assert (await desk.public.get("/editions/2026-11-25.json")).status_code == 404
    before = (await desk.public.get("/daily.json")).json()["_huoban"]["day"]
    clock.move(hours=13)
    after = (await desk.public.get("/daily.json")).json()["_huoban"]["day"]
    assert (before, after) == (TODAY, "2026-11-25")
    assert (await desk.public.get("/editions/2026-11-25.json")).status_code == 200


async def test_only_what_readers_see_makes_a_new_version(database: Database, clock: SettableClock) -> None:
    freshness = Freshness(database, UTC_CALENDAR)
    editor, _ = await add_account(database)
    first = await freshness.look(NOON)
    assert freshness.current(NOON) == first
    await published(database, editor)
    assert freshness.current(NOON) is None, "a commit of this process calls for another look"
    second = await freshness.look(NOON)
    assert second > first
    async with database.write():
        pass
    assert freshness.current(NOON) is None
    assert await freshness.look(NOON) == second
    assert await freshness.look(clock.move(days=1)) > second


async def test_look_taken_while_a_commit_is_under_way_does_not_outlive_it(database: Database) -> None:
    freshness = Freshness(database, UTC_CALENDAR)
    editor, _ = await add_account(database)
    seen = []

    def look_too_early(_connection: Connection) -> None:
        # The database has not committed yet: this look finds the old state, and must not be trusted afterwards.
        seen.append(await_only(freshness.look(NOON)))

    before = await freshness.look(NOON)
    event.listen(database.engine.sync_engine, "commit", look_too_early)
    await published(database, editor)
    assert set(seen) == {before}
    assert freshness.current(NOON) is None
    assert await freshness.look(NOON) > before


async def test_kept_document_goes_out_in_front_with_the_same_headers_and_is_counted(desk: Desk) -> None:
    await a_published(desk)
    first = await desk.public.get("/daily.rss")
    assert "X-Request-ID" in first.headers
    answers = [await desk.public.get("/daily.rss") for _ in range(50)]
    # Every tenth of a second it is asked whether what is kept still holds, and that request goes the whole way.
    again = next(answer for answer in answers if "X-Request-ID" not in answer.headers)
    ours = {"x-request-id", "date", "server"}
    assert {k: v for k, v in again.headers.items() if k not in ours} == {
        k: v for k, v in first.headers.items() if k not in ours
    }
    assert again.content == first.content
    head = await desk.public.head("/daily.rss")
    assert (head.content, head.headers["Content-Length"]) == (b"", first.headers["Content-Length"])
    foreign = await desk.public.get("/daily.rss", headers={"Host": "evil.example"})
    assert foreign.status_code == 421
    metrics = (await desk.public.get("/metrics")).text
    assert 'huoban_http_requests_total{method="GET",route="/daily",status="200"} 51.0' in metrics
