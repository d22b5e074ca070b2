"""What one row of the research export says: one public story and one partner that it is tagged with.

The fields of ``Row`` are the columns, in this order, in every format; ``papers`` writes the codebook from them, so
that no column is without its meaning. Pure.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Annotated, Any, get_args, get_type_hints


@dataclass(frozen=True)
class Row:
    """A story × partner. An item that was withdrawn keeps its facts and loses its words."""

    story_id: Annotated[str, "The story's id, the same in API, pages and feeds."]
    uri: Annotated[str, "The tag URI (RFC 4151) that names it in every feed and never changes."]
    permalink: Annotated[str, "Our page about it; 410 once it is withdrawn."]
    edition: Annotated[date, "The newsroom day in whose list it stands."]
    position: Annotated[int | None, "Its place in that list, 1 for the top; empty once withdrawn."]
    state: Annotated[str, "`published`, `corrected` (something changed after publication) or `withdrawn`."]
    partner: Annotated[str, "ISO 3166-1 alpha-2, or `X-…` for an organisation."]
    partner_name: Annotated[str, "The partner in English."]
    partner_region: Annotated[str, "The partner's region, as in `/regions/{region}`."]
    partner_order: Annotated[int, "1 for the partner that the editor named first."]
    tier_then: Annotated[str, "China's tier towards the partner on the story's date, as a person confirmed it."]
    tier_now: Annotated[str, "The tier by the register on the day of the export."]
    label_en: Annotated[str, "The official wording on the story's date, in English; empty where there is none."]
    label_zh: Annotated[str, "The same in Chinese."]
    tier_reason: Annotated[str | None, "Why the editor's tier differs from the register's; empty where they agree."]
    confirmed_by: Annotated[str, "Pseudonym of the editor who confirmed the tier, as in `/ledger.jsonl`."]
    confirmed_at: Annotated[datetime, "When."]
    headline: Annotated[str | None, "Our headline; empty where it is the publisher's own, or the item is withdrawn."]
    blurb: Annotated[str | None, "Our sentences about it; empty where there are none, or as for the headline."]
    link: Annotated[str | None, "The article at its publisher."]
    language: Annotated[str | None, "The article's language (BCP 47)."]
    source_id: Annotated[str | None, "The feed that brought it; empty for a story added by hand."]
    source_name: Annotated[str, "The outlet's name."]
    source_url: Annotated[str | None, "The outlet's page."]
    source_language: Annotated[str | None, "The language of the feed."]
    source_country: Annotated[str | None, "Where the outlet is at home (ISO 3166-1 alpha-2)."]
    story_date: Annotated[datetime, "The story's date, for which its tier is read: as published, else as received."]
    source_published_at: Annotated[datetime | None, "When the publisher says that it appeared."]
    received_at: Annotated[datetime, "When we first saw it."]
    published_at: Annotated[datetime, "When a person published it here."]
    updated_at: Annotated[datetime, "The latest correction or withdrawal, else the publication."]
    correction: Annotated[str | None, "The note of the latest correction."]
    withdrawn_at: Annotated[datetime | None, "When it was withdrawn."]
    withdrawn_reason: Annotated[str | None, "Why it was withdrawn."]
    editor: Annotated[str, "Pseudonym of the editor who published it."]
    decision: Annotated[str, "Hash of the journal record of the latest public act; find it in `/ledger.jsonl`."]


@dataclass(frozen=True)
class PassedRow:
    """How many stories of one source stand in one state: what was offered, beside what was chosen."""

    source_id: Annotated[str | None, "The feed's id; empty for stories added by hand."]
    source_name: Annotated[str, "The outlet's name."]
    source_language: Annotated[str | None, "The language of the feed."]
    source_country: Annotated[str | None, "Where the outlet is at home."]
    source_region: Annotated[str | None, "The outlet's region."]
    state: Annotated[
        str,
        "`passed`; or `new`, `held` (waiting), `picked` (placed in a list) or `merged` (another report of a story "
        "that a person put it under), so that shares can be told.",
    ]
    reason: Annotated[str | None, "Why it was passed, from the desk's closed list; empty for the other states."]
    stories: Annotated[int, "How many."]


@dataclass(frozen=True)
class Column:
    """One column: its name, what is in it, and what that means."""

    name: str
    kind: type
    """``str``, ``int``, ``date`` or ``datetime``."""
    may_be_empty: bool
    meaning: str


def columns_of(table: type[Row | PassedRow]) -> tuple[Column, ...]:
    """The columns of a table, in their order."""
    found = []
    for name, hint in get_type_hints(table, include_extras=True).items():
        spelt, meaning = get_args(hint)
        kinds = get_args(spelt) or (spelt,)
        found.append(Column(name, kinds[0], type(None) in kinds, meaning))
    return tuple(found)


def values_of(row: Row | PassedRow) -> list[Any]:
    """The values of a row, in the order of the columns."""
    return [getattr(row, column.name) for column in fields(row)]
