"""PostgreSQL crashes, is restarted and falls silent, while publishers publish and an editor decides.

Whoever asks meanwhile is told 503 in time, and everything goes on by itself. ``HUOBAN_CHAOS_KILLS=20`` or more makes
the silence thirty seconds long (``make chaos``); it is two otherwise.
"""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from service.db import Database
from service.impatient import ANSWER_SECONDS, CONNECT_SECONDS
from service.migrating import migrate_database
from service.partnerships.register import ship_register
from tests.chaos.newsroom import Newsroom, let_time_pass, newsroom
from tests.chaos.promises import promises_hold, the_last_look_brings_everything, the_public_list_says_the_same, up
from tests.chaos.test_kills import KILLS, MANY
from tests.conftest import NOON
from tests.feed_server import FeedServer
from tests.postgres import Postgres, start_postgres

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
SILENCE = 30.0 if KILLS >= MANY else 2.0
SOCKET = ".s.PGSQL.5432"
IN_TIME = ANSWER_SECONDS + 10 + CONNECT_SECONDS + 5
"""An exchange, the ten seconds in which the driver calls it off, another connection, and a slow machine."""


@pytest.fixture
def private_postgres() -> Iterator[Postgres]:
    with start_postgres(keeps=True) as server:
        yield server


class Line:
    """A connection to the server that can fall silent: it takes bytes and passes none on."""

    def __init__(self, folder: Path, to: Path) -> None:
        self._folder, self._to = folder, to
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        """What was lost stays lost: connections of the silent time are closed, new ones work."""
        self._open.set()
        for task in list(self._tasks):
            task.cancel()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65_536):
            await self._open.wait()
            writer.write(part)
            await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        both: list[asyncio.Task[None]] = []
        with suppress(OSError, asyncio.CancelledError):
            await self._open.wait()
            to_reader, to_writer = await asyncio.open_unix_connection(str(self._to / SOCKET))
            pairs = ((reader, to_writer), (to_reader, writer))
            both = [asyncio.create_task(self._pass_on(*pair)) for pair in pairs]
            with suppress(asyncio.CancelledError):
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            to_writer.close()
        for one in both:
            one.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        writer.close()
        self._tasks.discard(task)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with await asyncio.start_unix_server(self._serve, str(self._folder / SOCKET)):
            yield
            passing = list(self._tasks)
            self.mend()
            await asyncio.gather(*passing, return_exceptions=True)
            await asyncio.sleep(0.1)  # until the loop has closed their sockets


async def test_a_database_that_goes_away_and_comes_back_breaks_no_promise(
    private_postgres: Postgres, tmp_path: Path
) -> None:
    url = private_postgres.create_database("newsroom")
    database = Database(url)
    await migrate_database(database)
    async with database.write() as session:
        await ship_register(session, now=NOON)
    await database.close()
    line = Line(tmp_path, private_postgres.socket_folder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with (
        line.open(),
        FeedServer(every_loopback=True) as server,
        newsroom(
            url.replace(str(private_postgres.socket_folder), str(tmp_path)),
            server, folder=tmp_path, port=port, seed=1,
        ) as room,
    ):  # fmt: skip
        await up(room)
        working = asyncio.create_task(room.editor.work())
        await goes_on(room)
        await asyncio.to_thread(private_postgres.stop, signal.SIGQUIT)
        await all_are_told(room)
        await asyncio.to_thread(private_postgres.start)
        await goes_on(room)
        await asyncio.to_thread(private_postgres.stop, signal.SIGINT)
        await asyncio.to_thread(private_postgres.start)
        await goes_on(room)
        line.cut()
        asking = asyncio.create_task(all_are_told(room)) if SILENCE > IN_TIME - 10 else None
        await asyncio.sleep(SILENCE)
        line.mend()
        if asking is not None:
            await asking
        await goes_on(room)
        working.cancel()
        await asyncio.wait((working,))
        assert room.editor.unavailable, "the editor was told"
        assert room.editor.slowest < IN_TIME
        await the_last_look_brings_everything(room)
        await the_public_list_says_the_same(room)
        assert await room.web.stop() == 0
        assert await room.worker.stop() == 0
        await promises_hold(room)


async def all_are_told(room: Newsroom) -> None:
    """Readers, editors and whoever watches hear that the service cannot answer, and that it will again."""
    async with httpx.AsyncClient(base_url=room.editor.client.base_url, trust_env=False, timeout=IN_TIME) as anybody:
        paths = ("/health/ready", "/daily.json", "/status.json", "/archive")
        asked = [anybody.get(path) for path in paths]
        asked.append(room.editor.client.get("/api/v1/stories"))
        for answer in await asyncio.gather(*asked):
            assert answer.status_code == 503, answer.text
            assert answer.json()["code"] == "unavailable"
            assert answer.headers["Retry-After"]
            assert "no-store" in answer.headers["Cache-Control"] or "private" in answer.headers["Cache-Control"]
        assert (await anybody.get("/health/live")).status_code == 200


async def goes_on(room: Newsroom) -> None:
    """The editor gets more done and more comes from the feeds, without anybody's help."""
    await up(room)
    done, out = len(room.editor.published), sum(room.papers.out.values())
    async with asyncio.timeout(60):
        while len(room.editor.published) < done + 2 or sum(room.papers.out.values()) < out + 2:
            await asyncio.sleep(0.5)
            await let_time_pass(room.database, leases=False)
