"""The commands of ``huoban``, by what they are for; ``service.cli`` gathers them.

They only translate: read arguments, open the service, call an action in one transaction, print. Anything that
goes wrong on purpose is a ``HuobanError``, which ``cli.main`` prints.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from rich.console import Console

from service import __version__
from service.logs import configure_logging
from service.migrating import require_migrated
from service.opening import open_service, spare_collector
from service.runtime import Runtime
from service.settings import Settings, load_settings
from service.tracing import start_tracing

Result = TypeVar("Result")


def settings_for_command(**overrides: Any) -> Settings:
    """The settings of this process, with its log set up accordingly."""
    settings = load_settings(**overrides)
    configure_logging(settings)
    start_tracing(__version__)
    return settings


@asynccontextmanager
async def ready_service() -> AsyncIterator[Runtime]:
    """The service on a database that is already at this version; commands never migrate in passing."""
    async with open_service(settings_for_command()) as runtime:
        await require_migrated(runtime.database)
        yield runtime


def console() -> Console:
    """Standard output for tables: as wide as the terminal, and as wide as the text where a program reads it."""
    return Console(width=None if sys.stdout.isatty() else 10_000, markup=False, highlight=False)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work to its end."""
    spare_collector()
    return asyncio.run(work)
