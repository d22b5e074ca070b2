"""Search finds what an editor means, on either database, whichever way the stories are reached."""

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.clock import Calendar
from service.db import Database
from service.desk import wire_lists
from service.desk.search import fts5_query, ts_query
from service.desk.search_index import catch_up
from service.desk.search_text import index_text, parse_query
from service.desk.wire_filters import STATES, WireFilter
from service.models import Story
from service.settings import Settings
from tests.builders import a_story, stored
from tests.conftest import NOON, Desk

pytestmark = pytest.mark.anyio

CALENDAR: Calendar = Settings().calendar


async def found(database: Database, words: str, **more: Any) -> list[str]:
    """The titles that a search gives, page by page."""
    await catch_up(database)
    wanted = more.pop("wanted", WireFilter())
    titles: list[str] = []
    cursor = None
    while True:
        async with database.read() as session:
            page = await wire_lists.list_stories(
                session, wanted, text=words, cursor=cursor, now=NOON, calendar=CALENDAR, **more
            )
        titles += [story.title for story in page.items]
        if not page.total_is_lower_bound:
            assert page.total >= len(titles)
        if page.next is None:
            return titles
        cursor = page.next


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("rail", ["Railway to Malaba", "Kenya signs rail deal"]),
        ("RAIL deal", ["Kenya signs rail deal"]),
        ('"rail deal"', ["Kenya signs rail deal"]),
        ('"deal rail"', []),
        ('"rail"', ["Kenya signs rail deal"]),
        ("铁路", ["中国与肯尼亚签署铁路协议"]),
        ("签署铁路", ["中国与肯尼亚签署铁路协议"]),
        ("铁路签署", []),
        ("议", ["中国与肯尼亚签署铁路协议"]),
        ("abidjan cote", ["Côte d’Ivoire : l’accord d’Abidjan"]),
        ("CÔTE", ["Côte d’Ivoire : l’accord d’Abidjan"]),
        ("اتفاقية أفريقيا", ["إتفاقيّة مع افريقيا"]),
        ("headline", ["Chosen by an editor"]),
        ("blurb", ["Chosen by an editor"]),
        ("malaba kenya", []),
        ("***", []),
    ],
)
async def test_words_phrases_accents_and_chinese_are_found(database: Database, words: str, titles: list[str]) -> None:
    texts = (
        "Kenya signs rail deal",
        "Railway to Malaba",
        "中国与肯尼亚签署铁路协议",
        "Côte d’Ivoire : l’accord d’Abidjan",
        "إتفاقيّة مع افريقيا",
    )
    stories = [a_story(title=title, summary="", at=NOON + timedelta(minutes=n)) for n, title in enumerate(texts)]
    edited = a_story(title="Chosen by an editor", summary="", headline="A headline", blurb="And a blurb")
    await stored(database, *stories, edited)
    assert await found(database, words) == titles


HOSTILE = (
    *("a OR b", "NOT x", "x*", "rail NEAR/2 deal", '"', '""', "col:x", "^x", "(x", "x & !y", "'x':*", "x <-> y"),
    *("\\", "%", "_", "-x", "{x}", "x\x00y", "words:rail", "storysearch", "铁 路 *", "\u202e", "a" * 200, '"' * 199),
)


async def test_operators_in_what_is_typed_do_nothing(database: Database) -> None:
    await stored(database, a_story(title="rail deal"))
    for words in HOSTILE:
        assert await found(database, words) == [], words


@settings(max_examples=40)
@given(words=st.text(max_size=60))
async def test_no_text_breaks_a_search(sqlite_url: str, words: str) -> None:
    database = Database(sqlite_url)
    try:
        await found(database, words, wanted=WireFilter(states=STATES))
    finally:
        await database.close()


def a_crowd(number: int) -> list[Story]:
    """Stories of few words and few times, so that much is equal."""
    draw = random.Random(7)
    words = ["rail", "railway", "deal", "port", "中国铁路", "协议", "accord"]
    return [
        a_story(
            title=" ".join(draw.choices(words, k=3)),
            summary=f"number {n}",
            state=draw.choice(STATES),
            at=NOON - timedelta(minutes=draw.randrange(6)),
        )
        for n in range(number)
    ]


@pytest.mark.parametrize("most", [2_000, 20, 3])
async def test_every_way_to_the_stories_finds_the_same(
    database: Database, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_lists, "LOOK_MAX", most)  # beyond it another way is taken
    crowd = a_crowd(60)
    async with database.write() as session:
        session.add_all(crowd)
    for words in ("rail", "铁路", "rail port", '"rail deal"', "accord 协议", "number"):
        for states in (("new", "held"), STATES):
            expected = sorted(s.title for s in crowd if s.state in states and _holds(s, words))
            wanted = WireFilter(states=states)
            assert sorted(await found(database, words, wanted=wanted, limit=9)) == expected
            by_source = await found(database, words, wanted=wanted, sort="source", limit=9)
            assert set(by_source) <= set(expected)
            assert most != 2_000 or sorted(by_source) == expected


def _holds(story: Story, words: str) -> bool:
    held = f" {index_text(story.title)} {index_text(story.summary)} "
    return all(f" {' '.join(p.terms)}" + ("" if p.prefix else " ") in held for p in parse_query(words))


@pytest.mark.parametrize("most", [2_000, 3])
async def test_hits_come_by_time_received(database: Database, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_lists, "LOOK_MAX", most)
    moments = [NOON - timedelta(seconds=seconds) for seconds in (5, 1, 9, 3, 7)]
    await stored(database, *(a_story(title=f"rail {at:%S}", at=at) for at in moments))
    assert await found(database, "rail", limit=2) == [f"rail {at:%S}" for at in sorted(moments, reverse=True)]
    late = a_story(title="rail late", at=NOON - timedelta(seconds=4))
    await stored(database, late)
    assert (await found(database, "rail", limit=2)).index("rail late") == 2


async def test_a_page_of_hits_neither_skips_nor_repeats_while_stories_arrive(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most in (2_000, 3):
        monkeypatch.setattr(wire_lists, "LOOK_MAX", most)
        await stored(database, *(a_story(title=f"port{most} call") for _ in range(9)))
        await catch_up(database)
        async with database.read() as session:
            before = await wire_lists.list_stories(
                session, WireFilter(), text=f"port{most}", now=NOON, calendar=CALENDAR
            )
        seen: list[str] = []
        cursor = None
        for _ in range(20):
            await stored(database, a_story(title=f"port{most} arrival"))
            await catch_up(database)
            async with database.read() as session:
                page = await wire_lists.list_stories(
                    session, WireFilter(), text=f"port{most}", cursor=cursor, limit=2, now=NOON, calendar=CALENDAR
                )
            seen += [story.id for story in page.items if "call" in story.title]
            cursor = page.next
            if cursor is None:
                break
        assert seen == [story.id for story in before.items]


async def test_a_search_over_http_sees_what_was_stored_a_moment_ago(desk: Desk) -> None:
    await stored(desk.database, a_story(title="Debt relief for Zambia"))
    for words in ("debt", '"debt relief"', "zámbia"):
        answer = await desk.editor.get("/api/v1/stories", params={"q": words})
        assert [story["title"] for story in answer.json()["items"]] == ["Debt relief for Zambia"], words
    assert (await desk.editor.get("/api/v1/stories", params={"q": "  "})).json()["total"] == 1
    assert (await desk.program.get("/api/v1/stories", params={"q": "debt"})).json()["total"] == 1
    assert (await desk.public.get("/api/v1/stories", params={"q": "debt"})).status_code == 401
    assert (await desk.editor.get("/api/v1/stories", params={"q": "x" * 201})).status_code == 422


def test_phrases_are_written_in_each_databases_language() -> None:
    phrases = parse_query('rail "trade deal" 铁路网')
    assert fts5_query(phrases) == '"rail" * AND "trade" + "deal" AND "铁路" + "路网"'
    assert ts_query(phrases) == "('rail':*) & ('trade' <-> 'deal') & ('铁路' <-> '路网')"
