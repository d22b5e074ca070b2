"""The clock is set forward, back and across daylight saving while the newsroom works.

Whatever is done by the clock is done once, nothing waits for ever, and the day stays the newsroom's own.
"""

import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest
from apscheduler.schedulers import base
from sqlmodel import select

from service import auth
from service.app import freezer, open_service
from service.clock import utc_now
from service.db import Database
from service.desk.editions import edition_for_change, place_item
from service.desk.schemas import ItemIn
from service.desk.triage import claim_story
from service.errors import NotAuthenticated, NotNow
from service.fetching.catalogue import add_feed
from service.fetching.claims import claim_hosts
from service.fetching.parsers import ParserPool
from service.fetching.run import run_round
from service.models import Digest, Edition, JournalRecord, Story
from service.outgoing.sending import send_outgoing
from service.runtime import Runtime
from service.scheduling import Job, Metronome, close_due, publish_due, pull_back
from service.words import Role
from tests.builders import a_story, stored
from tests.conftest import NOON, Desk, SettableClock, add_account, settings_for
from tests.desk.newsroom import EDITIONS, TODAY, a_draft, a_published, a_wire_story, item, place
from tests.feed_server import FeedServer
from tests.mail_server import MailServer
from tests.outgoing.newsroom import EVENING, deliveries, mail_settings, states, telling
from tests.publishing.newsroom import closed, published

pytestmark = pytest.mark.anyio
YEAR = timedelta(days=365)


async def test_jobs_tick_on_by_the_seconds_that_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward by half a century, as where a computer learns the time only after its start, and back again."""
    ahead = timedelta(0)

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # the scheduler always names UTC
            return utc_now() + ahead

    monkeypatch.setattr(base, "datetime", Shifted)
    ticks = 0

    async def work() -> None:
        nonlocal ticks
        ticks += 1

    metronome = Metronome(clock=Shifted.now)
    metronome.start([Job("work", 0.05, work)], now=Shifted.now(UTC))
    try:
        for jump in (timedelta(0), 50 * YEAR, timedelta(0), -50 * YEAR):
            ahead, seen = jump, ticks
            for _ in range(500):
                if ticks < seen + 3:
                    await asyncio.sleep(0.01)
            assert ticks >= seen + 3
    finally:
        await metronome.stop()
    assert ticks < 100, "what a jump skipped is not made up for tick by tick"


async def test_feeds_are_asked_again_after_a_clock_that_was_a_year_ahead(
    runtime: Runtime, clock: SettableClock
) -> None:
    item_ = "<item><title>One</title><link>https://paper.example/1</link></item>"
    async with FeedServer() as server, ParserPool(workers=1) as parsers:
        server.on("/feed", body=f"<rss version='2.0'><channel>{item_}</channel></rss>".encode())
        async with runtime.database.write() as session:
            feed = await add_feed(session, url=server.url("/feed"), name="Paper", now=clock.now)
        clock.now += YEAR
        assert len(await run_round(runtime, parsers)) == 1
        async with runtime.database.write() as session:
            clock.move(days=2)
            assert await claim_hosts(session, owner="gone", limit=1, only=None, now=clock.now), "a process that dies"
        clock.now = NOON + timedelta(hours=1)
        assert await run_round(runtime, parsers) == []
        assert await pull_back(runtime) > 0
        assert [report.feed for report in await run_round(runtime, parsers)] == [feed.id]
        assert await pull_back(runtime) == 0, "what is put off by rule is left alone"
        assert await run_round(runtime, parsers) == []
    async with runtime.database.read() as session:
        assert len((await session.exec(select(Story))).all()) == 1


async def test_mail_put_off_by_a_clock_ahead_goes_out_once(database: Database, clock: SettableClock) -> None:
    editor, _ = await add_account(database, role=Role.CHIEF)
    ahead = EVENING + timedelta(hours=36)
    await published(database, editor, headline="Nairobi's railway", blurb="Work begins.")
    await closed(database, editor, day=date.fromisoformat(TODAY), at=ahead)
    async with MailServer() as mails:
        mails.on_text("451 come again", "250 OK")
        settings = mail_settings(mails.port, smtp_recipients=("amina@readers.example",))
        async with telling(database, clock, **settings) as runtime:
            clock.now = ahead
            await send_outgoing(runtime)
            assert states(await deliveries(database, "mail")) == ["waiting"]
            clock.now = EVENING + timedelta(hours=1)
            assert await send_outgoing(runtime) == 0
            await pull_back(runtime)
            assert await send_outgoing(runtime) == 1
            assert await send_outgoing(runtime) == 0
        assert states(await deliveries(database, "mail")) == ["sent"]


async def test_what_the_clock_published_and_closed_too_early_is_not_done_again(
    desk: Desk, clock: SettableClock
) -> None:
    await a_published(desk)
    scheduled = await a_draft(desk)
    answer = await item(desk, scheduled, "schedule", {"publish_at": "2026-11-24T14:00:00Z"})
    assert answer.is_success
    freeze = freezer(desk.settings)
    async with open_service(desk.settings, clock=clock) as runtime:
        clock.move(days=2)
        assert (await publish_due(runtime), len(await close_due(runtime, freeze=freeze))) == (1, 1)
        ahead = clock.now.date()
        assert (await place(desk, await a_wire_story(desk), day=str(ahead))).is_success
        clock.now = NOON
        done = []
        for _ in range(3 * 24):
            assert await publish_due(runtime) == 0
            done += [(day, clock.now) for day in await close_due(runtime, freeze=freeze)]
            clock.move(hours=1)
    assert done == [(ahead, datetime(2026, 11, 27, 6, tzinfo=UTC))], "a day that was opened too early ends in its time"
    async with desk.database.read() as session:
        acts = [(r.act, r.subject) for r in (await session.exec(select(JournalRecord))).all()]
        revisions = (
            await session.exec(select(Digest.revision).where(Digest.edition_date == date.fromisoformat(TODAY)))
        ).all()
    assert acts.count(("close", f"edition:{TODAY}")) == 1
    assert acts.count(("publish", f"story:{scheduled}")) == 1
    assert set(revisions) == {1}
    assert (await desk.chief.get(f"{EDITIONS}/{TODAY}")).json()["state"] == "closed"


@pytest.mark.parametrize("first", [date(2026, 3, 6), date(2026, 10, 30)])
@pytest.mark.parametrize("backwards", [False, True])
async def test_days_around_daylight_saving_close_once_each(sqlite_url: str, first: date, backwards: bool) -> None:
    """At a wall time that one night skips and another has twice; and with a clock that is set back each noon."""
    settings = settings_for(sqlite_url, timezone="America/New_York", digest_at=time(2, 30))
    calendar, database = settings.calendar, Database(sqlite_url)
    clock = SettableClock(now=calendar.begins_at(first))
    editor, _ = await add_account(database, now=clock.now)
    placed, set_back, done = set(), set(), []
    async with open_service(settings, clock=clock) as runtime:
        while (day := calendar.day_of(clock.now)) < first + timedelta(days=4):
            if day not in placed:
                placed.add(day)
                story = a_story(at=clock.now)
                await stored(database, story)
                async with runtime.database.write() as session:
                    opened = await edition_for_change(session, day, None, calendar=calendar, now=clock.now)
                    wanted = ItemIn(story_id=story.id)
                    await place_item(session, opened, wanted, calendar=calendar, now=clock.now, by=editor)
            done += [(day, clock.now) for day in await close_due(runtime, freeze=freezer(settings))]
            clock.move(minutes=30)
            if backwards and calendar.instant(day, time(12)) == clock.now and day not in set_back:
                set_back.add(day)
                clock.move(hours=-10)
    days = [first + timedelta(days=n) for n in range(3)]
    assert [day for day, _ in done] == days
    assert all(timedelta(0) <= at - calendar.cutoff_of(day) < timedelta(minutes=30) for day, at in done)
    async with database.read() as session:
        assert {edition.day for edition in (await session.exec(select(Edition))).all()} == placed
    await database.close()


async def test_neither_claim_nor_session_of_a_clock_ahead_lasts(database: Database, clock: SettableClock) -> None:
    amina, _ = await add_account(database)
    bello, _ = await add_account(database, name="Bello Test")
    story = a_story()
    await stored(database, story)
    async with database.write() as session:
        held = await session.get_one(Story, story.id)
        await claim_story(session, held, now=NOON + YEAR, by=amina)
        early, late = [await auth.open_session(session, amina, now=now) for now in (NOON, NOON + YEAR)]
        with pytest.raises(NotNow):
            await claim_story(session, held, now=NOON + YEAR, by=bello)
        await claim_story(session, held, now=NOON, by=bello)
        with pytest.raises(NotNow):
            await claim_story(session, held, now=NOON - timedelta(seconds=5), by=amina)
        for secret, now, lasts in (
            (early, NOON, True),
            (early, NOON - timedelta(minutes=1), True),
            (late, NOON, False),
            (early, NOON + YEAR, False),
        ):
            if lasts:
                await auth.caller_by_session(session, secret, now=now)
            else:
                with pytest.raises(NotAuthenticated):
                    await auth.caller_by_session(session, secret, now=now)
