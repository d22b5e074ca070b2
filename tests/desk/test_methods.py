"""What an address answers to besides its operations: OPTIONS, HEAD, methods it has not, parameters it has not."""

import asyncio

import httpx
import pytest

from service.web import PROBLEM
from tests.conftest import Desk
from tests.desk.newsroom import EDITIONS, STORIES, TODAY, a_wire_story

pytestmark = pytest.mark.anyio


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here asks it anything of its own."""
    return sqlite_url


def _allowed(answer: httpx.Response) -> set[str]:
    return set(answer.headers["Allow"].split(", "))


async def test_options_and_405_name_every_method_of_an_address(desk: Desk) -> None:
    story = f"{STORIES}/{await a_wire_story(desk)}"
    for path, methods in {
        story: {"GET", "HEAD", "OPTIONS", "PATCH"},
        "/api/v1/feeds": {"GET", "HEAD", "OPTIONS", "POST"},
        "/api/v1/feeds/nothing": {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH"},
        f"{story}/tags": {"OPTIONS", "PUT"},
        f"{story}/claim": {"OPTIONS", "POST"},
    }.items():
        asked = await desk.editor.options(path)
        assert (asked.status_code, asked.content, _allowed(asked)) == (204, b"", methods), path
        refused = await desk.editor.request("TRACE", path)
        assert (refused.status_code, refused.headers["content-type"]) == (405, PROBLEM)
        assert refused.json()["code"] == "method_not_allowed"
        assert _allowed(refused) == methods, path
    assert (await desk.editor.options("/api/v1/nothing")).status_code == 404


async def test_an_act_that_there_is_not_is_not_found_and_a_wrong_method_is_refused(desk: Desk) -> None:
    story = f"{STORIES}/{await a_wire_story(desk)}"
    assert (await desk.editor.post(f"{story}/burn")).status_code == 404
    assert (await desk.editor.post(f"{story}/tags", json={"tags": []})).status_code == 405


async def test_head_is_get_without_the_content(desk: Desk) -> None:
    story = f"{STORIES}/{await a_wire_story(desk)}"
    for path in (story, STORIES, f"{EDITIONS}/{TODAY}", "/health/ready", "/ledger.jsonl"):
        whole, head = await desk.editor.get(path), await desk.editor.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        for name in ("ETag", "Content-Type", "Content-Length"):
            assert head.headers.get(name) == whole.headers.get(name), (path, name)
    assert (await desk.public.head(story)).status_code == 401
    assert (await desk.editor.head(f"{STORIES}/nothing")).status_code == 404


async def test_head_of_the_event_stream_ends_with_its_headers(desk: Desk) -> None:
    answer = await asyncio.wait_for(desk.editor.head("/api/v1/events"), timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")


async def test_a_parameter_that_an_operation_has_not_is_refused_with_what_may_be_meant(desk: Desk) -> None:
    answer = await desk.editor.get(STORIES, params={"langauge": "fr", "limit": 5})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["field"], error["suggestions"]) == ("langauge", ["language"])
    assert (await desk.editor.get(STORIES, params={"language": "fr", "limit": 5})).status_code == 200
    assert (await desk.editor.get(f"{EDITIONS}/{TODAY}?draft=1")).status_code == 422
    assert (await desk.editor.head(f"{STORIES}?offset=3")).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        f"{STORIES}?since=5",
        f"{STORIES}?changed_since=1.5e9",
        f"{EDITIONS}/0",
        f"{EDITIONS}?before=0",
        "/api/v1/partnerships?on=0",
        "/api/v1/partnerships/KE?known_at=1732406400",
        "/editions/0.json",
        "/digest/0.json",
    ],
)
async def test_a_number_is_no_day_and_no_moment(desk: Desk, path: str) -> None:
    answer = await desk.editor.get(path)
    assert answer.status_code == 422
    assert "2026-11-24" in answer.json()["errors"][0]["message"]


async def test_a_number_is_no_moment_in_a_body_either(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    answer = await desk.editor.post(f"{EDITIONS}/{TODAY}/items", json={"story_id": story_id, "publish_at": 1732406400})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "publish_at"
