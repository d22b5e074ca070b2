"""The command for research: ``export``, one file to standard output or the whole package into a folder."""

import hashlib
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import typer

from service.commands import ready_service, run
from service.errors import FieldError, Invalid, SetupError
from service.publishing.research import papers, rows, writing
from service.publishing.routes import site_of
from service.runtime import Runtime


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(export)


def export(
    file_format: str | None = typer.Option(
        None, "--format", help="jsonl, csv or parquet; a folder gets all that can be written without it."
    ),
    out: Path | None = typer.Option(
        None, "--out", help="A file that ends in .jsonl, .csv or .parquet; or a folder for the whole package."
    ),
    since: str | None = typer.Option(None, help="The first edition to take in, for example 2026-11-24."),
    until: str | None = typer.Option(None, help="The last edition to take in."),
) -> None:
    """The corpus for research: every public story × partner, our own annotations only.

    Without --out the data go to standard output. A folder gets the data, the codebook, the counts of what was
    passed, how to cite it all, and checksums.
    """
    span = rows.Span(_day("since", since), _day("until", until))
    suffix = out.suffix.removeprefix(".") if out is not None else ""
    if out is None or suffix in writing.MEDIA_TYPES:
        chosen = file_format or suffix or "jsonl"
        writing.refuse_unwritable(chosen)
        run(_write_file(chosen, out, span))
        return
    formats = [file_format] if file_format else [each for each in writing.MEDIA_TYPES if _can_write(each)]
    for each in formats:
        writing.refuse_unwritable(each)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"The folder {out} cannot be made ({error}).") from error
    names = run(_write_package(out, formats, span))
    typer.echo(f"{out}: {', '.join(names)}. Check them with: sha256sum --check SHA256SUMS")


def _can_write(file_format: str) -> bool:
    return file_format != "parquet" or writing.has_parquet()


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise Invalid(f"'{text}' is not a day.", errors=[FieldError(option, "write it as 2026-11-24")]) from error


def _pieces(runtime: Runtime, file_format: str, span: rows.Span) -> AsyncIterator[bytes]:
    settings = runtime.settings
    today = settings.calendar.day_of(runtime.clock())
    return writing.write_rows(file_format, rows.pages_of_rows(runtime.database, site_of(settings), span, today=today))


async def _write_file(file_format: str, out: Path | None, span: rows.Span) -> None:
    async with ready_service() as runtime:
        pieces = _pieces(runtime, file_format, span)
        if out is not None:
            await _save(out, pieces)
            return
        async for piece in pieces:
            sys.stdout.buffer.write(piece)


async def _write_package(folder: Path, formats: list[str], span: rows.Span) -> list[str]:
    async with ready_service() as runtime:
        async with runtime.database.read() as session:
            passed = papers.write_passed(await rows.count_states(session))
        site, today = site_of(runtime.settings), runtime.settings.calendar.day_of(runtime.clock())
        beside = {
            "codebook.md": papers.write_codebook().encode(),
            "passed.csv": passed,
            "CITATION.cff": papers.write_citation(site, today=today).encode(),
        }
        sums = {
            f"stories.{each}": await _save(folder / f"stories.{each}", _pieces(runtime, each, span)) for each in formats
        }
    for name, content in beside.items():
        sums[name] = await _save(folder / name, _one(content))
    await _save(folder / "SHA256SUMS", _one(papers.write_checksums(sums).encode()))
    return [*sums, "SHA256SUMS"]


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _save(path: Path, pieces: AsyncIterator[bytes]) -> str:
    """Write a file whole or not at all; answers its SHA-256.

    Raises:
        SetupError: it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.part")
    digest = hashlib.sha256()
    try:
        with unfinished.open("wb") as file:
            async for piece in pieces:
                file.write(piece)
                digest.update(piece)
        unfinished.replace(path)
    except OSError as error:
        raise SetupError(f"{path} cannot be written ({error}).") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return digest.hexdigest()
