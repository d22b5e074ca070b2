"""Any acts of any editors in any order, with crashes between: the promises of design §1 stay true."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlmodel import select

from service.app import freezer
from service.db import Database, WriteSession
from service.desk import arranging, closing, editions, lists, tagging, triage, wire
from service.desk.schemas import CorrectIn, ItemIn, TagIn
from service.errors import HuobanError
from service.journal import check_journal, check_ledger, ledger_lines
from service.models import Edition, Editor, Item, Story, Tag
from service.publishing import freezing, load
from service.publishing.routes import site_of
from service.words import PASS_REASONS, Role
from tests.builders import a_story, stored
from tests.conftest import NOON, add_account, settings_for

STORIES = 5
DAYS = (date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25))
KENYA = TagIn(partner="KE", tier="comprehensive_strategic_cooperative", reason=None)
ETHIOPIA = TagIn(partner="ET", tier="strategic", reason="as the communiqué says")
TABLES = ("story", "tag", "item", "edition", "digest", "journal")

stories, days = st.integers(0, STORIES - 1), st.sampled_from(DAYS)
tags = st.lists(st.sampled_from([KENYA, ETHIOPIA]), max_size=2)
some_tags = st.lists(st.sampled_from([KENYA, ETHIOPIA]), min_size=1, max_size=2)
seldom = st.sampled_from([False, False, False, True])
crashes = seldom


class Crash(Exception):
    """The process dies after the act, before its commit."""


Act = Callable[[WriteSession], Awaitable[object]]


class Newsroom(RuleBasedStateMachine):
    """Two editors, five stories, three days."""

    def __init__(self, template: Path, folder: Path) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        path = folder / "promises.db"
        for left in folder.glob("promises.db*"):
            left.unlink()
        shutil.copy(template, path)
        self.settings = settings_for(f"sqlite+aiosqlite:///{path}")
        self.calendar, self.now = self.settings.calendar, NOON
        self.withdrawn: set[str] = set()
        self.uris: dict[str, str] = {}
        self.frozen: dict[date, bytes] = {}
        self.runner.run(self.open())
        for number in range(STORIES - 1):
            self.tag(number, [KENYA], crash=False)
            self.place(number, DAYS[1], None, crash=False, soon=False)
            if number % 2:
                self.publish(number, crash=False)

    async def open(self) -> None:
        self.database = Database(self.settings.database_url)
        self.editor, _ = await add_account(self.database)
        self.chief, _ = await add_account(self.database, role=Role.CHIEF, name="Chidi Chief")
        rows = [a_story() for _ in range(STORIES)]
        self.ids = [row.id for row in rows]
        await stored(self.database, *rows)
        self.rows = await self.dump()

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()

    async def dump(self) -> dict[str, list[Any]]:
        async with self.database.read() as session:
            connection = await session.connection()
            return {t: sorted(map(str, await connection.execute(text(f"SELECT * FROM {t}")))) for t in TABLES}  # noqa: S608

    def attempt(self, act: Act, crash: bool) -> bool:
        """Whether the act was done; a refused or crashed one must leave every row as it was."""
        self.now += timedelta(minutes=1)
        before = self.rows
        try:
            self.runner.run(self.in_one_transaction(act, crash))
        except (HuobanError, Crash):
            assert self.runner.run(self.dump()) == before
            return False
        after = self.rows = self.runner.run(self.dump())
        grown = len(after["journal"]) - len(before["journal"])
        changed = any(after[table] != before[table] for table in ("tag", "digest"))
        assert grown in (1, 2) or (grown == 0 and not changed), "a decision is on the record, and once"
        return True

    async def in_one_transaction(self, act: Act, crash: bool) -> None:
        async with self.database.write() as session:
            await act(session)
            if crash:
                raise Crash

    async def story(self, session: WriteSession, number: int) -> Story:
        return await wire.story_for_change(session, self.ids[number], None, now=self.now, calendar=self.calendar)

    async def edition(self, session: WriteSession, day: date) -> Edition:
        return await editions.edition_for_change(session, day, None, calendar=self.calendar, now=self.now)

    async def placed(self, session: WriteSession, number: int) -> tuple[Edition, Item]:
        item = await session.get(Item, self.ids[number])
        edition = await self.edition(session, item.edition_date if item else DAYS[1])
        return edition, await editions.item_of(session, edition, self.ids[number])

    @rule(number=stories, wanted=tags, crash=crashes)
    def tag(self, number: int, wanted: list[TagIn], crash: bool) -> None:
        async def act(session: WriteSession) -> None:
            story = await self.story(session, number)
            await tagging.tag_story(session, story, wanted, calendar=self.calendar, now=self.now, by=self.editor)

        self.attempt(act, crash)

    @rule(number=stories, day=days, position=st.none() | st.integers(1, 6), crash=crashes, soon=seldom)
    def place(self, number: int, day: date, position: int | None, crash: bool, soon: bool) -> None:
        async def act(session: WriteSession) -> None:
            at = self.now + timedelta(minutes=30) if soon else None
            wanted = ItemIn(story_id=self.ids[number], position=position, publish_at=at)
            edition = await self.edition(session, day)
            await editions.place_item(session, edition, wanted, calendar=self.calendar, now=self.now, by=self.editor)

        self.attempt(act, crash)

    @rule(number=stories, crash=crashes)
    def publish(self, number: int, crash: bool) -> None:
        async def act(session: WriteSession) -> None:
            edition, item = await self.placed(session, number)
            await editions.publish_item(
                session, edition, item, calendar=self.calendar, authority="d.example", now=self.now, by=self.editor
            )

        self.attempt(act, crash)

    @rule(number=stories, words=st.sampled_from(["One", "Two"]), wanted=st.none() | some_tags, crash=crashes)
    def correct(self, number: int, words: str, wanted: list[TagIn] | None, crash: bool) -> None:
        async def act(session: WriteSession) -> None:
            _, item = await self.placed(session, number)
            body = CorrectIn(headline=words, tags=wanted, note="We were wrong.")
            await editions.correct_item(session, item, body, calendar=self.calendar, now=self.now, by=self.editor)

        self.attempt(act, crash)

    @rule(number=stories, crash=crashes)
    def withdraw(self, number: int, crash: bool) -> None:
        async def act(session: WriteSession) -> None:
            _, item = await self.placed(session, number)
            await editions.withdraw_item(
                session, item, reason="Retracted.", calendar=self.calendar, now=self.now, by=self.editor
            )

        if self.attempt(act, crash):
            self.withdrawn.add(self.ids[number])

    @rule(day=days, order=st.randoms(use_true_random=False), crash=crashes)
    def order(self, day: date, order: Any, crash: bool) -> None:
        async def act(session: WriteSession) -> None:
            edition = await self.edition(session, day)
            wanted = [item.story_id for item in await lists.items_of(session, day)]
            order.shuffle(wanted)
            await arranging.order_items(session, edition, wanted, now=self.now, by=self.editor)

        self.attempt(act, crash)

    @rule(number=stories, to=st.none() | days, position=st.none() | st.integers(1, 6), crash=crashes)
    def move(self, number: int, to: date | None, position: int | None, crash: bool) -> None:
        async def act(session: WriteSession) -> None:
            edition, item = await self.placed(session, number)
            target = await self.edition(session, to) if to and to != edition.day else None
            await arranging.move_item(
                session, edition, item, position=position, to=target, now=self.now, by=self.editor
            )

        self.attempt(act, crash)

    @rule(number=stories, verb=st.sampled_from(["pass", "hold", "reopen", "reopen"]), crash=crashes)
    def triage(self, number: int, verb: str, crash: bool) -> None:
        async def act(session: WriteSession) -> None:
            story = await self.story(session, number)
            if verb == "pass":
                await triage.pass_story(
                    session, story, reason="old", reasons=PASS_REASONS, now=self.now, by=self.editor
                )
            elif verb == "hold":
                await triage.hold_story(session, story, now=self.now, by=self.editor)
            else:
                await triage.reopen_story(session, story, now=self.now, by=self.editor)

        self.attempt(act, crash)

    @rule(day=st.sampled_from(DAYS[1::-1]), crash=crashes)
    def close(self, day: date, crash: bool) -> None:
        async def act(session: WriteSession) -> None:
            edition = await self.edition(session, day)
            await closing.close_edition(session, edition, freeze=freezer(self.settings), now=self.now, by=self.editor)

        if self.attempt(act, crash):
            self.frozen[day] = self.runner.run(self.digest(day))

    @rule(day=st.sampled_from(DAYS[1::-1]), crash=crashes)
    def reopen(self, day: date, crash: bool) -> None:
        async def act(session: WriteSession) -> None:
            edition = await self.edition(session, day)
            await closing.reopen_edition(session, edition, now=self.now, by=self.chief)

        if self.attempt(act, crash):
            del self.frozen[day]

    async def digest(self, day: date) -> bytes:
        async with self.database.read() as session:
            body, _ = await freezing.load_digest(
                session, day, "json", site=site_of(self.settings), calendar=self.calendar, now=self.now
            )
            return body

    @invariant()
    def the_promises_hold(self) -> None:
        self.runner.run(self.check())

    async def check(self) -> None:
        async with self.database.read() as session:
            items = (await session.exec(select(Item))).all()
            tagged = Counter((await session.exec(select(Tag.story_id))).all())
            people = set((await session.exec(select(Editor.id))).all())
            states = dict((await session.exec(select(Story.id, Story.state))).all())
            for item in items:
                if item.state in ("published", "withdrawn"):
                    assert item.published_by in people
                    assert item.published_at
                    assert self.uris.setdefault(item.story_id, str(item.uri)) == item.uri
                if item.state == "published":
                    assert tagged[item.story_id] > 0
            assert {i.story_id for i in items if i.state == "withdrawn"} == self.withdrawn
            assert {story_id for story_id, state in states.items() if state == "picked"} == {i.story_id for i in items}
            for day in DAYS:
                await self.check_day(session, day, [item for item in items if item.edition_date == day])
            verdict = await check_journal(session)
            ledger = check_ledger([line async for line in ledger_lines(session)])
            assert (verdict.broken, ledger.broken) == (None, None)
            assert verdict.head == ledger.head

    async def check_day(self, session: Any, day: date, items: list[Item]) -> None:
        standing = sorted((i for i in items if i.state != "withdrawn"), key=lambda i: i.position)
        assert [i.position for i in standing] == list(range(1, len(standing) + 1))
        shown = await load.load_edition(session, day, site=site_of(self.settings), calendar=self.calendar, now=self.now)
        assert [i.id for i in shown.items] == [i.story_id for i in standing if i.state == "published"]
        assert {t.id for t in shown.tombstones} == {i.story_id for i in items if i.state == "withdrawn"}
        for item in shown.items:
            assert item.tags
            assert all(tag.tier and tag.label_en and tag.label_zh for tag in item.tags)
            assert item.editor
            assert item.uri == self.uris[item.id]
        assert (shown.state == "closed") == (day in self.frozen)
        if day in self.frozen:
            assert await self.digest(day) == self.frozen[day]


def test_the_promises_survive_any_acts_and_any_crashes(sqlite_template: Path, tmp_path: Path) -> None:
    run_state_machine_as_test(
        lambda: Newsroom(sqlite_template, tmp_path),
        settings=hypothesis_settings(max_examples=10, stateful_step_count=25, deadline=None),
    )
