"""Items: placing, scheduling, publishing, correcting, withdrawing; what readers see of each."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from service.app import open_service
from service.db import Database
from service.models import Item, JournalRecord
from service.scheduling import publish_due
from tests.conftest import NOON, Desk, SettableClock
from tests.desk.newsroom import (
    CSC,
    EDITIONS,
    KENYA,
    STORIES,
    TODAY,
    a_draft,
    a_published,
    a_wire_story,
    act,
    as_stored,
    if_match,
    item,
    place,
    records,
    tag,
    the_order,
)

pytestmark = pytest.mark.anyio

SOON = "2026-11-24T15:00:00Z"


async def test_a_story_is_placed_once_whatever_the_day(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    answer = await place(desk, story_id, headline="Ours", blurb="Two\n\nlines")
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{EDITIONS}/{TODAY}/items/{story_id}"
    assert (answer.json()["headline"], answer.json()["blurb"], answer.json()["state"]) == (
        "Ours",
        "Two\n\nlines",
        "draft",
    )
    count = await records(desk)
    for day in (TODAY, "2026-11-25"):
        assert (await place(desk, story_id, day)).status_code == 409
    assert (await place(desk, "nosuchstory")).status_code == 404
    assert await records(desk) == count
    assert await the_order(desk) == [story_id]


async def test_a_passed_or_held_story_may_be_placed_and_is_then_picked(desk: Desk) -> None:
    for verb, body in (("pass", {"reason": "old"}), ("hold", None)):
        story_id = await a_wire_story(desk)
        assert (await act(desk, story_id, verb, body)).status_code == 200
        assert (await place(desk, story_id)).status_code == 201
        story = await as_stored(desk, story_id)
        assert (story.state, story.pass_reason) == ("picked", None)
        assert (await act(desk, story_id, verb, body)).status_code == 409


async def test_a_place_is_where_the_editor_says_or_at_the_end(desk: Desk) -> None:
    first, second, third, fourth = [await a_wire_story(desk) for _ in range(4)]
    await place(desk, first)
    await place(desk, second, position=1)
    await place(desk, third, position=1000)
    await place(desk, fourth, position=2)
    assert await the_order(desk) == [second, fourth, first, third]
    for position in (0, -1, 1001, 10**30, 1.5, "top", True):
        answer = await place(desk, await a_wire_story(desk), position=position)
        assert answer.status_code == (201 if position is True else 422), position


async def test_nothing_is_public_without_a_tag(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    await place(desk, story_id)
    count = await records(desk)
    for verb, body in (("publish", None), ("schedule", {"publish_at": SOON})):
        answer = await item(desk, story_id, verb, body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "tags")
    other = await a_wire_story(desk)
    assert (await place(desk, other, publish_at=SOON)).status_code == 422
    assert await records(desk) == count
    assert await the_order(desk) == [story_id]
    assert (await as_stored(desk, other)).state == "new"


async def test_a_day_that_has_not_begun_cannot_be_published(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    await tag(desk, story_id)
    await place(desk, story_id, "2026-11-25")
    assert (await item(desk, story_id, "publish", day="2026-11-25")).status_code == 409
    assert (await desk.public.get("/editions/2026-11-25.json")).status_code == 404


OUTSIDE = [
    "2026-11-24T11:59:59Z",
    "2026-11-24T12:00:00Z",
    "2026-11-25T06:00:00Z",
    "2026-11-23T23:59:59Z",
    "2027-01-01T00:00:00Z",
    "2026-11-24T15:00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30T00:00:00Z",
    "soon",
    1e300,
]


async def test_a_schedule_lies_in_the_future_and_within_its_edition(desk: Desk) -> None:
    story_id = await a_draft(desk)
    for moment in OUTSIDE:
        answer = await item(desk, story_id, "schedule", {"publish_at": moment})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "publish_at"), (moment, answer.text)


async def test_the_clock_publishes_a_scheduled_item_exactly_once(desk: Desk, clock: SettableClock) -> None:
    story_id = await a_draft(desk)
    assert (await item(desk, story_id, "schedule", {"publish_at": SOON})).status_code == 200
    async with open_service(desk.settings, clock=clock) as one, open_service(desk.settings, clock=clock) as two:
        clock.now = NOON + timedelta(hours=3, microseconds=-1)
        assert await publish_due(one) == 0
        assert (await desk.public.get("/daily.json")).json()["items"] == []
        clock.now = NOON + timedelta(hours=3)
        version = (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["version"]
        assert sorted(await asyncio.gather(publish_due(one), publish_due(two))) == [0, 1]
        assert await publish_due(one) == 0
    shown = (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()
    assert shown["version"] == version + 1
    assert (shown["items"][0]["published_by"], shown["items"][0]["published_at"]) == ("Amina Test", SOON)
    async with desk.database.read() as session:
        acts = (await session.exec(select(JournalRecord.act).where(JournalRecord.subject == f"story:{story_id}"))).all()
    assert sorted(acts) == ["place", "publish", "schedule", "tag"]
    assert len((await desk.public.get("/daily.json")).json()["items"]) == 1


async def test_a_person_may_be_faster_than_the_clock(desk: Desk, clock: SettableClock) -> None:
    story_id = await a_draft(desk)
    await item(desk, story_id, "schedule", {"publish_at": SOON})
    assert (await item(desk, story_id, "publish")).status_code == 200
    clock.move(hours=4)
    async with open_service(desk.settings, clock=clock) as runtime:
        assert await publish_due(runtime) == 0
    assert (await item(desk, story_id, "publish")).status_code == 409
    assert (await item(desk, story_id, "schedule", {"publish_at": "2026-11-24T20:00:00Z"})).status_code == 409


async def test_a_correction_keeps_the_id_moves_updated_and_shows_its_note(desk: Desk, clock: SettableClock) -> None:
    story_id = await a_published(desk)
    before = (await desk.public.get("/daily.json")).json()["items"][0]
    clock.move(minutes=7)
    body = {
        "headline": "Better words",
        "tags": [KENYA, {"partner": "ZW", "tier": CSC}],
        "note": "We named one partner.",
    }
    answer = await item(desk, story_id, "correct", body)
    assert answer.status_code == 200, answer.text
    after = (await desk.public.get("/daily.json")).json()["items"][0]
    assert (after["id"], after["title"]) == (before["id"], "Better words")
    assert after["date_published"] == before["date_published"]
    assert after["date_modified"] > before["date_modified"]
    assert [c["code"] for c in after["_huoban"]["countries"]] == ["KE", "ZW"]
    assert after["_huoban"]["decision"] != before["_huoban"]["decision"]
    assert "We named one partner." in (await desk.public.get(f"/stories/{story_id}")).text
    assert "We named one partner." in (await desk.public.get("/daily.html")).text


async def test_a_correction_changes_something_and_only_what_is_public(desk: Desk) -> None:
    story_id = await a_published(desk)
    shown = (await desk.editor.get(f"{STORIES}/{story_id}")).json()
    count = await records(desk)
    same = {"headline": shown["headline"], "blurb": shown["blurb"], "tags": [KENYA], "note": "n"}
    for body in (
        same,
        {"note": "n"},
        {"headline": "x"},
        {"headline": "x", "note": " \u200b"},
        {"tags": [], "note": "n"},
    ):
        assert (await item(desk, story_id, "correct", body)).status_code == 422, body
    assert (
        await item(desk, story_id, "correct", {"tags": [{"partner": "QQ", "tier": CSC}], "note": "n"})
    ).status_code == 422
    draft = await a_draft(desk)
    assert (await item(desk, draft, "correct", {"headline": "x", "note": "n"})).status_code == 409
    assert (await item(desk, draft, "withdraw", {"reason": "r"})).status_code == 409
    assert await records(desk) == count + 2


async def test_a_withdrawn_item_says_so_everywhere_and_stays_withdrawn(desk: Desk, clock: SettableClock) -> None:
    story_id, other = await a_published(desk, title="Mistaken report"), await a_published(desk)
    uri = (await desk.public.get("/daily.json")).json()["items"][0]["id"]
    clock.move(minutes=1)
    assert (await item(desk, story_id, "withdraw", {"reason": "The source retracted it."})).status_code == 200
    assert await the_order(desk) == [other]
    page = await desk.public.get(f"/stories/{story_id}")
    assert page.status_code == 410
    assert "The source retracted it." in page.text
    document = (await desk.public.get("/daily.json")).json()
    assert [i["id"] for i in document["items"]] != [uri]
    assert uri in str(document["_huoban"])
    atom = (await desk.public.get("/daily.atom")).text
    assert "deleted-entry" in atom
    assert uri in atom
    assert "Mistaken report" not in (await desk.public.get("/daily.rss")).text
    for verb, body in (("publish", None), ("withdraw", {"reason": "x"}), ("correct", {"headline": "h", "note": "n"}),
                       ("schedule", {"publish_at": SOON}), ("move", {"position": 1})):  # fmt: skip
        assert (await item(desk, story_id, verb, body)).status_code == 409, verb
    assert (await act(desk, story_id, "reopen")).status_code == 409
    assert (await place(desk, story_id)).status_code == 409
    headers = await if_match(desk.editor, f"{STORIES}/{story_id}")
    assert (
        await desk.editor.patch(f"{STORIES}/{story_id}", json={"headline": "x"}, headers=headers)
    ).status_code == 409


REFUSED = (
    "UPDATE item SET state = 'published' WHERE state = 'withdrawn'",
    "UPDATE item SET state = 'draft' WHERE state = 'withdrawn'",
    "UPDATE item SET state = 'draft' WHERE state = 'published'",
    "UPDATE item SET uri = 'tag:else' WHERE state = 'published'",
    "UPDATE item SET uri = NULL WHERE state = 'withdrawn'",
    "UPDATE item SET published_by = NULL WHERE state = 'published'",
    "UPDATE item SET published_at = NULL WHERE state = 'published'",
    "UPDATE item SET published_at = NULL WHERE state = 'withdrawn'",
    "UPDATE item SET decision = NULL WHERE state = 'published'",
    "UPDATE item SET withdrawn_reason = NULL WHERE state = 'withdrawn'",
    "UPDATE item SET state = 'published' WHERE state = 'draft'",
    "UPDATE item SET state = 'scheduled' WHERE state = 'draft'",
    "UPDATE item SET state = 'secret' WHERE state = 'draft'",
    "DELETE FROM item WHERE state = 'published'",
    "DELETE FROM item WHERE state = 'withdrawn'",
    "DELETE FROM tag WHERE story_id IN (SELECT story_id FROM item WHERE state = 'published')",
    "UPDATE tag SET tier = NULL",
    "UPDATE tag SET confirmed_by = NULL",
    "UPDATE journal SET act = 'publish'",
    "DELETE FROM journal",
    "UPDATE tag SET story_id = :untagged WHERE story_id IN (SELECT story_id FROM item WHERE state = 'published')",
    "INSERT INTO item (story_id, edition_date, position, state, uri, placed_by, placed_at, published_by, published_at,"
    " updated_at, decision) SELECT :untagged, edition_date, 9, 'published', 'tag:new', placed_by, placed_at,"
    " published_by, published_at, updated_at, decision FROM item WHERE state = 'published'",
    "INSERT INTO item (story_id, edition_date, position, state, placed_by, placed_at) SELECT :untagged, edition_date,"
    " 9, 'published', placed_by, placed_at FROM item WHERE state = 'published'",
)


async def attempt(database: Database, statement: str, values: dict[str, str]) -> None:
    async with database.write() as session:
        await (await session.connection()).execute(text(statement), values)


async def test_the_database_itself_refuses_what_must_never_be(desk: Desk) -> None:
    withdrawn = await a_published(desk)
    await item(desk, withdrawn, "withdraw", {"reason": "r"})
    await a_published(desk)
    await a_draft(desk)
    untagged = await a_wire_story(desk)
    for statement in REFUSED:
        values = {"untagged": untagged} if ":untagged" in statement else {}
        with pytest.raises(IntegrityError):
            await attempt(desk.database, statement, values)
    async with desk.database.read() as session:
        states = sorted((await session.exec(select(Item.state))).all())
    assert states == ["draft", "published", "withdrawn"]


async def test_twenty_editors_at_once_lose_nothing(desk: Desk) -> None:
    ids = [await a_wire_story(desk) for _ in range(20)]
    shared = await a_wire_story(desk)

    async def morning(story_id: str) -> list[int]:
        answers = [await tag(desk, story_id), await place(desk, story_id, position=1)]
        while answers[-1].status_code in (201, 412):
            answers.append(await item(desk, story_id, "publish"))
        return [answer.status_code for answer in answers]

    async def race() -> int:
        return (
            await desk.editor.put(f"{STORIES}/{shared}/tags", json={"tags": [KENYA]}, headers={"If-Match": '"1"'})
        ).status_code

    outcomes = await asyncio.gather(*(morning(story_id) for story_id in ids), *(race() for _ in range(5)))
    assert sorted(outcomes[20:]) == [200, 412, 412, 412, 412]
    for codes in outcomes[:20]:
        assert codes[:2] == [200, 201]
        assert codes[-1] == 200
    assert sorted(await the_order(desk)) == sorted(ids)
    assert len((await desk.public.get("/daily.json")).json()["items"]) == 20
    assert await records(desk) >= 61


async def test_two_editors_who_open_the_same_new_day_both_get_their_place(desk: Desk) -> None:
    ids = [await a_wire_story(desk) for _ in range(8)]
    answers = await asyncio.gather(*(place(desk, story_id, "2026-11-27") for story_id in ids))
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(await the_order(desk, "2026-11-27")) == sorted(ids)


async def test_the_same_story_placed_by_many_at_once_stands_once(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    answers = await asyncio.gather(*(place(desk, story_id) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
