"""Processes are killed at random instants, over and over, while publishers publish and an editor decides.

Afterwards every promise must hold: nothing that was confirmed is lost, nothing is there twice, the journal is whole,
and the public list says what the database says. ``HUOBAN_CHAOS_KILLS=200`` is the long run (``make chaos``).
"""

import asyncio
import os
import socket
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func
from sqlmodel import col, select

from service.clock import utc_now
from service.models import Digest, Edition
from tests.chaos.newsroom import Newsroom, let_time_pass, newsroom
from tests.chaos.promises import promises_hold, the_last_look_brings_everything, the_public_list_says_the_same, up
from tests.feed_server import FeedServer

pytestmark = pytest.mark.anyio
KILLS = int(os.environ.get("HUOBAN_CHAOS_KILLS", "4"))
MANY = 20


async def test_no_kill_at_any_instant_breaks_a_promise(database_url: str, tmp_path: Path) -> None:
    if KILLS < MANY and database_url.startswith("sqlite"):
        pytest.skip("the short run is on PostgreSQL, where processes share more; HUOBAN_CHAOS_KILLS=200 takes both")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with (
        FeedServer(every_loopback=True) as server,
        newsroom(database_url, server, folder=tmp_path, port=port, seed=KILLS) as room,
    ):
        await up(room)
        working = asyncio.create_task(room.editor.work())
        for number in range(KILLS):
            await let_time_pass(room.database, leases=False)
            await asyncio.sleep(room.chance.uniform(0.1, 2.5))
            await kill_one(room, number)
        await up(room)
        await asyncio.sleep(3)
        working.cancel()
        await asyncio.wait((working,))
        await the_last_look_brings_everything(room)
        assert await room.web.stop() == 0
        assert await room.worker.stop() == 0
        await promises_hold(room)
        await room.web.start()
        await up(room)
        await the_public_list_says_the_same(room)
        await the_digest_is_frozen_once(room)


async def kill_one(room: Newsroom, number: int) -> None:
    match number % 4:
        case 0 | 2:
            await room.worker.kill()
            await let_time_pass(room.database, leases=True)
            await room.worker.start()
        case 1:
            await room.web.kill()
            await room.web.start()
        case _:
            await room.worker.kill_a_child(room.chance)
    await asyncio.sleep(room.chance.uniform(0.5, 3.0))


async def the_digest_is_frozen_once(room: Newsroom) -> None:
    """Two asks at once and a kill in the middle: one closing, one digest."""
    day = utc_now().date()
    async with room.database.read() as session:
        if (edition := await session.get(Edition, day)) is None:
            return  # midnight has passed meanwhile
    path = f"/api/v1/editions/{day}"
    read = await room.editor.client.get(path)

    async def close() -> int:
        try:
            return (
                await room.editor.client.post(f"{path}/close", headers={"If-Match": read.headers["ETag"]})
            ).status_code
        except httpx.TransportError:
            return 0

    asks = [asyncio.create_task(close()) for _ in range(2)]
    await asyncio.sleep(room.chance.uniform(0, 0.05))
    await room.web.kill()
    await asyncio.gather(*asks)
    await room.web.start()
    await up(room)
    again = await room.editor.client.get(path)
    await room.editor.client.post(f"{path}/close", headers={"If-Match": again.headers["ETag"]})
    async with room.database.read() as session:
        counts = (await session.exec(select(Digest.extension, func.count()).group_by(col(Digest.extension)))).all()
        assert edition is not None
    assert {count for _, count in counts} == {1}
    assert (await room.editor.client.get(path)).json()["state"] == "closed"
