"""``/metrics``: for whoever holds the token, or, where no token is set, for this machine alone.

Who asks is the peer of the connection. What a forwarded header claims opens nothing; that there is one means that
somebody asks through a proxy, and then only the token counts. Mounted at the root by ``app``.
"""

import secrets
from collections.abc import Iterable
from ipaddress import ip_address

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from service import __version__
from service.db import Database
from service.errors import NotAllowed, NotAuthenticated
from service.metrics.counting import RequestCounts
from service.metrics.facts import Figure, as_metrics, newsroom_figures, parse_times
from service.web import CalendarDep, Now, Read, runtime_of

router = APIRouter()
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@router.get("/metrics", include_in_schema=False)
async def get_metrics(request: Request, session: Read, now: Now, calendar: CalendarDep) -> Response:
    """Everything in Prometheus' text format."""
    _admit(request)
    counts: RequestCounts = request.app.state.request_counts
    figures = [
        Figure("huoban_build", "The version that runs.", 1, {"version": __version__}),
        Figure("huoban_event_streams", "Desks that listen to this process.", request.app.state.watch.listeners),
        *_pool(runtime_of(request).database),
        *await newsroom_figures(session, now=now, calendar=calendar),
    ]
    registry = CollectorRegistry()
    registry.register(_Ready([*as_metrics(figures), await parse_times(session, now=now)]))
    return Response(counts.exposed() + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Ready(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _admit(request: Request) -> None:
    token = runtime_of(request).settings.metrics_token
    if token:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), token.encode()):
            raise NotAuthenticated("Send the token of HUOBAN_METRICS_TOKEN: `Authorization: Bearer …`.")
        return
    peer = request.client.host if request.client else ""
    if any(name in request.headers for name in _FORWARDED) or not _is_this_machine(peer):
        raise NotAllowed("The figures are for this machine alone. Set HUOBAN_METRICS_TOKEN to read them elsewhere.")


def _is_this_machine(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False  # a Unix socket has no address, and who is behind it nobody knows


def _pool(database: Database) -> list[Figure]:
    pool = database.engine.pool
    states = {name: getattr(pool, method, None) for name, method in (("idle", "checkedin"), ("used", "checkedout"))}
    return [
        Figure("huoban_database_connections", "Connections of this process.", read(), {"state": state})
        for state, read in states.items()
        if read is not None
    ]
