"""The watch after publication: what counts as a change at the source, when it is looked for, and what the desk sees."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from service.app import open_service
from service.db import Database
from service.fetching.looking import Look
from service.fetching.outcomes import Outcome
from service.fetching.page import PageFacts
from service.fetching.watch import LOOKS, Change, Due, check_watches, judge
from service.models import Edition, Editor, Host, Item, Revision, SourceAlert, Story, Tag, Watch
from service.runtime import Runtime
from service.words import ItemState
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, Desk, SettableClock, add_account, settings_for
from tests.feed_server import Answer, FeedServer

HTML = {"Content-Type": "text/html; charset=utf-8"}


def says(headline: str) -> Answer:
    return Answer(body=f"<html><head><title>{headline}</title></head></html>".encode(), headers=HTML)


async def publish(database: Database, story: Story, *, by: Editor | None = None) -> str:
    """The rows of an item that went public at noon; answers its story's id."""
    story_id = story.id
    editor = by or (await add_account(database))[0]
    async with database.write() as session:
        if await session.get(Edition, NOON.date()) is None:
            session.add(Edition(day=NOON.date(), zone="UTC", opened_at=NOON))
        session.add(story)
        await session.flush()
        session.add(
            Tag(
                story_id=story_id,
                partner="KE",
                position=1,
                tier="comprehensive_strategic_cooperative",
                label_en="l",
                label_zh="l",
                confirmed_by=editor.id,
                confirmed_at=NOON,
            )
        )
        await session.flush()
        session.add(
            Item(
                story_id=story_id,
                edition_date=NOON.date(),
                position=1,
                state=ItemState.PUBLISHED,
                uri=f"tag:example.org,2026:{story_id}",
                placed_by=editor.id,
                placed_at=NOON,
                published_by=editor.id,
                published_at=NOON,
                updated_at=NOON,
                decision="0" * 64,
            )
        )
    return story_id


async def alerts_in(database: Database) -> Sequence[SourceAlert]:
    async with database.read() as session:
        return (await session.exec(select(SourceAlert).order_by(col(SourceAlert.at), col(SourceAlert.id)))).all()


async def watches_in(database: Database) -> Sequence[Watch]:
    async with database.read() as session:
        return (await session.exec(select(Watch))).all()


async def look(runtime: Runtime, clock: SettableClock, **after: float) -> int:
    return await check_watches(runtime, now=clock.move(**after))


@pytest.mark.anyio
async def test_a_page_is_looked_at_five_times_in_three_days_and_then_left_alone(
    runtime: Runtime, clock: SettableClock
) -> None:
    async with FeedServer() as paper:
        paper.on("/rail", says("Rail deal"))
        await publish(runtime.database, a_story(url=paper.url("/rail")))
        counts = []
        for _ in range(80):
            await check_watches(runtime, now=clock.now)
            counts.append(paper.count())
            clock.move(hours=1)
    assert [hours for hours, count in enumerate(counts) if hours == 0 or count > counts[hours - 1]] == [0, 1, 6, 24, 72]
    assert await alerts_in(runtime.database) == []
    assert await watches_in(runtime.database) == []


@pytest.mark.anyio
async def test_a_changed_headline_is_told_once_with_both_texts(runtime: Runtime, clock: SettableClock) -> None:
    async with FeedServer() as paper:
        paper.on("/rail", says("Rail deal signed"), says("RAIL deal signed!"), says("Rail deal <b>in doubt</b>"))
        story_id = await publish(runtime.database, a_story(url=paper.url("/rail")))
        for hours in (0, 1, 5, 18, 48):
            assert await look(runtime, clock, hours=hours) == 1
    [alert] = await alerts_in(runtime.database)
    assert (alert.story_id, alert.kind) == (story_id, "headline_changed")
    assert (alert.before, alert.after) == ("RAIL deal signed!", "Rail deal in doubt")


@pytest.mark.anyio
@pytest.mark.parametrize("status", [404, 410])
async def test_a_vanished_page_is_told_once(runtime: Runtime, clock: SettableClock, status: int) -> None:
    async with FeedServer() as paper:
        paper.on("/rail", says("Rail deal"), Answer(status=status))
        await publish(runtime.database, a_story(url=paper.url("/rail")))
        for hours in (0, 1, 5):
            await look(runtime, clock, hours=hours)
    [alert] = await alerts_in(runtime.database)
    assert (alert.kind, alert.before) == ("vanished", "Rail deal")


@pytest.mark.anyio
async def test_a_redirect_to_another_story_is_told_and_one_to_the_same_is_not(
    runtime: Runtime, clock: SettableClock
) -> None:
    by = (await add_account(runtime.database))[0]
    async with FeedServer() as paper:
        paper.on("/same", says("Rail deal"), Answer(status=301, headers={"Location": "/same-for-good"}))
        paper.on("/same-for-good", says("Rail deal"))
        paper.on("/gone", says("Port deal"), Answer(status=302, headers={"Location": "/"}))
        paper.on("/", says("Nairobi Paper"))
        await publish(runtime.database, a_story(url=paper.url("/same")), by=by)
        gone = await publish(runtime.database, a_story(url=paper.url("/gone")), by=by)
        for hours in (0, 1, 5):
            assert await look(runtime, clock, hours=hours) == 2
        [alert] = await alerts_in(runtime.database)
        assert (alert.story_id, alert.kind) == (gone, "moved")
        assert alert.before == f"Port deal ({paper.url('/gone')})"
        assert alert.after == f"Nairobi Paper ({paper.url('/')})"


@pytest.mark.anyio
async def test_a_page_that_will_not_answer_says_nothing(runtime: Runtime, clock: SettableClock) -> None:
    async with FeedServer() as paper:
        paper.on(
            "/rail",
            says("Rail deal"),
            Answer(status=403),
            Answer(status=503),
            says("Just a moment..."),
            says("Rail deal"),
        )
        await publish(runtime.database, a_story(url=paper.url("/rail")))
        for hours in (0, 1, 5, 18, 48):
            assert await look(runtime, clock, hours=hours) == 1
    assert await alerts_in(runtime.database) == []


@pytest.mark.anyio
async def test_what_the_feed_changes_after_publication_is_told_once_and_not_again_by_the_page(
    runtime: Runtime, clock: SettableClock
) -> None:
    feed = a_feed()
    await stored(runtime.database, feed)
    async with FeedServer() as paper:
        paper.on("/rail", says("Rail deal"), says("Rail deal in doubt"))
        story = a_story(feed, url=paper.url("/rail"), title="Rail deal in doubt", summary="Lenders hesitate.")
        story_id = await publish(runtime.database, story)
        early = {"title": "Rail talks", "summary": "s", "replaced_at": NOON - timedelta(hours=1)}
        first = {"title": "Rail deal", "summary": "Signed today.", "replaced_at": NOON + timedelta(minutes=5)}
        second = {"title": "Rail deal in doubt", "summary": "Signed.", "replaced_at": NOON + timedelta(minutes=9)}
        await stored(runtime.database, *(Revision(story_id=story_id, **row) for row in (early, first, second)))
        for hours in (0, 1, 5):
            await look(runtime, clock, hours=hours)
    told = [(alert.kind, alert.before, alert.after) for alert in await alerts_in(runtime.database)]
    assert sorted(told) == [
        ("headline_changed", "Rail deal", "Rail deal in doubt"),
        ("summary_changed", "Signed.", "Lenders hesitate."),
    ]


@pytest.mark.anyio
async def test_opaque_links_missing_addresses_drafts_and_old_items_are_not_watched(
    runtime: Runtime, clock: SettableClock
) -> None:
    by = (await add_account(runtime.database))[0]
    await publish(runtime.database, a_story(opaque=True), by=by)
    await publish(runtime.database, a_story(url=""), by=by)
    await stored(runtime.database, a_story())
    assert await look(runtime, clock) == 0
    await publish(runtime.database, a_story(), by=by)
    assert await look(runtime, clock, hours=73) == 0
    assert await watches_in(runtime.database) == []


@pytest.mark.anyio
async def test_a_withdrawn_item_is_watched_no_more(runtime: Runtime, clock: SettableClock) -> None:
    async with FeedServer() as paper:
        paper.on("/rail", says("Rail deal"))
        story_id = await publish(runtime.database, a_story(url=paper.url("/rail")))
        assert await look(runtime, clock) == 1
        async with runtime.database.write() as session:
            item = await session.get_one(Item, story_id)
            item.state, item.withdrawn_at, item.withdrawn_reason = ItemState.WITHDRAWN, clock.now, "wrong"
        assert await look(runtime, clock, hours=1) == 0
    assert await watches_in(runtime.database) == []


@pytest.mark.anyio
async def test_two_processes_share_the_looks_and_a_host_is_asked_one_at_a_time(
    database_url: str, clock: SettableClock
) -> None:
    settings = settings_for(database_url)
    async with (
        FeedServer() as paper,
        open_service(settings, clock=clock) as one,
        open_service(settings, clock=clock) as two,
    ):
        by = (await add_account(one.database))[0]
        await stored(one.database, a_feed(host="127.0.0.1"))
        for number in range(6):
            path = f"/{number}"
            paper.on(path, Answer(body=b"<html><title>Deal", headers=HTML, delay=0.02))
            await publish(one.database, a_story(url=paper.url(path)), by=by)
        looked = await asyncio.gather(check_watches(one, now=NOON), check_watches(two, now=NOON))
        assert sum(looked) == paper.count() == 6
        assert paper.most_at_once["127.0.0.1"] == 1
        async with one.database.read() as session:
            host = await session.get_one(Host, "127.0.0.1")
            assert host.lease_owner is None


@pytest.mark.anyio
async def test_a_look_that_a_killed_process_began_is_made_again(runtime: Runtime, clock: SettableClock) -> None:
    async with FeedServer() as paper:
        paper.on("/rail", says("Rail deal"))
        await publish(runtime.database, a_story(url=paper.url("/rail")))
        assert await check_watches(runtime, now=NOON, keep_going=lambda: False) == 0
        assert await look(runtime, clock, minutes=14) == 0
        assert await look(runtime, clock, minutes=1) == 1


@pytest.mark.anyio
async def test_a_host_whose_feeds_are_being_fetched_is_left_for_later(
    runtime: Runtime, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.fetching.watch.PATIENCE", 0.0)
    await stored(runtime.database, a_feed(host="127.0.0.1"))
    async with runtime.database.write() as session:
        host = await session.get_one(Host, "127.0.0.1")
        host.lease_owner, host.lease_until = "a fetch round", NOON + timedelta(minutes=10)
    async with FeedServer() as paper:
        paper.on("/rail", says("Rail deal"))
        await publish(runtime.database, a_story(url=paper.url("/rail")))
        assert await look(runtime, clock) == 0
        assert await look(runtime, clock, minutes=15) == 1
        assert paper.count() == 1


PAGE = Due("s", "https://paper.example/a", "Title", NOON, "Headline")
ADDRESS = st.sampled_from(["https://paper.example/a", "http://www.paper.example/a/?utm_source=x", "https://b.example/"])


@given(
    st.sampled_from(list(Outcome)),
    ADDRESS,
    st.sampled_from([None, "Headline", "HEADLINE.", "Other"]),
    st.sampled_from([None, "Headline"]),
)
def test_only_another_headline_or_a_page_that_is_gone_is_a_change(
    outcome: Outcome, url: str, said: str | None, had: str | None
) -> None:
    seen = said if outcome is Outcome.OK else None
    look = Look(outcome, PAGE.url, url, True, PageFacts(title=seen), None)
    due = Due(PAGE.story_id, PAGE.url, PAGE.title, PAGE.published_at, had)
    change, headline = judge(due, look)
    gone = outcome in (Outcome.NOT_FOUND, Outcome.GONE)
    other = seen == "Other" and had is not None
    assert (change is not None) == (gone or other)
    assert headline == (seen or had)
    if isinstance(change, Change) and not gone:
        assert change.kind == ("moved" if "b.example" in url else "headline_changed")


def test_looks_grow_further_apart() -> None:
    gaps = [later - sooner for sooner, later in pairwise(LOOKS)]
    assert gaps == sorted(gaps)
    assert LOOKS[-1] == timedelta(hours=72)


@pytest.mark.anyio
async def test_the_desk_lists_alerts_and_the_first_who_saw_one_stays(desk: Desk) -> None:
    story_id = await publish(desk.database, a_story(title="Rail deal"), by=(await _editors(desk))[0])
    alert = {"story_id": story_id, "kind": "headline_changed", "before": "Rail deal", "after": "Rail deal in doubt"}
    await stored(desk.database, *(SourceAlert(id=f"alert{n}", at=NOON + timedelta(hours=n), **alert) for n in (1, 2)))
    listed = (await desk.program.get("/api/v1/alerts", params={"limit": 1})).json()
    assert listed["total"] == 2
    [first] = listed["items"]
    assert first["id"] == "alert2"
    assert (first["before"], first["after"], first["headline"]) == ("Rail deal", "Rail deal in doubt", "Rail deal")
    assert (first["edition"], first["state"], first["seen_by"]) == ("2026-11-24", "published", None)

    assert (await desk.program.post("/api/v1/alerts/alert2/seen")).status_code == 403
    assert (await desk.editor.post("/api/v1/alerts/unknown/seen")).status_code == 404
    seen = await desk.editor.post("/api/v1/alerts/alert2/seen")
    assert (seen.status_code, seen.json()["seen_by"]) == (200, "Amina Test")
    again = await desk.chief.post("/api/v1/alerts/alert2/seen")
    assert again.json() == seen.json()
    assert [a["id"] for a in (await desk.editor.get("/api/v1/alerts")).json()["items"]] == ["alert1"]
    only_seen = (await desk.editor.get("/api/v1/alerts", params={"seen": "true"})).json()
    assert [a["id"] for a in only_seen["items"]] == ["alert2"]


async def _editors(desk: Desk) -> Sequence[Editor]:
    async with desk.database.read() as session:
        return (await session.exec(select(Editor))).all()
