"""One log for everything: structlog, for people on a terminal and as JSON lines for machines.

The standard library's loggers (uvicorn, apscheduler, alembic) go through the same renderer. Text from outside
is escaped for both, so a feed can neither write lines of its own into the log nor command the terminal. Called
once by the doors.
"""

import logging
import sys
from typing import Any

import structlog

from service.settings import Settings
from service.tracing import trace_id


def _visible(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    # Line ends, escape sequences and text direction marks come out as \n, \x1b, \u202e. JSON does so by itself.
    return {key: _escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def _escaped(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _traced(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    # So that a line leads to its trace, and the other way round.
    opened = trace_id()
    return {**event, "trace_id": opened} if opened else event


def configure_logging(settings: Settings) -> None:
    """Set the format and level of this process's log on standard error."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    level = getattr(logging, settings.log_level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _traced,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    finish: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    finish.append(structlog.processors.format_exc_info if as_json else _visible)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*finish, renderer]))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    for name in ("uvicorn.access", "apscheduler", "alembic", "httpx", "asyncio"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
