"""The application with a shortcut at its very front: a public document that is at hand is answered before all layers.

Most of what readers ask for changes a few times a day, and the layers around the routes cost more than the answer. So
what ``publishing/serving`` keeps and knows to hold goes out from here, with the same headers, counted like any other;
only a request's id, which is there to follow work through the log, is missing where no work is done. Everything else
goes the whole way. Made by ``app``.
"""

import time
from typing import Any

from fastapi import FastAPI

from service.arriving import Names
from service.headers import Receive, Scope, Send
from service.metrics.counting import RequestCounts
from service.publishing.serving import KeptDocuments, send_answer


class Front(FastAPI):
    """FastAPI, with kept documents in front."""

    def __init__(self, names: Names, kept: KeptDocuments, counts: RequestCounts, **more: Any) -> None:
        super().__init__(**more)
        self._names, self._kept, self._counts = names, kept, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is at hand; pass on the rest."""
        if scope["type"] == "http":
            began = time.perf_counter()
            answer = self._kept.at_hand(scope)
            if answer is not None and self._names.have(_host(scope)):
                await send_answer(send, answer, more=self._names.more, head=scope["method"] == "HEAD")
                self._counts.note(scope, answer.status, time.perf_counter() - began)
                return
        await super().__call__(scope, receive, send)


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            host: bytes = value
            return host.decode("latin-1")
    return ""
