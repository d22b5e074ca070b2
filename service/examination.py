"""Looks at everything that an installation needs: findings of one line each, with what to do about it.

It changes nothing. Each examination answers with findings and never raises for what it is there to find; those that
need a database are left out when there is none. Called by ``commands/operations`` (``huoban doctor``).
"""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, func, select

from service.clock import Calendar
from service.db import Database
from service.desk.closing import days_to_close
from service.errors import SetupError, Unavailable
from service.fetching.checking import check_feeds, chosen
from service.fetching.feeds_file import find_feeds_file, load_feeds_file
from service.fetching.options import FeedSpec
from service.fetching.outcomes import ANSWERED
from service.fetching.parsers import ParserPool
from service.fetching.vocabulary import feed_host
from service.migrating import require_migrated
from service.models import Feed, Fetch
from service.runtime import Runtime

CLOCK_MAY_DIFFER = timedelta(seconds=5)
LATE = timedelta(minutes=30)
LITTLE_SPACE, TOO_LITTLE_SPACE = 2 * 2**30, 200 * 2**20
"""Bytes."""
TRIED = 3
"""Sources asked until one answers; one that does is enough."""


class Verdict(Enum):
    """How grave a finding is."""

    GOOD = "good"
    DOUBT = "look"
    BAD = "BAD"


@dataclass(frozen=True)
class Finding:
    """What one examination found; ``remedy`` says what to do unless all is well."""

    verdict: Verdict
    about: str
    what: str
    remedy: str = ""


def _good(about: str, what: str) -> Finding:
    return Finding(Verdict.GOOD, about, what)


async def examine(runtime: Runtime) -> AsyncIterator[Finding]:
    """All findings, in the order in which a fault explains those that follow."""
    now = runtime.clock()
    yield _address(runtime)
    yield _disk(runtime.database)
    found = [finding async for finding in _database(runtime.database, now)]
    for finding in found:
        yield finding
    try:
        catalogue = load_feeds_file(find_feeds_file(runtime.settings))
    except SetupError as error:
        yield Finding(Verdict.BAD, "feeds file", error.detail, "Mend the file; `huoban feeds check` reads it again.")
        specs: list[FeedSpec] = []
    else:
        yield _good("feeds file", f"{len(catalogue.specs)} feeds")
        specs = chosen(catalogue, [])[:TRIED]
    yield await _names(specs)
    yield await _outbound(runtime, specs)
    if all(finding.verdict is not Verdict.BAD for finding in found):
        yield await _schedule(runtime, now)
        yield await _digests(runtime.database, runtime.settings.calendar, now)
        yield await _alarms(runtime.database)


def _address(runtime: Runtime) -> Finding:
    base = urlsplit(runtime.settings.base_url)
    if base.hostname in ("127.0.0.1", "localhost", "::1"):
        return Finding(
            Verdict.DOUBT,
            "public address",
            f"{runtime.settings.base_url} is this machine",
            "Set HUOBAN_BASE_URL to what readers use before the first item is published: ids are made of it.",
        )
    if base.scheme == "http":
        return Finding(
            Verdict.DOUBT, "public address", f"{runtime.settings.base_url} is not encrypted", "Put TLS in front of it."
        )
    return _good("public address", runtime.settings.base_url)


def _disk(database: Database) -> Finding:
    folder = (database.path or Path.cwd() / "x").absolute().parent
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    what = f"{usage.free / 2**30:,.1f} GiB free of {usage.total / 2**30:,.1f} at {folder}"
    if usage.free < LITTLE_SPACE:
        grave = Verdict.BAD if usage.free < TOO_LITTLE_SPACE else Verdict.DOUBT
        return Finding(grave, "disk", what, "Make room, or move the database to a larger disk.")
    return _good("disk", what)


async def _database(database: Database, now: datetime) -> AsyncIterator[Finding]:
    name = database.url.render_as_string(hide_password=True)
    try:
        await require_migrated(database)
        async with database.write() as session:  # so that a file which can only be read shows
            theirs = None if database.is_sqlite else (await session.exec(text("SELECT now()"))).scalar_one()  # type: ignore[call-overload]  # SQLModel's exec takes plain SQL, its types do not say so
    except SetupError as error:
        yield Finding(Verdict.BAD, "database", error.detail, "See above; then run `huoban doctor` again.")
        return
    except (SQLAlchemyError, Unavailable) as error:
        cause = error.__cause__ if isinstance(error, Unavailable) and error.__cause__ else error
        reason = str(getattr(cause, "orig", cause)).strip().splitlines()[0]
        yield Finding(Verdict.BAD, "database", f"{name} cannot be written: {reason}", "Check its rights and its disk.")
        return
    yield _good("database", f"{name}, at this version's schema")
    async with database.read() as session:
        newest = (await session.exec(select(func.max(col(Fetch.started_at))))).one()
    if theirs is not None and abs(theirs - now) > CLOCK_MAY_DIFFER:
        seconds = (now - theirs).total_seconds()
        yield Finding(Verdict.BAD, "clock", f"{seconds:+.0f} s against the database's", "Let both follow NTP.")
    elif newest is not None and newest > now + CLOCK_MAY_DIFFER:
        yield Finding(
            Verdict.BAD, "clock", f"{newest:%Y-%m-%d %H:%M} UTC was recorded, and it is earlier", "Set the clock right."
        )
    else:
        yield _good("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


async def _names(specs: Sequence[FeedSpec]) -> Finding:
    hosts = [feed_host(spec.url) for spec in specs]
    loop = asyncio.get_running_loop()
    for host in hosts:
        try:
            async with asyncio.timeout(10):
                await loop.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):
            continue  # the next one; a single name may well be gone
        return _good("DNS", f"{host} resolves")
    if not hosts:
        return Finding(Verdict.DOUBT, "DNS", "no source to look up", "Add a feed.")
    return Finding(Verdict.BAD, "DNS", f"none of {', '.join(hosts)} resolves", "Check the resolver of this machine.")


async def _outbound(runtime: Runtime, specs: Sequence[FeedSpec]) -> Finding:
    said = []
    async with ParserPool(workers=1) as parsers:
        for spec in specs:
            (answer,) = await check_feeds(runtime, parsers, [spec])
            if answer.outcome in ANSWERED:
                return _good("fetching", f"{spec.id} answered with {answer.items} items")
            said.append(f"{spec.id}: {answer.outcome.value}")
    if not specs:
        return Finding(Verdict.DOUBT, "fetching", "no source to ask", "Add a feed.")
    return Finding(
        Verdict.BAD, "fetching", "; ".join(said), "Check that this machine may reach the internet on 80 and 443."
    )


async def _schedule(runtime: Runtime, now: datetime) -> Finding:
    async with runtime.database.read() as session:
        due = (await session.exec(select(func.min(col(Feed.next_due_at))).where(col(Feed.enabled).is_(True)))).one()
    if due is not None and now - due > LATE:
        minutes = (now - due).total_seconds() / 60
        return Finding(
            Verdict.DOUBT,
            "scheduler",
            f"a feed has been due for {minutes:,.0f} minutes",
            "Run `huoban serve` or a `huoban worker`; if one runs, it cannot keep up.",
        )
    return _good("scheduler", "nothing is overdue" if due else "nothing is scheduled")


async def _digests(database: Database, calendar: Calendar, now: datetime) -> Finding:
    async with database.read() as session:
        late = await days_to_close(session, calendar=calendar, now=now - LATE)
    if late:
        return Finding(
            Verdict.DOUBT,
            "digest",
            f"{len(late)} lists are open past their cut-off, the first of {late[0]}",
            f"Close them: `huoban editions close {late[0]}`.",
        )
    today = calendar.day_of(now)
    following = calendar.cutoff_of(today).astimezone(calendar.zone)
    return _good("digest", f"the list of {today} closes {following:%Y-%m-%d %H:%M} ({calendar.zone.key})")


async def _alarms(database: Database) -> Finding:
    async with database.read() as session:
        query = select(Feed.id).where(col(Feed.enabled).is_(True), col(Feed.alarm).is_not(None))
        feeds = (await session.exec(query.order_by(col(Feed.id)))).all()
    if feeds:
        some = ", ".join(feeds[:5]) + (" …" if len(feeds) > 5 else "")
        return Finding(
            Verdict.DOUBT,
            "feeds",
            f"{len(feeds)} in alarm: {some}",
            "`huoban feeds list` says why; mend or pause them.",
        )
    return _good("feeds", "none in alarm")
