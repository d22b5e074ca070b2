"""Values as the cells of a CSV file (RFC 4180) that a spreadsheet shows and never runs.

Pure. Used by ``register_facts`` and by ``research``.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from service.publishing.formats.markup import rfc3339

MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark: without it Excel takes Chinese for Western letters. Stands once, before the first row."""
# What spreadsheets take for the beginning of a formula (OWASP, CSV injection), in full width too; and the apostrophe
# itself, so that whoever reads the file with a program takes one off and has the text as it was.
_GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")


def cell(value: Any) -> str:
    """A value as a cell; a text that a spreadsheet would run as a formula gets an apostrophe before it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
        case int():
            return str(value)
    text = ";".join(value) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.startswith(_GUARDED) else text


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as lines of CSV in UTF-8, without the mark."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([cell(value) for value in row] for row in rows)
    return out.getvalue().encode()
