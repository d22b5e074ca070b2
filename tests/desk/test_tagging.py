"""Tags: what is refused and that nothing is written then, overrides, and the tier of the story's date."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from service.clock import Calendar
from service.db import Database
from service.desk import tagging
from service.desk.schemas import TagIn
from service.errors import Invalid
from service.models import Tag
from service.partnerships.places import places
from tests.builders import a_story, stored
from tests.conftest import NOON, Desk, add_account
from tests.desk.newsroom import (
    CSC,
    KENYA,
    STORIES,
    TODAY,
    a_draft,
    a_published,
    a_wire_story,
    as_stored,
    if_match,
    item,
    place,
    records,
    tag,
)

pytestmark = pytest.mark.anyio


async def tags_of(database: Database, story_id: str) -> list[Tag]:
    async with database.read() as session:
        return list((await session.exec(select(Tag).where(Tag.story_id == story_id).order_by("position"))).all())


WRONG: list[tuple[list[dict[str, Any]], str, str, str | None]] = [
    ([{"partner": "KEN1", "tier": CSC}], "tags[0].partner", "KEN1", None),
    ([{"partner": "Kenia", "tier": CSC}], "tags[0].partner", "Kenia", "KE"),
    ([{"partner": "", "tier": CSC}], "tags[0].partner", "", None),
    ([{"partner": "CN", "tier": CSC}], "tags[0].partner", "China", None),
    ([{"partner": "ß", "tier": CSC}], "tags[0].partner", "ß", None),
    ([{"partner": "ﬁ", "tier": CSC}], "tags[0].partner", "ﬁ", None),
    ([KENYA, {"partner": "KE", "tier": CSC}], "tags[1].partner", "KE", None),
    ([KENYA, {"partner": "ke", "tier": CSC}], "tags[1].partner", "KE", None),
    ([{"partner": "KE", "tier": "comprehensive_strategik"}], "tags[0].tier", "strategik", "comprehensive_strategic"),
    ([{"partner": "KE", "tier": "Strategic"}], "tags[0].tier", "Strategic", "strategic"),
    ([{"partner": "KE", "tier": ""}], "tags[0].tier", "", CSC),
    ([KENYA, {"partner": "ET", "tier": CSC}], "tags[1].reason", "all_weather", "all_weather"),
    ([{"partner": "ET", "tier": CSC, "reason": " \u200b\u202e\n"}], "tags[0].reason", "", None),
    ([{"partner": "KE", "tier": CSC, "label": "x"}], "tags[0].label", "", None),
    ([{"partner": "KE"}], "tags[0].tier", "", None),
    ([{"partner": 254, "tier": CSC}], "tags[0].partner", "", None),
]


async def test_what_cannot_be_stored_names_field_value_and_near_matches_and_writes_nothing(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    assert (await tag(desk, story_id, {"partner": "ZW", "tier": CSC})).status_code == 200
    before, count = await as_stored(desk, story_id), await records(desk)
    for tags, field, value, near in WRONG:
        answer = await tag(desk, story_id, *tags)
        assert answer.status_code == 422, (tags, answer.text)
        problem = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem["code"] == "invalid"
        errors = {error["field"]: error for error in problem["errors"]}
        assert field in errors, (tags, errors)
        assert value in errors[field]["message"], (tags, errors)
        assert near is None or near in errors[field]["suggestions"], (tags, errors)
    assert [row.partner for row in await tags_of(desk.database, story_id)] == ["ZW"]
    assert (await as_stored(desk, story_id)).version == before.version
    assert await records(desk) == count


async def test_every_wrong_value_is_named_at_once(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    answer = await tag(desk, story_id, {"partner": "QQ", "tier": "x"}, KENYA, {"partner": "ET", "tier": "none"})
    fields = [error["field"] for error in answer.json()["errors"]]
    assert fields == ["tags[0].partner", "tags[0].tier", "tags[2].reason"]


async def test_small_letters_are_accepted_and_stored_as_the_code(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    answer = await tag(desk, story_id, {"partner": "x-au", "tier": CSC}, {"partner": " ke ", "tier": CSC})
    assert answer.status_code == 200, answer.text
    assert [(t["partner"], t["name"]) for t in answer.json()["tags"]] == [("X-AU", "African Union"), ("KE", "Kenya")]


async def test_an_override_keeps_its_reason_and_a_reason_where_the_register_agrees_is_dropped(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    answer = await tag(
        desk,
        story_id,
        {"partner": "KE", "tier": CSC, "reason": "not needed"},
        {"partner": "ET", "tier": "strategic", "reason": "as the\u202e communiqué\x00 says"},
    )
    kenya, ethiopia = answer.json()["tags"]
    assert kenya["reason"] is None
    assert (ethiopia["tier"], ethiopia["tier_now"]) == ("strategic", "all_weather")
    assert ethiopia["reason"] == "as the communiqué says"
    assert all(t["label_en"] and t["label_zh"] and t["confirmed_by"] == "Amina Test" for t in (kenya, ethiopia))


async def test_the_empty_set_removes_all_tags_of_a_draft_but_not_of_a_scheduled_item(desk: Desk) -> None:
    story_id = await a_draft(desk)
    path = f"{STORIES}/{story_id}"
    emptied = await desk.editor.put(f"{path}/tags", json={"tags": []}, headers=await if_match(desk.editor, path))
    assert emptied.status_code == 200
    assert emptied.json()["tags"] == []
    assert await tags_of(desk.database, story_id) == []
    assert (await item(desk, story_id, "publish")).status_code == 422

    await tag(desk, story_id)
    scheduled = await item(desk, story_id, "schedule", {"publish_at": "2026-11-24T15:00:00Z"})
    assert scheduled.status_code == 200, scheduled.text
    refused = await desk.editor.put(f"{path}/tags", json={"tags": []}, headers=await if_match(desk.editor, path))
    assert refused.status_code == 422
    assert len(await tags_of(desk.database, story_id)) == 1


async def test_tags_of_a_published_or_withdrawn_story_stand(desk: Desk) -> None:
    story_id = await a_published(desk)
    answer = await tag(desk, story_id, {"partner": "ZW", "tier": CSC})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_now")
    assert (await item(desk, story_id, "withdraw", {"reason": "retracted"})).status_code == 200
    assert (await tag(desk, story_id, {"partner": "ZW", "tier": CSC})).status_code == 409
    assert [row.partner for row in await tags_of(desk.database, story_id)] == ["KE"]


async def test_a_tag_that_stays_keeps_who_confirmed_it_and_order_is_the_editors(desk: Desk, clock: Any) -> None:
    story_id = await a_wire_story(desk)
    await tag(desk, story_id, KENYA)
    clock.move(minutes=5)
    path = f"{STORIES}/{story_id}"
    both = {"tags": [{"partner": "ZW", "tier": CSC}, KENYA]}
    answer = await desk.chief.put(f"{path}/tags", json=both, headers=await if_match(desk.editor, path))
    assert [(t["partner"], t["confirmed_by"]) for t in answer.json()["tags"]] == [
        ("ZW", "Chidi Chief"),
        ("KE", "Amina Test"),
    ]
    history = (await desk.editor.get(f"{path}/history")).json()["items"]
    assert [record["act"] for record in history] == ["tag", "tag"]
    assert [t["partner"] for t in history[-1]["after"]["tags"]] == ["ZW", "KE"]


@pytest.mark.parametrize(
    ("zone", "dated", "tier"),
    [
        ("UTC", datetime(2023, 10, 16, 23, 59, 59, tzinfo=UTC), CSC),
        ("UTC", datetime(2023, 10, 17, 0, 0, tzinfo=UTC), "all_weather"),
        ("Asia/Shanghai", datetime(2023, 10, 16, 15, 59, 59, tzinfo=UTC), CSC),
        ("Asia/Shanghai", datetime(2023, 10, 16, 16, 0, tzinfo=UTC), "all_weather"),
        ("America/Sao_Paulo", datetime(2023, 10, 17, 2, 59, 59, tzinfo=UTC), CSC),
        ("America/Sao_Paulo", datetime(2023, 10, 17, 3, 0, tzinfo=UTC), "all_weather"),
    ],
)
async def test_the_tier_is_that_of_the_storys_day_in_the_newsrooms_zone(
    database: Database, zone: str, dated: datetime, tier: str
) -> None:
    editor, _ = await add_account(database)
    story = a_story(dated_at=dated, published_at=dated)
    await stored(database, story)
    calendar = Calendar(ZoneInfo(zone), NOON.time())
    other = "all_weather" if tier == CSC else CSC
    async with database.write() as session:
        with pytest.raises(Invalid):
            await tagging.tag_story(
                session, story, [TagIn(partner="ET", tier=other, reason=None)], calendar=calendar, now=NOON, by=editor
            )
        wanted = [TagIn(partner="ET", tier=tier, reason=None)]
        await tagging.tag_story(session, story, wanted, calendar=calendar, now=NOON, by=editor)
    (kept,) = await tags_of(database, story.id)
    assert (kept.tier, kept.reason) == (tier, None)
    assert ("all-weather" in kept.label_en) == (tier == "all_weather")


async def test_the_older_tier_is_stored_and_todays_shown_beside_it(desk: Desk) -> None:
    story_id = await a_wire_story(desk, dated_at=datetime(2023, 1, 1, tzinfo=UTC))
    answer = await tag(desk, story_id, {"partner": "ET", "tier": CSC})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["tags"][0]["tier"], answer.json()["tags"][0]["tier_now"]) == (CSC, "all_weather")


async def test_a_draft_may_be_retagged_and_the_publication_names_the_tags_in_full(desk: Desk) -> None:
    story_id = await a_draft(desk)
    await tag(desk, story_id, {"partner": "ET", "tier": "all_weather"}, KENYA)
    await item(desk, story_id, "publish")
    history = (await desk.editor.get(f"{STORIES}/{story_id}/history")).json()["items"]
    assert [t["partner"] for t in history[-1]["after"]["tags"]] == ["ET", "KE"]
    assert (await place(desk, story_id, TODAY)).status_code == 409


@given(st.text(max_size=12))
def test_only_ascii_spells_a_code(text: str) -> None:
    found = tagging._place(text)
    assert found is None or (text.upper() == found.code and text.isascii() and found.code in places())
