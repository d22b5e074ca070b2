"""Hints of sibling reports at the desk: shown on both stories with the reason, dismissed by a person for good."""

from datetime import timedelta
from typing import Any

import pytest

from service.models import Sibling
from tests.builders import stored
from tests.conftest import NOON, Desk
from tests.desk.newsroom import STORIES, a_wire_story, act, as_stored, records

pytestmark = pytest.mark.anyio

REASON = "Both titles say Kenya, rail and deal."


async def a_hint(desk: Desk, story_id: str, other_id: str) -> None:
    """The two seem to report the same news; found one minute after noon."""
    hint = Sibling(story_id=story_id, other_id=other_id, reason=REASON, found_at=NOON + timedelta(minutes=1))
    await stored(desk.database, hint)


async def hints_of(desk: Desk, story_id: str) -> list[dict[str, Any]]:
    """As the desk sees them."""
    hints: list[dict[str, Any]] = (await desk.editor.get(f"{STORIES}/{story_id}")).json()["sibling_hints"]
    return hints


async def test_a_hint_stands_on_both_stories_with_its_reason_and_merges_nothing(desk: Desk) -> None:
    one, other = await a_wire_story(desk, title="Kenya signs rail deal"), await a_wire_story(desk)
    await a_hint(desk, one, other)
    [hint] = await hints_of(desk, other)
    assert (hint["story_id"], hint["title"], hint["reason"]) == (one, "Kenya signs rail deal", REASON)
    assert (hint["feed"], hint["received_at"]) == (None, NOON.isoformat().replace("+00:00", "Z"))
    assert [found["story_id"] for found in await hints_of(desk, one)] == [other]
    listed = (await desk.editor.get(STORIES)).json()["items"]
    assert {story["id"]: len(story["sibling_hints"]) for story in listed} == {one: 1, other: 1}
    assert [story["siblings"] for story in listed] == [[], []]


async def test_a_hint_moves_the_time_of_change_of_both_stories(desk: Desk) -> None:
    one, other, apart = [await a_wire_story(desk) for _ in range(3)]
    await a_hint(desk, one, other)
    times = [(await as_stored(desk, story)).changed_at for story in (one, other, apart)]
    assert times == [NOON + timedelta(minutes=1)] * 2 + [NOON]


async def test_a_dismissed_hint_is_gone_from_both_stories_and_on_the_record_of_both(desk: Desk) -> None:
    one, other, third = [await a_wire_story(desk) for _ in range(3)]
    await a_hint(desk, one, other)
    await a_hint(desk, one, third)
    answer = await act(desk, other, "dismiss", {"stories": [one, one]})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["sibling_hints"], answer.json()["version"]) == ([], 2)
    assert [hint["story_id"] for hint in await hints_of(desk, one)] == [third]
    assert [hint["story_id"] for hint in await hints_of(desk, third)] == [one]
    for story, named in ((one, other), (other, one)):
        history = (await desk.editor.get(f"{STORIES}/{story}/history")).json()["items"]
        told = [(record["act"], record["by"], record["after"]) for record in history]
        assert told == [("dismiss_hint", "Amina Test", {"other_news": [named]})]


async def test_what_was_dismissed_can_still_be_merged_by_a_person(desk: Desk) -> None:
    one, other = await a_wire_story(desk), await a_wire_story(desk)
    await a_hint(desk, one, other)
    await act(desk, one, "dismiss", {"stories": [other]})
    assert (await act(desk, other, "merge", {"into": one})).json()["lead"] == one


async def test_only_a_hint_that_is_shown_can_be_dismissed_and_else_nothing_changes(desk: Desk) -> None:
    one, other, apart = [await a_wire_story(desk) for _ in range(3)]
    await a_hint(desk, one, other)
    before = await records(desk)
    refused = await act(desk, one, "dismiss", {"stories": [other, apart]})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    [error] = refused.json()["errors"]
    assert (error["field"], error["suggestions"]) == ("stories[1]", [other])
    assert [hint["story_id"] for hint in await hints_of(desk, one)] == [other]
    assert await records(desk) == before
    assert (await as_stored(desk, one)).version == 1
    await act(desk, one, "dismiss", {"stories": [other]})
    assert (await act(desk, one, "dismiss", {"stories": [other]})).status_code == 422


async def test_a_program_cannot_dismiss_a_hint(desk: Desk) -> None:
    one, other = await a_wire_story(desk), await a_wire_story(desk)
    await a_hint(desk, one, other)
    refused = await act(desk, one, "dismiss", {"stories": [other]}, client=desk.program)
    assert (refused.status_code, refused.json()["code"]) == (403, "people_only")
    assert len(await hints_of(desk, one)) == 1
