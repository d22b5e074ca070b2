"""What stands in the answers of the real app: the same for everyone, in each encoding, with all headers."""

import asyncio
import gzip
import json

import httpx
import pytest

from service.app import create_app, open_service
from service.checkpoints import read_checkpoints
from service.journal import check_ledger
from service.scheduling import checkpoint_due
from service.settings import Settings
from service.signing import read_public_keys
from tests.conftest import Desk, SettableClock
from tests.desk.newsroom import a_draft, a_published, a_wire_story, act, item

pytestmark = pytest.mark.anyio
LISTS = ("/daily.json", "/daily.rss", "/latest.atom", "/countries/KE.html", "/digest/2026-11-24.html", "/map.svg")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough: nothing here is about the database."""
    return sqlite_url


async def test_withdrawn_story_is_gone_at_once_and_says_why(desk: Desk) -> None:
    story_id = await a_published(desk)
    path = f"/stories/{story_id}"
    assert (await desk.public.get(path)).status_code == 200
    withdrawn = await item(desk, story_id, "withdraw", {"reason": "It was not so."})
    assert withdrawn.status_code == 200, withdrawn.text
    page = await desk.public.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["Content-Type"]) == (410, "text/html; charset=utf-8")
    assert "It was not so." in page.text
    assert page.headers["Vary"] == "Accept"
    problem = (await desk.public.get(f"{path}.json")).json()
    assert (problem["status"], problem["code"]) == (410, "gone")
    assert (await desk.public.get("/daily.json")).json()["items"] == []


async def test_head_says_what_get_says_without_the_body(desk: Desk) -> None:
    await a_published(desk)
    for path in (*LISTS, "/archive", "/about"):
        for encoding in ("identity", "gzip", "br"):
            got = await desk.public.get(path, headers={"Accept-Encoding": encoding})
            head = await desk.public.head(path, headers={"Accept-Encoding": encoding})
            assert (head.status_code, head.content) == (200, b""), path
            ignored = {"date", "x-request-id"}
            assert {k: v for k, v in head.headers.items() if k not in ignored} == {
                k: v for k, v in got.headers.items() if k not in ignored
            }


async def test_lists_come_packed_to_those_who_take_it(desk: Desk) -> None:
    await a_published(desk)
    async with desk.public.stream("GET", "/daily.rss", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    plain = await desk.public.get("/daily.rss", headers={"Accept-Encoding": "identity"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert answer.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


async def test_answers_depend_neither_on_cookies_nor_on_who_asks(desk: Desk) -> None:
    await a_published(desk)
    for path in LISTS:
        answers = [
            await desk.public.get(path),
            await desk.public.get(path, headers={"Cookie": "huoban=abc; lang=fr"}),
            await desk.editor.get(path),
            await desk.public.get(path, headers={"Accept-Language": "fr", "X-Forwarded-Host": "evil.example"}),
        ]
        assert len({answer.content for answer in answers}) == 1
        assert len({answer.headers["ETag"] for answer in answers}) == 1
        assert not any("set-cookie" in answer.headers for answer in answers)


async def test_query_that_means_nothing_is_no_other_document(desk: Desk) -> None:
    plain = await desk.public.get("/daily.rss")
    junk = await desk.public.get("/daily.rss?utm_source=x&cb=1")
    assert junk.headers["ETag"] == plain.headers["ETag"]
    moved = await desk.public.get("/latest.rss?utm_source=x")
    assert (moved.status_code, moved.headers["Location"]) == (308, "/latest.rss")


async def test_any_site_may_read_what_is_public_and_nothing_else(desk: Desk) -> None:
    for path in (*LISTS, "/latest.rss?country=kenya", "/nothing/here", "/ledger.jsonl"):
        answer = await desk.public.get(path, headers={"Origin": "https://other.example"})
        assert answer.headers.get_list("Access-Control-Allow-Origin") == ["*"], path
        asked = await desk.public.options(path, headers={"Origin": "https://x.example"})
        assert asked.status_code == 204
        assert asked.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        assert asked.headers.get_list("Access-Control-Allow-Origin") == ["*"]
    for path in ("/api/v1/stories", "/health/live"):
        answer = await desk.editor.get(path, headers={"Origin": "https://other.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_nothing_at_the_desk_is_kept_by_a_shared_cache(desk: Desk) -> None:
    for path in ("/api/v1/stories", "/api/v1/me", "/setup/unknown"):
        answer = await desk.editor.get(path)
        assert "public" not in answer.headers["Cache-Control"]


async def test_every_answer_says_what_a_browser_may_do_with_it(desk: Desk) -> None:
    await a_published(desk)
    styled = ("/digest/2026-11-24.html", "/map.svg")
    for path in (*LISTS, "/nothing", "/stories/nothing", "/static/public.css", "/ledger.jsonl", "/status.json"):
        answer = await desk.public.get(path)
        policy = answer.headers["Content-Security-Policy"]
        for rule in ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
            assert rule in policy, path
        assert "script-src" not in policy
        assert ("'unsafe-inline'" in policy) == (path in styled or path.startswith("/static/")), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "form-action 'self'" in (await desk.public.get("/setup/x")).headers["Content-Security-Policy"]


async def test_life_sign_asks_no_database(clock: SettableClock) -> None:
    settings = Settings(database_url="sqlite+aiosqlite:////nowhere/at/all.db", scheduler=False)
    app = create_app(settings, clock=clock)
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        assert (await client.get("/health/live")).status_code == 200


async def test_one_render_serves_all_who_ask_meanwhile(desk: Desk) -> None:
    await a_published(desk)
    answers = await asyncio.gather(*(desk.public.get("/latest.html") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    missing = await asyncio.gather(*(desk.public.get("/countries/nowhere.html") for _ in range(20)))
    assert {answer.status_code for answer in missing} == {404}


async def test_the_ledger_its_checkpoints_and_their_keys_are_for_everyone(desk: Desk, clock: SettableClock) -> None:
    assert (await desk.public.get("/ledger/key.pem")).status_code == 404
    assert (await desk.public.get("/ledger/checkpoints.jsonl")).text == ""
    await a_published(desk)
    async with open_service(desk.settings, clock=clock) as runtime:
        assert await checkpoint_due(runtime)
    ledger, lines = [(await desk.public.get(f"/ledger{path}.jsonl")) for path in ("", "/checkpoints")]
    keys = await desk.public.get("/ledger/key.pem")
    for answer in (ledger, lines, keys):
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "PRIVATE" not in keys.text
    signed = read_checkpoints(lines.text.splitlines(), read_public_keys(keys.text))
    assert (signed.broken, len(signed.seals)) == (None, 1)
    assert check_ledger(ledger.text.splitlines(), signed.seals).broken is None
    assert (await desk.public.get("/about")).text.count("checkpoints.jsonl") > 2


async def test_the_ledger_tells_decisions_and_nobodys_name_note_or_draft(desk: Desk) -> None:
    draft, passed, published = await a_draft(desk), await a_wire_story(desk), await a_published(desk)
    await desk.editor.post(f"/api/v1/stories/{passed}/note", json={"text": "Whispered at lunch."})
    await act(desk, passed, "pass", {"reason": "off_topic"})
    await desk.editor.post("/api/v1/tokens", json={"name": "secret plan"})
    ledger = (await desk.public.get("/ledger.jsonl")).text
    payloads = [json.loads(line)["payload"] for line in ledger.splitlines() if "payload" in json.loads(line)]
    told = [json.loads(payload) for payload in payloads]
    assert [(record["act"], record["subject"]) for record in told] == [("publish", f"story:{published}")]
    assert told[0]["by"].startswith("editor-")
    editor = (await desk.editor.get("/api/v1/me")).json()
    for private in (
        "Amina",
        "Chidi",
        "example.org",
        editor["id"],
        "Whispered",
        "secret plan",
        draft,
        passed,
        "off_topic",
    ):
        assert private not in ledger, private
