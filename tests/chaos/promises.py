"""What must hold after anything was done to a newsroom: asked of database, journal and public feeds."""

import asyncio

import feedparser
import httpx
from sqlmodel import col, select

from service.journal import check_journal
from service.models import Item, Tag
from service.words import ItemState
from tests.chaos.newsroom import Newsroom, let_time_pass, links


async def up(room: Newsroom) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await room.editor.client.get("/health/ready")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


async def the_last_look_brings_everything(room: Newsroom) -> None:
    room.papers.open = False
    async with asyncio.timeout(90):
        while not room.papers.in_the_feeds() <= set(await links(room.database)):
            await let_time_pass(room.database, leases=False)
            await asyncio.sleep(1)


async def promises_hold(room: Newsroom) -> None:
    assert room.editor.failures == []
    assert room.editor.published, "the editor got something done"
    found = await links(room.database)
    assert len(found) == len(set(found)), "a story twice"
    async with room.database.read() as session:
        check = await check_journal(session)
        assert check.broken is None
        items = {item.story_id: item for item in (await session.exec(select(Item))).all()}
        tagged = set((await session.exec(select(Tag.story_id))).all())
    for story in room.editor.published - room.editor.withdrawn:
        expected = {ItemState.PUBLISHED}
        if story in room.editor.perhaps:
            expected.add(ItemState.WITHDRAWN)
        assert items[story].state in expected, "what was confirmed is there"
    for story in room.editor.withdrawn:
        assert items[story].state == ItemState.WITHDRAWN
    public = {s for s, item in items.items() if item.state in (ItemState.PUBLISHED, ItemState.WITHDRAWN)}
    assert public <= room.editor.published | room.editor.perhaps, "nothing went out that nobody sent"
    assert public <= tagged


async def the_public_list_says_the_same(room: Newsroom) -> None:
    async with room.database.read() as session:
        query = select(Item).where(Item.state == ItemState.PUBLISHED.value)
        items = (await session.exec(query.order_by(col(Item.edition_date), col(Item.position)))).all()
    for day in {item.edition_date for item in items}:
        answer = await room.editor.client.get(f"/editions/{day}.rss")
        entries = feedparser.parse(answer.content).entries
        expected = [item.story_id for item in items if item.edition_date == day]
        assert [entry.link.rsplit("/", 1)[1] for entry in entries] == expected
