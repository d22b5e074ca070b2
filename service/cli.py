"""The command line door: ``huoban``. Gathers the commands and turns every expected error into one clear line.

The commands themselves are in ``service/commands``, by what they are for. Exit codes: 0 it was done, 1 it could
not be done and standard error says why, 2 the command was misspelt.
"""

import sys

import typer
from rich.console import Console

from service import __version__
from service.commands import operations, people, records, research, running, sources, webhooks
from service.errors import HuobanError

app = typer.Typer(
    name="huoban",
    help="The news desk for newsrooms that follow China and the Global South.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
running.add_to(app)
sources.add_to(app)
people.add_to(app)
records.add_to(app)
webhooks.add_to(app)
operations.add_to(app)
research.add_to(app)


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
        console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        console.print(f"huoban: {error.detail}")
        for problem in error.errors:
            near = f" (did you mean {' or '.join(problem.suggestions)}?)" if problem.suggestions else ""
            console.print(f"  {problem.field}: {problem.message}{near}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
