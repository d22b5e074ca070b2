"""The closed lists in ``service/words.py`` and what the database accepts are the same, on both databases."""

from enum import StrEnum

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from service import words as words_module
from service.db import Database
from service.models import Delivery, Edition, Item
from service.words import DeliveryKind, DeliveryState, EditionState, ItemState, Role, StoryState, TokenKind
from tests.builders import a_story, stored
from tests.conftest import NOON, add_account, add_service_token

pytestmark = pytest.mark.anyio

COLUMNS = (
    ("story", "state", StoryState),
    ("edition", "state", EditionState),
    ("item", "state", ItemState),
    ("editor", "role", Role),
    ("token", "kind", TokenKind),
    ("delivery", "kind", DeliveryKind),
    ("delivery", "state", DeliveryState),
)


async def one_row_of_each(database: Database) -> None:
    """A story, its draft with every time set that some state demands, and an account with a token."""
    editor, _ = await add_account(database)
    await add_service_token(database, editor)
    story = a_story()
    await stored(database, story, Edition(day=NOON.date(), zone="UTC", opened_at=NOON))
    times = {"created_at": NOON, "due_at": NOON}
    await stored(
        database, Delivery(id="msg", key="k", kind="ping", lane="hub", target="t", subject="s", seq=1, **times)
    )
    item = Item(
        story_id=story.id, edition_date=NOON.date(), position=1, state=ItemState.DRAFT, uri="tag:x", decision="0" * 64,
        placed_by=editor.id, placed_at=NOON, publish_at=NOON, published_by=editor.id, published_at=NOON,
        updated_at=NOON, withdrawn_at=NOON, withdrawn_reason="an error",
    )  # fmt: skip
    await stored(database, item)


async def accepts(database: Database, table: str, column: str, value: str) -> bool:
    """Whether the database lets every row of ``table`` have ``value`` there; nothing is kept."""
    try:
        async with database.read() as session:
            connection = await session.connection(execution_options={"postgresql_readonly": False})
            changed = await connection.execute(text(f"UPDATE {table} SET {column} = :value"), {"value": value})  # noqa: S608 - our own names
            assert changed.rowcount
    except IntegrityError as refused:  # a trigger that speaks first says nothing about the list
        return "check constraint" not in str(refused).lower()
    return True


@pytest.mark.parametrize(("table", "column", "words"), COLUMNS, ids=[f"{t}.{c}" for t, c, _ in COLUMNS])
async def test_the_database_accepts_each_word_of_a_list_and_no_other(
    database: Database, table: str, column: str, words: type[StrEnum]
) -> None:
    await one_row_of_each(database)
    if table == "item":  # the trigger of promise 2 would speak before the constraint
        await tag_every_story(database)
    for word in words:
        assert await accepts(database, table, column, word.value), word
    for other in ("", "retired", next(iter(words)).value.upper()):
        assert not await accepts(database, table, column, other), other


async def tag_every_story(database: Database) -> None:
    """One country tag on each story."""
    async with database.write() as session:
        await (await session.connection()).execute(
            text(
                "INSERT INTO tag (story_id, partner, position, tier, label_en, label_zh, confirmed_by, confirmed_at)"
                " SELECT story.id, 'KE', 1, 'strategic', 'x', 'x', editor.id, :now FROM story, editor"
            ),
            {"now": NOON},
        )


def test_every_closed_list_stands_behind_a_column() -> None:
    lists = {kind for kind in vars(words_module).values() if isinstance(kind, type) and issubclass(kind, StrEnum)}
    assert lists - {StrEnum} == {words for _, _, words in COLUMNS}
