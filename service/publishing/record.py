"""The decision record of one story, as its page and its JSON show it: who decided what, when, and what changed.

Only public records; the editor stands under a pseudonym, as in the ledger. Called by ``page_routes``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from service.journal import history_of
from service.partnerships import places
from service.publishing.formats.markup import rfc3339
from service.publishing.formats.wording import label_words
from service.translations import SOURCE

_CHANGING = ("headline", "blurb", "tags", "url")


@dataclass(frozen=True)
class Change:
    """One thing that a correction or a new link changed, in words."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class PublicDecision:
    """One public record about a story."""

    at: datetime
    by: str
    """The editor's pseudonym: the ledger names nobody."""
    act: str
    """``publish``, ``correct``, ``withdraw``, ``move`` or another of the journal's words."""
    note: str | None
    changes: tuple[Change, ...]
    hash: str


async def public_record(session: AsyncSession, story_id: str, *, language: str = SOURCE) -> list[PublicDecision]:
    """The public decisions about a story, oldest first; partners and tiers in the language of the interface."""
    found = []
    for record in await history_of(session, f"story:{story_id}"):
        if not record.public:
            continue
        content = record.content()
        before, after = content["before"] or {}, content["after"] or {}
        found.append(
            PublicDecision(
                at=record.at,
                by=content["by"],
                act=record.act,
                note=after.get("note") or after.get("reason"),
                changes=tuple(
                    Change(key, _in_words(before[key], language), _in_words(after[key], language))
                    for key in _CHANGING
                    if key in before and key in after
                ),
                hash=record.hash,
            )
        )
    return found


def decision_facts(decision: PublicDecision) -> dict[str, Any]:
    """One decision, as JSON carries it."""
    return {
        "at": rfc3339(decision.at),
        "by": decision.by,
        "act": decision.act,
        "note": decision.note,
        "changes": [
            {"what": change.what, "before": change.before, "after": change.after} for change in decision.changes
        ],
        "hash": decision.hash,
    }


def _in_words(value: object, language: str) -> str:
    if not isinstance(value, list):
        return str(value or "")
    return "; ".join(
        f"{places.name(tag['partner'], language)}: "
        f"{label_words(tag['tier'], tag.get('label_en', ''), tag.get('label_zh', ''), language)}"
        for tag in value
    )
