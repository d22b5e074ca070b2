"""Commands that run the service: ``serve``, ``worker``, ``demo``, ``migrate``."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import structlog
import typer
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from service.app import create_app, freezer
from service.commands import run, settings_for_command
from service.connections import BoundedProtocol
from service.errors import SetupError
from service.fetching.parsers import ParserPool
from service.metrics.counting import SHARED_FOLDER
from service.migrating import migrate_database
from service.opening import first_admin_link, open_service, prepare, spare_collector
from service.scheduling import scheduling
from service.settings import PREFIX, Settings

log = structlog.get_logger(__name__)

GRACE_SECONDS = 10
"""How long an open connection may delay a stop; without a limit an event stream would keep it for ever."""


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    for command in (serve, worker, demo, migrate):
        app.command()(command)


def serve(
    host: str = typer.Option("127.0.0.1", help="The address to listen on."),
    port: int = typer.Option(8000, min=0, max=65535, help="The port to listen on; 0 takes a free one."),
    workers: int = typer.Option(1, min=1, max=64, help="Web processes; with more than one, a worker runs beside them."),
    no_scheduler: bool = typer.Option(False, "--no-scheduler", help="Only serve; a `huoban worker` fetches elsewhere."),
) -> None:
    """Migrate, load feeds.yaml, serve API and public pages, and fetch on schedule."""
    _stop_well()
    with bind(host, port) as listener:
        _serve(listener, workers, no_scheduler)


def _serve(listener: socket.socket, workers: int, no_scheduler: bool) -> None:
    host, port = listener.getsockname()[:2]
    overrides: dict[str, object] = {"scheduler": False} if no_scheduler else {}
    if f"{PREFIX}BASE_URL" not in os.environ and f"{PREFIX}BASE_URL_FILE" not in os.environ:
        overrides["base_url"] = f"http://{_spoken(host)}:{port}"
    settings = settings_for_command(**overrides)
    run(_introduce(settings))
    if workers == 1:
        run_server(create_app(settings), listener)
        return
    with tempfile.TemporaryDirectory(prefix="huoban-counts-") as counts:
        # The processes that uvicorn starts build their own app; what was decided here reaches them as settings.
        os.environ.update(
            {f"{PREFIX}BASE_URL": settings.base_url, f"{PREFIX}SCHEDULER": "false", SHARED_FOLDER: counts}
        )
        _serve_together(listener, workers, settings)


def _serve_together(listener: socket.socket, workers: int, settings: Settings) -> None:
    config = uvicorn.Config(
        "service.app:create_app_from_environment", factory=True, workers=workers, log_config=None, **_SERVER
    )
    beside = subprocess.Popen([sys.executable, "-m", "service", "worker"]) if settings.scheduler else None
    try:
        Multiprocess(config, sockets=[listener]).run()
    finally:
        if beside is not None:
            beside.send_signal(signal.SIGTERM)
            beside.wait(timeout=2 * GRACE_SECONDS)


_SERVER: dict[str, Any] = {
    "timeout_graceful_shutdown": GRACE_SECONDS,
    "server_header": False,
    "date_header": True,
    "proxy_headers": False,
    "access_log": False,
    "http": BoundedProtocol,
}


def _stop_well() -> None:
    # uvicorn raises the signal again once it has stopped, and by default that kills: whatever supervises us
    # would take a clean stop for a crash. Before uvicorn runs, a signal ends the preparations the same way.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def _spoken(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def bind(host: str, port: int) -> socket.socket:
    """Listen before anything else is done, so that a port in use is the first thing said.

    Raises:
        SetupError: the address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SetupError(f"{host} is not an address that this machine can listen on ({error}).") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # What it accepts inherits this. An answer leaves in two pieces, and without it the second one of every answer
    # but the first waits for the client's delayed acknowledgement: 40 ms (RFC 1122, 4.2.3.2 and 4.2.3.4).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise SetupError(
            f"Port {port} on {host} cannot be used ({error.strerror}). Stop what runs there, or choose another --port."
        ) from error
    listener.set_inheritable(True)
    return listener


def run_server(app: FastAPI, listener: socket.socket) -> None:
    """Serve until a signal, then stop gracefully."""
    config = uvicorn.Config(app, log_config=None, loop="uvloop", **_SERVER)
    server = uvicorn.Server(config)
    spare_collector()  # again: the app has been made since
    server.run(sockets=[listener])
    if not server.started:
        raise SetupError("The service could not start; the log above says why.")


async def _introduce(settings: Settings) -> None:
    """Make the database ready and say where to click."""
    async with open_service(settings) as runtime:
        report = await prepare(runtime)
        link = await first_admin_link(runtime)
    feeds = len(report.added) + len(report.changed) + len(report.revived) + len(report.unchanged)
    base = settings.base_url
    lines = [
        f"Huoban serves {feeds} feeds' news at {base}",
        f"  today's list   {base}/   {base}/daily.rss   {base}/daily.json",
        f"  editor API     {base}/api/docs",
    ]
    if link:
        lines.append(f"  first admin    {link}   (works once)")
    for line in lines:
        typer.echo(line)


def worker() -> None:
    """Fetch, publish and close by the clock, beside any number of `serve --no-scheduler`."""
    settings = settings_for_command()
    run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    async with open_service(settings) as runtime, ParserPool(workers=os.cpu_count() or 1) as parsers:
        await prepare(runtime)
        async with scheduling(runtime, parsers, freeze=freezer(settings)):
            log.info("worker_started")
            await stop.wait()
    log.info("worker_stopped")


def demo(
    port: int = typer.Option(8000, min=0, max=65535, help="The port to listen on; 0 takes a free one."),
    folder: Path | None = typer.Option(
        None, help="Where to keep the demo's database; without it, a folder that is deleted at the end."
    ),
) -> None:
    """Show all of it on a temporary database, with sample feeds and accounts; no internet needed."""
    from service.demo.show import run_demo  # only here: a newsroom's own service has no use for the samples

    _stop_well()
    with bind("127.0.0.1", port) as listener:
        run_demo(listener, folder)


def migrate() -> None:
    """Bring the database to this version's schema."""
    before, after = run(_migrate())
    typer.echo(f"The database is at revision {after}." if before == after else f"Migrated from {before} to {after}.")


async def _migrate() -> tuple[str | None, str]:
    async with open_service(settings_for_command()) as runtime:
        return await migrate_database(runtime.database)
