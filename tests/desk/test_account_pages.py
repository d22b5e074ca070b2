"""Accounts and one's own settings without script: links and tokens shown once, roles respected, conflicts refused."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlmodel import col, select

from service.models import Editor
from service.words import Role
from tests.conftest import Desk, add_account
from tests.desk.forms import FormDesk, an_account, signed_in

pytestmark = pytest.mark.anyio

EDITORS, SETTINGS = "/desk/editors", "/desk/settings"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: the pages call the actions, whose tests run on both."""
    return sqlite_url


@pytest.fixture
async def admin(desk: Desk) -> AsyncIterator[FormDesk]:
    """An admin's browser."""
    account, _ = await add_account(desk.database, role=Role.ADMIN, name="Ada Admin")
    browser = await signed_in(desk, desk.database, account)
    async with browser.client:
        yield browser


@pytest.fixture
async def editor(desk: Desk) -> AsyncIterator[FormDesk]:
    """An editor's browser."""
    browser = await signed_in(desk, desk.database, await an_account(desk))
    async with browser.client:
        yield browser


async def _account(desk: Desk, email: str) -> Editor:
    async with desk.database.read() as session:
        return (await session.exec(select(Editor).where(col(Editor.email) == email))).one()


async def test_an_admin_adds_promotes_shuts_and_opens_an_account_again(desk: Desk, admin: FormDesk) -> None:
    await admin.open(EDITORS)
    await admin.send(EDITORS, email="new@example.org", name="<i>New</i>", role="editor")
    assert "shown this once" in admin.text
    assert admin.answer.headers["Cache-Control"] == "no-store"
    [link] = re.findall(r"/setup/([\w-]{20,})", admin.text)
    account = await _account(desk, "new@example.org")
    await admin.open(EDITORS)
    assert link not in admin.answer.text
    assert "<i>New</i>" in admin.text
    stale_page, stale_answer = admin.page, admin.answer
    await admin.send(f"{account.id}/change", role="chief")
    assert "Account changed." in admin.said
    assert (await _account(desk, "new@example.org")).role == "chief"
    admin.page, admin.answer = stale_page, stale_answer
    assert (await admin.send(f"{account.id}/change", role="admin")).status_code == 412
    await admin.open(EDITORS)
    await admin.send(f"{account.id}/shut")
    assert (await desk.public.get(f"/setup/{link}")).status_code == 404
    await admin.send(f"{account.id}/link")
    assert re.findall(r"/setup/([\w-]{20,})", admin.text) != [link]


async def test_nobody_but_an_admin_is_shown_or_may_change_accounts(desk: Desk, editor: FormDesk) -> None:
    await editor.open("/desk/wire")
    assert EDITORS not in editor.answer.text
    assert (await editor.open(EDITORS)).status_code == 403
    mine = await an_account(desk)
    for path in (EDITORS, f"{EDITORS}/{mine.id}/change", f"{EDITORS}/{mine.id}/link", f"{EDITORS}/{mine.id}/shut"):
        data = {"version": "1", "role": "admin", "email": "x@example.org", "name": "X"}
        assert (await editor.client.post(path, data=data)).status_code == 403, path
    assert (await an_account(desk)).role == Role.EDITOR


async def test_an_editor_sets_language_and_keys_and_conflicts_are_refused(desk: Desk, editor: FormDesk) -> None:
    await editor.open(SETTINGS)
    stale_page, stale_answer = editor.page, editor.answer
    await editor.send(SETTINGS, **{"key-next": "z", "language": "fr"})
    assert editor.page.get("lang") == "fr"
    kept = (await desk.editor.get("/api/v1/me/preferences")).json()
    assert (kept["keys"]["next"], kept["language"], kept["single_keys"]) == ("z", "fr", True)
    assert (await editor.send(SETTINGS, **{"key-next": "k"})).status_code == 422
    assert "already stands for" in editor.text
    editor.page, editor.answer = stale_page, stale_answer
    assert (await editor.send(SETTINGS, single_keys="off")).status_code == 412
    await editor.open(SETTINGS)
    await editor.send(SETTINGS, **{"key-next": "", "language": "en", "single_keys": "off"})
    kept = (await desk.editor.get("/api/v1/me/preferences")).json()
    assert (kept["keys"]["next"], kept["single_keys"]) == ("j", False)


async def test_a_token_is_shown_once_works_and_is_revoked(desk: Desk, editor: FormDesk) -> None:
    await editor.open(SETTINGS)
    await editor.send(f"{SETTINGS}/tokens", name="Archive script", scopes=["read"], days="7")
    [raw] = re.findall(r"hb_[\w-]+", editor.text)
    async with httpx.AsyncClient(base_url=desk.base, headers={"Authorization": f"Bearer {raw}"}) as program:
        assert (await program.get("/api/v1/me")).json()["scopes"] == ["read"]
        await editor.open(SETTINGS)
        assert raw not in editor.answer.text
        mine = (await desk.editor.get("/api/v1/tokens")).json()["items"]
        [token] = [each["id"] for each in mine if each["name"] == "Archive script"]
        await editor.send(f"tokens/{token}/revoke")
        assert "revoked" in editor.said
        assert (await program.get("/api/v1/me")).status_code == 401


async def test_signing_out_everywhere_ends_every_session(desk: Desk, editor: FormDesk) -> None:
    other = await signed_in(desk, desk.database, await an_account(desk))
    async with other.client:
        await editor.open(SETTINGS)
        assert editor.text.count("this one") == 1
        assert editor.text.count("last used") >= 2
        await editor.send("/sign-out-everywhere")
        for browser in (editor, other):
            await browser.open("/desk/wire")
            assert browser.answer.url.path == "/desk/sign-in"
