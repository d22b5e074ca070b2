"""Search put as SQL: which stories hold every phrase that an editor asked for, on either database.

SQLite asks its FTS5 table, PostgreSQL its GIN index; both hold the terms of ``search_text``, so the same question
finds the same stories. There are two ways to ask. ``hits`` goes from the words to the stories; ``entry_matches``
looks at one story's terms, which is quicker where other filters leave few. ``wire_lists`` chooses and adds order
and filters. Nothing is ranked.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, String, and_, cast, column, func, literal, literal_column, table
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from service.desk.search_text import Phrase
from service.models import SearchEntry

FTS5 = table("storysearch", column("rowid"))
"""SQLite's index; its rowid is the entry's number, and it gives its hits in that order."""


def hits(phrases: Sequence[Phrase], *, sqlite: bool) -> SelectOfScalar[int]:
    """The numbers of the entries that hold every phrase (``SearchEntry.number``), in no order."""
    if sqlite:
        number: Any = FTS5.c.rowid.label("number")
        return select(number).where(fts5_matches(phrases))
    return select(SearchEntry.number).where(entry_matches(phrases, sqlite=False))


def entry_matches(phrases: Sequence[Phrase], *, sqlite: bool) -> ColumnElement[bool]:
    """Whether one entry holds every phrase."""
    words: Any = col(SearchEntry.words)
    if sqlite:
        # Terms are kept in their order with one blank between, so a phrase is a piece of that text.
        spaced = literal(" ") + cast(words, String) + literal(" ")
        return and_(*(func.instr(spaced, _piece(phrase)) > 0 for phrase in phrases))
    return words.op("@@", return_type=None)(cast(ts_query(phrases), TSQUERY))  # type: ignore[no-any-return]


def fts5_matches(phrases: Sequence[Phrase]) -> ColumnElement[bool]:
    """Whether a row of ``FTS5`` holds every phrase; SQLite only."""
    return literal_column("storysearch", Boolean).op("MATCH", return_type=Boolean())(fts5_query(phrases))


def fts5_query(phrases: Sequence[Phrase]) -> str:
    """The phrases in FTS5's own language. Terms are letters and digits only, so nothing of it can be in them."""
    return " AND ".join(
        " + ".join(f'"{term}"' for term in phrase.terms) + (" *" if phrase.prefix else "") for phrase in phrases
    )


def ts_query(phrases: Sequence[Phrase]) -> str:
    """The phrases in the language of PostgreSQL's ``tsquery``."""
    return " & ".join(
        "(" + " <-> ".join(f"'{term}'" for term in phrase.terms) + (":*" if phrase.prefix else "") + ")"
        for phrase in phrases
    )


def _piece(phrase: Phrase) -> str:
    return f" {' '.join(phrase.terms)}" + ("" if phrase.prefix else " ")
