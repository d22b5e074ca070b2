"""Streams out of real rows: what matches, and that paging back finds everything once, whatever changes meanwhile."""

from datetime import date, datetime, timedelta

import pytest

from service.db import Database
from service.errors import NotFound
from service.models import Editor
from service.publishing.edition import PublicEdition
from service.publishing.stream_load import AT_LEAST, load_stream
from service.publishing.streams import Stream
from tests.conftest import NOON, add_account
from tests.publishing.newsroom import CSC, SITE, UTC_CALENDAR, corrected, published, published_all, withdrawn

pytestmark = pytest.mark.anyio
ALL = Stream()


@pytest.fixture
async def editor(database: Database) -> Editor:
    found, _ = await add_account(database)
    return found


async def loaded(database: Database, stream: Stream, *, now: datetime = NOON) -> PublicEdition:
    async with database.read() as session:
        return await load_stream(session, stream, site=SITE, calendar=UTC_CALENDAR, now=now)


async def walked(database: Database, stream: Stream, *, now: datetime = NOON) -> list[PublicEdition]:
    """The newest page and every archive page behind it."""
    pages = [await loaded(database, stream, now=now)]
    while older := pages[-1].links.get("prev-archive"):
        pages.append(await loaded(database, Stream(**{**vars(stream), "week": older[-8:]}), now=now))
        assert len(pages) < 100
    return pages


def ids(edition: PublicEdition) -> list[str]:
    return [item.id for item in edition.items]


async def test_stream_holds_what_meets_every_condition_and_the_newest_first(database: Database, editor: Editor) -> None:
    kenya = await published(database, editor, at=NOON - timedelta(hours=3), language="en")
    both = await published(
        database, editor, at=NOON - timedelta(hours=2), tags=[("KE", CSC), ("ET", "all_weather")], language="pt-BR"
    )
    egypt = await published(database, editor, at=NOON - timedelta(hours=1), tags=[("EG", "all_weather")], language="ar")
    wanted = {
        Stream(): [egypt, both, kenya],
        Stream(country="KE"): [both, kenya],
        Stream(region="africa"): [both, kenya],
        Stream(region="mena"): [egypt],
        Stream(tier="all_weather"): [egypt, both],
        Stream(language="pt"): [both],
        Stream(language="pt-br"): [both],
        Stream(language="en"): [kenya],
        Stream(language="p"): [],
        Stream(country="KE", tier="all_weather"): [],
        Stream(country="ET", tier="all_weather", language="pt"): [both],
        Stream(country="TV"): [],
    }
    assert {stream: ids(await loaded(database, stream)) for stream in wanted} == wanted


async def test_paging_back_finds_every_item_to_the_first(database: Database, editor: Editor) -> None:
    moments = [NOON - timedelta(days=days, hours=hour) for days in range(0, 70, 7) for hour in range(6)]
    tags = ([("EG", CSC)], [("KE", CSC)])
    placed = await published_all(database, editor, *({"at": at, "tags": tags[n % 2]} for n, at in enumerate(moments)))
    pages = await walked(database, ALL)
    assert len(pages[0].items) == AT_LEAST
    archived = [found for page in pages[1:] for found in ids(page)]
    assert len(archived) == len(set(archived)), "an item stands on two archive pages"
    assert set(ids(pages[0])) | set(archived) == set(placed)
    kenya = await walked(database, Stream(country="KE"))
    assert {found for page in kenya for found in ids(page)} == {s for n, s in enumerate(placed) if n % 2}


async def test_links_of_the_archive_lead_both_ways_and_to_the_newest(database: Database, editor: Editor) -> None:
    for days in (0, 7, 21):
        await published(database, editor, at=NOON - timedelta(days=days))
    newest, last, first = await walked(database, Stream(region="africa"))
    base = f"{SITE.base_url}/regions/africa.{{ext}}"
    assert newest.links == {"prev-archive": f"{base}?week=2026-W47"}
    assert last.links == {"current": base, "prev-archive": f"{base}?week=2026-W45"}
    assert first.links == {"current": base, "next-archive": f"{base}?week=2026-W47"}
    assert last.url("rss") == "http://127.0.0.1:8000/regions/africa.rss?week=2026-W47"


async def test_running_week_is_whole_however_much_is_published(database: Database, editor: Editor) -> None:
    monday = datetime(2026, 11, 23, tzinfo=NOON.tzinfo)
    moments = [monday + timedelta(minutes=number) for number in range(AT_LEAST + 3)]
    await published_all(database, editor, *({"at": at} for at in moments))
    before = await published(database, editor, at=monday - timedelta(minutes=1))
    newest, older = await walked(database, ALL)
    assert len(newest.items) == AT_LEAST + 3
    assert ids(older) == [before]


async def test_archive_page_gains_and_loses_nothing_by_a_withdrawal(database: Database, editor: Editor) -> None:
    at = NOON - timedelta(days=100)
    one = await published(database, editor, at=at)
    other = await published(database, editor, at=at + timedelta(minutes=1))
    page = Stream(week="2026-W33")
    assert ids(await loaded(database, page)) == [other, one]
    await withdrawn(database, editor, other, day=at.date(), at=NOON - timedelta(days=90))
    found = await loaded(database, page)
    assert ids(found) == [one]
    assert [stone.id for stone in found.tombstones] == [other]
    await withdrawn(database, editor, one, day=at.date(), at=NOON - timedelta(days=90))
    assert len((await loaded(database, page)).tombstones) == 2
    newest = await loaded(database, ALL)
    assert newest.links["prev-archive"].endswith("week=2026-W33"), "what was withdrawn still has its page"
    assert newest.tombstones == (), "long after, the newest page need not say it any more"


async def test_correction_of_tags_moves_no_other_item_to_another_page(database: Database, editor: Editor) -> None:
    stories = [await published(database, editor, at=NOON - timedelta(days=days)) for days in (8, 7, 9, 16)]
    stream = Stream(country="KE")
    before = [ids(page) for page in await walked(database, stream)]
    day = date(2026, 11, 16)
    wanted = [{"partner": "EG", "tier": CSC, "reason": "a test"}]
    await corrected(database, editor, stories[0], day=day, at=NOON, tags=wanted)
    after = [ids(page) for page in await walked(database, stream)]
    assert after == [[story for story in page if story != stories[0]] for page in before]
    assert stories[0] in ids(await loaded(database, Stream(country="EG")))


async def test_week_without_a_story_is_not_there(database: Database, editor: Editor) -> None:
    await published(database, editor, at=NOON - timedelta(days=14))
    with pytest.raises(NotFound):
        await loaded(database, Stream(week="2026-W47"))
    with pytest.raises(NotFound):
        await loaded(database, Stream(country="EG", week="2026-W46"))


async def test_headline_in_the_editors_words_is_in_the_newsrooms_language(database: Database, editor: Editor) -> None:
    own = await published(database, editor, headline="Rail deal signed", title="签署铁路协议", language="zh")
    taken = await published(database, editor, title="签署港口协议", language="zh")
    found = {item.id: item for item in (await loaded(database, ALL)).items}
    assert (found[own].language, found[own].source.language) == ("en", "zh")
    assert (found[taken].language, found[taken].source.language) == ("zh", "zh")
