"""Commands about what was decided: ``editions``, ``digest``, ``register``, ``journal``."""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import typer
from rich.table import Table

from service.app import freezer
from service.checkpoints import CheckpointsRead, last_checkpoint, own_checkpoints, read_checkpoints
from service.commands import console, ready_service, run
from service.desk import closing, lists, schemas
from service.desk.editions import edition_for_change
from service.errors import FieldError, Invalid, NotFound, SetupError
from service.journal import ChainCheck, check_journal, check_ledger
from service.models import Checkpoint, Delivery, RegisterEntry
from service.outgoing.by_hand import send_digest
from service.partnerships import places, register
from service.partnerships.register import Finding, Standing
from service.publishing import digest as digests
from service.publishing import freezing
from service.publishing.routes import digest_site_of
from service.scheduling import checkpoint_due
from service.signing import read_public_keys
from service.words import DeliveryState

editions = typer.Typer(help="The day's lists.", no_args_is_help=True)
register_commands = typer.Typer(help="China's partnerships over time.", no_args_is_help=True)
journal = typer.Typer(help="The record of decisions.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(editions, name="editions")
    app.command()(digest)
    app.add_typer(register_commands, name="register")
    app.add_typer(journal, name="journal")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"'{text}' is not a day.", errors=[FieldError("date", "write it as 2026-11-24")]) from error


@editions.command("show")
def show(day: str) -> None:
    """One day's list with its drafts."""

    async def work() -> schemas.EditionOut:
        async with ready_service() as runtime, runtime.database.read() as session:
            return await lists.edition_view(session, _day(day), calendar=runtime.settings.calendar, now=runtime.clock())

    edition = run(work())
    screen = console()
    screen.print(f"{edition.date}, {edition.zone}, {edition.state}; closes at {edition.cutoff_at:%Y-%m-%d %H:%M} UTC")
    table = Table("", "state", "partners", "headline", "story", box=None, pad_edge=False)
    for item in edition.items:
        table.add_row(
            str(item.position), item.state, " ".join(tag.partner for tag in item.tags), item.headline, item.story_id
        )
    screen.print(table if edition.items else "no edition: nobody has placed a story.")


@editions.command("close")
def close(day: str) -> None:
    """Close a day and freeze its digest."""

    async def work() -> None:
        async with ready_service() as runtime, runtime.database.write() as session:
            calendar, now = runtime.settings.calendar, runtime.clock()
            edition = await edition_for_change(session, _day(day), None, calendar=calendar, now=now)
            await closing.close_edition(session, edition, freeze=freezer(runtime.settings), now=now, by="operator")

    run(work())
    typer.echo(f"The edition of {day} is closed.")


def digest(
    day: str,
    file_format: str = typer.Option("txt", "--format", help="json, html, txt or md."),
    send: bool = typer.Option(False, "--send", help="Mail the frozen one instead, to whom has not got it."),
    again: bool = typer.Option(False, "--again", help="With --send: also where it failed or nobody knows."),
) -> None:
    """Print a day's digest: the frozen one, or as it stands while the edition is open. Or send it."""
    if send:
        _send(_day(day), again=again)
        return
    if file_format not in digests.MEDIA_TYPES:
        raise NotFound(f"There is no digest format '{file_format}'. There are: {', '.join(digests.MEDIA_TYPES)}.")

    async def work() -> bytes:
        async with ready_service() as runtime, runtime.database.read() as session:
            settings = runtime.settings
            body, _ = await freezing.load_digest(
                session,
                _day(day),
                file_format,
                site=digest_site_of(settings),
                calendar=settings.calendar,
                now=runtime.clock(),
            )
            return body

    sys.stdout.buffer.write(run(work()))


def _send(day: date, *, again: bool) -> None:
    async def work() -> Sequence[Delivery]:
        async with ready_service() as runtime:
            return await send_digest(runtime, day, again=again)

    mails = run(work())
    table = Table("address", "state", "attempts", "", box=None, pad_edge=False)
    for mail in mails:
        table.add_row(mail.target, mail.state, str(mail.attempts), mail.detail)
    console().print(table)
    if any(mail.state != DeliveryState.SENT for mail in mails):
        raise typer.Exit(1)


@register_commands.command("show")
def show_register(
    partner: str | None = typer.Argument(None, help="A code or a name, for example KE or Kenya."),
    on: str | None = typer.Option(None, "--on", help="The day to show; today without it."),
) -> None:
    """How China's partners stand on a day, or one partner's whole history."""
    place = places.find(partner) if partner else None
    if partner and place is None:
        raise NotFound(
            f"'{partner}' is not on the list of partners.", errors=[places.unknown_place("partner", partner)]
        )

    async def work() -> tuple[dict[str, Standing], list[RegisterEntry]]:
        async with ready_service() as runtime, runtime.database.read() as session:
            day = _day(on) if on else runtime.settings.calendar.day_of(runtime.clock())
            standings = await register.standings(session, on=day)
            return standings, await register.history(session, place.code) if place else []

    standings, history = run(work())
    screen = console()
    table = Table("partner", "tier", "since", "label", "标签", box=None, pad_edge=False)
    rows: list[Standing | RegisterEntry] = (
        [*history] if place and not on else [standings[place.code]] if place else list(standings.values())
    )
    for row in rows:
        name = f"{row.partner} {places.name(row.partner, 'en')}"
        table.add_row(name, row.tier, str(row.in_force_from or "–"), row.label_en, row.label_zh)
    screen.print(table)


@register_commands.command("check")
def check_register() -> None:
    """Find overlaps, gaps, unknown codes and unverified rows; exits 1 on the first three."""

    async def work() -> list[Finding]:
        async with ready_service() as runtime, runtime.database.read() as session:
            return await register.check_register(session)

    findings = run(work())
    faults = [finding for finding in findings if not finding.is_doubt]
    for finding in faults:
        typer.echo(f"{finding.partner}: {finding.problem.value}: {finding.detail}")
    typer.echo(f"{len(faults)} faults; {len(findings) - len(faults)} rows that nobody has verified yet.")
    if faults:
        raise SetupError("The register has faults; amend the rows named above.")


@journal.command("verify")
def verify(
    file: Path | None = typer.Argument(None, help="A downloaded ledger.jsonl; without it, the database."),
    checkpoints_file: Path | None = typer.Option(
        None, "--checkpoints", help="A downloaded checkpoints.jsonl; without it, the database's own or none."
    ),
    key_file: Path | None = typer.Option(None, "--key", help="The key.pem that belongs to it."),
) -> None:
    """Check that no decision was changed, removed or moved; names the first that was."""
    given = _read_checkpoints(checkpoints_file, key_file)
    signed, check = _check_file(file, given) if file else run(_check_database(given))
    if check.broken:
        raise SetupError(f"Record {check.broken.seq} does not hold: {check.broken.reason}.")
    typer.echo(f"{check.count} records hold. The last hash is {check.head}.")
    if signed.seals:
        last = signed.seals[-1]
        typer.echo(f"{len(signed.seals)} checkpoints hold; the last, of {last.day}, covers {last.records} records.")


def _read_checkpoints(checkpoints_file: Path | None, key_file: Path | None) -> CheckpointsRead | None:
    if checkpoints_file is None and key_file is None:
        return None
    if checkpoints_file is None or key_file is None:
        raise SetupError("Give --checkpoints and --key together: one is checked by the other.")
    try:
        keys = read_public_keys(key_file.read_text(encoding="utf-8"))
        with checkpoints_file.open(encoding="utf-8") as lines:
            return _sound(read_checkpoints(lines, keys))
    except (OSError, ValueError) as error:
        raise SetupError(f"{checkpoints_file} and {key_file} cannot be read ({error}).") from error


def _sound(signed: CheckpointsRead) -> CheckpointsRead:
    if signed.broken:
        raise SetupError(f"Checkpoint {signed.broken.seq} does not hold: {signed.broken.reason}.")
    return signed


def _check_file(file: Path, given: CheckpointsRead | None) -> tuple[CheckpointsRead, ChainCheck]:
    signed = given or CheckpointsRead((), None)
    try:
        with file.open(encoding="utf-8") as lines:
            return signed, check_ledger(lines, signed.seals)
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{file} cannot be read ({error}).") from error


async def _check_database(given: CheckpointsRead | None) -> tuple[CheckpointsRead, ChainCheck]:
    async with ready_service() as runtime, runtime.database.read() as session:
        signed = given or _sound(await own_checkpoints(session))
        return signed, await check_journal(session, signed.seals)


@journal.command("checkpoint")
def checkpoint() -> None:
    """Sign today's checkpoint now, if the clock has not; each newsroom day has one."""

    async def work() -> tuple[bool, Checkpoint | None]:
        async with ready_service() as runtime:
            made = await checkpoint_due(runtime)
            async with runtime.database.read() as session:
                return made, await last_checkpoint(session)

    made, last = run(work())
    if last is None:
        typer.echo("Nothing is recorded yet, so there is nothing to sign.")
        return
    typer.echo(f"{'Signed' if made else 'There is already'} the checkpoint of {last.day}: {last.records} records.")
    typer.echo(last.statement)
