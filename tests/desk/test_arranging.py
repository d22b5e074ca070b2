"""The order is only what a person set: whole lists, single moves, moves to another day."""

import asyncio
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.desk.arranging import inserted, renumber
from service.models import Item
from tests.conftest import NOON, Desk, SettableClock
from tests.desk.newsroom import (
    EDITIONS,
    TODAY,
    a_draft,
    a_published,
    a_wire_story,
    act,
    as_stored,
    edition,
    if_match,
    item,
    place,
    records,
    the_order,
)

pytestmark = pytest.mark.anyio


async def test_an_order_names_every_item_once(desk: Desk) -> None:
    first, second, third = [await a_draft(desk) for _ in range(3)]
    count = await records(desk)
    wrong: list[list[Any]] = [
        [first, second],
        [first, second, third, "nosuchstory"],
        [first, second, third, third],
        [first, first, first],
        [],
        [first, second, "\x00"],
        [first, second, third.upper()],
    ]
    for story_ids in wrong:
        answer = await edition(desk, "order", {"story_ids": story_ids}, method="PUT")
        assert answer.status_code == 422, story_ids
        assert answer.json()["errors"][0]["field"] == "story_ids"
    assert await the_order(desk) == [first, second, third]
    assert await records(desk) == count
    answer = await edition(desk, "order", {"story_ids": [third, first, second]}, method="PUT")
    assert answer.status_code == 200
    assert await the_order(desk) == [third, first, second]
    assert await records(desk) == count + 1


async def test_the_public_order_is_the_editors(desk: Desk, clock: SettableClock) -> None:
    published = []
    for _ in range(3):
        published.append(await a_published(desk))
        clock.move(minutes=1)
    draft = await a_draft(desk)
    wanted = [published[1], draft, published[2], published[0]]
    assert (await edition(desk, "order", {"story_ids": wanted}, method="PUT")).status_code == 200
    shown = (await desk.public.get("/daily.json")).json()["items"]
    assert [i["id"].rpartition(":")[2] for i in shown] == [published[1], published[2], published[0]]
    assert [i["_huoban"]["position"] for i in shown] == [1, 2, 3]
    assert (await item(desk, published[0], "move", {"position": 1})).status_code == 200
    shown = (await desk.public.get("/daily.json")).json()["items"]
    assert [i["id"].rpartition(":")[2] for i in shown] == [published[0], published[1], published[2]]


async def test_a_draft_moves_to_another_day_and_both_lists_stay_whole(desk: Desk) -> None:
    first, second, third = [await a_draft(desk) for _ in range(3)]
    other = await a_wire_story(desk)
    await place(desk, other, "2026-11-25")
    answer = await item(desk, first, "move", {"edition": "2026-11-25", "position": 1})
    assert answer.status_code == 200, answer.text
    assert answer.json()["edition"] == "2026-11-25"
    assert await the_order(desk) == [second, third]
    assert await the_order(desk, "2026-11-25") == [first, other]
    assert (await item(desk, first, "move", {"position": 2})).status_code == 404
    assert (await item(desk, second, "move", {"edition": "2026-02-30"})).status_code == 422
    assert (await item(desk, second, "move", {"edition": TODAY, "position": 9})).status_code == 200
    assert await the_order(desk) == [third, second]


async def test_what_is_public_stays_in_its_day(desk: Desk) -> None:
    story_id = await a_published(desk)
    assert (await item(desk, story_id, "move", {"edition": "2026-11-25"})).status_code == 409
    assert await the_order(desk) == [story_id]


async def test_a_scheduled_item_that_changes_its_day_is_a_draft_there(desk: Desk) -> None:
    story_id = await a_draft(desk)
    await item(desk, story_id, "schedule", {"publish_at": "2026-11-24T15:00:00Z"})
    moved = await item(desk, story_id, "move", {"position": 1})
    assert moved.json()["state"] == "scheduled"
    moved = await item(desk, story_id, "move", {"edition": "2026-11-25"})
    assert (moved.json()["state"], moved.json()["publish_at"], moved.json()["published_by"]) == ("draft", None, None)


async def test_nothing_moves_in_or_into_a_closed_edition(desk: Desk) -> None:
    story_id, other = await a_draft(desk), await a_wire_story(desk)
    await place(desk, other, "2026-11-23")
    assert (await edition(desk, "close")).status_code == 200
    assert (await item(desk, story_id, "move", {"position": 1})).status_code == 409
    assert (await item(desk, story_id, "move", {"edition": "2026-11-25"})).status_code == 409
    assert (await item(desk, other, "move", {"edition": TODAY}, day="2026-11-23")).status_code == 409
    assert (await edition(desk, "order", {"story_ids": [story_id]}, method="PUT")).status_code == 409


async def test_a_story_taken_out_leaves_no_gap_and_changes_the_lists_version(desk: Desk) -> None:
    first, second, third = [await a_draft(desk) for _ in range(3)]
    stale = await if_match(desk.editor, f"{EDITIONS}/{TODAY}")
    assert (await act(desk, second, "reopen")).status_code == 200
    assert (await as_stored(desk, second)).state == "new"
    assert await the_order(desk) == [first, third]
    answer = await desk.editor.put(f"{EDITIONS}/{TODAY}/order", json={"story_ids": [third, first]}, headers=stale)
    assert answer.status_code == 412


async def test_acts_on_two_days_from_both_sides_never_wait_for_each_other_for_ever(desk: Desk) -> None:
    here, there = [await a_draft(desk) for _ in range(3)], [await a_draft(desk) for _ in range(3)]
    for story_id in there:
        await item(desk, story_id, "move", {"edition": "2026-11-25"})

    async def cross(story_id: str, day: str, to: str) -> int:
        while (
            answer := await item(desk, story_id, "move", {"edition": to, "position": 1}, day=day)
        ).status_code == 412:
            pass
        return answer.status_code

    moves = [cross(s, TODAY, "2026-11-25") for s in here] + [cross(s, "2026-11-25", TODAY) for s in there[:2]]
    reopened = act(desk, there[2], "reopen")
    *codes, taken_out = await asyncio.gather(*moves, reopened)
    assert set(codes) == {200}
    assert taken_out.status_code == 200
    assert sorted(await the_order(desk)) == sorted(there[:2])
    assert sorted(await the_order(desk, "2026-11-25")) == sorted(here)


def an_item(story_id: str) -> Item:
    return Item(story_id=story_id, edition_date=date(2026, 11, 24), position=1, placed_by="e", placed_at=NOON)


@given(st.integers(0, 12), st.none() | st.integers(1, 20), st.data())
def test_an_inserted_item_stands_where_it_was_put_and_the_others_keep_their_order(
    size: int, position: int | None, data: st.DataObject
) -> None:
    others = [an_item(str(number)) for number in range(size)]
    item = data.draw(st.sampled_from([*others, an_item("new")]))
    result = inserted(others, item, position)
    renumber(result)
    assert [i.position for i in result] == list(range(1, len(result) + 1))
    assert [i for i in result if i is not item] == [i for i in others if i is not item]
    assert item.position == (len(result) if position is None else min(position, len(result)))
