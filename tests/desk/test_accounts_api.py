"""Accounts over HTTP: tokens shown once, links that work once, changes that hold at once, an admin that stays."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select
from starlette.responses import PlainTextResponse

from service import auth
from service.desk import people
from service.models import DeskSession, JournalRecord, Token
from service.rates import RateLimit
from service.words import Role, TokenKind
from tests.conftest import NOON, Desk, SettableClock, add_account
from tests.desk.newsroom import a_wire_story, act, if_match

pytestmark = pytest.mark.anyio
TOKENS, EDITORS = "/api/v1/tokens", "/api/v1/editors"
PASSWORD, NEW_PASSWORD = "a long enough password", "another long password"


def client_of(desk: Desk, token: str) -> httpx.AsyncClient:
    """A client that carries this token."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=desk.base, headers=headers, trust_env=False, timeout=30)


@pytest.fixture
async def admin(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's client."""
    _, token = await add_account(desk.database, role=Role.ADMIN, name="Adaeze Admin")
    async with client_of(desk, token) as client:
        yield client


async def _invited(admin: httpx.AsyncClient, **more: Any) -> tuple[dict[str, Any], str]:
    body = {"email": "New@Example.org", "name": "New Person", **more}
    answer = await admin.post(EDITORS, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    editor: dict[str, Any] = answer.json()["editor"]
    return editor, answer.json()["setup_link"].removeprefix("http://127.0.0.1:8000")


async def test_a_token_is_shown_once_works_and_ends_when_it_is_revoked(desk: Desk) -> None:
    made = await desk.editor.post(TOKENS, json={"name": "script", "scopes": ["read"], "days": 30})
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    token = made.json()
    listed = (await desk.editor.get(TOKENS)).json()["items"]
    assert token["id"] in [item["id"] for item in listed]
    assert token["token"] not in (await desk.editor.get(TOKENS)).text
    story = await a_wire_story(desk)
    async with client_of(desk, token["token"]) as script:
        assert (await script.get("/api/v1/me")).json()["scopes"] == ["read"]
        assert (await act(desk, story, "hold", client=script)).json()["code"] == "not_allowed"
        assert (await script.post(TOKENS, json={"name": "more"})).status_code == 403
        assert (await desk.editor.delete(f"{TOKENS}/{token['id']}")).status_code == 204
        assert (await script.get("/api/v1/me")).status_code == 401
    assert (await desk.editor.delete(f"{TOKENS}/{token['id']}")).status_code == 404
    assert (await desk.chief.delete(f"{TOKENS}/{listed[-1]['id']}")).status_code == 404, "another's token"


async def test_a_token_gives_no_scope_and_no_life_that_it_lacks(desk: Desk) -> None:
    narrow = (await desk.editor.post(TOKENS, json={"name": "a", "scopes": ["account", "read"], "days": 1})).json()
    async with client_of(desk, narrow["token"]) as script:
        refused = await script.post(TOKENS, json={"name": "b", "scopes": ["publish"]})
        assert (refused.status_code, refused.json()["errors"][0]["suggestions"]) == (422, ["account", "read"])
        made = (await script.post(TOKENS, json={"name": "c", "days": 90})).json()
        assert made["scopes"] == ["account", "read"]
        assert made["expires_at"] == narrow["expires_at"]
        program = (await script.post(TOKENS, json={"name": "d", "kind": "service"})).json()
        assert (program["kind"], program["scopes"]) == ("service", ["read"])
    async with client_of(desk, program["token"]) as script:
        assert (await script.post(TOKENS, json={"name": "e"})).json()["code"] == "people_only"


@pytest.mark.parametrize(
    "body", [{}, {"name": " "}, {"name": "x", "days": 0}, {"name": "x", "kind": "root"}, {"name": "x", "scopes": ["x"]}]
)
async def test_a_token_that_cannot_be_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    assert (await desk.editor.post(TOKENS, json=body)).status_code == 422
    assert len((await desk.editor.get(TOKENS)).json()["items"]) == 2


async def test_a_new_account_is_opened_by_its_link_once(desk: Desk, admin: httpx.AsyncClient) -> None:
    editor, link = await _invited(admin)
    assert (editor["email"], editor["state"], editor["role"]) == ("new@example.org", "invited", "editor")
    done = await desk.public.post(link, data={"password": PASSWORD})
    assert done.status_code == 200
    assert (await desk.public.get(link)).status_code == 404
    shown = await admin.get(f"{EDITORS}/{editor['id']}")
    assert shown.json()["state"] == "in_use"
    signed_in = await desk.public.post("/api/v1/session", json={"email": "new@example.org", "password": PASSWORD})
    assert signed_in.status_code == 201
    again = await admin.post(EDITORS, json={"email": "new@example.org", "name": "Double"})
    assert (again.status_code, again.json()["errors"][0]["field"]) == (422, "email")


async def test_a_role_holds_from_the_next_request_on(desk: Desk, admin: httpx.AsyncClient) -> None:
    me = (await desk.editor.get("/api/v1/me")).json()
    path = f"{EDITORS}/{me['id']}"
    assert (await desk.editor.get(EDITORS)).status_code == 403
    assert (await admin.patch(path, json={"role": "admin"})).status_code == 428
    stale = await admin.patch(path, json={"role": "admin"}, headers={"If-Match": '"7"'})
    assert (stale.status_code, stale.json()["current"]["email"]) == (412, me["email"])
    changed = await admin.patch(path, json={"role": "admin"}, headers=await if_match(admin, path))
    assert changed.status_code == 200, changed.text
    assert (await desk.editor.get(EDITORS)).status_code == 200
    assert (await admin.patch(path, json={"role": "king"}, headers=await if_match(admin, path))).status_code == 422


async def test_a_shut_account_is_out_at_once_and_opens_again_with_nothing_of_before(
    desk: Desk, admin: httpx.AsyncClient
) -> None:
    me = (await desk.editor.get("/api/v1/me")).json()
    path = f"{EDITORS}/{me['id']}"
    shut = await admin.patch(path, json={"disabled": True}, headers=await if_match(admin, path))
    assert shut.json()["state"] == "disabled"
    assert (await desk.editor.get("/api/v1/me")).status_code == 401
    assert (await admin.patch(path, json={"name": "X"}, headers=await if_match(admin, path))).status_code == 409
    opened = await admin.post(f"{path}/setup-link", headers=await if_match(admin, path))
    assert (opened.status_code, opened.json()["editor"]["state"]) == (201, "invited")
    assert (await desk.editor.get("/api/v1/me")).status_code == 401, "an old token works again"
    assert (await desk.program.get("/api/v1/me")).status_code == 401


async def test_the_last_admin_stays(desk: Desk, admin: httpx.AsyncClient) -> None:
    me = (await admin.get("/api/v1/me")).json()
    path = f"{EDITORS}/{me['id']}"
    for change in ({"role": "chief"}, {"disabled": True}):
        refused = await admin.patch(path, json=change, headers=await if_match(admin, path))
        assert refused.status_code == 409, refused.text
    await add_account(desk.database, role=Role.ADMIN, name="Second Admin")
    demoted = await admin.patch(path, json={"role": "chief"}, headers=await if_match(admin, path))
    assert (demoted.status_code, demoted.json()["role"]) == (200, "chief")
    assert (await admin.get(EDITORS)).status_code == 403


async def test_an_invitation_that_nobody_took_is_no_other_admin(
    desk: Desk, admin: httpx.AsyncClient, clock: SettableClock
) -> None:
    await _invited(admin, role="admin")
    path = f"{EDITORS}/{(await admin.get('/api/v1/me')).json()['id']}"
    clock.move(days=8)
    refused = await admin.patch(path, json={"disabled": True}, headers=await if_match(admin, path))
    assert (refused.status_code, refused.json()["code"]) == (409, "not_now")


async def test_two_admins_cannot_shut_each_other_at_once(desk: Desk, admin: httpx.AsyncClient) -> None:
    _, token = await add_account(desk.database, role=Role.ADMIN, name="Second Admin")
    async with client_of(desk, token) as second:
        paths = [f"{EDITORS}/{(await client.get('/api/v1/me')).json()['id']}" for client in (second, admin)]
        headers = [await if_match(admin, path) for path in paths]
        answers = await asyncio.gather(
            admin.patch(paths[0], json={"disabled": True}, headers=headers[0]),
            second.patch(paths[1], json={"disabled": True}, headers=headers[1]),
        )
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert sorted(answer.status_code for answer in answers)[1] in (401, 409)


async def test_sessions_that_have_ended_are_forgotten(desk: Desk, clock: SettableClock) -> None:
    async with desk.database.write() as session:
        editor = await auth.find_editor(session, "amina.test.editor@example.org")
        for hours in (0, 6):
            await auth.open_session(session, editor, now=NOON + timedelta(hours=hours))
        await people.forget_sessions(session, now=NOON + auth.SESSION_IDLE)
    async with desk.database.read() as session:
        assert len((await session.exec(select(DeskSession))).all()) == 1


async def test_a_new_password_ends_every_session_and_needs_the_old_one(
    desk: Desk, admin: httpx.AsyncClient, clock: SettableClock
) -> None:
    _, link = await _invited(admin)
    await desk.public.post(link, data={"password": PASSWORD})
    credentials = {"email": "new@example.org", "password": PASSWORD}
    headers = {"Origin": desk.base}
    async with httpx.AsyncClient(base_url=desk.base, headers=headers, trust_env=False, timeout=30) as browser:
        assert (await browser.post("/api/v1/session", json=credentials)).status_code == 201
        wrong = {"current": "not the password", "password": NEW_PASSWORD}
        assert (await browser.put("/api/v1/me/password", json=wrong)).status_code == 401
        short = {"current": PASSWORD, "password": "short"}
        assert (await browser.put("/api/v1/me/password", json=short)).json()["errors"][0]["field"] == "password"
        assert (await browser.get("/api/v1/me")).status_code == 200
        changed = await browser.put("/api/v1/me/password", json={"current": PASSWORD, "password": NEW_PASSWORD})
        assert changed.status_code == 204, changed.text
        assert (await browser.get("/api/v1/me")).status_code == 401
    async with desk.database.read() as session:
        assert (await session.exec(select(DeskSession))).all() == []
    credentials["password"] = NEW_PASSWORD
    assert (await desk.public.post("/api/v1/session", json=credentials)).status_code == 201


async def test_what_happens_to_accounts_is_recorded_but_not_public(desk: Desk, admin: httpx.AsyncClient) -> None:
    await _invited(admin)
    await desk.editor.post(TOKENS, json={"name": "secret plan"})
    async with desk.database.read() as session:
        found = (await session.exec(select(JournalRecord))).all()
    assert {record.act for record in found} >= {"add_editor", "issue_token"}
    assert not any(record.public for record in found)
    assert not any("new@example.org" in record.payload for record in found)


async def test_every_answer_of_the_api_tells_how_many_requests_are_left(desk: Desk) -> None:
    first = await desk.editor.get("/api/v1/me")
    second = await desk.editor.get("/api/v1/nothing")
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in (first, second)]
    assert left[0] - left[1] == 1
    assert first.headers["RateLimit-Reset"] == "60"
    assert "RateLimit-Limit" in (await desk.public.get("/api/v1/me")).headers
    assert "RateLimit-Limit" not in (await desk.public.get("/daily.json")).headers


async def test_beyond_the_limit_the_answer_is_429_until_the_minute_is_over(clock: SettableClock) -> None:
    app = RateLimit(PlainTextResponse("fine"), clock=clock, per_caller=3, per_address=5)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:

        async def ask(token: str) -> httpx.Response:
            return await client.get("/api/v1/me", headers={"Authorization": token})

        assert [(await ask("a")).status_code for _ in range(4)] == [200, 200, 200, 429]
        clock.move(seconds=20)
        assert (await ask("b")).status_code == 200
        refused = await ask("c")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
        assert (refused.headers["Retry-After"], refused.headers["RateLimit-Remaining"]) == ("40", "0")
        assert (await client.get("/daily.json")).status_code == 200
        clock.move(seconds=40)
        assert (await ask("a")).status_code == 200


async def test_an_expired_maker_is_capped_in_the_database_too(desk: Desk) -> None:
    async with desk.database.write() as session:
        editor = await auth.find_editor(session, "amina.test.editor@example.org")
        raw = await auth.issue_token(session, editor, kind=TokenKind.PERSON, days=2, now=NOON, by="operator")
    async with client_of(desk, raw) as client:
        made = (await client.post(TOKENS, json={"name": "forever"})).json()
    async with desk.database.read() as session:
        stored = await session.get_one(Token, made["id"])
    assert stored.expires_at is not None
