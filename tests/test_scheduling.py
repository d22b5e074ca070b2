"""The metronome: ticks, survives what fails, and stops without cutting off what runs."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from service import scheduling
from service.app import freezer, open_service
from service.clock import utc_now
from service.fetching.parsers import ParserPool
from service.runtime import Runtime
from service.scheduling import Job, Metronome, close_due, publish_due
from tests.conftest import Desk, SettableClock
from tests.desk.newsroom import EDITIONS, TODAY, a_draft, a_published, edition, item

pytestmark = pytest.mark.anyio


async def test_a_job_that_fails_ticks_again() -> None:
    ticks = 0

    async def work() -> None:
        nonlocal ticks
        ticks += 1
        raise RuntimeError("no luck")

    metronome = Metronome()
    metronome.start([Job("work", 0.02, work)], now=utc_now())
    for _ in range(200):
        if ticks < 3:
            await asyncio.sleep(0.02)
    await metronome.stop()
    assert ticks > 2
    seen = ticks
    await asyncio.sleep(0.1)
    assert ticks == seen


async def test_a_stop_lets_what_runs_finish() -> None:
    done = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.3)
        done.set()

    metronome = Metronome()
    metronome.start([Job("work", 60, work)], now=utc_now())
    await asyncio.sleep(0.1)
    await metronome.stop()
    assert done.is_set()


async def test_a_stop_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "DRAIN_SECONDS", 0.2)
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    metronome = Metronome()
    metronome.start([Job("work", 60, work)], now=utc_now())
    await asyncio.sleep(0.1)
    await asyncio.wait_for(metronome.stop(), 2)
    assert cancelled.is_set()


async def test_time_to_finish_runs_from_the_signal_on_and_a_job_that_will_not_end_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduling, "DRAIN_SECONDS", 0.6)
    monkeypatch.setattr(scheduling, "LAST_SECONDS", 0.2)
    freed = asyncio.Event()

    async def work() -> None:
        while not freed.is_set():
            with suppress(asyncio.CancelledError):
                await freed.wait()

    metronome = Metronome()
    metronome.start([Job("work", 60, work)], now=utc_now())
    await asyncio.sleep(0.1)
    metronome.begin_stop()
    await asyncio.sleep(0.6)  # while open connections come to their end
    began = asyncio.get_running_loop().time()
    with capture_logs() as said:
        await asyncio.wait_for(metronome.stop(), 2)
    assert asyncio.get_running_loop().time() - began < 0.5
    assert [(line["event"], line["jobs"]) for line in said] == [("jobs_did_not_end", ["work"])]
    freed.set()
    await asyncio.sleep(0)


async def test_a_job_never_runs_beside_itself() -> None:
    running = most = 0

    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1

    metronome = Metronome()
    metronome.start([Job("work", 0.01, work)], now=utc_now())
    await asyncio.sleep(0.3)
    await metronome.stop()
    assert most == 1


async def test_one_item_that_cannot_go_out_does_not_hold_up_the_others(desk: Desk, clock: SettableClock) -> None:
    stuck, fine = await a_draft(desk), await a_draft(desk)
    for story_id, moment in ((stuck, "2026-11-24T13:00:00Z"), (fine, "2026-11-24T14:00:00Z")):
        assert (await item(desk, story_id, "schedule", {"publish_at": moment})).status_code == 200
    async with desk.database.write() as session:
        # What no act allows: an operator who edits rows by hand.
        await (await session.connection()).execute(text("DELETE FROM tag WHERE story_id = :id"), {"id": stuck})
    clock.move(hours=3)
    async with open_service(desk.settings, clock=clock) as runtime:
        assert await publish_due(runtime) == 1
        assert await close_due(runtime, freeze=freezer(desk.settings)) == []
        clock.move(days=1)
        assert await close_due(runtime, freeze=freezer(desk.settings)) == [], "what waits keeps the day open"
    states = {
        shown["story_id"]: shown["state"] for shown in (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["items"]
    }
    assert states == {stuck: "scheduled", fine: "published"}


async def test_a_crash_in_the_freeze_closes_nothing(desk: Desk, clock: SettableClock) -> None:
    await a_published(desk)

    async def crash(*_: object) -> None:
        raise RuntimeError("the disk is full")

    async with open_service(desk.settings, clock=clock) as runtime:
        clock.move(days=1)
        with pytest.raises(RuntimeError):
            await close_due(runtime, freeze=crash)
        assert (await desk.editor.get(f"{EDITIONS}/{TODAY}")).json()["state"] == "open"
        assert len(await close_due(runtime, freeze=freezer(desk.settings))) == 1
    assert (await edition(desk, "close")).status_code == 409


async def test_the_whole_clock_starts_and_stops_on_an_empty_database(runtime: Runtime) -> None:
    with capture_logs() as lines:
        async with (
            ParserPool(workers=1) as parsers,
            scheduling.scheduling(runtime, parsers, freeze=freezer(runtime.settings)),
        ):
            await asyncio.sleep(0.2)
    assert [line for line in lines if line["log_level"] in ("warning", "error")] == []
