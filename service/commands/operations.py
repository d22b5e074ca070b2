"""Commands for whoever runs the service: ``doctor``, ``backup``, ``restore``."""

from pathlib import Path

import typer

from service.backups import Contents, restore_backup, write_backup
from service.commands import ready_service, run, settings_for_command
from service.errors import SetupError
from service.examination import Finding, Verdict, examine
from service.opening import open_service


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    for command in (doctor, backup, restore):
        app.command()(command)


def doctor() -> None:
    """Look at everything an installation needs, and say what to do; exits 1 if something is bad."""

    async def work() -> bool:
        async with open_service(settings_for_command()) as runtime:
            _print(_good_settings())
            return not [finding async for finding in examine(runtime) if _print(finding)]

    try:
        healthy = run(work())
    except SetupError as error:
        healthy = not _print(Finding(Verdict.BAD, "settings", error.detail, "docs/settings.md explains each one."))
    if not healthy:
        raise typer.Exit(1)


def _good_settings() -> Finding:
    return Finding(Verdict.GOOD, "settings", "all can be read")


def _print(finding: Finding) -> bool:
    """Print one line; answers whether it is a bad one."""
    remedy = f"  → {finding.remedy}" if finding.remedy else ""
    typer.echo(f"{finding.verdict.value:4}  {finding.about:14}  {finding.what}{remedy}")
    return finding.verdict is Verdict.BAD


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
