"""The command line door: ``huoban``. Finds the commands and turns every expected error into one clear line.

The commands themselves are in ``service/commands``, by what they are for, and are imported when they are called for:
``huoban --help`` loads none of them. Exit codes: 0 it was done, 1 it could not be done and standard error says why,
2 the command was misspelt.
"""

import gc
import sys
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from service import __version__
from service.errors import HuobanError

COMMANDS = MappingProxyType(
    {
        "serve": ("running", "Serve the desk and the public pages, and fetch on schedule."),
        "worker": ("running", "Fetch, publish and close by the clock, beside `serve --no-scheduler`."),
        "demo": ("running", "Show all of it on sample feeds; no internet needed."),
        "migrate": ("running", "Bring the database to this version's schema."),
        "fetch": ("sources", "Fetch now, and say how each feed answered."),
        "feeds": ("sources", "The list of sources."),
        "editors": ("people", "Accounts and tokens."),
        "editions": ("records", "The day's lists."),
        "digest": ("records", "Print a day's digest, or send it."),
        "register": ("records", "China's partnerships over time."),
        "journal": ("records", "The record of decisions."),
        "webhooks": ("webhooks", "Addresses that are told of what is published."),
        "doctor": ("operations", "Look at everything an installation needs, and say what to do."),
        "backup": ("operations", "Copy everything into one file, while the service runs."),
        "restore": ("operations", "Put a backup into an empty place, and check its journal."),
        "export": ("research", "Write the corpus for research."),
    }
)
"""Each command: the module of ``service.commands`` that has it, and its line in ``huoban --help``."""


class _Commands(TyperGroup):
    """The commands by name; a module is imported when one of its own is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        gathered = typer.Typer(context_settings=_CONTEXT, rich_markup_mode=None)
        gathered.callback()(lambda: None)  # a group, also where the module has one command only
        _imported(COMMANDS[cmd_name][0]).add_to(gathered)
        return get_group(gathered).commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _imported(module: str) -> ModuleType:
    # Modules leave no garbage, and looking for it while they load took a fifth of the start.
    gc.disable()
    try:
        return import_module(f"service.commands.{module}")
    finally:
        gc.enable()


_CONTEXT = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    cls=_Commands,
    name="huoban",
    help="The news desk for newsrooms that follow China and the Global South.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=_CONTEXT,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"huoban {__version__}")
        raise typer.Exit


@app.callback()
def huoban(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Feeds in, people decide, JSON and RSS out."""


def main() -> None:
    """Run one command; called by the ``huoban`` script and by ``python -m service``."""
    try:
        app()
    except HuobanError as error:
        from rich.console import Console  # only here: most commands end well, and many need no table

        console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        console.print(f"huoban: {error.detail}")
        for problem in error.errors:
            near = f" (did you mean {' or '.join(problem.suggestions)}?)" if problem.suggestions else ""
            console.print(f"  {problem.field}: {problem.message}{near}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
