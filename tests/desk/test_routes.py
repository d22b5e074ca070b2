"""Who may do what over HTTP, versions, and bodies and addresses that nobody should send."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from service import auth
from service.models import Editor
from service.words import Role, TokenKind
from tests.conftest import NOON, Desk, SettableClock, add_account
from tests.desk.newsroom import (
    EDITIONS,
    KENYA,
    STORIES,
    TODAY,
    a_draft,
    a_published,
    a_wire_story,
    as_stored,
    if_match,
    item,
    records,
    tag,
    the_order,
)

pytestmark = pytest.mark.anyio


def editorial_acts(story: str) -> list[tuple[str, str, Any]]:
    """Method, path and a good body of every act that only a person may do."""
    items = f"{EDITIONS}/{TODAY}/items/{story}"
    return [
        ("PUT", f"{STORIES}/{story}/tags", {"tags": [KENYA]}),
        ("PATCH", f"{STORIES}/{story}", {"headline": "x"}),
        *[("POST", f"{STORIES}/{story}/{act}", None) for act in ("claim", "release", "hold", "reopen")],
        ("POST", f"{STORIES}/{story}/pass", {"reason": "old"}),
        ("POST", f"{STORIES}/{story}/note", {"text": "x"}),
        ("POST", f"{EDITIONS}/{TODAY}/items", {"story_id": story}),
        ("PUT", f"{EDITIONS}/{TODAY}/order", {"story_ids": [story]}),
        ("POST", f"{items}/move", {"position": 1}),
        ("POST", f"{items}/publish", None),
        ("POST", f"{items}/schedule", {"publish_at": "2026-11-24T15:00:00Z"}),
        ("POST", f"{items}/correct", {"headline": "x", "note": "n"}),
        ("POST", f"{items}/withdraw", {"reason": "r"}),
        ("POST", f"{EDITIONS}/{TODAY}/close", None),
        ("POST", f"{EDITIONS}/{TODAY}/reopen", None),
    ]


async def test_a_program_reads_and_decides_nothing(desk: Desk) -> None:
    story_id = await a_draft(desk)
    count, before = await records(desk), await as_stored(desk, story_id)
    for method, path, body in editorial_acts(story_id):
        for headers in ({"If-Match": '"1"'}, {}):
            answer = await desk.program.request(method, path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "people_only"), path
    for path in (STORIES, f"{STORIES}/{story_id}", f"{STORIES}/{story_id}/history", f"{EDITIONS}/{TODAY}"):
        assert (await desk.program.get(path)).status_code == 200
    assert (await desk.program.get("/api/v1/me")).json()["kind"] == "service"
    assert await records(desk) == count
    assert await as_stored(desk, story_id) == before


async def test_nobody_decides_without_a_key(desk: Desk) -> None:
    story_id = await a_draft(desk)
    for method, path, body in [*editorial_acts(story_id), ("GET", STORIES, None), ("GET", "/api/v1/me", None)]:
        answer = await desk.public.request(method, path, json=body, headers={"If-Match": '"1"'})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_keys_that_no_longer_open(desk: Desk, clock: SettableClock) -> None:
    story_id = await a_wire_story(desk)
    editor, never_set = await add_account(desk.database, name="Leaving Soon")
    async with desk.database.write() as session:
        account = await session.get_one(Editor, editor.id)
        issue = {"kind": TokenKind.PERSON, "now": NOON, "by": "operator"}
        expiring = await auth.issue_token(session, account, days=1, **issue)  # type: ignore[arg-type]
        revoked = await auth.issue_token(session, account, **issue)  # type: ignore[arg-type]
        _, row = await auth.caller_by_token(session, revoked, now=NOON)
        row.revoked_at = NOON

    async def opens(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}".encode()}
        return (await desk.public.get("/api/v1/me", headers=headers)).status_code

    assert [await opens(t) for t in (expiring, revoked, never_set)] == [200, 401, 200]
    clock.now = NOON + timedelta(days=1)
    assert await opens(expiring) == 401
    async with desk.database.write() as session:
        account = await session.get_one(Editor, editor.id)
        await auth.disable_editor(session, account, now=NOON, by="operator")
    assert await opens(never_set) == 401
    for token in ("hb_", "x" * 5000, "hb_é", never_set[:-1], never_set.upper()):
        assert await opens(token) == 401
    for scheme in ("Basic", "Token", "bearer"):
        answer = await desk.public.get("/api/v1/me", headers={"Authorization": f"{scheme} {never_set}"})
        assert answer.status_code == 401
    assert (await as_stored(desk, story_id)).version == 1


async def test_a_token_does_no_more_than_its_scopes(desk: Desk) -> None:
    story_id = await a_draft(desk)
    editor, _ = await add_account(desk.database, role=Role.CHIEF, name="Scoped Chief")
    async with desk.database.write() as session:
        account = await session.get_one(Editor, editor.id)
        reading = await auth.issue_token(
            session, account, kind=TokenKind.PERSON, scopes=("read",), now=NOON, by="operator"
        )
    headers = {"Authorization": f"Bearer {reading}", "If-Match": '"1"'}
    assert (await desk.public.get(STORIES, headers=headers)).status_code == 200
    for method, path, body in editorial_acts(story_id):
        answer = await desk.public.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), path


async def test_a_change_says_which_version_it_saw(desk: Desk) -> None:
    story_id = await a_draft(desk)
    count = await records(desk)
    no_version_needed = ("/items", "/note")
    for method, path, body in editorial_acts(story_id):
        if path.endswith(no_version_needed):
            continue
        for headers in ({}, {"If-Match": "*"}, {"If-Match": ""}, {"If-Match": "three"}, {"If-Match": '"1", "2"'}):
            answer = await desk.chief.request(method, path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (428, "version_required"), (path, headers)
        for stale in ('"999"', '"0"', 'W/"999"', '"abc"', '""', '"-1"', '"1e0"', '"99999999999999999999"', '"۲"'):
            answer = await desk.chief.request(method, path, json=body, headers={"If-Match": stale.encode()})
            assert (answer.status_code, answer.json()["code"]) == (412, "stale"), (path, stale, answer.text)
            current = answer.json()["current"]
            assert answer.headers["ETag"] == f'"{current["version"]}"'
            assert current.get("id") == story_id or current.get("date") == TODAY
    assert await records(desk) == count
    assert await the_order(desk) == [story_id]


async def test_a_weakened_tag_still_counts_and_the_answer_carries_the_next(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    answer = await desk.editor.put(f"{STORIES}/{story_id}/tags", json={"tags": [KENYA]}, headers={"If-Match": 'W/"1"'})
    assert (answer.status_code, answer.headers["ETag"], answer.json()["version"]) == (200, '"2"', 2)
    assert (await desk.editor.get(f"{STORIES}/{story_id}")).headers["ETag"] == '"2"'


BODIES: list[bytes] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"tags"',
    b"\xff\xfe\x00",
    b'{"tags": [], "extra": 1}',
    b'{"tags": [{"partner": "KE", "tier": "\\ud800"}]}',
    b'{"tags": ' + b"[" * 60_000 + b"]" * 60_000 + b"}",
    b'{"tags": ' + b"9" * 6_000 + b"}",
    b'{"tags": NaN}',
    json.dumps({"tags": [KENYA] * 61}).encode(),
    json.dumps({"tags": [{"partner": "K" * 65, "tier": "none"}]}).encode(),
]


async def test_bodies_that_nobody_should_send_get_an_answer_and_change_nothing(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    path, count = f"{STORIES}/{story_id}/tags", await records(desk)
    for body in BODIES:
        for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
            headers = {"If-Match": '"1"', "Content-Type": kind}
            answer = await desk.editor.put(path, content=body, headers=headers)
            assert answer.status_code in (400, 422), (body[:60], kind, answer.status_code)
            problem = answer.json()
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert {"type", "title", "status", "code", "detail", "errors"} <= problem.keys()
    assert await records(desk) == count
    assert (await as_stored(desk, story_id)).version == 1


async def test_a_body_beyond_the_limit_is_refused_declared_or_not(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    path = f"{STORIES}/{story_id}/note"
    ten_megabytes = json.dumps({"text": "x" * 10_000_000}).encode()

    async def drop_by_drop() -> Any:
        for start in range(0, len(ten_megabytes), 65_536):
            yield ten_megabytes[start : start + 65_536]

    for content in (ten_megabytes, drop_by_drop()):
        try:
            answer = await desk.editor.post(path, content=content, headers={"Content-Type": "application/json"})
        except httpx.TransportError:
            continue  # the server may hang up on what it does not want to read
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert (await desk.editor.get(f"{STORIES}/{story_id}")).json()["notes"] == []


NASTY = ["\x00", "a\x00b", "\u202eevil", "\u2066x", "\ufeff", "\u200b", "\x1b[31m", "\uffff", "\U000e0041", "x\r\ny: z"]


async def test_no_text_field_takes_what_a_document_cannot_hold(desk: Desk) -> None:
    public = await a_published(desk)
    for index, text in enumerate(NASTY):
        story_id = await a_wire_story(desk)
        for method, path, body in (
            ("PATCH", f"{STORIES}/{story_id}", {"headline": text, "blurb": text}),
            ("POST", f"{STORIES}/{story_id}/note", {"text": text}),
            ("POST", f"{STORIES}/{story_id}/pass", {"reason": text}),
            ("PUT", f"{STORIES}/{story_id}/tags", {"tags": [{"partner": text, "tier": text, "reason": text}]}),
            ("PUT", f"{STORIES}/{story_id}/tags", {"tags": [{"partner": "ET", "tier": "none", "reason": text}]}),
            ("POST", f"{EDITIONS}/{TODAY}/items", {"story_id": text}),
            ("POST", f"{EDITIONS}/{TODAY}/items", {"story_id": story_id, "headline": f"n{text}", "blurb": text}),
        ):
            headers = await if_match(desk.editor, f"{STORIES}/{story_id}")
            answer = await desk.editor.request(method, path, json=body, headers=headers)
            assert answer.status_code < 500, (path, body, answer.text)
        corrected = await item(
            desk, public, "correct", {"headline": f"{index}{text}", "blurb": text, "note": f"n{text}"}
        )
        assert corrected.status_code == 200, corrected.text
    assert (await item(desk, public, "withdraw", {"reason": "a\x00b\u202ec"})).status_code == 200
    shown = await desk.editor.get(f"{EDITIONS}/{TODAY}")
    for hidden in ("\x00", "\u202e", "\u2066", "\x1b", "\uffff"):
        assert hidden not in json.dumps(shown.json(), ensure_ascii=False)
    for path in ("/daily.json", "/daily.rss", "/daily.atom", "/daily.html", f"/stories/{public}", "/ledger.jsonl"):
        answer = await desk.public.get(path)
        assert answer.status_code in (200, 410)
        assert not {"\x00", "\u202e", "\u2066", "\x1b", "\uffff"} & set(answer.text)


ODD_QUERIES = [
    *[f"{name}=%00" for name in ("q", "feed", "country", "state", "cursor", "since", "region", "language")],
    *("region=%FF", "cursor=AAAA", "limit=0", "limit=1e9", "sort=rank", "q=%25_%27%22*", "since=x"),
    *("since=0001-01-01T00:00:00%2B14:00", "since=9999-12-31T23:59:59-14:00", "since=2026-02-30"),
]
ODD_IDS = ["%00", "a%00b", "%FF", "%2e%2e", "..%2f..%2fetc", "'%20OR%201=1--", "%F0%9F%98%80", "x" * 3000, "%0d%0aX:y"]


async def test_odd_ids_are_found_nowhere_and_break_nothing(desk: Desk) -> None:
    await a_draft(desk)
    for odd in ODD_IDS:
        for path in (f"{STORIES}/{odd}", f"{STORIES}/{odd}/history", f"{EDITIONS}/{odd}", f"/stories/{odd}",
                     f"/static/{odd}", f"/editions/{odd}.json", f"/daily.{odd}", f"/setup/{odd}"):  # fmt: skip
            answer = await desk.editor.get(path)
            assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text)
    for method, path, body in editorial_acts("%00"):
        if "%00" in path:
            answer = await desk.chief.request(method, path, json=body, headers={"If-Match": '"1"'})
            assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text)
    for query in ODD_QUERIES:
        answer = await desk.editor.get(f"{STORIES}?{query}")
        assert answer.status_code < 500, (query, answer.text)


async def test_errors_say_where_they_are(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    missing = await desk.public.get("/api/v1/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong_method = await desk.editor.delete(f"{STORIES}/{story_id}")
    assert (wrong_method.status_code, wrong_method.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong_method.headers["Allow"]
    assert (await desk.editor.get(f"{STORIES}/nosuch")).json()["code"] == "not_found"
    assert (await tag(desk, story_id)).status_code == 200
