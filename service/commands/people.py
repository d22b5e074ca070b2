"""Commands about accounts: ``editors add | list | disable | token``."""

import typer
from rich.table import Table

from service import auth
from service.commands import console, ready_service, run
from service.desk import people
from service.models import Editor
from service.words import Role, TokenKind

editors = typer.Typer(help="Accounts and tokens.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(editors, name="editors")


@editors.command("add")
def add(
    email: str,
    name: str = typer.Option(..., help="As colleagues and readers see it."),
    role: Role = typer.Option(Role.EDITOR, help="What the account may do."),
) -> None:
    """Make an account and print its set-up link, which works once within seven days."""

    async def work() -> str:
        async with ready_service() as runtime:
            async with runtime.database.write() as session:
                _, secret = await auth.add_editor(
                    session, email=email, name=name, role=role, now=runtime.clock(), by="operator"
                )
            return f"{runtime.settings.base_url}/setup/{secret}"

    typer.echo(run(work()))


@editors.command("list")
def list_all() -> None:
    """Every account."""

    async def work() -> list[Editor]:
        async with ready_service() as runtime, runtime.database.read() as session:
            return await auth.list_editors(session)

    table = Table("e-mail", "role", "state", "in the ledger as", "name", box=None, pad_edge=False)
    for editor in run(work()):
        state = "disabled" if editor.disabled_at else "in use" if editor.password_hash else "set-up link not used yet"
        table.add_row(editor.email, editor.role, state, editor.pseudonym, editor.name)
    console().print(table)


@editors.command("disable")
def disable(email: str) -> None:
    """Shut an account: its tokens and sessions stop at once, its decisions stay on the record."""

    async def work() -> None:
        async with ready_service() as runtime, runtime.database.write() as session:
            editor = await auth.find_editor(session, email)
            await people.shut_account(session, editor, now=runtime.clock(), by="operator")

    run(work())
    typer.echo(f"{email} is disabled.")


@editors.command("token")
def token(
    email: str,
    service: bool = typer.Option(False, "--service", help="For a program: may read and add to the wire, no more."),
    scope: list[str] = typer.Option([], "--scope", help="What it may do; without it, all that its kind may."),
    days: int | None = typer.Option(None, min=1, max=3_650, help="When it ends; without it, never."),
    name: str = typer.Option("", help="What it is for."),
) -> None:
    """Make a bearer token for an account and print it alone; it cannot be shown again."""

    async def work() -> str:
        async with ready_service() as runtime, runtime.database.write() as session:
            editor = await auth.find_editor(session, email)
            return await auth.issue_token(
                session,
                editor,
                kind=TokenKind.SERVICE if service else TokenKind.PERSON,
                scopes=tuple(scope),
                name=name,
                days=days,
                now=runtime.clock(),
                by="operator",
            )

    typer.echo(run(work()))
