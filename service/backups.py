"""Copies of the whole newsroom in one file, made while it works, and put back into an empty place.

An SQLite backup is a database file of its own (SQLite's online backup), a PostgreSQL backup is what ``pg_dump``
writes in its custom format. Both are checked before they get their name: a file that stands there under the name
that was asked for can be restored and holds an unbroken journal. Restoring never overwrites anything. It decides
nothing about when and where to; called by ``commands/operations``.
"""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, inspect

from service.db import Database
from service.errors import SetupError
from service.journal import ChainCheck, check_journal, check_ledger, ledger_line
from service.migrating import migrate_database
from service.models import JournalRecord

_SQLITE_MAGIC = b"SQLite format 3\0"
_DUMP_MAGIC = b"PGDMP"
_UNFINISHED = ".unfinished"
_JOURNAL = JournalRecord.__tablename__
_COPY_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True)
class Contents:
    """What a backup holds, for people to compare."""

    decisions: int
    head: str
    """The last hash of its journal."""
    bytes: int


async def write_backup(database: Database, target: Path) -> Contents:
    """Copy everything as it stands at one moment into ``target``, readable by its owner alone, and check the copy.

    Raises:
        SetupError: the file exists, cannot be written, or the copy does not hold what it should.
    """
    with _under_construction(target) as unfinished:
        if database.path is not None:
            await asyncio.to_thread(_copy, database.path, unfinished)
            check = await _check_file(unfinished)
        else:
            check = await asyncio.to_thread(_dump, database.url, unfinished)
        return _contents(check, unfinished)


async def restore_backup(database: Database, source: Path) -> Contents:
    """Put a backup where the settings say the database is, bring it to this version, and check its journal.

    Raises:
        SetupError: there is a database already, the file is no backup of this kind, or its journal does not hold.
    """
    kind = await asyncio.to_thread(_kind_of, source)
    if kind != ("sqlite" if database.is_sqlite else "postgresql"):
        raise SetupError(
            f"{source} is a backup of {_NAMES[kind]}, and HUOBAN_DATABASE_URL names {_NAMES[_other(kind)]}. "
            "Set it to a database of the same kind."
        )
    if database.path is not None:
        return await _restore_file(database.path, source)
    await _refuse_used(database)
    await asyncio.to_thread(_undump, database.url, source)
    await migrate_database(database)
    return _contents(await _check(database), source)


_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def _other(kind: str) -> str:
    return "postgresql" if kind == "sqlite" else "sqlite"


def _kind_of(source: Path) -> str:
    try:
        with source.open("rb") as file:
            start = file.read(len(_SQLITE_MAGIC))
    except OSError as error:
        raise SetupError(f"{source} cannot be read ({error.strerror}).") from error
    if start == _SQLITE_MAGIC:
        return "sqlite"
    if start.startswith(_DUMP_MAGIC):
        return "postgresql"
    raise SetupError(f"{source} is no backup that `huoban backup` made.")


@contextmanager
def _under_construction(target: Path) -> Iterator[Path]:
    """A file beside ``target`` that takes its name when the block ends well, and is gone when it does not."""
    unfinished = target.with_name(target.name + _UNFINISHED)
    if target.exists():
        raise SetupError(f"{target} exists. Backups are never overwritten: name another file, or move that one away.")
    try:
        # Accounts and private notes are in it: nobody but its owner reads it, from the first byte on.
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise SetupError(
            f"{unfinished} cannot be written ({error.strerror}). If another backup was broken off there, delete it."
        ) from error
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        os.link(unfinished, target)  # unlike a rename it does not replace a file that came meanwhile
    except FileExistsError as error:
        raise SetupError(f"{target} came into being meanwhile; it was left as it is.") from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)


def _make_way(place: Path) -> None:
    if place.exists() and place.stat().st_size:
        raise SetupError(f"There is a database at {place}. Stop the service and move that file away first.")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)  # it is empty


async def _restore_file(place: Path, source: Path) -> Contents:
    await asyncio.to_thread(_make_way, place)
    with _under_construction(place) as unfinished:
        await asyncio.to_thread(_copy, source, unfinished)
        return _contents(await _check_file(unfinished, migrate=True), source)


def _copy(source: Path, target: Path) -> None:
    """One snapshot of an SQLite file, whoever writes to it meanwhile, and a look at every page of the copy."""
    try:
        with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target)) as copy:
            original.backup(copy)
            problems = [row[0] for row in copy.execute("PRAGMA integrity_check(5)")]
    except sqlite3.Error as error:
        raise SetupError(f"{source} cannot be copied: {error}.") from error
    if problems != ["ok"]:
        raise SetupError(f"{source} is damaged: {problems[0]}. Use an older backup.")


async def _check_file(path: Path, *, migrate: bool = False) -> ChainCheck:
    database = Database(f"sqlite+aiosqlite:///{path}")
    try:
        if migrate:
            await migrate_database(database)
        check = await _check(database)
    finally:
        await database.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # so that it is this one file and no other
    return check


async def _check(database: Database) -> ChainCheck:
    async with database.read() as session:
        return await check_journal(session)


def _contents(check: ChainCheck, file: Path) -> Contents:
    if check.broken:
        raise SetupError(f"Record {check.broken.seq} of the journal in it does not hold: {check.broken.reason}.")
    return Contents(check.count, check.head, file.stat().st_size)


async def _refuse_used(database: Database) -> None:
    async with database.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    if tables:
        raise SetupError(
            f"The database {database.url.render_as_string(hide_password=True)} is not empty. Restore into a new one."
        )


def _dump(url: URL, target: Path) -> ChainCheck:
    _tool(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    _tool(None, "pg_restore", "--file=/dev/null", str(target))  # reads every byte of it once
    command = ("pg_restore", "--data-only", f"--table={_JOURNAL}", "--file=-", str(target))
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as rows:  # noqa: S603 - ours
        assert rows.stdout is not None  # noqa: S101 - asked for above
        return check_ledger(ledger_line(record) for record in _copied_records(rows.stdout))


def _undump(url: URL, source: Path) -> None:
    name = _connection_of(url)
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", f"--dbname={name}")
    _tool(url, "pg_restore", *options, str(source))


def _tool(url: URL | None, *command: str) -> None:
    """Run one of PostgreSQL's own programs; a password goes through the environment, where ``ps`` does not show it."""
    environment = {**os.environ, "LC_MESSAGES": "C"}
    words = list(command)
    if url is not None:
        if url.password:
            environment["PGPASSWORD"] = str(url.password)
        if words[0] == "pg_dump":
            words.append(f"--dbname={_connection_of(url)}")
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    except FileNotFoundError as error:
        raise SetupError(f"{words[0]} is not installed. Install your system's PostgreSQL client programs.") from error
    if done.returncode:
        raise SetupError(f"{words[0]} failed: {done.stderr.strip().splitlines()[0] if done.stderr.strip() else '?'}")


def _connection_of(url: URL) -> str:
    # psycopg spells and quotes it as libpq, which these programs use too, reads it.
    from psycopg.conninfo import make_conninfo

    given = url.translate_connect_args(username="user", database="dbname")
    given.pop("password", None)
    return make_conninfo(**given, **{key: value for key, value in url.query.items() if isinstance(value, str)})


def _copied_records(lines: Iterable[str]) -> Iterator[JournalRecord]:
    """The journal's rows out of a dump's COPY block, in their order (PostgreSQL's manual, COPY, text format)."""
    columns: list[str] | None = None
    early: dict[int, JournalRecord] = {}  # a table's rows lie about in nearly, but not quite, the order they came in
    turn = 1
    for line in lines:
        if columns is None:
            if line.startswith("COPY "):
                columns = [name.strip().strip('"') for name in line.partition("(")[2].partition(")")[0].split(",")]
            continue
        if line == "\\.\n":
            columns = None
            continue
        record = _record(dict(zip(columns, line.rstrip("\n").split("\t"), strict=True)))
        early[record.seq] = record
        while turn in early:
            yield early.pop(turn)
            turn += 1
    yield from (early[seq] for seq in sorted(early))


def _record(row: dict[str, str]) -> JournalRecord:
    texts = {name: row[name] for name in ("act", "subject", "payload_hash", "previous", "hash")}
    return JournalRecord(
        **texts,
        seq=int(row["seq"]),
        at=datetime.fromisoformat(row["at"]),
        public=row["public"] == "t",
        payload=_unescaped(row["payload"]),
    )


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    first, *others = text.split("\\")
    found, literal = [first], False
    for part in others:
        if literal:
            found.append(part)
            literal = False
        elif not part:
            found.append("\\")  # two in a row stand for one, and what follows is plain
            literal = True
        else:
            found.append(_COPY_ESCAPES.get(part[0], part[0]) + part[1:])
    return "".join(found)
