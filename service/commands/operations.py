"""Commands for whoever runs the service: ``backup``, ``restore``."""

from pathlib import Path

import typer

from service.app import open_service
from service.backups import Contents, restore_backup, write_backup
from service.commands import ready_service, run, settings_for_command


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    for command in (backup, restore):
        app.command()(command)


def backup(file: Path = typer.Argument(help="The file to write; it must not exist.")) -> None:
    """Copy everything into one file, while the service runs, and check the copy."""

    async def work() -> Contents:
        async with ready_service() as runtime:
            return await write_backup(runtime.database, file)

    typer.echo(f"Backed up to {file}: {_in_words(run(work()))}")


def restore(file: Path = typer.Argument(help="A file that `huoban backup` wrote.")) -> None:
    """Put a backup into an empty place, bring it to this version, and check its journal."""

    async def work() -> Contents:
        async with open_service(settings_for_command()) as runtime:
            return await restore_backup(runtime.database, file)

    typer.echo(f"Restored from {file}: {_in_words(run(work()))}")


def _in_words(contents: Contents) -> str:
    return f"{contents.decisions:,} decisions, {contents.bytes / 2**20:,.1f} MiB. The last hash is {contents.head}."
