"""The layer in front of the routes: answers public documents from memory, and has each rendered once per change.

A route hands over a ``Document`` by returning ``Rendered``; this layer keeps it, answers it, and answers the next
readers without asking a route. Readers who come while a document is being rendered wait for that one. Nothing
here depends on cookies or on who asks. Installed by ``app``, and read by ``front`` too; what is kept and how it is
answered is ``caching``'s, whether it still holds is ``freshness``'s.
"""

import asyncio
from datetime import datetime
from typing import Any, cast

from starlette.responses import Response

from service.errors import Unavailable
from service.headers import PREFLIGHT, Application, Headers, Kind, Message, Receive, Scope, Send, headers_for, kind_of
from service.publishing.caching import Answer, Document, Kept, Shelf, answer_from
from service.publishing.freshness import Freshness
from service.runtime import Runtime
from service.web import answer_unavailable

_HANDED_OVER = "huoban.documents"


class Rendered(Response):
    """What a route returns for a document: nothing is sent by it, the layer in front does that."""

    def __init__(self, document: Document) -> None:
        super().__init__(document.body, media_type=document.media_type)
        self.document = document

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand the document over."""
        scope[_HANDED_OVER].append(self.document)


class KeptDocuments:
    """What one process has rendered, for as long as it holds."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self._runtime: Runtime | None = None
        self._freshness: Freshness | None = None

    def freshness_of(self, runtime: Runtime) -> Freshness:
        """How it is known whether what was rendered still holds; another runtime begins with an empty shelf."""
        if self._freshness is None or runtime is not self._runtime:
            self._runtime, self.shelf = runtime, Shelf()
            self._freshness = Freshness(runtime.database, runtime.settings.calendar)
        return self._freshness

    async def aclose(self) -> None:
        """Leave the database alone from here on."""
        freshness, self._runtime, self._freshness = self._freshness, None, None
        if freshness is not None:
            await freshness.close()

    def at_hand(self, scope: Scope) -> Answer | None:
        """The answer to a request, if it can be told without waiting for anything."""
        if self._runtime is None or self._freshness is None or scope["method"] not in ("GET", "HEAD"):
            return None
        now = self._runtime.clock()
        version = self._freshness.current(now)
        if version is None:
            return None
        kept = self.shelf.find(scope["path"], scope["query_string"], version)
        return None if kept is None else answer_from(kept, scope["headers"], now=now)


class PublicCache:
    """An ASGI layer; everything that is not a public GET or HEAD passes through it untouched."""

    def __init__(self, app: Application, kept: KeptDocuments) -> None:
        self._app = app
        self._kept = kept
        self._under_way: dict[tuple[str, bytes], asyncio.Future[bool]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from the shelf, or have the document rendered and keep it."""
        if scope["type"] != "http" or kind_of(scope["path"]) is not Kind.PUBLIC:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await send_answer(send, Answer(204, (*PREFLIGHT, *headers_for(Kind.PUBLIC)), b""))
        elif scope["method"] in ("GET", "HEAD"):
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        runtime = cast(Runtime, scope["app"].state.runtime)
        freshness = self._kept.freshness_of(runtime)
        path, query = scope["path"], scope["query_string"]
        while True:
            now = runtime.clock()
            version = freshness.current(now)
            if version is None:
                try:
                    version = await freshness.look(now)
                except Unavailable as error:
                    # What is kept may have been withdrawn meanwhile: caches in front of us decide whether they know.
                    await answer_unavailable(scope, receive, send, error)
                    return
            if (kept := self._kept.shelf.find(path, query, version)) is not None:
                await _send_kept(kept, scope, send, now)
                return
            under_way = self._under_way.get((path, query))
            if under_way is None:
                await self._render(scope, receive, send, version, runtime, shared=True)
                return
            if not await asyncio.shield(under_way):
                # Whoever went first got an answer that is not kept, such as 404: no reason to queue for it.
                await self._render(scope, receive, send, version, runtime, shared=False)
                return

    async def _render(
        self, scope: Scope, receive: Receive, send: Send, version: int, runtime: Runtime, *, shared: bool
    ) -> None:
        key = (scope["path"], scope["query_string"])
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if shared:
            self._under_way[key] = turn

        def end_turn(kept: bool) -> None:
            if not turn.done():
                turn.set_result(kept)
            if self._under_way.get(key) is turn:
                del self._under_way[key]

        async def directly(message: Message) -> None:
            end_turn(False)  # the route answers by itself, perhaps for long: let the others go
            await send(message)

        documents: list[Document] = []
        try:
            await self._app({**scope, _HANDED_OVER: documents}, receive, directly)
            kept = self._keep(scope["path"], documents, version, runtime) if documents else None
            end_turn(kept is not None)
        finally:
            end_turn(False)
        if kept is not None:
            await _send_kept(kept, scope, send, runtime.clock())

    def _keep(self, path: str, documents: list[Document], version: int, runtime: Runtime) -> Kept:
        looked_at = self._kept.freshness_of(runtime).looked_at
        assert looked_at is not None  # noqa: S101 - asked before anything was rendered
        return self._kept.shelf.put(path, documents[0], version, seen_at=looked_at)


async def _send_kept(kept: Kept, scope: Scope, send: Send, now: datetime) -> None:
    answer = answer_from(kept, scope["headers"], now=now)
    await send_answer(send, answer, head=scope["method"] == "HEAD")


async def send_answer(send: Send, answer: Answer, *, more: Headers = (), head: bool = False) -> None:
    """Send a whole answer; to HEAD everything but its body."""
    await send({"type": "http.response.start", "status": answer.status, "headers": (*answer.headers, *more)})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
