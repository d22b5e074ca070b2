"""Pages in other languages than English: the same routes once more below ``/fr``, ``/es`` and so on.

One page has one address in each language, so that nothing varies by a header and every cache keeps them apart. What is
no page for people (feeds, data, drawings, the digest, which is an e-mail) exists once; an address of it with a prefix
leads to the plain one. Mounted by ``app``; ``routes`` asks for the language of a request.
"""

import re

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.headers import Kind, kind_of
from service.publishing.caching import MOVED
from service.translations import LANGUAGES, SOURCE


def interface_of(path: str) -> str:
    """The language that the whole path of a request asks for; without a prefix English."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in LANGUAGES else SOURCE


def is_page(path: str) -> bool:
    """Whether readers have a page at a path without prefix: a public one that ends in ``.html`` or has no extension."""
    if kind_of(path) is not Kind.PUBLIC or path.startswith(("/digest/", "/digest.")):
        return False
    extension = re.search(r"\.([a-z0-9]{1,16})$", path)
    return extension is None or extension[1] == "html"


class InLanguage:
    """The pages below one language's prefix; ``root`` is the path that the whole service lives under."""

    def __init__(self, pages: ASGIApp, language: str, *, root: str) -> None:
        self._pages, self._language, self._root = pages, language, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the page answered, or lead to the plain address of what is none (RFC 9110 §15.4.9)."""
        path = scope["path"].removeprefix(scope["root_path"])
        if self._language != SOURCE and is_page(path):
            await self._pages(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        # One slash at the front: two would name another host.
        target = f"{self._root}/{path.lstrip('/')}{f'?{query}' if query else ''}"
        await RedirectResponse(target, status_code=308, headers={"Cache-Control": MOVED})(scope, receive, send)
