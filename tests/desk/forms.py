"""A browser without script: reads the desk's pages, fills in their forms and sends them, as a person would."""

from typing import Any
from urllib.parse import urljoin

import httpx
from lxml import html
from sqlmodel import select

from service import auth
from service.db import Database
from service.models import Editor
from service.words import Role
from tests.conftest import NOON, Desk


class FormDesk:
    """One editor's browser at the desk; ``page`` is what it shows."""

    def __init__(self, base: str, secret: str | None = None) -> None:
        cookies = {"huoban": secret} if secret else {}
        # What a browser says of a form on our own page (Fetch Metadata).
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        self.client = httpx.AsyncClient(
            base_url=base, cookies=cookies, headers=headers, follow_redirects=True, trust_env=False, timeout=30
        )
        self.page: Any = None
        self.answer: Any = None

    async def open(self, path: str) -> Any:
        """Go to an address."""
        return self._shown(await self.client.get(path))

    async def follow(self, words: str) -> Any:
        """Click the first link that has these words."""
        [link, *_] = [a for a in self.page.iter("a") if words in a.text_content()]
        return await self.open(urljoin(str(self.answer.url), link.get("href")))

    def form(self, action: str) -> Any:
        """The first form whose address ends so."""
        found = [form for form in self.page.forms if (form.action or "").endswith(action)]
        assert found, f"no form {action} in {[form.action for form in self.page.forms]}"
        return found[0]

    async def send(self, action: str, **values: Any) -> Any:
        """Fill in a form and press its button; a list stands for several fields of one name."""
        form = self.form(action)
        fields = [(name, value) for name, value in form.form_values() if name not in values]
        for name, value in values.items():
            fields += [(name, each) for each in (value if isinstance(value, list) else [value])]
        data: dict[str, list[str]] = {}
        for name, value in fields:
            data.setdefault(name, []).append(str(value))
        target = urljoin(str(self.answer.url), form.action)
        if form.method == "GET":
            return self._shown(await self.client.get(target, params=data))
        return self._shown(await self.client.post(target, data=data))

    def _shown(self, answer: httpx.Response) -> Any:
        self.answer, self.page = answer, html.fromstring(answer.text)
        return answer

    @property
    def said(self) -> str:
        """What the page says was done."""
        return " ".join(self.page.get_element_by_id("says").text_content().split())

    @property
    def text(self) -> str:
        """All words of the page."""
        return " ".join(self.page.text_content().split())


async def signed_in(desk: Desk, database: Database, editor: Editor) -> FormDesk:
    """The browser of an editor whose session is open."""
    async with database.write() as session:
        secret = await auth.open_session(session, editor, now=NOON)
    return FormDesk(desk.base, secret)


async def an_account(desk: Desk, role: Role = Role.EDITOR) -> Editor:
    """The desk's one account of a role."""
    async with desk.database.read() as session:
        return (await session.exec(select(Editor).where(Editor.role == role))).one()
