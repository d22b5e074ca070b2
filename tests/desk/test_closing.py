"""The end of the day: frozen once, by hand or by the clock, in any zone, whatever restarts."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from service.app import freezer, open_service
from service.clock import Calendar
from service.db import Database
from service.desk import closing, lists
from service.desk.editions import edition_for_change, place_item
from service.desk.schemas import ItemIn
from service.models import Edition
from service.scheduling import close_due
from tests.builders import a_story, stored
from tests.conftest import Desk, SettableClock, add_account, settings_for
from tests.desk.newsroom import (
    EDITIONS,
    TODAY,
    a_draft,
    a_published,
    a_wire_story,
    act,
    edition,
    item,
    place,
    the_order,
)

pytestmark = pytest.mark.anyio


async def digests(desk: Desk, day: str = TODAY) -> dict[str, bytes]:
    return {
        extension: (await desk.public.get(f"/digest/{day}.{extension}")).content
        for extension in ("json", "html", "txt", "md")
    }


async def test_a_close_freezes_the_same_bytes_and_only_a_chief_reopens(desk: Desk, clock: SettableClock) -> None:
    story_id = await a_published(desk)
    draft = await a_draft(desk)
    assert (await edition(desk, "reopen", client=desk.chief)).status_code == 409
    assert (await edition(desk, "close")).json()["closed_by"] == "Amina Test"
    frozen = await digests(desk)
    assert (await edition(desk, "close")).status_code == 409
    clock.move(hours=3)
    for answer in (
        await item(desk, draft, "publish"),
        await item(desk, draft, "schedule", {"publish_at": "2026-11-24T20:00:00Z"}),
        await place(desk, await a_wire_story(desk)),
        await edition(desk, "order", {"story_ids": [draft, story_id]}, method="PUT"),
    ):
        assert answer.status_code == 409, answer.text
    corrected = await item(desk, story_id, "correct", {"headline": "Mended", "note": "A name was wrong."})
    assert corrected.status_code == 200, "a correction must be possible after the close"
    assert await digests(desk) == frozen
    refused = await edition(desk, "reopen")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert (await edition(desk, "reopen", client=desk.chief)).status_code == 200
    assert (await edition(desk, "close")).status_code == 200
    assert b"Mended" in (await digests(desk))["txt"]
    assert (await act(desk, draft, "reopen")).status_code == 200, "a draft is not lost in a closed edition"


async def test_a_day_is_closed_when_it_has_begun_and_nothing_waits_for_the_clock(desk: Desk) -> None:
    assert (await edition(desk, "close", day="2026-11-25")).status_code == 409
    story_id = await a_draft(desk)
    await item(desk, story_id, "schedule", {"publish_at": "2026-11-24T15:00:00Z"})
    assert (await edition(desk, "close")).status_code == 409
    assert (await edition(desk, "close", day="2026-11-20")).status_code == 200, "a day without items closes too"
    assert (await desk.public.get("/digest/2026-11-20.json")).json()["items"] == []


async def test_the_close_puts_the_public_order_on_the_ledger_and_no_draft(desk: Desk) -> None:
    first, second = await a_published(desk), await a_published(desk)
    draft = await a_draft(desk)
    await edition(desk, "order", {"story_ids": [second, draft, first]}, method="PUT")
    await edition(desk, "close")
    ledger = (await desk.public.get("/ledger.jsonl")).text
    assert f'order\\":[\\"{second}\\",\\"{first}\\"]' in ledger
    assert draft not in ledger


async def test_the_clock_leaves_alone_what_a_chief_reopened_after_the_cut_off(desk: Desk, clock: SettableClock) -> None:
    await a_published(desk)
    freeze = freezer(desk.settings)
    async with open_service(desk.settings, clock=clock) as runtime:
        clock.now = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
        assert await close_due(runtime, freeze=freeze) == [date(2026, 11, 24)]
        clock.move(minutes=10)
        assert (await edition(desk, "reopen", client=desk.chief)).status_code == 200
        clock.move(minutes=10)
        assert await close_due(runtime, freeze=freeze) == []
    assert (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["state"] == "open"


async def test_schedulers_that_tick_together_close_a_day_once(desk: Desk, clock: SettableClock) -> None:
    await a_published(desk)
    freeze = freezer(desk.settings)
    async with open_service(desk.settings, clock=clock) as one, open_service(desk.settings, clock=clock) as two:
        clock.now = datetime(2026, 11, 25, 5, 59, 59, 999999, tzinfo=UTC)
        assert await close_due(one, freeze=freeze) == []
        clock.now = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
        before = (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["version"]
        closed = await asyncio.gather(close_due(one, freeze=freeze), close_due(two, freeze=freeze))
        assert sorted(closed) == [[], [date(2026, 11, 24)]]
        frozen = await digests(desk)
        clock.move(hours=1)
        assert await close_due(two, freeze=freeze) == []
    shown = (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()
    assert (shown["state"], shown["closed_by"], shown["version"]) == ("closed", "clock", before + 1)
    assert await digests(desk) == frozen
    ledger = (await desk.public.get("/ledger.jsonl")).text
    assert ledger.count('\\"act\\":\\"close\\"') == 1


# zone, day, cut-off in UTC: by daylight saving the wall time may be skipped or come twice
CUTOFFS = [
    ("UTC", date(2026, 11, 24), time(6), datetime(2026, 11, 25, 6, tzinfo=UTC)),
    ("Asia/Shanghai", date(2026, 11, 24), time(6), datetime(2026, 11, 24, 22, tzinfo=UTC)),
    ("Africa/Nairobi", date(2026, 2, 28), time(6), datetime(2026, 3, 1, 3, tzinfo=UTC)),
    ("America/New_York", date(2026, 3, 7), time(2, 30), datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
    ("America/New_York", date(2026, 10, 31), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
    ("Pacific/Apia", date(2011, 12, 29), time(6), datetime(2011, 12, 30, 16, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "day", "at", "cutoff"), CUTOFFS)
async def test_the_cut_off_second_is_exact_in_every_zone(
    sqlite_url: str, zone: str, day: date, at: time, cutoff: datetime
) -> None:
    settings = settings_for(sqlite_url, timezone=zone, digest_at=at)
    calendar, database = settings.calendar, Database(sqlite_url)
    assert calendar.cutoff_of(day) == cutoff
    clock = SettableClock(now=calendar.begins_at(day) + timedelta(hours=1))
    editor, _ = await add_account(database)
    story = a_story()
    await stored(database, story)
    async with open_service(settings, clock=clock) as runtime:
        async with runtime.database.write() as session:
            opened = await edition_for_change(session, day, None, calendar=calendar, now=clock.now)
            wanted = ItemIn(story_id=story.id)
            await place_item(session, opened, wanted, calendar=calendar, now=clock.now, by=editor)
        clock.now = cutoff - timedelta(microseconds=1)
        assert await close_due(runtime, freeze=freezer(settings)) == []
        clock.now = cutoff
        assert await close_due(runtime, freeze=freezer(settings)) == [day]
        assert await close_due(runtime, freeze=freezer(settings)) == []
    await database.close()


async def test_a_late_edition_is_left_to_people(database: Database) -> None:
    calendar = Calendar(ZoneInfo("UTC"), time(6))
    late = Edition(day=date(2026, 11, 20), zone="UTC", opened_at=datetime(2026, 11, 24, 9, tzinfo=UTC))
    due = Edition(day=date(2026, 11, 21), zone="UTC", opened_at=datetime(2026, 11, 21, 9, tzinfo=UTC))
    await stored(database, late, due)
    async with database.read() as session:
        now = datetime(2026, 11, 24, 12, tzinfo=UTC)
        assert await closing.days_to_close(session, calendar=calendar, now=now) == [date(2026, 11, 21)]
        view = await lists.edition_view(session, date(2026, 11, 23), calendar=calendar, now=now)
    assert (view.state, view.version, view.items, view.closed_by) == ("open", 0, [], None)


async def test_days_at_the_ends_of_the_calendar_answer(desk: Desk) -> None:
    for day in ("0001-01-01", "9999-12-31"):
        assert (await desk.editor.get(f"{EDITIONS}/{day}")).status_code == 200
        assert (await desk.public.get(f"/editions/{day}.json")).status_code in (200, 404)
    for day in ("2026-02-30", "2026-13-01", "today", "10000-01-01", "-2026-01-01", "%00", "2026-11-24T00:00:01"):
        assert (await desk.editor.get(f"{EDITIONS}/{day}")).status_code in (404, 422), day
    assert (await the_order(desk)) == []
