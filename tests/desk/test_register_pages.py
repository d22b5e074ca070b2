"""The register's screen without script: a day, a partner's history, and a chief's amendment."""

from collections.abc import AsyncIterator

import pytest

from service.words import Role
from tests.conftest import Desk
from tests.desk.forms import FormDesk, an_account, signed_in

pytestmark = pytest.mark.anyio

KENYA = "/desk/register/KE"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: the pages call the actions, whose tests run on both."""
    return sqlite_url


@pytest.fixture
async def chief(desk: Desk) -> AsyncIterator[FormDesk]:
    """A chief's browser."""
    browser = await signed_in(desk, desk.database, await an_account(desk, Role.CHIEF))
    async with browser.client:
        yield browser


def _label(browser: FormDesk) -> str:
    [label] = browser.page.xpath("//main//header/p/b")
    return str(label.text_content())


async def test_a_chief_amends_and_the_register_still_tells_what_was_known_before(chief: FormDesk) -> None:
    await chief.open(KENYA)
    before = _label(chief)
    row = {"tier": "strategic", "label_zh": "测试<b>关系", "label_en": "test partnership", "source": "Communiqué"}
    await chief.send(f"{KENYA}/amend", **row, in_force_from="2026-11-20")
    assert "Row added" in chief.said
    assert _label(chief) == "测试<b>关系"
    await chief.open(f"{KENYA}?on=2026-11-19")
    assert _label(chief) == before
    await chief.open(f"{KENYA}?known=2026-11-23")
    assert _label(chief) != "测试<b>关系"
    await chief.open("/desk/register?tier=strategic")
    assert "test partnership" in chief.text
    await chief.open("/desk/register?on=2026-11-19&tier=strategic")
    assert "test partnership" not in chief.text


async def test_what_is_wrong_with_an_amendment_is_named_and_nothing_is_added(chief: FormDesk) -> None:
    await chief.open(KENYA)
    answer = await chief.send(f"{KENYA}/amend", label_zh="关系", label_en="partnership", source="x", in_force_from="")
    assert answer.status_code == 422
    assert "needs the day" in chief.text
    assert (await chief.open("/desk/register/Atlantis")).status_code == 404
    assert (await chief.open("/desk/register?known=never")).status_code == 422


async def test_an_editor_is_offered_and_allowed_no_amendment(desk: Desk) -> None:
    browser = await signed_in(desk, desk.database, await an_account(desk))
    async with browser.client:
        await browser.open(KENYA)
        assert "Amend the register" not in browser.text
        row = {"tier": "strategic", "label_zh": "关系", "label_en": "x", "source": "x", "in_force_from": "2026-11-20"}
        assert (await browser.client.post(f"{KENYA}/amend", data=row)).status_code == 403
