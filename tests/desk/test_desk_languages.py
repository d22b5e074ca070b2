"""The desk speaks the language that an editor chose, else the one that the browser asks for."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import lxml.html
import pytest

from service.desk.problem_words import SENTENCES
from service.translations.dates import age_words, clock_words
from tests.conftest import NOON, Desk
from tests.contracts.sources import ROOT
from tests.desk.forms import an_account, signed_in
from tests.desk.newsroom import STORIES, a_draft, a_wire_story

pytestmark = pytest.mark.anyio


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough for what a page shows."""
    return sqlite_url


async def test_sign_in_and_screens_are_in_the_language_that_the_browser_asks_for(desk: Desk) -> None:
    for header, language, direction, words in (
        ("", "en", "ltr", "Sign in"),
        ("fr-CI, en;q=0.5", "fr", "ltr", "Se connecter"),
        ("ar", "ar", "rtl", "تسجيل الدخول"),
        ("de", "en", "ltr", "Sign in"),
    ):
        answer = await desk.public.get("/desk/sign-in", headers={"Accept-Language": header})
        page = lxml.html.document_fromstring(answer.content)
        assert (page.get("lang"), page.get("dir")) == (language, direction)
        assert words in page.text_content()
    wire = await desk.editor.get("/desk/wire", headers={"Accept-Language": "zh-CN"})
    assert lxml.html.document_fromstring(wire.content).get("lang") == "zh"
    assert "待编稿件" in wire.text


async def test_an_editors_own_choice_outweighs_the_browser(desk: Desk) -> None:
    before = await desk.editor.get("/api/v1/me/preferences")
    change = {"If-Match": before.headers["ETag"]}
    saved = await desk.editor.patch("/api/v1/me/preferences", json={"language": "es"}, headers=change)
    assert saved.status_code == 200, saved.text
    wire = await desk.editor.get("/desk/wire", headers={"Accept-Language": "zh-CN"})
    assert lxml.html.document_fromstring(wire.content).get("lang") == "es"


async def test_what_went_wrong_is_told_in_the_language_that_the_editor_chose(desk: Desk) -> None:
    before = await desk.editor.get("/api/v1/me/preferences")
    change = {"If-Match": before.headers["ETag"]}
    await desk.editor.patch("/api/v1/me/preferences", json={"language": "fr"}, headers=change)
    story, draft = await a_wire_story(desk), await a_draft(desk)
    browser = await signed_in(desk, desk.database, await an_account(desk))
    async with browser.client:
        await browser.open(f"/desk/stories/{draft}")
        hold = {"version": browser.form("/reopen").fields["version"]}
        refused = await browser.client.post(f"/desk/stories/{draft}/hold", data=hold)
        assert refused.status_code == 409
        assert "Remettez-le d’abord sur le fil." in refused.text
        stale = await browser.client.post(f"/desk/stories/{story}/hold", data={"version": "7"})
        assert stale.status_code == 412
        page = lxml.html.document_fromstring(stale.content)
        assert "Voyez ce qu’il en est maintenant" in page.text_content()
        assert "version 1 is current" in page.xpath("//*[@role='alert']//*[@lang='en']")[0].text_content()
    # The API goes on in English.
    answer = await desk.editor.post(f"{STORIES}/{story}/hold", headers={"If-Match": '"7"', "Accept-Language": "fr"})
    assert answer.json()["title"] == "Someone changed this first"


def test_every_sentence_that_is_translated_is_one_that_the_service_says() -> None:
    said = " ".join(
        path.read_text(encoding="utf-8") for path in ROOT.glob("service/**/*.py") if path.name != "problem_words.py"
    )
    assert [sentence for sentence in SENTENCES if f'"{sentence}"' not in said] == []


def test_ages_are_told_in_the_language_of_the_desk() -> None:
    later = NOON + timedelta(hours=3)
    assert [age_words(NOON, later, language) for language in ("en", "zh")] == ["3 hr", "3小时"]
    assert age_words(later, NOON) == "in 3 hr."
    assert clock_words(NOON, ZoneInfo("Africa/Nairobi"), "fr") == "24 nov. 15:00 EAT"
