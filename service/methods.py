"""What each address answers to: the methods that it knows (``Allow``, OPTIONS, HEAD) and its query parameters.

The framework looks for the first route that fits a request; what is true of an address as a whole is said here, in
front of the routes, from the same routes:

* a method that an address has not is 405 with all that it has, and OPTIONS names them (RFC 9110 §9.3.7, §15.5.6);
* HEAD is GET without the content (RFC 9110 §9.3.2), and a stream ends with its headers;
* below ``/api/`` a query parameter that an operation has not is 422: a misspelt filter would show a list that looks
  like an answer.

Public addresses answer OPTIONS by ``publishing.serving`` and read their query themselves. Installed by ``app``.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import FieldError, Invalid
from service.web import API, problem


@dataclass(frozen=True)
class _Operation:
    path: re.Pattern[str]
    methods: frozenset[str]
    parameters: frozenset[str]


class Methods:
    """Answers what concerns an address rather than one operation at it, and passes everything else on."""

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    @cached_property
    def _operations(self) -> tuple[_Operation, ...]:
        return tuple(_operations(self._routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on as the operation that is meant, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and (known := self._methods(scope)):
            await Response(status_code=204, headers={"Allow": _named(known)})(scope, receive, send)
        elif scope["query_string"] and f"{API}/" in scope["path"] and (errors := self._unknown_parameters(scope)):
            detail = "This operation has no such parameter. Its parameters are described at /api/docs."
            await problem(Invalid.status, Invalid.code, Invalid.title, detail, errors, {})(scope, receive, send)
        elif scope["method"] == "HEAD" and "GET" in (routed := self._routed(scope)) and "HEAD" not in routed:
            await _Headers(self._app, receive, send)(scope)
        else:
            await self._app(scope, receive, self._naming_all(scope, send))

    def _naming_all(self, scope: Scope, send: Send) -> Send:
        """``send`` with a refused method's ``Allow`` made whole: the framework names those of one route."""

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                MutableHeaders(scope=message)["Allow"] = _named(self._methods(scope))
            await send(message)

        return send_allowed

    def _at(self, scope: Scope) -> list[_Operation]:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        return [operation for operation in self._operations if operation.path.match(path)]

    def _routed(self, scope: Scope) -> frozenset[str]:
        return frozenset[str]().union(*(operation.methods for operation in self._at(scope)))

    def _methods(self, scope: Scope) -> frozenset[str]:
        """Every method that the address answers; none where nothing is."""
        routed = self._routed(scope)
        if not routed:
            return routed
        return routed | {"OPTIONS"} | ({"HEAD"} if "GET" in routed else frozenset())

    def _unknown_parameters(self, scope: Scope) -> list[FieldError]:
        meant = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = next((found for found in self._at(scope) if meant in found.methods), None)
        if operation is None:
            return []
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        known = sorted(operation.parameters)
        return [
            FieldError(
                name[:64],
                f"there is no parameter '{name[:64]}' here",
                tuple(difflib.get_close_matches(name[:64], known, n=3, cutoff=0.5) or known),
            )
            for name in given
            if name not in operation.parameters
        ]


class _Headers:
    """One HEAD: the operation runs as GET, and ends as soon as its headers are known."""

    def __init__(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        self._app, self._receive, self._send = app, receive, send
        self._answered = False

    async def __call__(self, scope: Scope) -> None:
        await self._app({**scope, "method": "GET"}, self._receive_until_answered, self._send_headers)

    async def _receive_until_answered(self) -> Message:
        return {"type": "http.disconnect"} if self._answered else await self._receive()

    async def _send_headers(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(message)
            await self._send({"type": "http.response.body", "body": b""})
            self._answered = True


def _operations(routes: Sequence[BaseRoute]) -> Iterator[_Operation]:
    for route in iter_route_contexts(routes):
        pattern, methods = getattr(route, "path_regex", None), route.methods
        if pattern is not None and methods:
            dependant = getattr(route, "dependant", None)
            yield _Operation(pattern, frozenset(methods), frozenset(_query_of(dependant) if dependant else ()))


def _query_of(dependant: Dependant) -> Iterator[str]:
    """The names of the query parameters that an operation reads, by itself or through what it depends on."""
    parameter: Any
    for parameter in dependant.query_params:
        yield parameter.alias
    for inner in dependant.dependencies:
        yield from _query_of(inner)


def _named(methods: frozenset[str]) -> str:
    return ", ".join(sorted(methods))
