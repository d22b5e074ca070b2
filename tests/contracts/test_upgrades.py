"""Databases of every released schema, with a newsroom's work in them, become what this version needs.

``released/NNNN.jsonl`` holds the rows of a database that the release with that schema wrote, a line each: table, row.
A new file joins them with each release whose schema differs.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic import command
from sqlalchemy import Connection, inspect, text
from sqlmodel import col, func, select

from service.db import Database
from service.desk.search_index import catch_up
from service.journal import check_journal
from service.migrating import _alembic_config, _sync_engine, migrate_database
from service.models import Digest, Editor, Item, SearchEntry, Story, Tag
from tests.conftest import SettableClock, serving, settings_for
from tests.postgres import Postgres

pytestmark = pytest.mark.anyio
RELEASED = sorted((Path(__file__).parent / "released").glob("*.jsonl"))
FIRST = ("host", "feed", "editor", "edition", "story", "tag", "item")
"""Tables that others point to, and tags before the items that the database wants them for."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/old.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.copy_of("template1") as url:
        yield url


def rows_of(file: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        table, row = json.loads(line)
        found.setdefault(table, []).append(row)
    found["story"].sort(key=lambda row: row["lead_id"] is not None)
    return {table: found[table] for table in [*FIRST, *sorted(found.keys() - set(FIRST))]}


def make_old(database: Database, file: Path) -> dict[str, list[dict[str, Any]]]:
    """The database as that release left it; answers its rows."""
    rows = rows_of(file)
    engine = _sync_engine(database)
    with engine.begin() as connection:
        command.upgrade(_alembic_config(connection), file.stem)
    with engine.begin() as connection:
        for table, there in rows.items():
            _insert(connection, table, there)
    engine.dispose()
    return rows


def _insert(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    kinds = {column["name"]: column["type"].python_type for column in inspect(connection).get_columns(table)}
    names = ", ".join(f'"{name}"' for name in rows[0])
    values = ", ".join(f":{name}" for name in rows[0])
    on_postgres = connection.dialect.name == "postgresql"
    for row in rows:
        plain = {
            name: base64.b64decode(value["base64"])
            if isinstance(value, dict)
            else bool(value)
            if on_postgres and kinds[name] is bool and value is not None
            else value
            for name, value in row.items()
        }
        connection.execute(text(f'INSERT INTO "{table}" ({names}) VALUES ({values})'), plain)  # noqa: S608 - our own file


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
async def test_what_a_release_wrote_is_all_there_after_the_upgrade(
    empty_url: str, file: Path, clock: SettableClock
) -> None:
    database = Database(empty_url)
    rows = make_old(database, file)
    before, after = await migrate_database(database)
    assert before == file.stem
    assert after != before
    await catch_up(database)
    async with database.read() as session:
        check = await check_journal(session)
        assert check.broken is None
        assert check.count == len(rows["journal"])
        for model, table in ((Story, "story"), (Item, "item"), (Tag, "tag"), (Editor, "editor"), (Digest, "digest")):
            count = (await session.exec(select(func.count()).select_from(model))).one()
            assert count == len(rows[table]), table
        assert (await session.exec(select(func.count()).select_from(SearchEntry))).one() == len(rows["story"])
        digests = {row["extension"]: row for row in rows["digest"]}
        for digest in await session.exec(select(Digest).order_by(col(Digest.extension))):
            assert digest.body == base64.b64decode(digests[digest.extension]["body"]["base64"])
            assert (digest.revision, digest.number) == (1, 1)
    await database.close()
    day = rows["edition"][0]["day"]
    async with (
        serving(settings_for(empty_url), clock=clock) as base,
        httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as client,
    ):
        shown = (await client.get(f"/editions/{day}.json")).json()["items"]
        published = [row["story_id"] for row in rows["item"] if row["state"] == "published"]
        assert sorted(item["_huoban"]["id"] for item in shown) == sorted(published)
        withdrawn = next(row["story_id"] for row in rows["item"] if row["state"] == "withdrawn")
        assert (await client.get(f"/stories/{withdrawn}")).status_code == 410
        frozen = await client.get(f"/digest/{day}.txt")
        assert frozen.content == base64.b64decode(digests["txt"]["body"]["base64"])
