"""The wire in pages: filters, order, cursors that hold while stories arrive, counts, and what changed."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, update

from service.db import Database
from service.desk import wire_lists
from service.desk.cursors import read_cursor, read_moment, write_cursor
from service.desk.wire_filters import STATES, WAITING, WireFilter
from service.errors import Invalid
from service.fetching.intake import Batch, take_in
from service.models import Feed, Sighting, Story, Tag
from service.settings import Settings
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, Desk, SettableClock, add_account
from tests.desk.newsroom import STORIES, a_draft, a_published, a_wire_story, act, if_match, item, tag
from tests.desk.test_search_index import an_entry

pytestmark = pytest.mark.anyio

CALENDAR = Settings().calendar


async def a_page(database: Database, **more: Any) -> Any:
    wanted = WireFilter(**{key: more.pop(key) for key in list(more) if key in WireFilter.__dataclass_fields__})
    async with database.read() as session:
        return await wire_lists.list_stories(session, wanted, now=NOON, calendar=CALENDAR, **more)


async def all_pages(database: Database, **more: Any) -> list[str]:
    ids: list[str] = []
    cursor = None
    while True:
        page = await a_page(database, cursor=cursor, **more)
        ids += [story.id for story in page.items]
        if page.next is None:
            return ids
        cursor = page.next


def newest_first(stories: list[Story], attribute: str = "received_at") -> list[str]:
    return [s.id for s in sorted(stories, key=lambda s: (getattr(s, attribute), s.id), reverse=True)]


async def a_newsroom(database: Database, number: int = 40) -> tuple[list[Feed], list[Story]]:
    """Feeds of two regions and stories of every state, many of them of the same moment."""
    draw = random.Random(3)
    feeds = [
        a_feed(region=region, kind=kind)
        for region, kind in (("africa", "agency"), ("africa", "newspaper"), ("south-asia", "agency"))
    ]
    await stored(database, *feeds)
    stories = [
        a_story(
            draw.choice(feeds),
            state=draw.choice(STATES),
            language=draw.choice(["en", "en-GB", "pt-BR", "zh", None]),
            at=NOON - timedelta(minutes=draw.randrange(8)),
            dated_at=NOON - timedelta(minutes=draw.randrange(8)),
        )
        for _ in range(number)
    ]
    await stored(database, *stories)
    return feeds, stories


async def test_the_wire_shows_what_waits_the_newest_first(database: Database) -> None:
    _, stories = await a_newsroom(database)
    waiting = [story for story in stories if story.state in WAITING]
    assert await all_pages(database, limit=7) == newest_first(waiting)
    assert await all_pages(database, limit=7, sort="source") == newest_first(waiting, "dated_at")
    assert await all_pages(database, limit=7, states=STATES) == newest_first(stories)
    page = await a_page(database, limit=3)
    assert (page.total, page.total_is_lower_bound) == (len(waiting), False)


@pytest.mark.parametrize("most", [10_000, 4])
async def test_each_filter_leaves_exactly_what_it_names(
    database: Database, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_lists, "READ_MAX", most)
    monkeypatch.setattr(wire_lists, "COUNT_MAX", most)  # beyond it the wire is walked instead of read whole
    feeds, stories = await a_newsroom(database)
    await _tag_by_hand(database, stories[::3])
    kinds = {feed.id: feed.kind for feed in feeds}
    regions = {feed.id: feed.region for feed in feeds}
    cases: dict[str, tuple[dict[str, Any], list[Story]]] = {
        "feed": ({"feed": feeds[0].id}, [s for s in stories if s.feed_id == feeds[0].id]),
        "language": ({"language": "en"}, [s for s in stories if s.language in ("en", "en-GB")]),
        "dialect": ({"language": "en-gb"}, [s for s in stories if s.language == "en-GB"]),
        "no language": ({"language": "sw"}, []),
        "region": ({"region": "africa"}, [s for s in stories if regions[str(s.feed_id)] == "africa"]),
        "kind": ({"kind": "agency"}, [s for s in stories if kinds[str(s.feed_id)] == "agency"]),
        "country": ({"country": "KE"}, stories[::3]),
        "since": ({"since": NOON - timedelta(minutes=3)}, [s for s in stories if s.received_at >= _at(3)]),
        "until": ({"until": _at(3)}, [s for s in stories if s.received_at < _at(3)]),
        "all": (
            {"country": "KE", "region": "africa", "language": "en", "kind": "agency"},
            [s for s in stories[::3] if s.feed_id == feeds[0].id and s.language in ("en", "en-GB")],
        ),
    }
    for name, (asked, expected) in cases.items():
        assert await all_pages(database, states=STATES, limit=5, **asked) == newest_first(expected), name
        some = [story for story in expected if story.state == "passed"]
        assert await all_pages(database, states=("passed",), limit=5, **asked) == newest_first(some), name
        page = await a_page(database, states=STATES, **asked)
        assert (page.total, page.total_is_lower_bound) == (min(len(expected), most), len(expected) > most), name


def _at(minutes: int) -> datetime:
    return NOON - timedelta(minutes=minutes)


async def _tag_by_hand(database: Database, stories: list[Story]) -> None:
    editor, _ = await add_account(database, name="Tagger")
    names = {"partner": "KE", "position": 1, "tier": "strategic", "label_en": "s", "label_zh": "战"}
    await stored(database, *(Tag(story_id=s.id, confirmed_by=editor.id, confirmed_at=NOON, **names) for s in stories))


async def test_a_feed_shows_what_was_seen_in_it_whoever_brought_it(database: Database) -> None:
    one, other = a_feed(), a_feed()
    await stored(database, one, other)
    story = a_story(one)
    await stored(database, story)
    await stored(database, Sighting(story_id=story.id, feed_id=other.id, url=story.url, seen_at=NOON))
    assert await all_pages(database, feed=other.id) == [story.id]


async def test_own_and_others_stories_of_a_feed_lie_in_one_order(database: Database) -> None:
    one, other = a_feed(), a_feed()
    await stored(database, one, other)
    stories = [a_story((one, other)[number % 2], at=_at(number)) for number in range(12)]
    merged = a_story(one, lead_id=stories[0].id)
    await stored(database, *stories)
    await stored(database, merged)
    also = stories[1::4]
    await stored(database, *(Sighting(story_id=s.id, feed_id=one.id, url=s.url, seen_at=NOON) for s in also))
    expected = newest_first([*stories[::2], *also])
    assert await all_pages(database, feed=one.id, limit=4) == expected
    assert await all_pages(database, feed=one.id, limit=4, sort="source") == expected
    assert (await a_page(database, feed=one.id)).total == len(expected)


async def test_merged_stories_are_not_on_the_wire(database: Database) -> None:
    lead = a_story()
    await stored(database, lead)
    await stored(database, a_story(lead_id=lead.id))
    page = await a_page(database)
    assert [story.id for story in page.items] == [lead.id]
    assert page.total == 1


@pytest.mark.parametrize("sort", ["received", "source"])
async def test_pages_neither_skip_nor_repeat_while_stories_arrive(database: Database, sort: str) -> None:
    for seed in range(4):
        await _read_while_stories_arrive(database, sort, random.Random(seed))


async def _read_while_stories_arrive(database: Database, sort: str, draw: random.Random) -> None:
    feeds, _ = await a_newsroom(database, 30)
    asked: dict[str, Any] = draw.choice([{}, {"feed": feeds[0].id}, {"region": "africa"}, {"states": STATES}])
    first = await all_pages(database, sort=sort, **asked)
    seen: list[str] = []
    cursor = None
    while True:
        page = await a_page(database, sort=sort, cursor=cursor, limit=draw.randrange(1, 6), **asked)
        seen += [story.id for story in page.items]
        # Some arrive at the very moment of stories that were shown already.
        arrivals = [
            a_story(feeds[0], at=NOON - timedelta(minutes=draw.randrange(8)), state="new")
            for _ in range(draw.randrange(3))
        ]
        await stored(database, *arrivals)
        cursor = page.next
        if cursor is None or len(seen) > 200:
            break
    assert len(seen) == len(set(seen))
    assert [story for story in seen if story in set(first)] == first


async def test_the_order_depends_on_time_alone(database: Database) -> None:
    draw = random.Random(11)
    feeds = [a_feed(), a_feed()]
    await stored(database, *feeds)
    moments = [NOON - timedelta(minutes=minute) for minute in range(12)]
    draw.shuffle(moments)
    for moment in moments:
        title = "".join(draw.choices("中国Rail deal!", k=20))
        await stored(database, a_story(draw.choice(feeds), at=moment, title=title, language=draw.choice(["en", "zh"])))
    page = await a_page(database)
    assert [story.received_at for story in page.items] == sorted(moments, reverse=True)


@contextmanager
def _counting(database: Database) -> Iterator[list[str]]:
    said: list[str] = []

    def note(*arguments: Any) -> None:
        said.append(arguments[2])

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield said
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_a_page_costs_as_many_queries_for_fifty_stories_as_for_one(database: Database) -> None:
    await a_newsroom(database, 60)
    counts = []
    for limit in (1, 50):
        with _counting(database) as said:
            await a_page(database, limit=limit, states=STATES)
        counts.append(len(said))
    assert counts[0] == counts[1]
    assert counts[0] <= 14


REFUSED = (
    # query, the field that is named, one of its suggestions
    ("state=nwe", "state", "new"),
    ("state=new,hold", "state", "held"),
    ("region=afrika", "region", "africa"),
    ("feed=kenya-papr", "feed", "kenya-paper"),
    ("kind=agenci", "kind", "agency"),
    ("country=XX", "country", None),
    ("country=CN", "country", None),
    ("limit=0", "limit", None),
    ("limit=-1", "limit", None),
    ("limit=201", "limit", None),
    ("limit=1e9", "limit", None),
    ("sort=rank", "sort", None),
    ("since=yesterday", "since", None),
    ("cursor=abc", "cursor", None),
    ("cursor=%00", None, None),
    ("cursor=é", "cursor", None),
    ("feed=%00", None, None),
    ("changed_since=2026-11-24T00:00:00Z&q=x", "q", None),
    ("changed_since=2026-11-24T00:00:00Z&sort=source", "sort", None),
)


async def test_what_the_wire_does_not_know_is_refused_with_what_may_be_meant(desk: Desk) -> None:
    await stored(desk.database, a_feed(id="kenya-paper", kind="agency"))
    for query, field, suggested in REFUSED:
        answer = await desk.editor.get(f"{STORIES}?{query}")
        assert answer.status_code == 422, (query, answer.text)
        if field is not None:
            error = answer.json()["errors"][0]
            assert error["field"] == field, query
            assert suggested is None or suggested in error["suggestions"], query


async def test_a_cursor_that_was_changed_or_belongs_to_another_list_is_refused(desk: Desk) -> None:
    await stored(desk.database, *(a_story() for _ in range(4)))
    cursor = (await desk.editor.get(f"{STORIES}?limit=1")).json()["next"]
    assert (await desk.editor.get(STORIES, params={"limit": 2, "cursor": cursor})).status_code == 200
    altered = [cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), cursor[1:], cursor + "A", cursor + "=", cursor * 2]
    for wrong in altered:
        assert (await desk.editor.get(STORIES, params={"cursor": wrong})).status_code == 422, wrong
    for other in ({"sort": "source"}, {"state": "all"}, {"q": "story"}, {"changed_since": "2026-11-24T00:00:00Z"}):
        answer = await desk.editor.get(STORIES, params={"cursor": cursor, **other})
        assert answer.status_code == 422, other
        assert answer.json()["errors"][0]["field"] == "cursor"


async def test_the_next_page_is_named_in_a_link(desk: Desk) -> None:
    await stored(desk.database, *(a_story() for _ in range(3)))
    answer = await desk.editor.get(f"{STORIES}?limit=2&state=new")
    target = answer.links["next"]["url"]
    assert urlsplit(target).path == STORIES
    following = await desk.editor.get(target)
    assert len(following.json()["items"]) == 1
    assert "link" not in following.headers


async def test_counts_tell_each_state_and_since_when_the_oldest_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = (await desk.editor.get(f"{STORIES}/counts")).json()
    assert empty == {"counts": dict.fromkeys(STATES, 0), "lower_bounds": [], "oldest_waiting_at": None}
    await stored(
        desk.database,
        a_story(state="passed", at=NOON - timedelta(days=9)),
        a_story(state="held", at=NOON - timedelta(hours=5)),
        *(a_story(at=NOON - timedelta(hours=hours)) for hours in (1, 2, 3)),
    )
    counted = (await desk.program.get(f"{STORIES}/counts")).json()
    assert counted["counts"] == {"new": 3, "held": 1, "passed": 1, "picked": 0}
    assert counted["oldest_waiting_at"] == "2026-11-24T07:00:00Z"
    monkeypatch.setattr(wire_lists, "COUNT_MAX", 2)
    bounded = (await desk.editor.get(f"{STORIES}/counts")).json()
    assert (bounded["counts"]["new"], bounded["lower_bounds"]) == (2, ["new"])


async def changes(desk: Desk, since: datetime, **more: Any) -> list[str]:
    """The ids of what changed, page by page."""
    ids: list[str] = []
    params = {"changed_since": since.isoformat(), "limit": 2, **more}
    while True:
        answer = await desk.editor.get(STORIES, params=params)
        assert answer.status_code == 200, answer.text
        ids += [story["id"] for story in answer.json()["items"]]
        if answer.json()["next"] is None:
            return ids
        params["cursor"] = answer.json()["next"]


async def test_every_act_and_every_change_at_the_source_shows_among_the_changes(
    desk: Desk, clock: SettableClock
) -> None:
    feed, other = a_feed(), a_feed()
    await stored(desk.database, feed, other)
    story_id, published = await a_wire_story(desk), await a_draft(desk)
    rival = await a_wire_story(desk)
    assert (await item(desk, published, "publish")).is_success

    async def bring(feed_id: str, title: str) -> httpx.Response:
        async with desk.database.write() as session:
            await take_in(session, [Batch(feed_id, [an_entry(title)])], now=clock.now)
        return httpx.Response(200)

    await bring(feed.id, "Before")
    path = f"{STORIES}/{story_id}"

    async def rewrite() -> httpx.Response:
        headers = await if_match(desk.editor, path)
        return await desk.editor.patch(path, json={"headline": "Other words"}, headers=headers)

    acts: list[tuple[str, Any]] = [
        ("claim", lambda: act(desk, story_id, "claim")),
        ("release", lambda: act(desk, story_id, "release")),
        ("hold", lambda: act(desk, story_id, "hold")),
        ("note", lambda: desk.editor.post(f"{path}/note", json={"text": "Look."})),
        ("rewrite", rewrite),
        ("tag", lambda: tag(desk, story_id)),
        ("pass", lambda: act(desk, story_id, "pass", {"reason": "old"})),
        ("reopen", lambda: act(desk, story_id, "reopen")),
        ("correct", lambda: item(desk, published, "correct", {"headline": "Right", "note": "Wrong before."})),
        ("withdraw", lambda: item(desk, published, "withdraw", {"reason": "Untrue."})),
        ("merge", lambda: act(desk, rival, "merge", {"into": story_id})),
        ("split", lambda: act(desk, rival, "split", {})),
        ("revision", lambda: bring(feed.id, "After")),
        ("sighting", lambda: bring(other.id, "After")),
    ]
    for name, perform in acts:
        since = clock.move(minutes=1)
        assert await changes(desk, since) == [], name
        answer = await perform()
        assert answer.is_success, (name, answer.text)
        found = await changes(desk, since)
        assert found, f"{name} moved nothing"
        assert len(found) == len(set(found))
    assert await changes(desk, clock.now, state="picked") == []


async def test_changes_come_the_longest_ago_first_and_what_moves_is_met_again(desk: Desk, clock: SettableClock) -> None:
    stories = [await a_wire_story(desk, at=NOON + timedelta(seconds=n // 2)) for n in range(5)]
    answer = (await desk.editor.get(STORIES, params={"changed_since": NOON.isoformat(), "limit": 3})).json()
    seen = [story["id"] for story in answer["items"]]
    assert [story["changed_at"] for story in answer["items"]] == sorted(s["changed_at"] for s in answer["items"])
    assert answer["total"] == 5
    clock.move(minutes=5)
    assert (await act(desk, seen[0], "pass", {"reason": "old"})).is_success
    await stored(desk.database, a_story(at=clock.now))
    params = {"changed_since": NOON.isoformat(), "cursor": answer["next"]}
    rest = (await desk.editor.get(STORIES, params=params)).json()["items"]
    assert set(seen) | {story["id"] for story in rest} >= set(stories)
    assert seen[0] in [story["id"] for story in rest]
    assert rest[-1]["state"] in ("passed", "new")


async def test_a_client_that_follows_the_changes_misses_nothing_while_everybody_works(
    desk: Desk, clock: SettableClock
) -> None:
    copy: dict[str, tuple[int, str]] = {}
    working = True

    async def follow() -> None:
        """Read to the end, again and again, from the last change seen less a minute; once more when all is done."""
        since, last_round = NOON - timedelta(hours=1), False
        while not last_round:
            last_round = not working
            params: dict[str, Any] = {"changed_since": (since - timedelta(minutes=1)).isoformat(), "limit": 3}
            while True:
                page = (await desk.program.get(STORIES, params=params)).json()
                for story in page["items"]:
                    copy[story["id"]] = (story["version"], story["state"])
                    since = max(since, datetime.fromisoformat(story["changed_at"]))
                if page["next"] is None:
                    break
                params["cursor"] = page["next"]

    async def work(client: httpx.AsyncClient) -> None:
        for number in range(6):
            story_id = await a_wire_story(desk, at=clock.move(seconds=20))
            for verb, body in (("hold", None), ("pass", {"reason": "old"}), ("note", {"text": "Looked at."}))[
                number % 3 :
            ]:
                assert (await act(desk, story_id, verb, body, client=client)).is_success

    async with anyio.create_task_group() as following:
        following.start_soon(follow)
        async with anyio.create_task_group() as editors:
            editors.start_soon(work, desk.editor)
            editors.start_soon(work, desk.chief)
        working = False
    everything = (await desk.editor.get(STORIES, params={"state": "all", "limit": 200})).json()["items"]
    assert copy == {story["id"]: (story["version"], story["state"]) for story in everything}
    assert len(copy) == 12


async def test_the_time_of_change_never_goes_back(desk: Desk) -> None:
    story_id = await a_wire_story(desk)
    later = NOON + timedelta(hours=1)
    async with desk.database.write() as session:
        await (await session.connection()).execute(update(Story).values(changed_at=later))
    assert (await tag(desk, story_id)).is_success
    assert (await desk.editor.get(f"{STORIES}/{story_id}")).json()["changed_at"] == "2026-11-24T13:00:00Z"


async def test_published_stories_show_with_their_place(desk: Desk) -> None:
    published = await a_published(desk)
    page = (await desk.editor.get(f"{STORIES}?state=picked")).json()
    assert [(s["id"], s["item"]["state"]) for s in page["items"]] == [(published, "published")]


MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(NOON.tzinfo))  # noqa: DTZ001 - hypothesis adds the zone


@given(moment=MOMENTS, story_id=st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=1, max_size=32), key=st.text())
def test_a_cursor_says_exactly_the_place_it_was_written_for(moment: datetime, story_id: str, key: str) -> None:
    cursor = write_cursor(key, moment, story_id)
    place, last = read_cursor(key, cursor)
    assert (read_moment(place), last) == (moment, story_id)
    with pytest.raises(Invalid):
        read_cursor(f"{key} of another list", cursor)


@given(st.text(max_size=60))
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(Invalid):
        read_cursor("wire", text)
