"""Set-up links, signing in and out, and requests that come with a cookie from elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from service import auth
from service.models import Editor
from service.opening import first_admin_link, open_service
from service.passwords import hash_password
from service.words import Role
from tests.conftest import NOON, Desk, SettableClock, serving, settings_for
from tests.desk.newsroom import STORIES, a_wire_story, if_match

pytestmark = pytest.mark.anyio

PASSWORD = "a long enough password"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


async def a_person(desk: Desk, email: str = "abeba@example.org") -> Editor:
    """An account with a password."""
    password_hash = await hash_password(PASSWORD)
    async with desk.database.write() as session:
        _, secret = await auth.add_editor(session, email=email, name="Abeba", role=Role.EDITOR, now=NOON, by="operator")
        return await auth.set_up_account(session, secret, password_hash=password_hash, now=NOON)


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


async def test_a_set_up_link_that_two_people_use_at_once_works_for_one(desk: Desk) -> None:
    async with desk.database.write() as session:
        _, secret = await auth.add_editor(
            session, email="new@example.org", name="New", role=Role.EDITOR, now=NOON, by="operator"
        )
    passwords = [f"{PASSWORD} {number}" for number in range(3)]
    answers = await asyncio.gather(*(desk.public.post(f"/setup/{secret}", data={"password": p}) for p in passwords))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404]
    opened = [(await sign_in(desk.public, "new@example.org", password)).status_code for password in passwords]
    assert opened == [201 if answer.status_code == 200 else 401 for answer in answers]


async def test_a_used_link_says_so_on_a_page(desk: Desk) -> None:
    for ask in (desk.public.get, desk.public.post):
        answer = await ask("/setup/used", headers={"Accept": "text/html"})
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.status_code in (404, 422)


async def test_another_sites_page_signs_nobody_in(desk: Desk) -> None:
    await a_person(desk)
    body = {"email": "abeba@example.org", "password": PASSWORD}
    for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = await desk.public.post("/api/v1/session", json=body, headers=header)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False), header
    assert (await desk.public.post("/api/v1/session", json=body, headers=SAME_SITE)).status_code == 201


async def test_signing_out_everywhere_ends_every_session_of_this_account_and_of_no_other(desk: Desk) -> None:
    await a_person(desk)
    await a_person(desk, "other@example.org")
    async with a_browser(desk) as here, a_browser(desk) as there, a_browser(desk) as other:
        for browser, email in ((here, "abeba@example.org"), (there, "abeba@example.org"), (other, "other@example.org")):
            assert (await sign_in(browser, email)).status_code == 201
        answer = await here.delete("/api/v1/session?everywhere=true", headers=SAME_SITE)
        assert answer.status_code == 204
        assert [(await b.get("/api/v1/me")).status_code for b in (here, there, other)] == [401, 401, 200]


async def test_a_session_is_named_by_the_server_alone(desk: Desk) -> None:
    await a_person(desk)
    async with a_browser(desk) as browser:
        browser.cookies.set("huoban", "chosen-by-somebody-else", domain="127.0.0.1")
        assert (await sign_in(browser)).status_code == 201
        first = browser.cookies["huoban"]
        assert first != "chosen-by-somebody-else"
        assert (await sign_in(browser)).status_code == 201
        assert browser.cookies["huoban"] != first
    answer = await desk.public.get("/api/v1/me", headers={"Cookie": "huoban=chosen-by-somebody-else"})
    assert answer.status_code == 401


async def test_over_https_the_cookie_is_bound_to_the_host_and_is_dropped_as_it_was_set(
    sqlite_url: str, clock: SettableClock
) -> None:
    settings = settings_for(sqlite_url, base_url="https://desk.example")
    async with open_service(settings, clock=clock) as runtime:
        link = await first_admin_link(runtime)
    assert link
    account = {"password": PASSWORD, "email": "head@example.org", "name": "Head"}
    async with serving(settings, clock=clock) as base, httpx.AsyncClient(base_url=base, trust_env=False) as client:
        assert (await client.post(link.removeprefix("https://desk.example"), data=account)).status_code == 200
        opened = await sign_in(client, "head@example.org")
        cookie = opened.headers["Set-Cookie"]
        name, _, value = cookie.partition(";")[0].partition("=")
        left = await client.delete("/api/v1/session", headers={"Cookie": f"{name}={value}"} | SAME_SITE)
        for header in (cookie, left.headers["Set-Cookie"]):
            assert header.startswith("__Host-huoban=")
            assert {"Secure", "Path=/", "HttpOnly"} <= {part.strip() for part in header.split(";")}
