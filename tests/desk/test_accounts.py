"""Set-up links, signing in and out, and requests that come with a cookie from elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from service import auth
from service.app import first_admin_link, open_service
from service.models import Editor
from service.words import Role
from tests.conftest import NOON, Desk, SettableClock, serving, settings_for
from tests.desk.newsroom import STORIES, a_wire_story, if_match

pytestmark = pytest.mark.anyio

PASSWORD = "a long enough password"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


async def a_person(desk: Desk, email: str = "abeba@example.org") -> Editor:
    """An account with a password."""
    async with desk.database.write() as session:
        _, secret = await auth.add_editor(session, email=email, name="Abeba", role=Role.EDITOR, now=NOON, by="operator")
        return await auth.set_up_account(session, secret, password=PASSWORD, now=NOON)


@asynccontextmanager
async def a_browser(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=desk.base, trust_env=False) as client:
        yield client


async def sign_in(
    browser: httpx.AsyncClient, email: str = "abeba@example.org", password: str = PASSWORD
) -> httpx.Response:
    return await browser.post("/api/v1/session", json={"email": email, "password": password})


async def test_a_person_signs_in_edits_with_the_cookie_and_signs_out(desk: Desk) -> None:
    await a_person(desk)
    story_id = await a_wire_story(desk)
    async with a_browser(desk) as browser:
        answer = await sign_in(browser, email="  ABEBA@example.org ")
        assert answer.status_code == 201, answer.text
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert (await browser.get("/api/v1/me")).json()["email"] == "abeba@example.org"
        headers = await if_match(desk.editor, f"{STORIES}/{story_id}")
        hostile = [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": desk.base + ".evil.example"},
            {"Referer": desk.base},
            {},
        ]
        for origin in hostile:
            answer = await browser.post(f"{STORIES}/{story_id}/hold", headers=headers | origin)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), origin
        assert (await browser.post(f"{STORIES}/{story_id}/hold", headers=headers | SAME_SITE)).status_code == 200
        headers = await if_match(desk.editor, f"{STORIES}/{story_id}")
        answer = await browser.post(f"{STORIES}/{story_id}/reopen", headers=headers | {"Origin": desk.base})
        assert answer.status_code == 200
        stolen = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        assert (await desk.public.get("/api/v1/me", headers=stolen)).status_code == 200
        assert (await browser.delete("/api/v1/session", headers=SAME_SITE)).status_code == 204
        assert (await desk.public.get("/api/v1/me", headers=stolen)).status_code == 401


async def test_a_session_ends_when_idle_at_its_limit_and_with_the_account(desk: Desk, clock: SettableClock) -> None:
    editor = await a_person(desk)
    async with a_browser(desk) as idle, a_browser(desk) as busy, a_browser(desk) as last:
        for browser in (idle, busy):
            assert (await sign_in(browser)).status_code == 201
        end = NOON + auth.SESSION_LIFETIME
        while clock.now + timedelta(hours=11) < end:
            clock.move(hours=11)
            assert (await busy.get("/api/v1/me")).status_code == 200
        assert (await idle.get("/api/v1/me")).status_code == 401
        clock.now = end - timedelta(seconds=1)
        assert (await busy.get("/api/v1/me")).status_code == 200
        clock.now = end
        assert (await busy.get("/api/v1/me")).status_code == 401
        assert (await sign_in(last)).status_code == 201
        async with desk.database.write() as session:
            account = await session.get_one(Editor, editor.id)
            await auth.disable_editor(session, account, now=clock.now, by="operator")
        assert (await last.get("/api/v1/me")).status_code == 401
        assert (await sign_in(last)).status_code == 401


async def test_unknown_and_wrong_get_the_same_answer_and_too_many_wait(desk: Desk) -> None:
    await a_person(desk)
    async with a_browser(desk) as browser:
        wrong = await sign_in(browser, password="not the password")
        unknown = await sign_in(browser, email="nobody@example.org")
        never_set_up = await sign_in(browser, email="amina.test.editor@example.org", password="")
        assert [a.status_code for a in (wrong, unknown, never_set_up)] == [401, 401, 401]
        assert wrong.content == unknown.content == never_set_up.content
        for email in ("a\x00b@example.org", "\x00", "", "%"):
            assert (await sign_in(browser, email=email)).status_code == 401, email
        for _ in range(4):
            assert (await sign_in(browser, password="not the password")).status_code == 401
        refused = await sign_in(browser, email="Abeba@Example.org ")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
        assert int(refused.headers["Retry-After"]) >= 1
        codes = [(await sign_in(browser, email=f"n{number}@example.org")).status_code for number in range(12)]
        assert codes[-1] == 429, "one address may not try many accounts either"


async def test_the_first_admins_link_asks_who_it_is_and_works_once(desk: Desk, clock: SettableClock) -> None:
    async with desk.database.read() as session:
        assert await auth.count_editors(session) == 2
    async with open_service(desk.settings, clock=clock) as runtime:
        assert await first_admin_link(runtime) is None, "accounts exist already"


async def test_a_set_up_link_keeps_until_it_is_used_well(sqlite_url: str, clock: SettableClock) -> None:
    settings = settings_for(sqlite_url)
    async with open_service(settings, clock=clock) as runtime:
        old, link = await first_admin_link(runtime), await first_admin_link(runtime)
        assert old
        assert link
    paths = [address.removeprefix(settings.base_url) for address in (old, link)]
    async with serving(settings, clock=clock) as base, httpx.AsyncClient(base_url=base, trust_env=False) as browser:
        assert (await browser.get(paths[0])).status_code == 404, "a newer link ends the older"
        page = await browser.get(paths[1])
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
        good = {"password": PASSWORD, "email": "Head@Example.org", "name": "Head"}
        for wrong in (
            good | {"password": "short"},
            good | {"password": "x" * 1025},
            good | {"email": "nobody"},
            good | {"email": "a\x00@example.org"},
            good | {"email": auth.FIRST_ADMIN},
            good | {"name": " "},
            good | {"name": "<b>\u202e"},
            {"password": PASSWORD},
        ):
            answer = await browser.post(paths[1], data=wrong)
            assert answer.status_code == 422, wrong
            assert "<b>" not in answer.text
        assert (await browser.post(paths[1], data=good)).status_code == 200
        assert (await browser.post(paths[1], data=good)).status_code == 404
        assert (await browser.get(paths[1])).status_code == 404
        answer = await sign_in(browser, email="head@example.org")
        assert (answer.status_code, answer.json()["role"]) == (201, "admin")
    async with open_service(settings, clock=clock) as runtime:
        assert await first_admin_link(runtime) is None


async def test_a_set_up_link_grows_old_and_a_taken_address_is_refused(desk: Desk, clock: SettableClock) -> None:
    async with desk.database.write() as session:
        _, secret = await auth.add_editor(
            session, email="new@example.org", name="New", role=Role.EDITOR, now=NOON, by="operator"
        )
    clock.now = NOON + auth.SETUP_LIFETIME + timedelta(seconds=1)
    assert (await desk.public.get(f"/setup/{secret}")).status_code == 404
    assert (await desk.public.post(f"/setup/{secret}", data={"password": PASSWORD})).status_code == 404
