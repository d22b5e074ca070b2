"""An aggregator's link gives way to the publisher's own: under the same id, on the record, told where it is public."""

import json
from datetime import timedelta

import pytest

from service.publishing.formats.markup import rfc3339
from tests.conftest import NOON, Desk, SettableClock
from tests.desk.newsroom import EDITIONS, TODAY, a_published, a_wire_story, act, item

pytestmark = pytest.mark.anyio


async def test_a_published_story_gets_its_true_link_under_the_same_id_and_readers_can_see_that(
    desk: Desk, clock: SettableClock
) -> None:
    wrapped = "https://news.google.com/articles/x"
    story = await a_published(desk, opaque=True, url=wrapped, key=f"url:{wrapped}")
    [before] = (await desk.public.get("/daily.json")).json()["items"]
    assert before["external_url"] == wrapped
    list_before = (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["version"]
    clock.move(minutes=5)
    resolved = await act(desk, story, "resolve", {"url": "https://paper.example/rail"})
    assert resolved.status_code == 200, resolved.text
    [after] = (await desk.public.get("/daily.json")).json()["items"]
    assert (after["id"], after["external_url"]) == (before["id"], "https://paper.example/rail")
    assert after["date_published"] == before["date_published"]
    assert after["date_modified"] == rfc3339(NOON + timedelta(minutes=5))
    facts = (await desk.public.get(f"/stories/{story}.json")).json()
    told = facts["record"][-1]
    assert (told["act"], told["changes"]) == (
        "resolve",
        [{"what": "url", "before": wrapped, "after": "https://paper.example/rail"}],
    )
    assert after["_huoban"]["decision"] == told["hash"]
    assert (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["version"] == list_before + 1
    ledger = (await desk.public.get("/ledger.jsonl")).text
    assert [json.loads(line) for line in ledger.splitlines()][-1]["hash"] == told["hash"]


async def test_the_link_of_a_waiting_story_is_nobodys_business_but_the_desks(desk: Desk) -> None:
    story = await a_wire_story(desk, opaque=True)
    assert (await act(desk, story, "resolve", {"url": "https://paper.example/rail"})).status_code == 200
    last = json.loads((await desk.public.get("/ledger.jsonl")).text.splitlines()[-1])
    assert "payload" not in last


async def test_a_withdrawn_story_is_given_no_link_any_more(desk: Desk) -> None:
    story = await a_published(desk, opaque=True)
    assert (await item(desk, story, "withdraw", {"reason": "wrong"})).status_code == 200
    assert (await act(desk, story, "resolve", {"url": "https://paper.example/rail"})).status_code == 409
