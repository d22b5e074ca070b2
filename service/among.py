"""One question for many values: ``among(column, values)`` instead of an IN list.

An IN list is written anew for each number of values, by us and by the database's parser, and costs more than what it
asks; SQLite takes no more than 999 of them on some machines. Here all values travel as one. Called by whoever asks
for what a batch may hold.
"""

import json
from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


def among(column: ColumnElement[Any] | Mapped[Any], values: Collection[str] | Collection[int]) -> ColumnElement[bool]:
    """Whether the column, of text or of whole numbers, holds one of these values; never true without any."""
    listed = bindparam(None, json.dumps(list(values), ensure_ascii=False), Text, unique=True)
    asked = cast("ColumnElement[Any]", column)
    # As a comparison: a boolean function would be written "… = 1" on SQLite, and no index be used.
    compared: ColumnElement[bool] = asked.op("IN", is_comparison=True)(_Listed(listed, type_=asked.type))
    return compared


class _Listed(FunctionElement[Any]):
    """The values, one a row, as each of the two databases unpacks them."""

    inherit_cache = True

    def __init__(self, listed: ColumnElement[str], *, type_: TypeEngine[Any]) -> None:
        super().__init__(listed)
        self.type = type_


@compiles(_Listed, "sqlite")
def _on_sqlite(element: _Listed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **kw)}))"  # noqa: S608 - only a bound parameter


@compiles(_Listed, "postgresql")
def _on_postgresql(element: _Listed, compiler: SQLCompiler, **kw: Any) -> str:
    kind = compiler.dialect.type_compiler_instance.process(element.type)
    listed = compiler.process(element.clauses, **kw)
    return f"(SELECT CAST(value AS {kind}) FROM jsonb_array_elements_text(CAST({listed} AS JSONB)))"  # noqa: S608 - as above
