"""Signed checkpoints: once a newsroom day, how long the journal is and what its last hash is, under a signature.

The chain shows whatever is changed inside it; a checkpoint that somebody keeps also shows that the end was cut off,
or that all of it was made anew. A checkpoint names the key that signed it and the hash of the checkpoint before it.
Each stands for the day on which it was made and covers all that was recorded until then.

It decides nothing and is no record of the journal. Made by ``scheduling`` and ``huoban journal checkpoint``, served
by ``publishing``, checked by ``huoban journal verify``; the walk along the ledger itself is ``journal``'s. Where the
key comes from is docs/decisions/0009.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.db import WriteSession
from service.errors import SetupError
from service.journal import GENESIS, Break, Seal, canonical, digest_of, take_turn
from service.models import Checkpoint, JournalRecord, LedgerKey

if TYPE_CHECKING:  # seven megabytes of cryptography: whoever signs or checks imports it, which is once a day
    from service.signing import PublicKey, SigningKey

_STATEMENT_KEYS = frozenset({"at", "day", "head", "key", "previous", "public", "records"})
_LINE_KEYS = frozenset({"signature", "statement"})


async def make_checkpoint(
    session: WriteSession, *, ledger_key: str | None, calendar: Calendar, now: datetime
) -> Checkpoint | None:
    """Sign how the journal stands, unless this newsroom day has its checkpoint or nothing was ever recorded.

    ``ledger_key`` is the setting: a private key in PEM, or None for the one that the database keeps.

    Raises:
        SetupError: the journal does not continue what was signed before; such a journal is not signed.
    """
    await take_turn(session)
    last, day = await last_checkpoint(session), calendar.day_of(now)
    head = (await session.exec(select(JournalRecord).order_by(col(JournalRecord.seq).desc()).limit(1))).one_or_none()
    if head is None or (last is not None and last.day >= day):
        return None
    await _require_continued(session, last)
    before, public = (last.records, last.content()["public"]) if last else (0, 0)
    news = select(func.count()).where(col(JournalRecord.seq) > before, col(JournalRecord.public))
    key = await _signing_key(session, ledger_key, now=now)
    statement = canonical(
        {
            "at": now.astimezone(UTC).isoformat(),
            "day": day.isoformat(),
            "head": head.hash,
            "key": key.public.id,
            "previous": digest_of(last.statement) if last else GENESIS,
            "public": public + (await session.exec(news)).one(),
            "records": head.seq,
        }
    )
    made = Checkpoint(
        day=day, key_id=key.public.id, records=head.seq, statement=statement, signature=key.sign(statement)
    )
    session.add(made)
    await session.flush()
    return made


async def _require_continued(session: AsyncSession, last: Checkpoint | None) -> None:
    if last is None:
        return
    record = await session.get(JournalRecord, last.records)
    if record is None or record.hash != last.content()["head"]:
        raise SetupError(
            f"The journal is not what the checkpoint of {last.day} was signed over, and is not signed again. "
            "`huoban journal verify` names where; restore the last good backup."
        )


async def _signing_key(session: WriteSession, ledger_key: str | None, *, now: datetime) -> "SigningKey":
    """The key to sign with, its public half kept for good.

    One from the settings takes over from the database's own, whose private half is then forgotten.
    """
    from service.signing import new_signing_key, read_signing_key

    if ledger_key is None:
        kept = select(LedgerKey).where(col(LedgerKey.private).is_not(None)).order_by(col(LedgerKey.made_at).desc())
        row = (await session.exec(kept.limit(1))).one_or_none()
        if row is not None and row.private is not None:
            return read_signing_key(row.private)
    key = read_signing_key(ledger_key) if ledger_key is not None else new_signing_key()
    if ledger_key is not None:
        await session.exec(update(LedgerKey).where(col(LedgerKey.private).is_not(None)).values(private=None))
    if await session.get(LedgerKey, key.public.id) is None:
        private = key.private_pem() if ledger_key is None else None
        session.add(LedgerKey(id=key.public.id, public=key.public.pem, private=private, made_at=now))
        await session.flush()
    return key


async def last_checkpoint(session: AsyncSession) -> Checkpoint | None:
    """The newest one."""
    return (await session.exec(select(Checkpoint).order_by(col(Checkpoint.day).desc()).limit(1))).one_or_none()


async def checkpoint_lines(session: AsyncSession) -> list[str]:
    """Every checkpoint as a line of ``/ledger/checkpoints.jsonl``, the oldest first."""
    rows = await session.exec(select(Checkpoint).order_by(col(Checkpoint.day)))
    return [canonical({"signature": row.signature, "statement": row.statement}) for row in rows]


async def public_keys(session: AsyncSession) -> str | None:
    """Every key that ever signed, as PEM blocks: the present one first, each under a line that names it.

    None until there is one.
    """
    used = select(LedgerKey, func.max(Checkpoint.day)).join(Checkpoint, col(Checkpoint.key_id) == LedgerKey.id)
    used = used.group_by(col(LedgerKey.id)).order_by(func.max(Checkpoint.day).desc())
    rows = (await session.exec(used)).all()
    return "\n".join(f"Key {key.id}, last used on {day}\n{key.public}" for key, day in rows) or None


@dataclass(frozen=True)
class CheckpointsRead:
    """What a list of checkpoints says of the ledger, as far as it holds."""

    seals: Sequence[Seal]
    broken: Break | None
    """The first line that does not hold, by its number."""


def read_checkpoints(lines: Iterable[str], keys: Mapping[str, "PublicKey"]) -> CheckpointsRead:
    """Check each line's spelling, its signature by one of these keys, and that it follows the line before it."""
    seals: list[Seal] = []
    previous = GENESIS
    for number, line in enumerate((line.strip() for line in lines if line.strip()), start=1):
        found = _read_line(line)
        if found is None:
            return CheckpointsRead(seals, Break(number, "this line is not as a checkpoint is spelt"))
        statement, signature, seal, key_id, follows = found
        if key_id not in keys:
            return CheckpointsRead(seals, Break(number, f"its key {key_id} is not among those given"))
        if not keys[key_id].verifies(signature, statement):
            return CheckpointsRead(seals, Break(number, "its signature does not fit: it was changed, or never signed"))
        last = seals[-1] if seals else None
        if follows != previous or (last and (seal.day <= last.day or seal.records < last.records)):
            return CheckpointsRead(seals, Break(number, "it does not follow the checkpoint before it"))
        seals.append(seal)
        previous = digest_of(statement)
    return CheckpointsRead(seals, None)


def _read_line(line: str) -> tuple[str, str, Seal, str, str] | None:
    # One spelling only, like the ledger's own lines.
    try:
        parts = json.loads(line)
        said = json.loads(parts["statement"])
        spelt = canonical(parts) == line and canonical(said) == parts["statement"]
        known = parts.keys() == _LINE_KEYS and said.keys() == _STATEMENT_KEYS
        counts = type(said["records"]) is int and type(said["public"]) is int
        texts = all(type(said[name]) is str for name in _STATEMENT_KEYS - {"records", "public"})
        if not (spelt and known and counts and texts and type(parts["signature"]) is str):
            return None
        seal = Seal(day=said["day"], records=said["records"], public=said["public"], head=said["head"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return parts["statement"], parts["signature"], seal, said["key"], said["previous"]


async def own_checkpoints(session: AsyncSession) -> CheckpointsRead:
    """The database's checkpoints, checked with the keys beside them."""
    from service.signing import read_public_keys

    pem = await public_keys(session)
    return read_checkpoints(await checkpoint_lines(session), read_public_keys(pem) if pem else {})
