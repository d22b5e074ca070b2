"""The journal searched, over the API and on its screen; and the verify button."""

import pytest
from sqlalchemy import text

from service.journal import record_decision
from service.words import Role
from tests.conftest import NOON, Desk, add_account
from tests.desk.forms import FormDesk, an_account, signed_in
from tests.desk.newsroom import a_draft, a_published, act

pytestmark = pytest.mark.anyio

API = "/api/v1/journal"


async def _browser(desk: Desk) -> FormDesk:
    return await signed_in(desk, desk.database, await an_account(desk))


async def test_the_journal_is_searched_by_act_person_subject_and_day_and_read_page_by_page(desk: Desk) -> None:
    story = await a_published(desk)
    other = await a_draft(desk)
    await act(desk, other, "note", {"text": "Private <b>line</b>."})
    me = (await desk.editor.get("/api/v1/me")).json()["id"]

    async def found(**query: str) -> list[tuple[str, str]]:
        answer = await desk.editor.get(API, params=query)
        assert answer.status_code == 200, answer.text
        return [(each["act"], each["subject"]) for each in answer.json()["items"]]

    assert await found(act="publish") == [("publish", f"story:{story}")]
    assert {subject for _, subject in await found(subject=f"story:{other}")} == {f"story:{other}"}
    assert len(await found(by=me)) == len(await found(by=me, day="2026-11-24"))
    assert await found(by=me, day="2026-11-23") == []
    assert await found(by="operator", subject="editor:") == [], "acts on accounts are the admins' affair"
    assert await found(by="clock") == []
    everything, page = await found(), {"next": None}
    read: list[int] = []
    while True:
        query = {"limit": "3"} | ({"cursor": page["next"]} if page["next"] else {})
        page = (await desk.editor.get(API, params=query)).json()
        read += [each["seq"] for each in page["items"]]
        if page["next"] is None:
            break
    assert read == sorted(read, reverse=True)
    assert len(read) == len(everything)
    assert (await desk.editor.get(API, params={"cursor": "made-up"})).status_code == 422


async def test_admins_alone_find_what_was_done_to_accounts(desk: Desk) -> None:
    _, token = await add_account(desk.database, role=Role.ADMIN, name="Ada Admin")
    for client, found in ((desk.editor, False), (desk.chief, False), (desk.public, True)):
        headers = {"Authorization": f"Bearer {token}"} if client is desk.public else {}
        answer = await client.get(API, params={"subject": "editor:"}, headers=headers)
        assert bool(answer.json()["items"]) is found


async def test_a_changed_record_is_found_by_number(desk: Desk) -> None:
    await a_draft(desk)
    whole = (await desk.editor.get(f"{API}/verification")).json()
    assert whole["holds"]
    assert whole["broken_at"] is None
    async with desk.database.write() as session:
        if (await session.connection()).dialect.name == "sqlite":
            names = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal'"
            for [name] in (await (await session.connection()).execute(text(names))).all():
                await (await session.connection()).execute(text(f"DROP TRIGGER {name}"))
        else:
            await (await session.connection()).execute(text("ALTER TABLE journal DISABLE TRIGGER USER"))
        await (await session.connection()).execute(text("UPDATE journal SET act = 'pass' WHERE seq = 2"))
    broken = (await desk.editor.get(f"{API}/verification")).json()
    assert (broken["holds"], broken["broken_at"]) == (False, 2)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_screen_shows_what_was_decided_and_escapes_what_was_written(desk: Desk) -> None:
    story = await a_draft(desk)
    await act(desk, story, "note", {"text": "Private <b>line</b>."})
    browser = await _browser(desk)
    async with browser.client:
        await browser.open("/desk/journal?act=note")
        assert "Private <b>line</b>." in browser.text
        assert "not public" in browser.text
        await browser.send("/desk/journal", act="", subject=f"story:{story}", day="2026-11-24")
        assert browser.answer.url.params["subject"] == f"story:{story}"
        assert "place" in browser.text
        await browser.open("/desk/journal?day=2026-11-23")
        assert "No decision fits." in browser.text
        assert (await browser.open("/desk/journal?day=never")).status_code == 422
        await browser.open("/desk/journal")
        await browser.follow("Verify the chain")
        assert "The journal holds." in browser.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_earlier_decisions_are_a_link_away(desk: Desk) -> None:
    async with desk.database.write() as session:
        for number in range(60):
            what = {"act": "note", "subject": f"story:{number}", "before": None, "after": None}
            await record_decision(session, **what, now=NOON, by="clock", public=False)
    browser = await _browser(desk)
    async with browser.client:
        await browser.open("/desk/journal?act=note&by=clock")
        assert len(browser.page.xpath("//ol[@class='history']/li")) == 50
        await browser.follow("Earlier decisions")
        assert len(browser.page.xpath("//ol[@class='history']/li")) == 10
