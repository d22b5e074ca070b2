"""Commands about sources: ``fetch`` and ``feeds check | list | add | import | export``."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from service.commands import console, ready_service, run, settings_for_command
from service.errors import NotFound, SetupError
from service.fetching import catalogue, discovery, opml, reports
from service.fetching.checking import Checked, check_feeds, chosen
from service.fetching.date_trial import DateTrial, try_dates
from service.fetching.feeds_file import find_feeds_file, load_feeds_file
from service.fetching.importing import Imported, import_list
from service.fetching.outcomes import ANSWERED
from service.fetching.parsers import ParserPool
from service.fetching.run import FetchReport, due_feeds, run_round
from service.journal import take_turn
from service.models import Feed
from service.opening import open_service
from service.runtime import Runtime

feeds = typer.Typer(help="The list of sources.", no_args_is_help=True)
PATIENCE = timedelta(minutes=15)
"""How long `fetch` waits in all for hosts with several feeds, whose gap it keeps."""


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(fetch)
    app.add_typer(feeds, name="feeds")


def fetch(
    feed: list[str] = typer.Argument(None, help="Ids of feeds; without any, every enabled feed.", show_default=False),
    due: bool = typer.Option(False, "--due", help="Only those that are due."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line instead of a table."),
) -> None:
    """Fetch now, and say how each feed answered. Exits 0 if any did."""
    fetched = run(_fetch(tuple(feed or ()), due, as_json))
    if not as_json:
        _table(fetched)
    if fetched and not any(report.outcome in ANSWERED for report in fetched):
        raise SetupError("No feed gave an answer. Check the network, then `huoban feeds check` for one of them.")


async def _fetch(ids: tuple[str, ...], due: bool, as_json: bool) -> list[FetchReport]:
    async with ready_service() as runtime, ParserPool(workers=os.cpu_count() or 1) as parsers:
        wanted = await _wanted(runtime, ids, due)
        if not wanted and not due:
            raise SetupError("There are no enabled feeds. Add one with `huoban feeds add URL`.")
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=as_json or not console.is_terminal) as progress:
            bar = progress.add_task("fetching", total=len(wanted))

            def show(report: FetchReport) -> None:
                progress.advance(bar)
                if as_json:
                    print(json.dumps(as_line(report), ensure_ascii=False), flush=True)

            return await run_round(runtime, parsers, only=wanted, patience=PATIENCE, on_report=show)


async def _wanted(runtime: Runtime, ids: tuple[str, ...], due: bool) -> frozenset[str]:
    now = runtime.clock()
    async with runtime.database.read() as session:
        for feed_id in ids:
            if not (await reports.get_feed(session, feed_id)).enabled:
                raise NotFound(f"The feed {feed_id!r} is disabled; enable it in feeds.yaml first.")
        return await due_feeds(session, now=now if due else None, only=ids or None)


def as_line(report: FetchReport) -> dict[str, object]:
    """One fetch as `fetch --json` prints it."""
    return asdict(report) | {"outcome": report.outcome.value}


def _table(fetched: Sequence[FetchReport]) -> None:
    table = Table("feed", "outcome", "status", "items", "new", "bytes", "seconds", "what", box=None, pad_edge=False)
    for r in sorted(fetched, key=lambda report: report.feed):
        numbers = (str(r.status or "–"), str(r.items), str(r.new), str(r.bytes), f"{r.seconds:.2f}")
        table.add_row(r.feed, r.outcome.value, *numbers, r.detail or "")
    answered = sum(report.outcome in ANSWERED for report in fetched)
    screen = console()
    screen.print(table)
    screen.print(f"{answered} of {len(fetched)} feeds answered; {sum(r.new for r in fetched)} new stories.")


@feeds.command("check")
def check(
    feed: list[str] = typer.Argument(None, help="Ids out of feeds.yaml, or URLs; without any, every enabled feed."),
    zone: str | None = typer.Option(None, help="Try this date zone (IANA name) on one feed's items."),
    date_format: str | None = typer.Option(None, "--format", help="Try this date format (strptime)."),
    policy: str | None = typer.Option(None, help="Try this date policy: feed or first_seen."),
) -> None:
    """Read feeds.yaml and try its feeds without storing anything: status, items and newest date of each.

    With a date rule it shows what the rule would make of one feed's dates.
    """
    asked = (("zone", zone), ("format", date_format), ("policy", policy))
    rule = {part: value for part, value in asked if value is not None}
    if rule:
        _show_trial(run(_try_dates(tuple(feed or ()), rule)))
        return
    checked = run(_check(tuple(feed or ())))
    table = Table("feed", "outcome", "status", "items", "newest", "what", box=None, pad_edge=False)
    for c in checked:
        newest = f"{c.newest:%Y-%m-%d %H:%M}" if c.newest else "–"
        table.add_row(c.feed, c.outcome.value, str(c.status or "–"), str(c.items), newest, c.detail or "")
    console().print(table)
    if checked and not any(c.outcome in ANSWERED for c in checked):
        raise SetupError("No feed gave an answer.")


async def _check(names: tuple[str, ...]) -> list[Checked]:
    settings = settings_for_command()
    catalogue = load_feeds_file(find_feeds_file(settings))
    async with open_service(settings) as runtime, ParserPool(workers=os.cpu_count() or 1) as parsers:
        return await check_feeds(runtime, parsers, chosen(catalogue, names))


async def _try_dates(names: tuple[str, ...], rule: dict[str, str]) -> DateTrial:
    if len(names) != 1:
        raise SetupError("Name the one feed on which the date rule is to be tried.")
    settings = settings_for_command()
    [spec] = chosen(load_feeds_file(find_feeds_file(settings)), names)
    async with ready_service() as runtime, ParserPool(workers=1) as parsers:
        return await try_dates(runtime, parsers, spec, rule, now=runtime.clock())


def _show_trial(trial: DateTrial) -> None:
    table = Table("as written", "now", "by", "with the rule", "by", "title", box=None, pad_edge=False)
    for item in trial.items:
        before, after = (f"{m:%Y-%m-%d %H:%M}" if m else "–" for m in (item.before, item.after))
        mark = "" if item.before == item.after else "* "
        table.add_row(item.date_raw or "–", before, item.before_rule, mark + after, item.after_rule, item.title[:60])
    screen = console()
    screen.print(table)
    if not trial.items:
        raise SetupError(f"The feed gave no items: {trial.outcome.value}. {trial.detail or ''}".strip())
    screen.print(f"{trial.changed} of {len(trial.items)} dates would be others. Times are UTC.")


@feeds.command("list")
def list_feeds(as_json: bool = typer.Option(False, "--json", help="One JSON object a line.")) -> None:
    """Every source and how it does."""
    found = run(_list())
    if as_json:
        for feed in found:
            typer.echo(feed.model_dump_json(include={"id", "name", "url", "enabled", "last_outcome", "alarm"}))
        return
    table = Table("id", "on", "last outcome", "last answer", "due", "name", box=None, pad_edge=False)
    for feed in found:
        ok, due = feed.last_ok_at, feed.next_due_at
        table.add_row(
            feed.id,
            "yes" if feed.enabled else "no",
            feed.last_outcome or "–",
            f"{ok:%Y-%m-%d %H:%M}" if ok else "–",
            f"{due:%Y-%m-%d %H:%M}" if feed.enabled else "–",
            f"{feed.name}  ! {feed.alarm}" if feed.alarm else feed.name,
        )
    console().print(table)


async def _list() -> list[Feed]:
    async with ready_service() as runtime, runtime.database.read() as session:
        return await catalogue.list_feeds(session)


@feeds.command("add")
def add(
    url: str,
    name: str | None = typer.Option(None, help="What readers see; without it, the feed's own title."),
    feed_id: str | None = typer.Option(None, "--id", help="A short id; without it, one made of the name."),
    language: str | None = typer.Option(None, help="BCP 47, for example en or zh-Hant."),
    country: str | None = typer.Option(None, help="Where the outlet is, for example KE."),
    region: str | None = typer.Option(None, help="The region that it reports on."),
) -> None:
    """Add a feed by its URL; prints its id. The URL of a page adds the one feed behind it, or names several."""

    async def work() -> str:
        async with ready_service() as runtime, ParserPool(workers=1) as parsers:
            now = runtime.clock()
            async with runtime.database.read() as reading:
                await catalogue.known_feed(reading, url)
            found = await discovery.feed_to_add(runtime, parsers, url, now=now)
            if found.how != "itself":
                typer.echo(f"{url} is a page; its feed is {found.url}", err=True)
            elif not found.works:
                typer.echo(f"It does not answer as a feed now ({found.outcome.value}); added all the same.", err=True)
            async with runtime.database.write() as session:
                await take_turn(session)
                feed = await catalogue.add_feed(
                    session,
                    url=found.url,
                    name=name or discovery.name_of(found),
                    id=feed_id,
                    language=language,
                    country=country,
                    region=region,
                    now=now,
                )
                await reports.record_feed(session, "add_feed", feed, now=now, by="operator")
                return feed.id

    typer.echo(run(work()))


@feeds.command("import")
def import_opml(file: Path) -> None:
    """Add the feeds of an OPML file; those that are listed already are left alone."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SetupError(f"{file} cannot be read ({error.strerror}).") from error

    async def work() -> Imported:
        async with ready_service() as runtime:
            return await import_list(runtime.database, data, now=runtime.clock(), by="operator")

    imported = run(work())
    for refused in imported.refused:
        typer.echo(f"{refused.url}: {refused.message}", err=True)
    typer.echo(f"{len(imported.added)} feeds added, {len(imported.refused)} left alone.")


@feeds.command("export")
def export(
    as_opml: bool = typer.Option(False, "--opml", help="OPML 2.0 instead, which every reader program takes."),
) -> None:
    """Print the enabled feeds: id and URL a line."""

    async def work() -> bytes:
        async with ready_service() as runtime, runtime.database.read() as session:
            listed = [feed for feed in await catalogue.list_feeds(session) if feed.enabled]
            if as_opml:
                return opml.export_opml(listed, title=f"{runtime.settings.site_title}: sources")
            return "".join(f"{feed.id}\t{feed.url}\n" for feed in listed).encode()

    sys.stdout.buffer.write(run(work()))
