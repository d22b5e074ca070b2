"""Order: the wire's is time, the public's is the editors'. Content, source and language have no say (promise 1)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import select

from service.clock import Calendar
from service.db import Database
from service.desk import lists, wire_lists
from service.errors import NotNow
from service.models import Edition, Editor, Item, Story, Tag
from service.partnerships.places import places
from service.partnerships.tiers import Tier
from service.publishing import load
from service.publishing.edition import Site
from service.words import EditionState
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, add_account, settings_for

SITE = Site(title="Daily", base_url="https://d.example", zone="UTC")
COUNT = 8
PLACES = sorted(places())

contents = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
            "summary": st.sampled_from(["", "BREAKING", "a" * 400, "中文", "zzz"]),
            "language": st.sampled_from(["en", "zh", "ar", None, "fr"]),
            "feed": st.integers(0, 2),
            "partner": st.sampled_from(PLACES),
            "tier": st.sampled_from(sorted(Tier)),
        }
    ),
    min_size=COUNT,
    max_size=COUNT,
)


class Lists:
    """Eight stories, all of them published, in an order that is neither the wire's nor that of their ids."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.calendar: Calendar = settings_for(url).calendar
        self.ids: list[str] = []
        self.feeds = [a_feed(), a_feed(core=True), a_feed(kind="agency", language="zh")]

    async def fill(self) -> None:
        self.editor, _ = await add_account(self.database)
        await stored(self.database, *self.feeds)
        day = NOON.date()
        rows = [a_story(at=NOON - timedelta(minutes=number // 2)) for number in range(COUNT)]
        self.ids = [row.id for row in rows]
        await stored(self.database, *rows, Edition(day=day, zone="UTC", opened_at=NOON))
        tags = [self.a_tag(story_id, "KE", "none") for story_id in self.ids]
        items = [
            Item(
                story_id=story_id, edition_date=day, position=(number * 3) % COUNT + 1, state="published",
                uri=f"tag:{story_id}", placed_by=self.editor.id, placed_at=NOON, published_by=self.editor.id,
                published_at=NOON + timedelta(minutes=(number * 5) % COUNT), updated_at=NOON, decision="0" * 64,
            )
            for number, story_id in enumerate(self.ids)
        ]  # fmt: skip
        await stored(self.database, *tags, *items)

    def a_tag(self, story_id: str, partner: str, tier: str) -> Tag:
        return Tag(
            story_id=story_id, partner=partner, position=1, tier=tier, label_en=tier, label_zh=tier,
            confirmed_by=self.editor.id, confirmed_at=NOON,
        )  # fmt: skip

    async def rewrite(self, content: list[dict[str, Any]]) -> None:
        """Give every story another content, source, language and tag."""
        async with self.database.write() as session:
            for story_id, given in zip(self.ids, content, strict=True):
                story = await session.get_one(Story, story_id)
                story.title = story.headline = given["title"] or "x"
                story.summary, story.language = given["summary"], given["language"]
                story.feed_id = self.feeds[given["feed"]].id
                old = (await session.exec(select(Tag).where(Tag.story_id == story_id))).one()
                if old.partner == given["partner"]:
                    old.tier = given["tier"]
                else:
                    session.add(self.a_tag(story_id, given["partner"], given["tier"]))
                    await session.flush()
                    await session.delete(old)

    async def orders(self) -> dict[str, list[str]]:
        """Every list there is, as ids."""
        found = {}
        async with self.database.read() as session:
            public = {"site": SITE, "calendar": self.calendar, "now": NOON}
            found["day"] = [i.id for i in (await load.load_edition(session, NOON.date(), **public)).items]
            found["daily"] = [i.id for i in (await load.load_daily(session, **public)).items]
            view = await lists.edition_view(session, NOON.date(), calendar=self.calendar, now=NOON)
            found["desk"] = [i.story_id for i in view.items]
            for sort in ("received", "source"):
                page = await wire_lists.list_stories(
                    session, wire_lists.WireFilter(states=("new",)), sort=sort, now=NOON, calendar=self.calendar
                )
                found[sort] = [s.id for s in page.items]
        return found


def test_no_order_depends_on_content_source_or_language(sqlite_url: str) -> None:
    newsroom = Lists(sqlite_url)
    with asyncio.Runner() as runner:
        runner.run(newsroom.fill())
        expected = runner.run(newsroom.orders())
        by_time = sorted(newsroom.ids, key=lambda i: (-(newsroom.ids.index(i) // 2), i), reverse=True)
        assert expected["received"] == expected["source"] == by_time
        assert expected["day"] == expected["daily"] == expected["desk"]
        assert expected["day"] == [newsroom.ids[p] for p in sorted(range(COUNT), key=lambda n: (n * 3) % COUNT)]

        @given(contents)
        @hypothesis_settings(max_examples=25)
        def whatever_they_say(content: list[dict[str, Any]]) -> None:
            runner.run(newsroom.rewrite(content))
            assert runner.run(newsroom.orders()) == expected

        whatever_they_say()
        runner.run(newsroom.database.close())


@pytest.mark.anyio
async def test_an_editions_view_names_the_editors_in_the_editors_order(sqlite_url: str) -> None:
    newsroom = Lists(sqlite_url)
    await newsroom.fill()
    async with newsroom.database.read() as session:
        view = await lists.edition_view(session, NOON.date(), calendar=newsroom.calendar, now=NOON)
        names = set((await session.exec(select(Editor.name))).all())
    assert {item.published_by for item in view.items} == names
    assert [item.position for item in view.items] == list(range(1, COUNT + 1))
    await newsroom.database.close()


def test_a_closed_edition_and_a_full_one_take_nothing() -> None:
    closed = Edition(day=NOON.date(), zone="UTC", opened_at=NOON, state=EditionState.CLOSED)
    items = [
        Item(story_id=str(n), edition_date=NOON.date(), position=n, placed_by="e", placed_at=NOON) for n in range(300)
    ]
    with pytest.raises(NotNow):
        lists.require_open(closed)
    with pytest.raises(NotNow):
        lists.require_room(items)
    lists.require_room(items[:299])
