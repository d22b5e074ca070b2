"""A POST sent again under its key: done once, answered alike, whatever happens in between."""

import asyncio
import itertools
from typing import Any

import httpx
import pytest
from sqlmodel import func, select

from service import idempotency
from service.models import IdempotentAnswer, Note
from tests.conftest import Desk, SettableClock
from tests.desk.newsroom import EDITIONS, STORIES, TODAY, a_wire_story, act, as_stored, if_match, place, records

pytestmark = pytest.mark.anyio
_numbers = itertools.count()


def _key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{next(_numbers)}"}


async def _kept(desk: Desk) -> int:
    async with desk.database.read() as session:
        return (await session.exec(select(func.count()).select_from(IdempotentAnswer))).one()


async def _notes(desk: Desk) -> int:
    async with desk.database.read() as session:
        return (await session.exec(select(func.count()).select_from(Note))).one()


async def test_the_same_request_under_the_same_key_is_done_once_and_answered_alike(desk: Desk) -> None:
    story, key = await a_wire_story(desk), _key()
    path, body = f"{EDITIONS}/{TODAY}/items", {"story_id": story}
    first = await desk.editor.post(path, json=body, headers=key)
    again = await desk.editor.post(path, json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    for header in ("etag", "location", "content-type"):
        assert first.headers[header] == again.headers[header]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await records(desk) == (await records(desk))
    assert (await desk.editor.post(path, json=body)).status_code == 409, "without the key it is another act"


async def test_a_repeat_is_answered_although_the_version_moved_on(desk: Desk) -> None:
    story, key = await a_wire_story(desk), _key()
    headers = {**await if_match(desk.editor, f"{STORIES}/{story}"), **key}
    first = await desk.editor.post(f"{STORIES}/{story}/hold", headers=headers)
    await act(desk, story, "reopen", client=desk.chief)
    again = await desk.editor.post(f"{STORIES}/{story}/hold", headers=headers)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await as_stored(desk, story)).state == "new", "the repeat was not done again"


async def test_a_key_used_for_another_request_is_refused_and_nothing_is_done(desk: Desk) -> None:
    story, other, key = await a_wire_story(desk), await a_wire_story(desk), _key()
    path = f"{STORIES}/{story}/note"
    assert (await desk.editor.post(path, json={"text": "one"}, headers=key)).status_code == 201
    for url, body in ((path, {"text": "two"}), (f"{STORIES}/{other}/note", {"text": "one"})):
        refused = await desk.editor.post(url, json=body, headers=key)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert await _notes(desk) == 1


async def test_of_repeats_at_the_same_moment_one_is_done(desk: Desk) -> None:
    story, key = await a_wire_story(desk), _key()

    async def once() -> httpx.Response:
        return await desk.editor.post(f"{STORIES}/{story}/note", json={"text": "one"}, headers=key)

    answers = await asyncio.gather(*(once() for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False] + [True] * 7
    assert await _notes(desk) == 1


async def test_what_was_refused_may_be_tried_again_under_its_key(desk: Desk) -> None:
    story, key = await a_wire_story(desk), _key()
    stale = await desk.editor.post(f"{STORIES}/{story}/hold", headers={**key, "If-Match": '"9"'})
    assert (stale.status_code, await _kept(desk)) == (412, 0)
    headers = {**key, **await if_match(desk.editor, f"{STORIES}/{story}")}
    assert (await desk.editor.post(f"{STORIES}/{story}/hold", headers=headers)).status_code == 200


async def test_a_key_belongs_to_its_account_and_kind_of_token(desk: Desk) -> None:
    story, key = await a_wire_story(desk), _key()
    path = f"{STORIES}/{story}/note"
    await desk.editor.post(path, json={"text": "one"}, headers=key)
    assert (await desk.chief.post(path, json={"text": "mine"}, headers=key)).status_code == 201
    assert (await desk.program.post(path, json={"text": "one"}, headers=key)).json()["code"] == "people_only"
    assert (await desk.public.post(path, json={"text": "one"}, headers=key)).status_code == 401
    assert await _notes(desk) == 2


async def test_an_answer_is_kept_for_a_day(desk: Desk, clock: SettableClock) -> None:
    story, key = await a_wire_story(desk), _key()
    path = f"{STORIES}/{story}/note"
    await desk.editor.post(path, json={"text": "one"}, headers=key)
    clock.move(hours=23, minutes=59)
    assert "idempotency-replayed" in (await desk.editor.post(path, json={"text": "one"}, headers=key)).headers
    clock.move(minutes=1)
    again = await desk.editor.post(path, json={"text": "one"}, headers=key)
    assert (again.status_code, "idempotency-replayed" in again.headers, await _notes(desk)) == (201, False, 2)
    clock.move(days=2)
    async with desk.database.write() as session:
        await idempotency.forget_answers(session, now=clock.now)
    assert await _kept(desk) == 0


async def test_an_answer_with_a_secret_is_not_kept_and_the_act_is_not_repeated(desk: Desk) -> None:
    key, body = _key(), {"name": "script"}
    first = await desk.editor.post("/api/v1/tokens", json=body, headers=key)
    assert first.status_code == 201, first.text
    again = await desk.editor.post("/api/v1/tokens", json=body, headers=key)
    assert (again.status_code, first.json()["token"] in again.text) == (409, False)
    async with desk.database.read() as session:
        [kept] = (await session.exec(select(IdempotentAnswer))).all()
    assert kept.body == b""


@pytest.mark.parametrize("key", ["", "x" * 256, "é"])
async def test_a_key_that_cannot_be_kept_is_refused(desk: Desk, key: str) -> None:
    story = await a_wire_story(desk)
    headers: Any = {"Idempotency-Key": key.encode("latin-1")}
    refused = await desk.editor.post(f"{STORIES}/{story}/note", json={"text": "one"}, headers=headers)
    assert (refused.status_code, await _notes(desk)) == (422, 0)


async def test_a_place_given_once_is_not_lost_by_a_kept_answer(desk: Desk) -> None:
    story, key = await a_wire_story(desk), _key()
    headers = {**key, **await if_match(desk.editor, f"{STORIES}/{story}")}
    await desk.editor.post(f"{STORIES}/{story}/hold", headers=headers)
    assert (await place(desk, story)).status_code == 201
