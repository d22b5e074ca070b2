"""The journal: every decision, once, in order, in the transaction that makes it.

Each record carries the hash of the one before it, so that a changed, removed or reordered record shows.
A record's hash covers the hash of its payload and not the payload itself: the public ledger can leave out
what is private and still be verified link by link. A random salt in each payload keeps a short private
value from being guessed out of its hash.

It does not decide what is recorded: the actions in ``desk``, ``auth`` and ``partnerships`` call
``record_decision``. Triggers in the database refuse to change or delete a record (``migrations/``).
"""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
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

_CHAIN_LOCK = 0x48554F42  # any constant of our own: one writer at the end of the chain on PostgreSQL


@dataclass(frozen=True)
class Break:
    """The first place where a chain does not hold."""

    seq: int
    reason: str


def canonical(value: object) -> str:
    """JSON in one spelling only: sorted keys, no blanks, times already text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(content: str) -> str:
    """SHA-256 of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(content.encode()).hexdigest()


def link(previous: str, payload_hash: str) -> str:
    """The hash of a record: of its predecessor's hash followed by its payload's."""
    return digest_of(previous + payload_hash)


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
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    last = (await session.exec(select(JournalRecord).order_by(col(JournalRecord.seq).desc()).limit(1))).one_or_none()
    seq, previous = (last.seq + 1, last.hash) if last else (1, GENESIS)
    payload = canonical(
        {
            "seq": seq,
            "at": now.isoformat(),
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
        hash=link(previous, payload_hash),
    )
    session.add(record)
    await session.flush()
    return record


async def history_of(session: AsyncSession, subject: str) -> list[JournalRecord]:
    """All decisions about one thing, oldest first."""
    query = select(JournalRecord).where(JournalRecord.subject == subject).order_by(col(JournalRecord.seq))
    return list((await session.exec(query)).all())


def ledger_line(record: JournalRecord) -> str:
    """One record as a line of the public ledger: in full if it is public, else only its hashes."""
    line: dict[str, Any] = {
        "seq": record.seq,
        "previous": record.previous,
        "payload_hash": record.payload_hash,
        "hash": record.hash,
    }
    if record.public:
        line["payload"] = record.payload
    return canonical(line)


async def ledger_lines(session: AsyncSession) -> AsyncIterator[str]:
    """The whole ledger, oldest first, without holding it in memory."""
    after, batch = 0, 1_000
    while True:
        query = select(JournalRecord).where(col(JournalRecord.seq) > after)
        records = (await session.exec(query.order_by(col(JournalRecord.seq)).limit(batch))).all()
        for record in records:
            yield ledger_line(record)
        if len(records) < batch:
            return
        after = records[-1].seq
        session.expunge_all()


class ChainCheck:
    """Walks a ledger line by line and remembers the first break; needs no database and no secret."""

    def __init__(self) -> None:
        self.count = 0
        self.head = GENESIS
        self.broken: Break | None = None

    def feed(self, line: str) -> None:
        """Check one more line; lines after the first break are only counted."""
        self.count += 1
        if self.broken is None:
            reason = self._fault(line)
            if reason:
                self.broken = Break(self.count, reason)

    def _fault(self, line: str) -> str | None:
        try:
            record = json.loads(line)
            seq, previous, payload_hash = record["seq"], record["previous"], record["payload_hash"]
            payload, own = record.get("payload"), record["hash"]
        except (ValueError, KeyError, TypeError):
            return "this line is not a ledger record"
        if seq != self.count:
            return f"record {seq} stands where record {self.count} belongs: one was removed, added or moved"
        if previous != self.head:
            return "it does not follow the record before it"
        if payload is not None and digest_of(str(payload)) != payload_hash:
            return "its content was changed"
        if link(str(previous), str(payload_hash)) != own:
            return "its hash does not fit its content"
        self.head = str(own)
        return None


def check_ledger(lines: Iterable[str]) -> ChainCheck:
    """Verify a downloaded ledger."""
    check = ChainCheck()
    for line in lines:
        if line.strip():
            check.feed(line)
    return check


async def check_journal(session: AsyncSession) -> ChainCheck:
    """Verify the journal in the database, private payloads included."""
    check, after, batch = ChainCheck(), 0, 1_000
    while True:
        query = select(JournalRecord).where(col(JournalRecord.seq) > after)
        records = (await session.exec(query.order_by(col(JournalRecord.seq)).limit(batch))).all()
        for record in records:
            check.feed(canonical({**record.model_dump(exclude={"at"}), "payload": record.payload}))
        if len(records) < batch:
            return check
        after = records[-1].seq
        session.expunge_all()
