"""Counts the requests that this process answered, by the address's pattern, and how long each took.

A pattern and not an address, so that no client can make up new series: the route's own where there is one, the
first part of the path for documents answered from memory, and ``other`` for all the rest. An ASGI layer in front of
everything; installed by ``app``, read by ``routes``.
"""

import os
import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service.headers import Application, Message, Receive, Scope, Send
from service.web import API

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's own variable: where the processes of one ``serve --workers`` keep their counts together."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class RequestCounts:
    """The counters of one process; ``known`` are the first parts of the paths that it answers."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "huoban_http_requests",
            "Requests answered, by the pattern of their address.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "huoban_http_request_seconds",
            "From the request's arrival to the end of its answer; event streams and what was at hand are left out.",
            ("route",),
            registry=self._registry,
            buckets=_BUCKETS,
        )
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram | None]] = {}
        """Looking a series up by its labels costs prometheus-client as much as all the rest of a kept answer."""

    def note(self, scope: Scope, status: int, seconds: float | None) -> None:
        """Count one answer; None for one that was at hand, whose time would only hide how long the others take."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        key = (method, self._pattern(scope), status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._found(*key)
        requests, lasting = series
        requests.inc()
        if lasting is not None and seconds is not None:
            lasting.observe(seconds)

    def _found(self, method: str, route: str, status: int) -> tuple[Counter, Histogram | None]:
        lasting = None if route.endswith("/events") else self._seconds.labels(route)
        return self._requests.labels(method, route, str(status)), lasting

    def _pattern(self, scope: Scope) -> str:
        route = getattr(scope.get("route"), "path_format", None)
        if isinstance(route, str):
            # A router knows the patterns below its prefix only.
            inside = scope["path"].startswith(f"{API}/") and not route.startswith(API)
            return f"{API}{route}" if inside else route
        first = scope["path"].split("/", 2)[1].partition(".")[0] if scope["path"].startswith("/") else ""
        return f"/{first}" if first in self._known else "other"

    def exposed(self) -> bytes:
        """The counts in Prometheus' text format, of all processes together where several share them."""
        if folder := os.environ.get(SHARED_FOLDER):
            together = CollectorRegistry()
            MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]  # the package ships none for it
            return generate_latest(together)
        return generate_latest(self._registry)


class CountRequests:
    """The layer that tells ``RequestCounts`` of each answer."""

    def __init__(self, app: Application, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and count what comes back; what comes to nothing counts as 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._counts.note(scope, status, time.perf_counter() - began)
