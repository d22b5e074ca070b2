"""The application with a shortcut at its very front: a public document that is at hand is answered before all layers.

Most of what readers ask for changes a few times a day, and the layers around the routes cost more than the answer. So
what ``publishing/serving`` keeps and knows to hold goes out from here, with the same headers, counted like any other;
only a request's id, which is there to follow work through the log, is missing where no work is done. ``connections``
asks for such an answer as bytes, before it makes a task of the request; any other server gets it the ASGI way.
Everything else goes the whole way. Made by ``app``.
"""

from typing import Any

from fastapi import FastAPI

from service.arriving import Names
from service.headers import Receive, Scope, Send
from service.metrics.counting import RequestCounts
from service.publishing.caching import Answer
from service.publishing.serving import KeptDocuments, send_answer


class Front(FastAPI):
    """FastAPI, with kept documents in front."""

    def __init__(self, names: Names, kept: KeptDocuments, counts: RequestCounts, **more: Any) -> None:
        super().__init__(**more)
        self._names, self._kept, self._counts = names, kept, counts
        self._more = b"".join(name + b": " + value + b"\r\n" for name, value in names.more)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is at hand; pass on the rest."""
        if scope["type"] == "http" and (answer := self._at_hand(scope)) is not None:
            await send_answer(send, answer, more=self._names.more, head=scope["method"] == "HEAD")
            return
        await super().__call__(scope, receive, send)

    def at_once(self, scope: Scope) -> tuple[bytes, bytes] | None:
        """Head and body of the answer to an HTTP request, if it can be told without waiting for anything.

        The head is as HTTP/1.1 writes it, without the line that ends it: the server adds what is its own.
        """
        answer = self._at_hand(scope)
        if answer is None:
            return None
        return answer.head + self._more, b"" if scope["method"] == "HEAD" else answer.body

    def _at_hand(self, scope: Scope) -> Answer | None:
        answer = self._kept.at_hand(scope)
        if answer is None or not self._names.have(_host(scope)):
            return None
        self._counts.note(scope, answer.status, None)
        return answer


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            host: bytes = value
            return host.decode("latin-1")
    return ""
