"""Frozen digests: numbered, one revision for each closing, and honest about what was sent wrong before."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.db import Database
from service.desk.closing import reopen_edition
from service.desk.editions import edition_for_change
from service.errors import NotFound
from service.models import Editor
from service.publishing.digest import MEDIA_TYPES
from service.publishing.freezing import load_digest
from service.words import Role
from tests.conftest import NOON, add_account
from tests.publishing.newsroom import SITE, UTC_CALENDAR, closed, corrected, published, withdrawn

pytestmark = pytest.mark.anyio

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)


@pytest.fixture
async def editor(database: Database) -> Editor:
    """Whoever decides."""
    return (await add_account(database, role=Role.CHIEF))[0]


def at(day: date, hour: int = 12) -> datetime:
    """A moment of a day."""
    return NOON.replace(day=day.day, hour=hour)


async def digest_of(database: Database, day: date, *, revision: int | None = None) -> dict[str, Any]:
    """What the day's digest says, as JSON."""
    async with database.read() as session:
        body, _ = await load_digest(
            session, day, "json", site=SITE, calendar=UTC_CALENDAR, now=at(WEDNESDAY, 20), revision=revision
        )
    found: dict[str, Any] = json.loads(body)
    return found


async def reopened(database: Database, editor: Editor, day: date, *, at: datetime) -> None:
    """The day's list opened again."""
    async with database.write() as session:
        edition = await edition_for_change(session, day, None, calendar=UTC_CALENDAR, now=at)
        await reopen_edition(session, edition, now=at, by=editor)


async def test_digests_are_numbered_by_their_first_closing(database: Database, editor: Editor) -> None:
    for day in (TUESDAY, WEDNESDAY, MONDAY):
        await published(database, editor, at=at(day))
        assert (await digest_of(database, day))["number"] is None
        await closed(database, editor, day=day, at=at(day, 18))
    numbers = [(await digest_of(database, day))["number"] for day in (MONDAY, TUESDAY, WEDNESDAY)]
    assert numbers == [3, 1, 2], "a day that is closed late does not take another's number"


async def test_a_day_closed_anew_has_a_new_revision_and_keeps_the_old_one(database: Database, editor: Editor) -> None:
    story = await published(database, editor, at=at(TUESDAY), headline="The first words")
    await closed(database, editor, day=TUESDAY, at=at(TUESDAY, 18))
    first = await digest_of(database, TUESDAY)
    await reopened(database, editor, TUESDAY, at=at(TUESDAY, 19))
    assert (await digest_of(database, TUESDAY))["state"] == "open"
    assert await digest_of(database, TUESDAY, revision=1) == first, "the frozen one can still be read"
    await corrected(database, editor, story, day=TUESDAY, at=at(TUESDAY, 20), headline="The right words")
    await published(database, editor, at=at(TUESDAY, 21))
    await closed(database, editor, day=TUESDAY, at=at(TUESDAY, 22))
    second = await digest_of(database, TUESDAY)
    assert (first["number"], first["revision"]) == (1, 1)
    assert (second["number"], second["revision"], len(second["items"])) == (1, 2, 2)
    assert second["hash"] != first["hash"]
    (correction,) = second["since_last_digest"]["corrected"]
    assert (correction["headline_before"], correction["item"]["headline"]) == ("The first words", "The right words")
    assert await digest_of(database, TUESDAY, revision=1) == first
    with pytest.raises(NotFound):
        await digest_of(database, TUESDAY, revision=3)


async def test_a_digest_tells_what_was_sent_wrong_before(database: Database, editor: Editor) -> None:
    wrong = await published(database, editor, at=at(MONDAY), headline="Fifty kilometres")
    false = await published(database, editor, at=at(MONDAY), headline="Never happened")
    await published(database, editor, at=at(MONDAY), headline="As it was")
    early = await published(database, editor, at=at(MONDAY), headline="Corrected before it was sent")
    await corrected(database, editor, early, day=MONDAY, at=at(MONDAY, 13), headline="Right when it was sent")
    await closed(database, editor, day=MONDAY, at=at(MONDAY, 18))
    fresh = await published(database, editor, at=at(TUESDAY, 8), headline="Of today")
    await corrected(database, editor, fresh, day=TUESDAY, at=at(TUESDAY, 9), headline="Of today, and right")
    await corrected(database, editor, wrong, day=MONDAY, at=at(TUESDAY, 9), headline="Eighty kilometres")
    await corrected(database, editor, wrong, day=MONDAY, at=at(TUESDAY, 10), blurb="Of which ten were there before.")
    await corrected(database, editor, false, day=MONDAY, at=at(TUESDAY, 10), headline="Hardly happened")
    await withdrawn(database, editor, false, day=MONDAY, at=at(TUESDAY, 11), reason="It never happened.")
    live = (await digest_of(database, TUESDAY))["since_last_digest"]
    await closed(database, editor, day=TUESDAY, at=at(TUESDAY, 18))
    frozen = (await digest_of(database, TUESDAY))["since_last_digest"]
    assert live == frozen
    (correction,) = frozen["corrected"]
    assert correction["item"]["id"] == wrong
    assert (correction["headline_before"], correction["item"]["headline"]) == ("Fifty kilometres", "Eighty kilometres")
    assert correction["notes"] == ["A mistake of ours.", "A mistake of ours."]
    (stone,) = frozen["withdrawn"]
    assert (stone["id"], stone["edition"], stone["reason"]) == (false, "2026-11-23", "It never happened.")
    assert "happened" not in json.dumps(frozen).replace("It never happened.", ""), "what is withdrawn is not repeated"
    await published(database, editor, at=at(WEDNESDAY))
    await closed(database, editor, day=WEDNESDAY, at=at(WEDNESDAY, 18))
    assert (await digest_of(database, WEDNESDAY))["since_last_digest"] == {"corrected": [], "withdrawn": []}


async def test_an_old_day_closed_anew_takes_nothing_from_the_next_digest(database: Database, editor: Editor) -> None:
    await published(database, editor, at=at(MONDAY))
    await closed(database, editor, day=MONDAY, at=at(MONDAY, 18))
    wrong = await published(database, editor, at=at(TUESDAY))
    await closed(database, editor, day=TUESDAY, at=at(TUESDAY, 18))
    await corrected(database, editor, wrong, day=TUESDAY, at=at(TUESDAY, 19), headline="Right")
    await reopened(database, editor, MONDAY, at=at(TUESDAY, 20))
    await closed(database, editor, day=MONDAY, at=at(TUESDAY, 21))
    assert (await digest_of(database, MONDAY))["since_last_digest"]["corrected"] == []
    await published(database, editor, at=at(WEDNESDAY))
    await closed(database, editor, day=WEDNESDAY, at=at(WEDNESDAY, 18))
    corrections = (await digest_of(database, WEDNESDAY))["since_last_digest"]["corrected"]
    assert [correction["item"]["id"] for correction in corrections] == [wrong]


async def test_the_database_changes_no_frozen_digest(database: Database, editor: Editor) -> None:
    await published(database, editor, at=at(TUESDAY))
    await closed(database, editor, day=TUESDAY, at=at(TUESDAY, 18))
    for statement in ("UPDATE digest SET sha256 = 'x'", "DELETE FROM digest"):
        with pytest.raises(DBAPIError, match="a frozen digest stays as it is"):
            async with database.write() as session:
                await (await session.connection()).execute(text(statement))


async def test_every_form_is_frozen_at_once(database: Database, editor: Editor) -> None:
    await published(database, editor, at=at(TUESDAY))
    await closed(database, editor, day=TUESDAY, at=at(TUESDAY, 18))
    for extension in MEDIA_TYPES:
        async with database.read() as session:
            asked = {"site": SITE, "calendar": UTC_CALENDAR}
            now = await load_digest(session, TUESDAY, extension, now=at(TUESDAY, 19), **asked)  # type: ignore[arg-type]
            later = await load_digest(  # type: ignore[arg-type]
                session, TUESDAY, extension, now=at(TUESDAY, 19) + timedelta(days=400), **asked
            )
        assert now == later
        assert now[1] is True
