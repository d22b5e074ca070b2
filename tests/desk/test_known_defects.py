"""Defects that other feed readers and desks had, where no other test names them; ``docs/defects.md`` lists them all."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import func, select

import service
from service.models import JournalRecord
from service.passwords import fits, hash_password
from service.web import API
from service.words import Role
from tests.conftest import Desk, add_account
from tests.desk.newsroom import a_published, a_wire_story, act

pytestmark = pytest.mark.anyio

WHOSE = {
    "token_id": "one account's",
    "editor_id": "the admins'",
    "webhook_id": "the admins'",
    **dict.fromkeys(("alert_id", "story_id", "feed_id", "day", "other", "code", "extension"), "the newsroom's"),
}
"""Whose the thing is that a part of an API address names: what is the newsroom's, every editor may see and change."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: it is about who asks for what."""
    return sqlite_url


async def _operations(desk: Desk) -> list[tuple[str, str]]:
    paths: dict[str, dict[str, Any]] = (await desk.public.get("/api/openapi.json")).json()["paths"]
    return [(verb.upper(), path) for path, verbs in paths.items() for verb in verbs]


async def test_every_thing_that_an_address_names_has_an_owner(desk: Desk) -> None:
    named = {
        name for _, path in await _operations(desk) if path.startswith(API) for name in re.findall(r"{(\w+)}", path)
    }
    assert named == set(WHOSE)


async def test_what_belongs_to_one_account_is_not_there_for_another(desk: Desk) -> None:
    made = await desk.editor.post(f"{API}/tokens", json={"name": "mine", "kind": "person", "scopes": ["read"]})
    assert made.status_code == 201, made.text
    token = made.json()
    _, secret = await add_account(desk.database, role=Role.ADMIN, name="Adaeze Admin")
    for stranger in (desk.chief, desk.program):
        assert (await stranger.delete(f"{API}/tokens/{token['id']}")).status_code in (403, 404)
        assert token["id"] not in (await stranger.get(f"{API}/tokens")).text
    as_admin = {"Authorization": f"Bearer {secret}"}
    assert (await desk.public.delete(f"{API}/tokens/{token['id']}", headers=as_admin)).status_code == 404
    mine = {"Authorization": f"Bearer {token['token']}"}
    assert (await desk.public.get(f"{API}/me", headers=mine)).status_code == 200, "nobody has revoked it"


async def test_what_belongs_to_the_admins_is_refused_under_its_true_id(desk: Desk) -> None:
    admin, secret = await add_account(desk.database, role=Role.ADMIN, name="Adaeze Admin")
    as_admin = {"Authorization": f"Bearer {secret}"}
    wanted = {"url": "https://hooks.example/news", "events": ["item.published"]}
    made = await desk.public.post(f"{API}/webhooks", json=wanted, headers=as_admin)
    assert made.status_code == 201, made.text
    ids = {"editor_id": admin.id, "webhook_id": made.json()["id"]}
    for method, path in await _operations(desk):
        found = re.findall(r"{(\w+)}", path)
        if path.startswith(API) and found and found[0] in ids:
            address = path.replace(f"{{{found[0]}}}", ids[found[0]])
            for stranger in (desk.editor, desk.chief, desk.program):
                assert (await stranger.request(method, address, json={})).status_code == 403, (method, path)


async def test_a_claim_ends_only_by_whoever_made_it(desk: Desk) -> None:
    story = await a_wire_story(desk)
    assert (await act(desk, story, "claim")).is_success
    assert (await act(desk, story, "release", client=desk.chief)).status_code == 409
    assert (await desk.editor.get(f"{API}/stories/{story}")).json()["claim"] is not None


async def test_nothing_that_is_only_looked_at_is_changed(desk: Desk) -> None:
    """A feed's picture or a link in a mail makes a browser look, with the editor's cookie: no look decides anything."""
    story = await a_published(desk)

    async def records() -> int:
        async with desk.database.read() as session:
            return (await session.exec(select(func.count()).select_from(JournalRecord))).one()

    before = await records()
    for _, path in await _operations(desk):
        address = re.sub(r"{story_id}", story, re.sub(r"{(day|other)}", "2026-11-24", path))
        address = re.sub(r"{extension}", "html", re.sub(r"{\w+}", "KE", address))
        if "events" not in address:
            for asker in (desk.editor, desk.chief):
                assert (await asker.get(address)).status_code < 500, address
    for address in ("/desk", "/desk/sign-out", "/desk/lists", f"/desk/stories/{story}", f"/desk/stories/{story}/pass"):
        await desk.editor.get(address)
    assert await records() == before
    assert (await desk.editor.get(f"{API}/me")).status_code == 200, "no look signs anybody out"


async def test_a_page_of_an_error_says_what_was_asked_as_text(desk: Desk) -> None:
    for path in ("/%3Cscript%3Ealert(1)%3C/script%3E", "/stories/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E"):
        page = await desk.public.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 404
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


async def test_no_link_that_opens_a_window_hands_it_ours() -> None:
    found = [
        link
        for template in Path(service.__file__).parent.glob("templates/**/*.html")
        for link in re.findall(r"<a [^>]*_blank[^>]*>", template.read_text(encoding="utf-8"))
    ]
    assert found
    assert all("noopener" in link for link in found)


async def test_the_end_of_a_long_password_counts() -> None:
    long = "a" * 100
    stored = await hash_password(long + "1")
    assert await fits(long + "1", stored)
    assert not await fits(long + "2", stored)
