"""A checkpoint a day, signed once, that shows what the chain alone cannot: an end cut off, a ledger made anew."""

import asyncio
import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from service import journal
from service.checkpoints import checkpoint_lines, make_checkpoint, own_checkpoints, public_keys, read_checkpoints
from service.db import Database
from service.errors import SetupError
from service.journal import Seal, check_journal, check_ledger, ledger_lines, record_decision
from service.models import Checkpoint, LedgerKey
from service.runtime import Runtime
from service.scheduling import checkpoint_due
from service.settings import load_settings
from service.signing import SigningKey, new_signing_key, read_public_keys, read_signing_key
from tests.conftest import NOON, SettableClock, settings_for

pytestmark = pytest.mark.anyio
CALENDAR = settings_for("sqlite+aiosqlite://").calendar


async def decide(database: Database, number: int, *, public: bool = True) -> None:
    async with database.write() as session:
        await record_decision(
            session,
            act="publish",
            subject=f"story:{number}",
            before=None,
            after=None,
            now=NOON,
            by="clock",
            public=public,
        )


async def seal(database: Database, day: int, ledger_key: str | None = None) -> Checkpoint | None:
    async with database.write() as session:
        now = NOON + timedelta(days=day)
        return await make_checkpoint(session, ledger_key=ledger_key, calendar=CALENDAR, now=now)


async def a_sealed_journal(database: Database) -> tuple[list[str], list[str], str]:
    """Two records a day for three days, each day sealed, and two records more: ledger, checkpoints, keys."""
    for day in range(3):
        await decide(database, day)
        await decide(database, day, public=False)
        assert await seal(database, day)
    await decide(database, 8)
    await decide(database, 9)
    async with database.read() as session:
        keys = await public_keys(session)
        assert keys
        return [line async for line in ledger_lines(session)], await checkpoint_lines(session), keys


async def test_a_day_has_one_checkpoint_whoever_makes_it(database: Database, clock: SettableClock) -> None:
    assert await seal(database, 0) is None, "there is nothing to sign yet"
    await decide(database, 1)
    made = await asyncio.gather(*(seal(database, 0) for _ in range(6)))
    assert len([one for one in made if one]) == 1
    await decide(database, 2)
    assert await seal(database, 0) is None
    assert await seal(database, -1) is None, "none is dated back, also when the zone changes"
    later = await seal(database, 1)
    assert later
    assert later.content() | {"head": "", "key": "", "previous": ""} == {
        "at": "2026-11-25T12:00:00+00:00",
        "day": "2026-11-25",
        "records": 2,
        "public": 2,
        "head": "",
        "key": "",
        "previous": "",
    }


async def test_the_clock_signs_at_the_newsrooms_midnight_and_not_again(runtime: Runtime, clock: SettableClock) -> None:
    await decide(runtime.database, 1)
    assert await checkpoint_due(runtime)
    assert not await checkpoint_due(runtime)
    clock.move(hours=11, minutes=59)
    assert not await checkpoint_due(runtime)
    clock.move(minutes=1)
    assert await checkpoint_due(runtime)
    clock.move(days=9)
    assert await checkpoint_due(runtime), "days on which nothing ran have none"
    async with runtime.database.read() as session:
        days = [str(row.day) for row in await session.exec(select(Checkpoint))]
    assert days == ["2026-11-24", "2026-11-25", "2026-12-04"]


async def test_the_database_keeps_checkpoints_and_keys_as_they_were(database: Database) -> None:
    await a_sealed_journal(database)
    for statement in (
        "UPDATE checkpoint SET records = 1",
        "DELETE FROM checkpoint",
        "UPDATE ledgerkey SET public = 'x'",
        "UPDATE ledgerkey SET private = 'x'",
        "DELETE FROM ledgerkey",
    ):
        with pytest.raises(DBAPIError, match="stays"):
            await run(database, statement)


async def run(database: Database, *statements: str) -> None:
    async with database.write() as session:
        for statement in statements:
            await (await session.connection()).execute(text(statement))


async def test_a_sound_ledger_fits_its_checkpoints(database: Database) -> None:
    ledger, lines, keys = await a_sealed_journal(database)
    signed = read_checkpoints((f"{line}\r\n" for line in lines), read_public_keys(keys))
    assert signed.broken is None
    assert [(s.day, s.records, s.public) for s in signed.seals] == [
        ("2026-11-24", 2, 1),
        ("2026-11-25", 4, 2),
        ("2026-11-26", 6, 3),
    ]
    assert check_ledger(ledger, signed.seals).broken is None
    async with database.read() as session:
        own = await own_checkpoints(session)
        assert own == signed
        assert (await check_journal(session, own.seals)).broken is None


def remade(lines: list[str], start: int, change: Callable[[list[dict[str, Any]]], object]) -> list[str]:
    """The ledger of somebody who changes records from ``start`` on and makes a whole chain of it."""
    records = [json.loads(line) for line in lines]
    change(records)
    for place in range(start, len(records)):
        record = records[place]
        record["seq"] = place + 1
        record["previous"] = records[place - 1]["hash"] if place else journal.GENESIS
        if "payload" in record:
            record["payload_hash"] = journal.digest_of(record["payload"])
        record["hash"] = journal.link(record["previous"], record["payload_hash"], public="payload" in record)
    return [journal.canonical(record) for record in records]


def reword(records: list[dict[str, Any]]) -> None:
    records[2]["payload"] = records[2]["payload"].replace("publish", "correct")


REMADE: list[tuple[str, Callable[[list[dict[str, Any]]], object], str]] = [
    ("a word changed", reword, "after record 2 was changed"),
    ("one removed", lambda records: records.pop(2), "after record 2 was changed"),
    ("two in another order", lambda records: records.insert(2, records.pop(3)), "after record 2 was changed"),
]


@pytest.mark.parametrize(("what", "change", "said"), REMADE, ids=[what for what, *_ in REMADE])
async def test_a_ledger_made_anew_is_whole_and_found_out_all_the_same(
    sqlite_url: str, what: str, change: Callable[[list[dict[str, Any]]], object], said: str
) -> None:
    database = Database(sqlite_url)
    ledger, lines, keys = await a_sealed_journal(database)
    await database.close()
    forged = remade(ledger, 2, change)
    assert forged != ledger
    assert check_ledger(forged).broken is None, "the chain alone does not show it"
    broken = check_ledger(forged, read_checkpoints(lines, read_public_keys(keys)).seals).broken
    assert broken, what
    assert (broken.seq, said in broken.reason) == (4, True), broken


@given(st.integers(0, 9), st.integers(0, 9))
def test_an_end_that_was_cut_off_shows_as_far_as_a_checkpoint_reaches(sealed: int, kept: int) -> None:
    lines, previous = [], journal.GENESIS
    for seq in range(1, 10):
        payload = journal.canonical({"seq": seq})
        record = {"seq": seq, "previous": previous, "payload_hash": journal.digest_of(payload), "payload": payload}
        previous = journal.link(previous, str(record["payload_hash"]), public=True)
        lines.append(journal.canonical(record | {"hash": previous}))
    head = json.loads(lines[sealed - 1])["hash"] if sealed else journal.GENESIS
    check = check_ledger(lines[:kept], [Seal("2026-11-24", sealed, sealed, head)] if sealed else [])
    assert check.broken is None if kept >= sealed else check.broken and check.broken.seq == kept + 1


CHANGES: list[tuple[str, Callable[[list[str]], object], int, str]] = [
    (
        "a count changed",
        lambda lines: lines.__setitem__(1, lines[1].replace('records\\":4', 'records\\":3')),
        2,
        "signature",
    ),
    (
        "a signature changed",
        lambda lines: lines.__setitem__(1, lines[1].replace('"signature":"', '"signature":"AA')),
        2,
        "signature",
    ),
    (
        "no signature",
        lambda lines: lines.__setitem__(0, lines[0].replace('"signature":"', '"signature":"!')),
        1,
        "signature",
    ),
    ("the first removed", lambda lines: lines.pop(0), 1, "follow"),
    ("one removed inside", lambda lines: lines.pop(1), 2, "follow"),
    ("another order", lambda lines: lines.reverse(), 1, "follow"),
    ("one twice", lambda lines: lines.insert(1, lines[0]), 2, "follow"),
    ("a blank added", lambda lines: lines.__setitem__(2, lines[2].replace(":", ": ", 1)), 3, "spelt"),
    ("a key added", lambda lines: lines.__setitem__(2, lines[2].replace("{", '{"a":1,', 1)), 3, "spelt"),
    ("no JSON", lambda lines: lines.__setitem__(0, "hello"), 1, "spelt"),
    ("a number", lambda lines: lines.__setitem__(0, "5"), 1, "spelt"),
    ("no statement", lambda lines: lines.__setitem__(0, '{"signature":"","statement":"[]"}'), 1, "spelt"),
    ("too deep", lambda lines: lines.__setitem__(0, "[" * 100_000), 1, "spelt"),
]


@pytest.mark.parametrize(("what", "change", "line", "said"), CHANGES, ids=[what for what, *_ in CHANGES])
async def test_a_change_in_the_checkpoints_is_found_and_named(
    sqlite_url: str, what: str, change: Callable[[list[str]], object], line: int, said: str
) -> None:
    database = Database(sqlite_url)
    _, lines, keys = await a_sealed_journal(database)
    await database.close()
    before = list(lines)
    change(lines)
    assert lines != before, what
    broken = read_checkpoints(lines, read_public_keys(keys)).broken
    assert broken
    assert (broken.seq, said in broken.reason) == (line, True), broken


async def test_checkpoints_signed_by_a_stranger_are_no_checkpoints(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    _, lines, keys = await a_sealed_journal(database)
    await database.close()
    stranger = new_signing_key()
    broken = read_checkpoints(lines, read_public_keys(stranger.public.pem)).broken
    assert broken
    assert "not among" in broken.reason
    statement = json.loads(lines[0])["statement"]
    forged = journal.canonical({"signature": stranger.sign(statement), "statement": statement})
    assert read_checkpoints([forged], read_public_keys(keys)).broken


async def test_a_new_key_signs_what_comes_and_old_checkpoints_hold(database: Database) -> None:
    first, second = new_signing_key(), new_signing_key()
    await decide(database, 1)
    for day, key in enumerate((None, None, first.private_pem(), second.private_pem(), first.private_pem(), None)):
        assert await seal(database, day, key)
        if key:
            async with database.read() as session:
                kept = [row.private for row in await session.exec(select(LedgerKey))]
            assert not any(kept), "a key from the settings stands alone"
    async with database.read() as session:
        keys = await public_keys(session)
        signed = await own_checkpoints(session)
        signers = [json.loads(json.loads(line)["statement"])["key"] for line in await checkpoint_lines(session)]
    assert keys
    found = read_public_keys(keys)
    assert (signed.broken, len(signed.seals), len(found)) == (None, 6, 4)
    assert signers[0] == signers[1]
    assert signers[2:5] == [first.public.id, second.public.id, first.public.id]
    assert next(iter(found)) == signers[5], "the present key comes first"
    assert signers[5] not in signers[:5]


TAMPERED = {
    "cut off": ["DELETE FROM journal WHERE seq > 4"],
    "made anew": ["UPDATE journal SET hash = '0' WHERE seq = 6"],
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_a_journal_that_was_tampered_with_is_not_signed_again(database: Database, how: str) -> None:
    await a_sealed_journal(database)
    await run(database, *(drop_trigger(database, name) for name in ("journal_no_update", "journal_no_delete")))
    await run(database, *TAMPERED[how])
    with pytest.raises(SetupError, match="2026-11-26"):
        await seal(database, 3)
    async with database.read() as session:
        check = await check_journal(session, (await own_checkpoints(session)).seals)
    assert check.broken
    assert check.broken.seq == (5 if how == "cut off" else 6)


def drop_trigger(database: Database, name: str) -> str:
    return f"DROP TRIGGER {name}" if database.is_sqlite else f"DROP TRIGGER {name} ON journal"


def test_a_key_is_read_from_pem_and_nothing_else_is_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    key = new_signing_key()
    assert read_signing_key(key.private_pem()).public == key.public
    der = base64.b64decode("".join(key.public.pem.splitlines()[1:-1]))
    assert key.public.id == hashlib.sha256(der).hexdigest()
    assert key.private_pem().splitlines()[1] not in repr(key)
    assert not key.public.verifies("é", "text")
    for wrong in ("", "hello", key.public.pem, key.private_pem().replace("A", "B"), "\ud800"):
        with pytest.raises(ValueError, match="openssl genpkey"):
            read_signing_key(wrong)
    for wrong in ("", "hello", key.private_pem(), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"):
        with pytest.raises(ValueError, match="key"):
            read_public_keys(wrong)
    monkeypatch.setenv("HUOBAN_LEDGER_KEY", "secret words")
    with pytest.raises(SetupError, match="HUOBAN_LEDGER_KEY: not an Ed25519") as refused:
        load_settings()
    assert "secret words" not in refused.value.detail
    monkeypatch.setenv("HUOBAN_LEDGER_KEY", key.private_pem())
    assert key.private_pem().splitlines()[1] not in repr(load_settings())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_says_the_same_of_a_signature(tmp_path: Path) -> None:
    key: SigningKey = new_signing_key()
    statement = journal.canonical({"day": "2026-11-24", "head": "中"})
    (tmp_path / "key.pem").write_text(f"Key {key.public.id}, last used on 2026-11-24\n{key.public.pem}")
    (tmp_path / "signature").write_bytes(base64.b64decode(key.sign(statement)))
    for said, fits in ((statement, True), (statement + " ", False)):
        (tmp_path / "statement").write_text(said, encoding="utf-8")
        words = "pkeyutl -verify -pubin -inkey key.pem -rawin -in statement -sigfile signature"
        done = subprocess.run(["openssl", *words.split()], cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode == 0) is fits, done
