"""One question for many values: the same answers as an IN list, on both databases."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, literal
from sqlalchemy.dialects import sqlite
from sqlmodel import col, select

from service.among import among
from service.db import Database
from service.models import Host

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ODD = ["plain.example", "two words", "it's", 'a "quote"', "back\\slash", "中国.example", "🇨🇳", "%s {x} :y", "null", "1"]


async def test_text_of_any_kind_is_found_by_itself_and_by_nothing_else(database: Database) -> None:
    async with database.write() as session:
        session.add_all(Host(name=name, ready_at=NOW) for name in ODD)
    async with database.read() as session:
        for wanted in (ODD, ODD[::2], ODD[1:2], ["elsewhere.example"], []):
            found = await session.exec(select(Host.name).where(among(col(Host.name), wanted)))
            assert sorted(found) == sorted(set(wanted) & set(ODD))


async def test_whole_numbers_keep_all_their_digits_and_thousands_go_in_one_question(database: Database) -> None:
    numbers = [0, 1, -1, 2**63 - 1, -(2**63), *range(10, 4_000)]
    async with database.read() as session:
        for number in (0, 2**63 - 1, -(2**63), 3_999, 2, 4_000, 2**63 - 2):
            here = literal(number, BigInteger)
            found = await session.exec(select(here).where(among(here, numbers)))
            assert found.first() == (number if number in numbers else None)


async def test_question_uses_the_columns_index(database: Database) -> None:
    query = select(Host.name).where(among(col(Host.name), ["a.example", "b.example"]))
    async with database.read() as session:
        connection = await session.connection()
        if connection.dialect.name == "postgresql":
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        said = await connection.exec_driver_sql(
            ("EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN ")
            + str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
        )
        plan = " ".join(str(row) for row in said)
    assert "SEARCH host USING" in plan or "Index" in plan, plan


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_values_travel_as_one_and_whole(values: list[str]) -> None:
    compiled = select(Host.name).where(among(col(Host.name), values)).compile(dialect=sqlite.dialect())
    (sent,) = compiled.params.values()
    assert json.loads(sent) == values
