"""Siblings under a lead: a person chooses, nothing is lost, everything can be undone."""

from typing import Any

import pytest
from sqlmodel import select

from service.models import Revision, Sighting, SourceAlert, Story
from tests.builders import a_feed, stored
from tests.conftest import NOON, Desk, SettableClock
from tests.desk.newsroom import STORIES, TODAY, a_draft, a_wire_story, act, as_stored, place, records

pytestmark = pytest.mark.anyio


async def _wire(desk: Desk) -> set[str]:
    return {story["id"] for story in (await desk.editor.get(STORIES)).json()["items"]}


async def _story(desk: Desk, story_id: str) -> dict[str, Any]:
    story: dict[str, Any] = (await desk.editor.get(f"{STORIES}/{story_id}")).json()
    return story


async def _acts(desk: Desk, story_id: str) -> list[str]:
    items = (await desk.editor.get(f"{STORIES}/{story_id}/history")).json()["items"]
    return [record["act"] for record in items]


async def test_a_merged_story_leaves_the_wire_and_stands_under_its_lead_until_it_is_split(desk: Desk) -> None:
    lead, follower = await a_wire_story(desk), await a_wire_story(desk)
    before = (await _story(desk, lead))["version"]
    answer = await act(desk, follower, "merge", {"into": lead})
    assert answer.status_code == 200, answer.text
    assert answer.json()["lead"] == lead
    assert await _wire(desk) == {lead}
    shown = await _story(desk, lead)
    assert (shown["siblings"], shown["version"]) == ([follower], before + 1)
    assert await _acts(desk, follower) == await _acts(desk, lead) == ["merge"]

    answer = await act(desk, follower, "split")
    assert answer.status_code == 200, answer.text
    assert await _wire(desk) == {lead, follower}
    assert (await _story(desk, lead))["siblings"] == []
    assert await _acts(desk, lead) == ["merge", "split"]
    assert (await act(desk, follower, "split")).status_code == 409


async def test_a_lead_takes_several_and_lets_some_go(desk: Desk) -> None:
    lead, one, two = [await a_wire_story(desk) for _ in range(3)]
    merged = await act(desk, lead, "merge", {"stories": [one, two, one]})
    assert merged.status_code == 200, merged.text
    assert merged.json()["siblings"] == sorted([one, two])
    split = await act(desk, lead, "split", {"stories": [one]})
    assert split.json()["siblings"] == [two]
    refused = await act(desk, lead, "split", {"stories": [one]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "stories[0]"


async def test_there_are_no_chains(desk: Desk) -> None:
    top, middle, bottom, other = [await a_wire_story(desk) for _ in range(4)]
    await act(desk, bottom, "merge", {"into": middle})
    refused = await act(desk, other, "merge", {"into": bottom})
    assert (refused.status_code, middle in refused.json()["detail"]) == (409, True)
    assert (await act(desk, middle, "merge", {"into": top})).status_code == 200
    assert (await _story(desk, top))["siblings"] == sorted([middle, bottom])
    assert (await _story(desk, middle))["siblings"] == []
    assert (await act(desk, top, "merge", {"into": bottom})).status_code == 409
    async with desk.database.read() as session:
        leads = (await session.exec(select(Story.lead_id).where(Story.lead_id != None))).all()  # noqa: E711 - SQL
    assert set(leads) == {top}


async def test_a_story_with_an_item_leads_but_never_follows(desk: Desk) -> None:
    placed, waiting = await a_draft(desk), await a_wire_story(desk)
    refused = await act(desk, placed, "merge", {"into": waiting})
    assert refused.status_code == 409
    assert TODAY in refused.json()["detail"]
    assert (await act(desk, waiting, "merge", {"stories": [placed]})).status_code == 409
    assert (await act(desk, placed, "merge", {"stories": [waiting]})).status_code == 200
    assert (await place(desk, waiting)).status_code == 409


@pytest.mark.parametrize("body", [{}, {"into": "a", "stories": ["b"]}, {"stories": []}, {"into": "nobody"}])
async def test_a_merge_that_names_no_story_or_two_ways_changes_nothing(desk: Desk, body: dict[str, Any]) -> None:
    story = await a_wire_story(desk)
    before = await records(desk), (await as_stored(desk, story)).version
    assert (await act(desk, story, "merge", body)).status_code == 422
    assert (await act(desk, story, "merge", {"into": story})).json()["errors"][0]["field"] == "into"
    assert (await records(desk), (await as_stored(desk, story)).version) == before


async def test_a_merge_needs_the_current_version_and_a_person(desk: Desk) -> None:
    lead, story = await a_wire_story(desk), await a_wire_story(desk)
    path = f"{STORIES}/{story}/merge"
    assert (await desk.editor.post(path, json={"into": lead})).status_code == 428
    stale = await desk.editor.post(path, json={"into": lead}, headers={"If-Match": '"9"'})
    assert (stale.status_code, stale.json()["current"]["id"]) == (412, story)
    assert (await act(desk, story, "merge", {"into": lead}, client=desk.program)).json()["code"] == "people_only"


async def test_a_bulk_pass_takes_what_waits_and_says_why_of_the_rest(desk: Desk, clock: SettableClock) -> None:
    waiting, placed, claimed, stale = (
        await a_wire_story(desk),
        await a_draft(desk),
        *[await a_wire_story(desk) for _ in range(2)],
    )
    await act(desk, claimed, "claim", client=desk.chief)
    body = {
        "story_ids": [waiting, placed, claimed, stale, "nobody", waiting],
        "reason": "off_topic",
        "versions": {waiting: 1, stale: 9},
    }
    before = await records(desk)
    answer = await desk.editor.post(f"{STORIES}/pass", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["passed"] == 1
    codes = [(item["story_id"], item["passed"], item["code"]) for item in answer.json()["items"]]
    assert codes == [
        (waiting, True, None),
        (placed, False, "not_now"),
        (claimed, False, "not_now"),
        (stale, False, "stale"),
        ("nobody", False, "not_found"),
    ]
    assert await records(desk) == before + 1
    assert (await _story(desk, waiting))["pass_reason"] == "off_topic"
    assert (await desk.chief.post(f"{STORIES}/pass", json={**body, "versions": {}})).json()["passed"] == 2


async def test_a_bulk_pass_without_a_reason_of_the_list_or_of_too_many_changes_nothing(desk: Desk) -> None:
    story = await a_wire_story(desk)
    wrong = await desk.editor.post(f"{STORIES}/pass", json={"story_ids": [story], "reason": "boring"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "reason")
    many = {"story_ids": [story] * 201, "reason": "old"}
    assert (await desk.editor.post(f"{STORIES}/pass", json=many)).status_code == 422
    body = {"story_ids": [story], "reason": "old"}
    assert (await desk.program.post(f"{STORIES}/pass", json=body)).json()["code"] == "people_only"
    assert await _wire(desk) == {story}


async def test_a_claim_informs_is_renewed_by_its_holder_and_stops_nobody(desk: Desk, clock: SettableClock) -> None:
    story = await a_wire_story(desk)
    await desk.editor.get(f"{STORIES}/{story}")
    assert (await _story(desk, story))["claim"] is None
    await act(desk, story, "claim")
    clock.move(minutes=6)
    await act(desk, story, "note", {"text": "Calling the ministry."})
    clock.move(minutes=6)
    assert (await _story(desk, story))["claim"]["by"] == "Amina Test"
    assert (await act(desk, story, "claim", client=desk.chief)).status_code == 409
    assert (await act(desk, story, "hold", client=desk.chief)).status_code == 200
    clock.move(minutes=6)
    assert (await _story(desk, story))["claim"] is None, "another's act renewed the claim"
    assert await _acts(desk, story) == ["claim", "note", "hold"]


async def test_the_history_tells_what_the_source_changed_among_what_people_did(
    desk: Desk, clock: SettableClock
) -> None:
    feed = a_feed(name="Nairobi Paper")
    await stored(desk.database, feed)
    story = await a_wire_story(desk, feed_id=feed.id, title="Third")
    for minutes, title in ((1, "First"), (3, "Second")):
        at = NOON.replace(minute=minutes)
        await stored(desk.database, Revision(story_id=story, feed_id=feed.id, title=title, summary="s", replaced_at=at))
    clock.move(minutes=2)
    await act(desk, story, "hold")
    second_feed = a_feed(name="Mombasa Paper")
    seen = Sighting(story_id=story, feed_id=second_feed.id, url="https://m.example/1", seen_at=NOON.replace(minute=5))
    gone = {"kind": "vanished", "before": "Third", "after": "The page is not there any more."}
    again = {"kind": "headline_changed", "before": "Second", "after": "Third"}
    await stored(desk.database, second_feed, seen)
    for number, alert in enumerate((again, gone)):
        at = NOON.replace(minute=6 + number)
        await stored(desk.database, SourceAlert(id=f"alert-{number}", story_id=story, at=at, **alert))
    items = (await desk.editor.get(f"{STORIES}/{story}/history")).json()["items"]
    assert [(record["act"], record["by"]) for record in items] == [
        ("source_sighting", "Nairobi Paper"),
        ("source_revision", "Nairobi Paper"),
        ("hold", "Amina Test"),
        ("source_revision", "Nairobi Paper"),
        ("source_sighting", "Mombasa Paper"),
        ("source_vanished", "Nairobi Paper"),
    ]
    assert all(record.keys() == {"at", "by", "act", "before", "after", "hash"} for record in items)
    titles = [(r["before"]["title"], r["after"]["title"]) for r in items if r["act"] == "source_revision"]
    assert titles == [("First", "Second"), ("Second", "Third")]
    assert [record["act"] for record in items if record["hash"]] == ["hold"]
