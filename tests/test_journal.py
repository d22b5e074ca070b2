"""The record of decisions: it holds, whatever is changed in it shows, and the private part stays private."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import select

from service import journal
from service.db import Database, WriteSession
from service.errors import Invalid
from service.journal import check_journal, check_ledger, ledger_lines, record_decision
from service.models import Editor, JournalRecord
from tests.conftest import NOON, add_account

pytestmark = pytest.mark.anyio


async def decide(session: WriteSession, by: Editor | None, number: int, *, public: bool) -> None:
    await record_decision(
        session,
        act="publish" if public else "pass",
        subject=f"story:{number}",
        before=None,
        after={"n": number, "word": "héadline 中文"},
        now=NOON,
        by=by or "clock",
        public=public,
    )


async def a_ledger(database: Database) -> list[str]:
    """Eight records: two of an account, then public and private ones in turn."""
    editor, _ = await add_account(database)
    for number in range(6):
        async with database.write() as session:
            await decide(session, editor if number else None, number, public=number % 2 == 0)
    async with database.read() as session:
        return [line async for line in ledger_lines(session)]


def a_chain(size: int) -> list[str]:
    """A ledger without a database."""
    lines, previous = [], journal.GENESIS
    for seq in range(1, size + 1):
        public, payload = seq % 3 != 0, journal.canonical({"seq": seq, "act": "publish", "note": "é中"})
        payload_hash = journal.digest_of(payload)
        line: dict[str, Any] = {"seq": seq, "previous": previous, "payload_hash": payload_hash}
        line["hash"] = previous = journal.link(previous, payload_hash, public=public)
        lines.append(journal.canonical(line | ({"payload": payload} if public else {})))
    return lines


async def test_the_journal_and_its_ledger_hold(database: Database) -> None:
    lines = await a_ledger(database)
    check = check_ledger(f"{line}\r\n" for line in lines)
    async with database.read() as session:
        whole = await check_journal(session)
    assert check.broken is None
    assert whole.broken is None
    assert (check.count, check.head) == (len(lines), whole.head)


async def test_the_ledger_names_nobody_and_leaves_out_what_is_private(database: Database) -> None:
    lines = await a_ledger(database)
    ledger = "\n".join(lines)
    assert "Amina" not in ledger
    assert "example.org" not in ledger
    assert '"pass' not in ledger.replace("\\", "")
    payloads = [
        json.loads(json.loads(line)["payload"]) for line in lines if "payload" in line.replace("payload_hash", "")
    ]
    assert [p["act"] for p in payloads] == ["publish"] * 3
    assert [p["by"][:7] for p in payloads] == ["clock", "editor-", "editor-"]


CHANGES: list[tuple[str, Callable[[list[str]], object], int]] = [
    ("a record removed", lambda lines: lines.pop(3), 4),
    ("the first removed", lambda lines: lines.pop(0), 1),
    ("two in another order", lambda lines: lines.insert(2, lines.pop(3)), 3),
    ("one twice", lambda lines: lines.insert(4, lines[3]), 5),
    ("a word changed", lambda lines: lines.__setitem__(2, lines[2].replace("héadline", "headline")), 3),
    ("an empty object", lambda lines: lines.__setitem__(5, "{}"), 6),
    ("no JSON", lambda lines: lines.__setitem__(1, "null"), 2),
    ("a list", lambda lines: lines.__setitem__(1, "[1]"), 2),
    ("too deep", lambda lines: lines.__setitem__(1, "[" * 100_000), 2),
    ("a lone surrogate", lambda lines: lines.__setitem__(2, lines[2].replace("h\u00e9", "\\ud800")), 3),
    ("a blank added", lambda lines: lines.__setitem__(4, lines[4].replace(":", ": ", 1)), 5),
    ("a key added", lambda lines: lines.__setitem__(4, lines[4].replace("{", '{"a":1,', 1)), 5),
    ("a number spelt otherwise", lambda lines: lines.__setitem__(4, lines[4].replace('"seq":5', '"seq":5.0')), 5),
    ("true for one", lambda lines: lines.__setitem__(0, lines[0].replace('"seq":1', '"seq":true')), 1),
]


@pytest.mark.parametrize(("what", "change", "seq"), CHANGES, ids=[what for what, _, _ in CHANGES])
async def test_a_change_in_the_ledger_is_found_and_named(
    sqlite_url: str, what: str, change: Callable[[list[str]], object], seq: int
) -> None:
    database = Database(sqlite_url)
    lines = await a_ledger(database)
    await database.close()
    before = list(lines)
    change(lines)
    assert lines != before, what
    check = check_ledger(lines)
    assert check.broken
    assert check.broken.seq == seq
    assert check.count == len(lines)


async def test_content_left_out_of_a_public_record_shows(database: Database) -> None:
    lines = await a_ledger(database)
    index, record = next((i, json.loads(line)) for i, line in enumerate(lines) if '"payload":' in line)
    del record["payload"]
    lines[index] = journal.canonical(record)
    check = check_ledger(lines)
    assert check.broken
    assert check.broken.seq == index + 1


@given(st.data())
def test_any_change_of_any_character_is_found(data: st.DataObject) -> None:
    lines = a_chain(6)
    index = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[index]) - 1))
    other = data.draw(st.characters().filter(lambda char: char != lines[index][place]))
    lines[index] = lines[index][:place] + other + lines[index][place + 1 :]
    check = check_ledger(lines)
    assert check.broken
    assert check.broken.seq in (index + 1, index + 2)


@given(st.permutations(range(6)), st.integers(0, 6))
def test_any_other_order_or_loss_inside_is_found(order: list[int], kept: int) -> None:
    lines = a_chain(6)
    shuffled = [lines[place] for place in order][:kept]
    holds = shuffled == lines[:kept]
    assert (check_ledger(shuffled).broken is None) == holds


TAMPERED = {
    "payload": ("UPDATE journal SET payload = replace(payload, 'story:2', 'story:9') WHERE seq = 5", 5),
    "act": ("UPDATE journal SET act = 'withdraw' WHERE seq = 5", 5),
    "subject": ("UPDATE journal SET subject = 'story:9' WHERE seq = 6", 6),
    "at": ("UPDATE journal SET at = '2020-01-01 00:00:00.000000' WHERE seq = 4", 4),
    "by": ("UPDATE journal SET by = NULL WHERE seq = 5", 5),
    "public": ("UPDATE journal SET public = NOT public WHERE seq = 6", 6),
    "hash": ("UPDATE journal SET hash = payload_hash WHERE seq = 3", 3),
    "removed": ("DELETE FROM journal WHERE seq = 3", 3),
}


@pytest.mark.parametrize("column", TAMPERED)
async def test_whoever_gets_round_the_triggers_is_found_out(sqlite_url: str, column: str) -> None:
    database = Database(sqlite_url)
    await a_ledger(database)
    statement, seq = TAMPERED[column]
    async with database.write() as session:
        connection = await session.connection()
        for trigger in ("journal_no_update", "journal_no_delete"):
            await connection.execute(text(f"DROP TRIGGER {trigger}"))
        await connection.execute(text(statement))
    async with database.read() as session:
        check = await check_journal(session)
    await database.close()
    assert check.broken
    assert check.broken.seq == seq


async def refused(database: Database) -> None:
    async with database.write() as session:
        await decide(session, None, 1, public=True)
        raise Invalid("no")


async def test_a_failing_act_leaves_no_record_and_no_gap(database: Database) -> None:
    before = await a_ledger(database)
    with pytest.raises(Invalid):
        await refused(database)
    async with database.write() as session:
        await decide(session, None, 99, public=True)
    async with database.read() as session:
        lines = [line async for line in ledger_lines(session)]
    assert lines[:-1] == before
    assert check_ledger(lines).broken is None


async def test_many_who_decide_at_once_make_one_chain(database: Database) -> None:
    async def one(number: int) -> None:
        async with database.write() as session:
            await decide(session, None, number, public=True)

    await asyncio.gather(*(one(number) for number in range(20)))
    async with database.read() as session:
        check = await check_journal(session)
        subjects = (await session.exec(select(JournalRecord.subject))).all()
    assert (check.broken, check.count) == (None, 20)
    assert sorted(subjects) == sorted(f"story:{number}" for number in range(20))


async def test_an_empty_journal_holds(database: Database) -> None:
    async with database.read() as session:
        assert (await check_journal(session)).broken is None
        assert [line async for line in ledger_lines(session)] == []
    assert check_ledger(["", "\n"]).count == 0
