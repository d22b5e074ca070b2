"""The journal: every decision, once, in order, in the transaction that makes it.

Each record carries the hash of the one before it, so that a changed, removed or reordered record shows.
A record's hash covers the hash of its payload, not the payload itself, and whether it is public: the ledger
can leave out what is private, and nothing else, and still be verified link by link. A random salt in each
payload keeps a short private value from being guessed out of its hash.

It does not decide what is recorded: the actions in ``desk``, ``auth`` and ``partnerships`` call
``record_decision``. Triggers in the database refuse to change or delete a record (``migrations/``).
"""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.models import Editor, JournalRecord

Decider = Editor | Literal["clock", "operator"]
"""Who decided: a person; or the clock, which only carries out what a person scheduled; or the command line."""

GENESIS = "0" * 64
"""What the first record names as its predecessor."""

_LINE_KEYS = ("seq", "previous", "payload_hash", "hash")
CHANNEL = "huoban_journal"
"""Where PostgreSQL tells other processes the number of a new record, when its transaction commits."""
_CHAIN_LOCK = 0x48554F42  # any constant of our own: one writer at the end of the chain on PostgreSQL


@dataclass(frozen=True)
class Break:
    """The first place where a chain does not hold."""

    seq: int
    reason: str


@dataclass(frozen=True)
class Seal:
    """What a signed checkpoint says of the ledger (``checkpoints``)."""

    day: str
    """The newsroom day on which it was made."""
    records: int
    """How many records there were."""
    public: int
    """How many of them were public."""
    head: str
    """The hash of the last of them."""


def canonical(value: object) -> str:
    """JSON in one spelling only: sorted keys, no blanks, times already text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(content: str) -> str:
    """SHA-256 of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()


def link(previous: str, payload_hash: str, *, public: bool) -> str:
    """The hash of a record: of its predecessor's hash, its payload's, and the word ``public`` or ``private``."""
    return digest_of(previous + payload_hash + ("public" if public else "private"))


async def take_turn(session: WriteSession) -> None:
    """Wait until no other decision is under way; the turn ends with the transaction.

    On SQLite a write session has had its turn since it began. On PostgreSQL whoever locks rows for a decision
    takes its turn first: were it taken only when the record is written, two acts that lock the same rows in
    another order could wait for each other for ever.
    """
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})


async def record_decision(
    session: WriteSession,
    *,
    act: str,
    subject: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    now: datetime,
    by: Decider,
    public: bool = True,
) -> JournalRecord:
    """Append one decision to the chain.

    ``subject`` is ``kind:id``, for example ``story:01k…``; ``before`` and ``after`` hold only what the act
    changed, as plain JSON values. ``public`` records stand in full in ``/ledger.jsonl``, the others only as
    hashes.
    """
    await take_turn(session)
    last = (await session.exec(select(JournalRecord).order_by(col(JournalRecord.seq).desc()).limit(1))).one_or_none()
    seq, previous = (last.seq + 1, last.hash) if last else (1, GENESIS)
    payload = canonical(
        {
            "seq": seq,
            "at": now.astimezone(UTC).isoformat(),
            "by": by if isinstance(by, str) else by.pseudonym,
            "act": act,
            "subject": subject,
            "before": before,
            "after": after,
            "salt": secrets.token_hex(8),
        }
    )
    payload_hash = digest_of(payload)
    record = JournalRecord(
        seq=seq,
        at=now,
        by=None if isinstance(by, str) else by.id,
        act=act,
        subject=subject,
        public=public,
        payload=payload,
        payload_hash=payload_hash,
        previous=previous,
        hash=link(previous, payload_hash, public=public),
    )
    session.add(record)
    await session.flush()
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_notify(:channel, :seq)"), {"channel": CHANNEL, "seq": str(seq)})
    return record


async def history_of(session: AsyncSession, subject: str) -> list[JournalRecord]:
    """All decisions about one thing, oldest first."""
    query = select(JournalRecord).where(JournalRecord.subject == subject).order_by(col(JournalRecord.seq))
    return list((await session.exec(query)).all())


def ledger_line(record: JournalRecord) -> str:
    """One record as a line of the public ledger: in full if it is public, else only its hashes."""
    keys = (*_LINE_KEYS, "payload") if record.public else _LINE_KEYS
    return canonical({key: getattr(record, key) for key in keys})


async def ledger_lines(session: AsyncSession) -> AsyncIterator[str]:
    """The whole ledger, oldest first, without holding it in memory."""
    async for record in _records(session):
        yield ledger_line(record)


async def _records(session: AsyncSession) -> AsyncIterator[JournalRecord]:
    after, batch = 0, 1_000
    while True:
        query = select(JournalRecord).where(col(JournalRecord.seq) > after)
        records = (await session.exec(query.order_by(col(JournalRecord.seq)).limit(batch))).all()
        for record in records:
            yield record
        if len(records) < batch:
            return
        after = records[-1].seq
        session.expunge_all()


@dataclass(frozen=True)
class _Link:
    """What the chain says of one record."""

    seq: object
    previous: object
    payload_hash: object
    hash: object
    public: bool
    payload: object
    """None where the ledger leaves it out."""


class ChainCheck:
    """Walks a ledger line by line and remembers the first break; needs no database and no secret.

    ``seals`` are what signed checkpoints say of it, in their order.
    """

    def __init__(self, seals: Sequence[Seal] = ()) -> None:
        self.count = self.public = 0
        self.head = GENESIS
        self.broken: Break | None = None
        self._seals = list(seals)
        self._sealed = 0
        """The last record that a checkpoint vouches for."""

    def feed(self, line: str) -> None:
        """Check one more line of a ledger; lines after the first break are only counted."""
        self.count += 1
        if self.broken is None:
            found = _read_line(line)
            unread = "this line is not as the ledger spells a record"
            self._note(unread if found is None else self._fault(found) or self._seal_fault())

    def feed_record(self, record: JournalRecord, pseudonyms: Mapping[str, str]) -> None:
        """Check one more row of the journal, and that its columns say what its payload says."""
        self.count += 1
        if self.broken is None:
            found = _Link(record.seq, record.previous, record.payload_hash, record.hash, record.public, record.payload)
            self._note(self._fault(found) or _column_fault(record, pseudonyms) or self._seal_fault())

    def finish(self) -> None:
        """Nothing more comes: what a checkpoint covers beyond this was cut off."""
        if self.broken is None and self._seals:
            seal = self._seals[0]
            reason = f"the checkpoint of {seal.day} covers {seal.records} records, and here is the end: it was cut off"
            self.broken = Break(self.count + 1, reason)

    def _note(self, reason: str | None) -> None:
        if reason:
            self.broken = Break(self.count, reason)

    def _fault(self, found: _Link) -> str | None:
        if found.seq != self.count:
            return f"record {found.seq} stands where record {self.count} belongs: one was removed, added or moved"
        if found.previous != self.head:
            return "it does not follow the record before it"
        if found.payload is not None and digest_of(str(found.payload)) != found.payload_hash:
            return "its content was changed"
        if link(self.head, str(found.payload_hash), public=found.public) != found.hash:
            return "its hash does not fit its content, or its content was left out"
        self.head = str(found.hash)
        self.public += found.public
        return None

    def _seal_fault(self) -> str | None:
        while self._seals and self._seals[0].records == self.count:
            seal = self._seals.pop(0)
            if (seal.head, seal.public) != (self.head, self.public):
                return (
                    f"the checkpoint of {seal.day} was signed over another record here: "
                    f"something after record {self._sealed} was changed and the chain made anew"
                )
            self._sealed = self.count
        return None


def _read_line(line: str) -> _Link | None:
    # A record has one spelling only, so that nothing can be added to a line, or changed in it, unseen.
    try:
        record = json.loads(line)
        payload = record.get("payload")
        keys = _LINE_KEYS if payload is None else (*_LINE_KEYS, "payload")
        spelt = canonical({key: record[key] for key in keys})
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None
    if spelt != line.strip() or type(record["seq"]) is not int:  # 5.0 and true are no numbers of records
        return None
    public = payload is not None
    return _Link(record["seq"], record["previous"], record["payload_hash"], record["hash"], public, payload)


def _column_fault(record: JournalRecord, pseudonyms: Mapping[str, str]) -> str | None:
    # Queries read the columns; the chain covers only the payload.
    columns = {
        "at": record.at.astimezone(UTC).isoformat(),
        "act": record.act,
        "subject": record.subject,
        "by": pseudonyms.get(record.by) if record.by else None,
    }
    try:
        content = record.content()
    except ValueError:
        return "its content is not a decision"
    if record.by is None and content.get("by") in ("clock", "operator"):
        columns["by"] = content["by"]
    wrong = [name for name, value in columns.items() if content.get(name) != value]
    return f"its column {wrong[0]} does not say what its content says" if wrong else None


def check_ledger(lines: Iterable[str], seals: Sequence[Seal] = ()) -> ChainCheck:
    """Verify a downloaded ledger, also against what checkpoints say of it."""
    check = ChainCheck(seals)
    for line in lines:
        if line.strip():
            check.feed(line)
    check.finish()
    return check


async def check_journal(session: AsyncSession, seals: Sequence[Seal] = ()) -> ChainCheck:
    """Verify the journal in the database, private payloads and the columns beside them included."""
    check = ChainCheck(seals)
    pseudonyms = {editor.id: editor.pseudonym for editor in await session.exec(select(Editor))}
    async for record in _records(session):
        check.feed_record(record, pseudonyms)
    check.finish()
    return check
