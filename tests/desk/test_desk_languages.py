"""The desk speaks the language that an editor chose, else the one that the browser asks for."""

import lxml.html
import pytest

from tests.conftest import Desk

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
