"""Traces as a collector gets them: OTLP over HTTP to a real receiver on loopback, from a process of our own."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from service.tracing import is_secret

ASKED = """
import asyncio, sys
import httpx, structlog
from service import __version__
from service.app import create_app
from service.logs import configure_logging
from service.migrating import migrate_database
from service.opening import open_service
from service.settings import load_settings
from service.tracing import span, start_tracing

settings = load_settings(scheduler=False, log_format="json")
configure_logging(settings)
start_tracing(__version__)


async def work():
    async with open_service(settings) as runtime:
        await migrate_database(runtime.database)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        over = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=over, base_url=settings.base_url) as client:
            await client.get("/health/ready")
            await client.get("/setup/very-secret")
    with span("job close"):
        structlog.get_logger("test").warning("within")
    structlog.get_logger("test").warning("outside")


asyncio.run(work())
print("sdk" if "opentelemetry.sdk" in sys.modules else "none")
"""


@contextmanager
def a_collector() -> Iterator[tuple[str, list[Span]]]:
    taken: list[Span] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") != "gzip":
                sent = ExportTraceServiceRequest.FromString(body)
                taken.extend(one for r in sent.resource_spans for scope in r.scope_spans for one in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ran(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": "/usr/bin:/bin", "HUOBAN_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/traced.db", **more}
    return subprocess.run([sys.executable, "-c", ASKED], env=variables, capture_output=True, text=True, check=True)


def test_a_collector_gets_requests_and_statements_and_the_log_has_their_trace(tmp_path: Path) -> None:
    with a_collector() as (address, taken):
        done = ran(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=address)
    names = {one.name for one in taken}
    assert {"GET /health/ready", "SELECT", "job close"} <= names
    request = next(one for one in taken if one.name == "GET /health/ready")
    assert any(one.parent_span_id == request.span_id for one in taken if one.name == "SELECT")
    assert "very-secret" not in str(taken)
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    within = next(line for line in lines if line["event"] == "within")
    assert within["trace_id"] == next(one for one in taken if one.name == "job close").trace_id.hex()
    assert "trace_id" not in next(line for line in lines if line["event"] == "outside")


def test_without_an_endpoint_nothing_of_the_sdk_is_imported(tmp_path: Path) -> None:
    assert ran(tmp_path).stdout.split()[-1] == "none"


@pytest.mark.parametrize(("path", "secret"), [("/setup/x", True), ("/websub/x", True), ("/daily.rss", False)])
def test_requests_whose_address_is_a_secret_have_no_span(path: str, secret: bool) -> None:
    assert is_secret({"path": path}) is secret
