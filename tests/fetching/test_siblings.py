"""Siblings: which titles may report the same news, which may not, and the hints that are kept of it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, func, select

from service.db import Database
from service.desk.siblings import sibling_hints
from service.fetching.document import ParsedEntry
from service.fetching.intake import Batch, take_in
from service.fetching.normalize import content_hash
from service.fetching.siblings import MOST_HINTS, MOST_HOLDERS, NewStory, note_siblings, prune_shingles
from service.fetching.title_pieces import WINDOW, Title, read_title, resemblance
from service.models import Shingle, Sibling, Story
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, add_account


def title(text: str, language: str | None = "en", hours: float = 0) -> Title:
    return read_title(text, language=language, at=NOON + timedelta(hours=hours))


SAME_NEWS = [
    ("en", "Kenya and China sign a rail deal", "China, Kenya sign railway deal"),
    ("en", "Kenyan president Ruto visits Beijing for talks", "Kenya's President Ruto visits Beijing for trade talks"),
    ("en", "Zambia secures $1,300 million debt relief", "Zambia secures debt relief of $1300 million"),
    ("en", "Ethiopia opens new railway to Djibouti", "New railway to Djibouti opens in Ethiopia"),
    ("zh", "中国与肯尼亚签署铁路协议", "中国和肯尼亚签署新铁路协议"),
    ("fr", "La Chine et le Sénégal signent un accord minier", "Le Senegal et la Chine signent un nouvel accord minier"),
    ("pt", "Brasil e China assinam acordo no setor de soja", "China e Brasil assinam acordo de soja"),
    ("es", "Perú inaugura el puerto de Chancay con China", "China y Perú inauguran puerto de Chancay"),
    ("ar", "الصين وكينيا توقعان اتفاق السكك الحديدية الجديد", "الصين وكينيا توقعان اتفاق السكك الحديدية"),
]


@pytest.mark.parametrize(("language", "one", "other"), SAME_NEWS)
def test_two_wordings_of_the_same_news_resemble_each_other_and_share_a_piece(
    language: str, one: str, other: str
) -> None:
    ours, theirs = title(one, language), title(other, language, hours=2)
    reason = resemblance(ours, theirs)
    assert reason is not None
    assert reason.text.startswith("Both titles say “")
    assert reason.text.endswith("2 hours apart.")
    assert set(ours.pieces) & set(theirs.pieces)


OTHER_NEWS = [
    ("en", "Chinese exports rise sharply in October", "Chinese exports fall sharply in October"),
    ("en", "Three killed in Mali gold mine collapse", "Five killed in Mali gold mine collapse"),
    ("en", "3 killed in Mali gold mine collapse", "5 killed in Mali gold mine collapse"),
    ("en", "Kenya gets $3m for its rail line", "Kenya gets $3bn for its rail line"),
    ("en", "US and Kenya sign trade deal", "UK and Kenya sign trade deal"),
    ("en", "U.S. sends envoy to Kenya for talks", "China sends envoy to Kenya for talks"),
    ("en", "Niger signs uranium deal with China", "Nigeria signs uranium deal with China"),
    ("en", "Niger signs uranium deal with China", "Nigerian uranium deal signed with China"),
    ("en", "Guinea and China sign bauxite deal", "Equatorial Guinea and China sign bauxite deal"),
    ("en", "Zambia will restructure Chinese debt", "Zambia will not restructure Chinese debt"),
    ("en", "Parliament approves Chinese port project", "Parliament rejects Chinese port project"),
    ("en", "Morning briefing", "Morning briefing"),
    ("zh", "中国与肯尼亚签署铁路协议", "中国与尼日利亚签署铁路协议"),
    ("zh", "中国十月份出口上升超出预期", "中国十月份出口下降超出预期"),
    ("zh", "马里金矿坍塌三人死亡", "马里金矿坍塌五人死亡"),
    ("fr", "Le parlement approuve le projet de port chinois", "Le parlement rejette le projet de port chinois"),
    ("es", "Las exportaciones chinas suben en octubre", "Las exportaciones chinas bajan en octubre"),
    ("ar", "ارتفاع صادرات الصين الى كينيا", "انخفاض صادرات الصين الى كينيا"),
    ("en", "", ""),
]


@pytest.mark.parametrize(("language", "one", "other"), OTHER_NEWS)
def test_titles_that_differ_in_number_country_direction_or_denial_do_not(language: str, one: str, other: str) -> None:
    assert resemblance(title(one, language), title(other, language)) is None


def test_another_language_or_more_than_three_days_between_them_is_no_resemblance() -> None:
    words = "Kenya and China sign a rail deal"
    assert resemblance(title(words, "en"), title(words, "en-GB", hours=72)) is not None
    assert resemblance(title(words, "en"), title(words, "en", hours=72.1)) is None
    assert resemblance(title(words, "en"), title(words, "fr")) is None
    assert resemblance(title(words, "en"), title(words, None)) is None


def test_the_reason_names_words_countries_and_numbers_as_the_titles_write_them() -> None:
    reason = resemblance(title("中国与肯尼亚签署30亿元铁路协议", "zh"), title("中国肯尼亚签署30亿元铁路协议", "zh"))
    assert reason is not None
    assert "“肯尼亚签署”" in reason.text
    assert "the same numbers (30, 亿)" in reason.text
    assert "the same countries (China, Kenya)" in reason.text


WORDS = "Kenya China 中国 铁路 rail deal rise fall 3 5bn not l'Égypte U.S. Niger الصين"
ANY_TITLE = st.text(max_size=200) | st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)
LANGUAGE = st.sampled_from(["en", "zh", "fr", "es", "pt", "ar", "ko", "xx", None])


@given(ANY_TITLE, ANY_TITLE, LANGUAGE, st.integers(-100, 100))
def test_resemblance_is_mutual_and_pieces_fit_their_column(one: str, other: str, language: str, hours: int) -> None:
    ours, theirs = title(one, language), title(other, language, hours)
    assert (resemblance(ours, theirs) is None) == (resemblance(theirs, ours) is None)
    assert len(ours.pieces) <= 6
    assert all(-(2**63) <= piece < 2**63 for piece in ours.pieces)
    same = resemblance(ours, ours)
    assert same is None or same.likeness == 1


def entry(number: int, text: str, language: str = "en", **more: object) -> ParsedEntry:
    values: dict[str, object] = {
        "key": f"url:https://{number}.example/a",
        "link": f"https://{number}.example/a",
        "guid": None,
        "title": text,
        "summary": "",
        "author": None,
        "language": language,
        "published_at": NOON,
        "date_raw": None,
        "date_rule": "iso8601",
        "opaque": False,
        "content_hash": content_hash(text, ""),
        **more,
    }
    return ParsedEntry(**values)  # type: ignore[arg-type]  # the values are those of its fields


async def hints_in(database: Database) -> Sequence[Sibling]:
    async with database.read() as session:
        return (await session.exec(select(Sibling))).all()


@pytest.mark.anyio
async def test_stories_of_two_feeds_in_one_batch_become_siblings_and_the_desk_reads_them(database: Database) -> None:
    one, two = a_feed(), a_feed()
    await stored(database, one, two)
    batches = [
        Batch(one.id, [entry(1, "Kenya and China sign a rail deal")]),
        Batch(two.id, [entry(2, "China, Kenya sign railway deal"), entry(3, "Chinese exports fall in October")]),
    ]
    async with database.write() as session:
        await take_in(session, batches, now=NOON)
    found = await hints_in(database)
    assert len(found) == 1
    async with database.read() as session:
        by_key = {story.key: story.id for story in await session.exec(select(Story))}
        first, second, third = (by_key[f"url:https://{number}.example/a"] for number in (1, 2, 3))
        assert (found[0].story_id, found[0].other_id) == (first, second)
        hints = await sibling_hints(session, [first, second, third])
    assert [hint.story_id for hint in hints[first]] == [second]
    assert [hint.title for hint in hints[second]] == ["Kenya and China sign a rail deal"]
    assert hints[second][0].feed == one.name
    assert hints[third] == []


@pytest.mark.anyio
async def test_a_later_round_finds_the_siblings_of_an_earlier_one_once(database: Database) -> None:
    one, two = a_feed(), a_feed()
    await stored(database, one, two)
    for _ in range(2):
        async with database.write() as session:
            await take_in(session, [Batch(one.id, [entry(1, "Kenya and China sign a rail deal")])], now=NOON)
        async with database.write() as session:
            later = NOON + timedelta(hours=1)
            await take_in(session, [Batch(two.id, [entry(2, "China, Kenya sign railway deal")])], now=later)
    assert len(await hints_in(database)) == 1


@pytest.mark.anyio
async def test_a_feed_that_repeats_itself_and_an_archive_make_no_siblings(database: Database) -> None:
    one, two = a_feed(), a_feed()
    await stored(database, one, two)
    words = "Kenya and China sign a rail deal"
    batches = [
        Batch(one.id, [entry(1, words), entry(2, words)]),
        Batch(two.id, [entry(3, words, published_at=NOON - timedelta(days=4))]),
    ]
    async with database.write() as session:
        await take_in(session, batches, now=NOON)
    assert await hints_in(database) == []


@pytest.mark.anyio
async def test_a_crowd_of_reports_keeps_pieces_and_hints_bounded(database: Database) -> None:
    feeds = [a_feed() for _ in range(MOST_HOLDERS + 10)]
    await stored(database, *feeds)
    words = "Kenya and China sign a rail deal"
    batches = [Batch(feed.id, [entry(number, words)]) for number, feed in enumerate(feeds)]
    async with database.write() as session:
        await take_in(session, batches, now=NOON)
    async with database.read() as session:
        held = (await session.exec(select(func.count()).select_from(Shingle).group_by(col(Shingle.hash)))).all()
        each = (await session.exec(select(func.count()).select_from(Sibling).group_by(col(Sibling.other_id)))).all()
    assert max(held) == MOST_HOLDERS
    assert max(each) == MOST_HINTS
    assert len(each) == len(feeds) - 1


@pytest.mark.anyio
async def test_a_dismissed_hint_and_a_merged_sibling_are_not_shown_again(database: Database) -> None:
    feeds = [a_feed() for _ in range(3)]
    stories = [a_story(feed, title="Kenya and China sign a rail deal") for feed in feeds]
    await stored(database, *feeds, *stories)
    async with database.write() as session:
        new = [NewStory(s.id, s.feed_id, s.title, s.language, s.dated_at) for s in stories]
        assert await note_siblings(session, new, now=NOON) == 3
    first, second, third = (story.id for story in stories)
    async with database.write() as session:
        lead = await session.get_one(Story, second)
        lead.lead_id = first
    async with database.read() as session:
        hints = await sibling_hints(session, [first, second])
    assert {hint.story_id for hint in hints[first]} == {third}
    assert {hint.story_id for hint in hints[second]} == {third}
    editor, _ = await add_account(database)
    async with database.write() as session:
        for hint in (await session.exec(select(Sibling).where(Sibling.other_id == third))).all():
            hint.dismissed_by = editor.id
    async with database.read() as session:
        assert await sibling_hints(session, [first, second]) == {first: [], second: []}


@pytest.mark.anyio
async def test_pieces_are_forgotten_after_the_window(database: Database) -> None:
    feed = a_feed()
    await stored(database, feed)
    async with database.write() as session:
        await take_in(session, [Batch(feed.id, [entry(1, "Kenya and China sign a rail deal")])], now=NOON)
    for moment, left in ((NOON + WINDOW, True), (NOON + WINDOW + timedelta(seconds=1), False)):
        async with database.write() as session:
            await prune_shingles(session, now=moment)
            assert ((await session.exec(select(Shingle))).first() is not None) is left
