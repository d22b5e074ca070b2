"""What happens at one desk is told at every other within a second, on a real server, across processes."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from service import auth
from service.db import Database
from service.desk import live
from service.models import Editor
from tests.conftest import Desk, SettableClock, add_account, serving
from tests.desk.newsroom import STORIES, TODAY, a_draft, a_wire_story, act, item

pytestmark = pytest.mark.anyio
EVENTS = "/api/v1/events"


class Stream:
    """The events of an open stream, one after the other."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event's id and data; comments are skipped."""
        event: dict[str, str] = {}
        while True:
            line = await asyncio.wait_for(anext(self._lines), 5)
            if not line and "data" in event:
                return {"id": event["id"], **json.loads(event["data"])}
            name, _, value = line.partition(": ")
            event[name] = value


@asynccontextmanager
async def listening(client: httpx.AsyncClient, **headers: str) -> AsyncIterator[Stream]:
    """An open stream."""
    async with client.stream("GET", EVENTS, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response)


async def test_an_act_is_told_to_everyone_within_a_second(desk: Desk) -> None:
    story = await a_wire_story(desk)
    async with listening(desk.chief) as chief, listening(desk.program) as program:
        assert chief.response.headers["content-type"].startswith("text/event-stream")
        began = time.monotonic()
        version = (await act(desk, story, "hold")).json()["version"]
        told = await chief.next()
        assert time.monotonic() - began < 1
        assert (told["act"], told["subject"], told["by"]) == ("hold", f"story:{story}", "Amina Test")
        assert (told["version"], told["id"]) == (version, str(told["seq"]))
        assert await program.next() == told


async def test_another_process_tells_it_too(desk: Desk, clock: SettableClock) -> None:
    story = await a_draft(desk)
    async with serving(desk.settings, clock=clock) as other:
        token = desk.chief.headers["authorization"]
        async with (
            httpx.AsyncClient(base_url=other, headers={"Authorization": token}, trust_env=False) as client,
            listening(client) as stream,
        ):
            began = time.monotonic()
            await item(desk, story, "publish")
            told = await stream.next()
            assert time.monotonic() - began < 1
            assert (told["act"], told["edition"]) == ("publish", TODAY)


async def test_a_client_that_comes_back_misses_nothing_and_hears_nothing_twice(desk: Desk) -> None:
    story = await a_wire_story(desk)
    async with listening(desk.editor) as stream:
        await act(desk, story, "hold")
        last = (await stream.next())["id"]
    await act(desk, story, "reopen")
    await act(desk, story, "hold")
    async with listening(desk.editor, **{"Last-Event-ID": last}) as stream:
        assert [(await stream.next())["act"] for _ in range(2)] == ["reopen", "hold"]
        await act(desk, story, "reopen")
        assert (await stream.next())["act"] == "reopen"


async def test_acts_on_accounts_are_not_told_and_do_not_stop_the_stream(desk: Desk) -> None:
    story = await a_wire_story(desk)
    async with listening(desk.editor, **{"Last-Event-ID": "0"}) as stream:
        await add_account(desk.database, name="New Person")
        await act(desk, story, "claim")
        assert (await stream.next())["act"] == "claim"


async def test_a_shut_account_hears_nothing_more(desk: Desk, clock: SettableClock) -> None:
    leaver, token = await add_account(desk.database, name="Lena Leaver")
    story = await a_wire_story(desk)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=desk.base, headers=headers, trust_env=False, timeout=30) as client,
        listening(client) as stream,
    ):
        await act(desk, story, "hold")
        assert (await stream.next())["act"] == "hold"
        async with desk.database.write() as session:
            await auth.disable_editor(session, await session.get_one(Editor, leaver.id), now=clock.now, by="operator")
        await act(desk, story, "reopen")
        with pytest.raises(StopAsyncIteration):
            await stream.next()


async def test_a_desk_that_only_listens_grows_idle(desk: Desk, clock: SettableClock) -> None:
    editor, _ = await add_account(desk.database, name="Ida Idle")
    async with desk.database.write() as session:
        cookie = await auth.open_session(session, editor, now=clock.now)
    async with httpx.AsyncClient(base_url=desk.base, headers={"Cookie": f"huoban={cookie}"}, trust_env=False) as left:
        clock.move(hours=11)
        async with listening(left):
            pass
        clock.move(hours=1)
        assert (await left.get(EVENTS)).status_code == 401


async def test_a_stream_needs_an_account_and_a_number(desk: Desk) -> None:
    assert (await desk.public.get(EVENTS)).status_code == 401
    for wrong in ("abc", "-1", "9" * 16, "1\u00b2"):
        answer = await desk.editor.get(EVENTS, headers={"Last-Event-ID": wrong.encode("latin-1")})  # type: ignore[dict-item]  # bytes are sent as they are
        assert answer.status_code == 422
    async with listening(desk.editor, **{"Last-Event-ID": "999999"}) as stream:
        await act(desk, await a_wire_story(desk), "hold")
        assert (await stream.next())["act"] == "hold"


async def test_a_stream_ends_by_itself_and_frees_its_listener(database: Database, clock: SettableClock) -> None:
    async def welcome() -> bool:
        return True

    async with live.watching(database) as watch:
        assert await watch.newer_than(0, wait=0.01) is False
        stream = live.stream_events(database, watch, after=0, welcome=welcome)
        waiting = asyncio.create_task(anext(stream))  # type: ignore[arg-type]
        for _ in range(500):
            await asyncio.sleep(0 if watch.listeners else 0.01)
        watch.close()
        with pytest.raises(StopAsyncIteration):
            await waiting
        assert watch.listeners == 0


async def test_a_server_with_open_streams_stops_at_once_when_asked(desk: Desk) -> None:
    environment = os.environ | {
        "HUOBAN_DATABASE_URL": desk.settings.database_url,
        "HUOBAN_SCHEDULER": "false",
        "HUOBAN_LOG_FORMAT": "text",
    }
    command = [sys.executable, "-m", "service", "serve", "--port", "0", "--no-scheduler"]
    process = await asyncio.to_thread(subprocess.Popen, command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        base = re.search(r"http://\S+", line)
        assert base, line
        async with httpx.AsyncClient(base_url=base[0], headers=dict(desk.editor.headers), trust_env=False) as client:
            await _answers(client)
            async with listening(client):
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 10) == 0
                assert time.monotonic() - began < 5
    finally:
        process.kill()
        process.communicate()


async def _answers(client: httpx.AsyncClient) -> None:
    for _ in range(100):
        with contextlib.suppress(httpx.TransportError):
            if (await client.get(f"{STORIES}?limit=1")).status_code == 200:
                return
        await asyncio.sleep(0.1)
    raise AssertionError("the server does not answer")
