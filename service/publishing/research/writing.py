"""Pages of rows → the bytes of a file: JSON Lines, CSV or Parquet, piece by piece.

A writer never holds more than one page (Parquet: one row group). pyarrow is an extra and is looked for only when
Parquet is asked for. No database and no web. Used by ``research_routes`` and the command.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from service.errors import FieldError, NotFound, NotInstalled
from service.publishing.formats.markup import rfc3339
from service.publishing.research.columns import Row, columns_of, values_of
from service.publishing.spreadsheet import MARK, csv_lines

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "jsonl": "application/jsonl",
        "csv": "text/csv; charset=utf-8",
        "parquet": "application/vnd.apache.parquet",
    }
)
ROW_GROUP = 5_000
"""Rows that Parquet keeps together: what is in memory at once."""

Pages = AsyncIterator[list[Row]]


def refuse_unwritable(file_format: str) -> None:
    """Raise what stands against writing this format, before anything is written.

    Raises:
        NotFound: there is no such format.
        NotInstalled: it is Parquet, and pyarrow is not there.
    """
    if file_format not in MEDIA_TYPES:
        formats = tuple(MEDIA_TYPES)
        raise NotFound(
            f"There is no export as '{file_format[:20]}'. There are: {', '.join(formats)}.",
            errors=[FieldError("format", "The formats are these.", formats)],
        )
    if file_format == "parquet" and not has_parquet():
        raise NotInstalled(
            "Parquet needs the extra of that name: pip install 'huoban[parquet]'. CSV and JSON Lines do not."
        )


def has_parquet() -> bool:
    """Whether this installation can write Parquet."""
    try:
        return find_spec("pyarrow") is not None
    except ValueError:  # how find_spec says that somebody has blocked the import
        return False


def write_rows(file_format: str, pages: Pages) -> AsyncIterator[bytes]:
    """The file, in pieces; the format is one that ``refuse_unwritable`` lets pass."""
    writers = {"jsonl": _write_jsonl, "csv": _write_csv, "parquet": _write_parquet}
    return writers[file_format](pages)


async def _write_jsonl(pages: Pages) -> AsyncIterator[bytes]:
    names = [column.name for column in columns_of(Row)]
    async for rows in pages:
        lines = [dict(zip(names, map(_plain, values_of(row)), strict=True)) for row in rows]
        yield "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value


async def _write_csv(pages: Pages) -> AsyncIterator[bytes]:
    yield MARK + csv_lines([[column.name for column in columns_of(Row)]])
    async for rows in pages:
        yield csv_lines(map(values_of, rows))


class _Pieces(io.RawIOBase):
    """A file that only goes forward and gives away what was written."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._written += piece
        return len(piece)

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


async def _write_parquet(pages: Pages) -> AsyncIterator[bytes]:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {str: pa.string(), int: pa.int32(), date: pa.date32(), datetime: pa.timestamp("ms", tz="UTC")}
    schema = pa.schema(
        [pa.field(column.name, kinds[column.kind], nullable=column.may_be_empty) for column in columns_of(Row)]
    )
    pieces = _Pieces()
    writer = parquet.ParquetWriter(pieces, schema, compression="zstd")

    def write_group(rows: list[Row]) -> bytes:
        columns = zip(*map(values_of, rows), strict=True) if rows else ([] for _ in schema)
        arrays = [pa.array(list(values), field.type) for values, field in zip(columns, schema, strict=True)]
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        return pieces.take()

    waiting: list[Row] = []
    async for rows in pages:
        waiting += rows
        if len(waiting) >= ROW_GROUP:
            yield await asyncio.to_thread(write_group, waiting)
            waiting = []
    if waiting:
        yield await asyncio.to_thread(write_group, waiting)
    await asyncio.to_thread(writer.close)
    yield pieces.take()
