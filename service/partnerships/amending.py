"""A newsroom amends the register: the new row and its public record in the journal, in one transaction.

What may enter is ``register``'s rule, and nothing is ever overwritten. Called by ``routes``.
"""

from datetime import datetime
from typing import Any

from service.db import WriteSession
from service.journal import record_decision
from service.models import Editor, RegisterEntry
from service.partnerships import register


async def amend_partnership(
    session: WriteSession, row: register.RegisterRow, *, now: datetime, by: Editor
) -> RegisterEntry:
    """Add what an editor learned about a partnership, known from ``now``; the record names what it replaces.

    Raises:
        Invalid: the row is not fit for the register; every field that is wrong is named.
    """
    earlier = await register.history(session, row.partner)
    replaced = register.standing_on(earlier, on=row.in_force_from, known_at=now) if row.in_force_from else None
    entry = await register.amend_register(session, row, now=now, by=by.id)
    await record_decision(
        session,
        act="amend_register",
        subject=f"partner:{row.partner}",
        before=_facts(replaced) if replaced else None,
        after=_facts(entry),
        now=now,
        by=by,
    )
    return entry


def _facts(entry: RegisterEntry) -> dict[str, Any]:
    facts: dict[str, Any] = entry.model_dump(mode="json", exclude={"added_by", "known_from", "partner"})
    return facts
