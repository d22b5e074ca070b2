"""Webhooks at the desk without script: the secret shown once, pause and removal, deliveries, admins alone."""

import re
from collections.abc import AsyncIterator

import pytest

from service.outgoing.sending import send_outgoing
from service.words import Role
from tests.conftest import Desk, SettableClock, add_account
from tests.desk.forms import FormDesk, an_account, signed_in
from tests.feed_server import Answer, FeedServer
from tests.outgoing.newsroom import telling

pytestmark = pytest.mark.anyio

WEBHOOKS = "/desk/webhooks"
ADDRESS = "http://127.0.0.1:9/hook"


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


async def test_a_webhook_is_added_with_a_secret_shown_once_and_its_deliveries_are_seen(
    desk: Desk, admin: FormDesk, clock: SettableClock
) -> None:
    async with FeedServer() as server, telling(desk.database, clock) as runtime:
        server.on("/hook", Answer(status=204))
        await admin.open(WEBHOOKS)
        assert "None." in admin.text
        await admin.send(WEBHOOKS, url=server.url("/hook"), purpose="the archive", events=["item.published"])
        [secret] = re.findall(r"whsec_[\w+/=]+", admin.text)
        assert admin.answer.headers["Cache-Control"] == "no-store"
        await admin.follow("To the webhook")
        assert secret not in admin.answer.text
        await admin.send("/test")
        assert "on its way" in admin.said
        assert "waiting" in admin.text
        clock.move(seconds=1)
        await send_outgoing(runtime)
        await admin.open(admin.answer.url.path)
        assert "taken" in admin.text
        assert "204" in admin.text


async def test_a_webhook_is_changed_paused_resumed_and_removed_and_no_form_overwrites_another(admin: FormDesk) -> None:
    await admin.open(WEBHOOKS)
    await admin.send(WEBHOOKS, url=ADDRESS, events=["item.published"])
    [secret] = re.findall(r"whsec_[\w+/=]+", admin.text)
    await admin.follow("To the webhook")
    stale_page, stale_answer = admin.page, admin.answer
    await admin.send("/change", purpose="<i>press</i>", events=["edition.closed", "item.withdrawn"])
    assert "Webhook changed." in admin.said
    assert "<i>press</i>" in admin.text
    assert (await admin.send("/change", events=[])).status_code == 422
    admin.page, admin.answer = stale_page, stale_answer
    assert (await admin.send("/pause")).status_code == 412
    await admin.open(WEBHOOKS)
    await admin.send("/pause")
    assert "Paused" in admin.said
    await admin.send("/resume")
    assert "Resumed" in admin.said
    await admin.follow(ADDRESS)
    await admin.send("/secret")
    [renewed] = re.findall(r"whsec_[\w+/=]+", admin.text)
    assert renewed != secret
    await admin.follow("To the webhook")
    await admin.send("/remove")
    assert "removed" in admin.said
    assert ADDRESS not in admin.answer.text


async def test_nobody_but_an_admin_is_shown_webhooks(desk: Desk) -> None:
    browser = await signed_in(desk, desk.database, await an_account(desk, Role.CHIEF))
    async with browser.client:
        await browser.open("/desk/wire")
        assert WEBHOOKS not in browser.answer.text
        assert (await browser.open(WEBHOOKS)).status_code == 403
        for path in ("", "/x/change", "/x/secret", "/x/test", "/x/remove", "/x/pause"):
            assert (await browser.client.post(WEBHOOKS + path, data={"version": "1"})).status_code == 403, path
