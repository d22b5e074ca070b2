"""Traces for an operator's collector (OpenTelemetry), where the extra ``otel`` is installed and an endpoint is set.

The standard variables decide: ``OTEL_EXPORTER_OTLP_ENDPOINT`` or ``…_TRACES_ENDPOINT`` (OTLP over HTTP),
``OTEL_SERVICE_NAME``, ``OTEL_TRACES_SAMPLER`` and the others. Without one nothing of the SDK is imported and a span
costs next to nothing. No span carries a secret: statements go without their values, and requests whose address is
one (set-up links, hubs' callbacks, sign-in at a provider) have none. Started by the doors; ``span`` is used by whoever
does work worth seeing.
"""

import os
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any

from opentelemetry import trace
from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPICursor

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SECRET_PATHS = ("/setup/", "/websub/", "/oidc/")
_SPAN = "huoban_span"


def tracing_wanted() -> bool:
    """Whether an endpoint is set, and the extra is there to send to it."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not off and any(os.environ.get(name) for name in _ENDPOINTS) and find_spec("opentelemetry.sdk") is not None


def start_tracing(version: str) -> None:
    """Send this process's spans from now on, in the background and to the last one at exit. Safe to repeat."""
    if not tracing_wanted():
        return
    # Only here: the SDK is an extra, and costs a start that sends nothing a tenth of a second.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    name = os.environ.get("OTEL_SERVICE_NAME", "huoban")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name, SERVICE_VERSION: version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def span(name: str, **about: str) -> AbstractContextManager[trace.Span]:
    """A piece of work as a span, beneath the one that is open; nothing where nobody traces."""
    return trace.get_tracer("huoban").start_as_current_span(name, attributes=about)


def is_secret(scope: MutableMapping[str, Any]) -> bool:
    """Whether a request is to have no span: its address is a secret."""
    return str(scope.get("path", "")).startswith(_SECRET_PATHS)


def request_spans() -> dict[str, Any]:
    """FastAPI's own settings of its spans: each request once, if anybody looks, and none that is a secret."""
    about = {"tracing": tracing_wanted(), "exclude": is_secret}
    return {**about, "operation_spans": False, "metrics": False, "logs": False}


def trace_id() -> str | None:
    """The open trace's id as 32 hexadecimal digits; None outside any."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def trace_statements(engine: Engine) -> None:
    """Give each statement of an engine a span, if this process traces: the text without its values."""
    if not tracing_wanted():
        return
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(connection: Connection, _cursor: DBAPICursor, text: str, _values: Any, context: Any, _many: bool) -> None:
    about = {"db.system.name": connection.dialect.name, "db.query.text": text[:4000]}
    name = text.split(None, 1)[0].upper() if text.strip() else "statement"
    opened = trace.get_tracer("huoban").start_span(name, kind=trace.SpanKind.CLIENT, attributes=about)
    setattr(context, _SPAN, opened)


def _end(_connection: Connection, _cursor: DBAPICursor, _text: str, _values: Any, context: Any, _many: bool) -> None:
    getattr(context, _SPAN).end()


def _fail(failure: ExceptionContext) -> None:
    opened: trace.Span | None = getattr(failure.execution_context, _SPAN, None)
    if opened is not None:
        opened.set_status(trace.StatusCode.ERROR, type(failure.original_exception).__name__)
        opened.end()
