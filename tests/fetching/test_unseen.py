"""Only unseen items are parsed, and nobody can tell from the answer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fetching.document import ParsedFeed, ParseJob, ParseOptions, Unreadable
from service.fetching.outcomes import Outcome
from service.fetching.slices import recall, remember
from service.fetching.unseen import parse_unseen

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def an_item(number: int, *, link: str | None = None, title: str | None = None) -> str:
    dated = f"{NOW - timedelta(hours=number):%a, %d %b %Y %H:%M:%S +0000}"
    return (
        f"<item><title>{title or f'Title {number}'}</title><link>{link or f'https://e.org/{number}'}</link>"
        f"<guid isPermaLink='false'>{number}</guid><pubDate>{dated}</pubDate></item>\n"
    )


def a_document(*items: str, head: str = "<title>t</title>") -> bytes:
    return f"<rss version='2.0'><channel>{head}{''.join(items)}</channel></rss>".encode()


def read(body: bytes, before: ParsedFeed | None = None, options: ParseOptions | None = None) -> ParsedFeed:
    known = dict(zip(before.hashes, before.dates, strict=True)) if before and before.hashes else {}
    answer = parse_unseen(ParseJob(body, "https://e.org/feed", NOW, None, options or ParseOptions(), known))
    assert isinstance(answer, ParsedFeed)
    return answer


def titles(parsed: ParsedFeed) -> list[str]:
    return [entry.title for entry in parsed.entries]


def test_only_new_items_come_with_the_dates_of_all() -> None:
    before = read(a_document(*map(an_item, range(3, 9))))
    assert len(before.hashes) == len(before.dates) == 6
    whole = read(a_document(*map(an_item, range(1, 8))))
    part = read(a_document(*map(an_item, range(1, 8))), before)
    assert titles(part) == ["Title 1", "Title 2"]
    assert (part.dates, part.hashes, part.newest) == (whole.dates, whole.hashes, whole.newest)
    assert part.entries == whole.entries[:2]


def test_head_is_read_even_where_no_item_is_new() -> None:
    before = read(a_document(*map(an_item, range(4))))
    part = read(a_document(*map(an_item, range(1, 4)), head="<title>t</title><ttl>90</ttl>"), before)
    assert part.ttl_minutes == 90
    assert part.newest == NOW - timedelta(hours=1)
    assert len(part.dates) == 3


def test_edited_item_is_unseen() -> None:
    before = read(a_document(*map(an_item, range(3))))
    part = read(a_document(an_item(0), an_item(1, title="Corrected"), an_item(2)), before)
    assert titles(part) == ["Corrected"]


def test_shared_addresses_have_the_whole_document_read_next_time_too() -> None:
    live = [an_item(number, link="https://e.org/live") for number in range(3)]
    before = read(a_document(*live, an_item(5)))
    assert before.links_shared
    assert before.hashes == ()
    assert len(titles(read(a_document(an_item(9, link="https://e.org/live"), *live, an_item(5)), before))) == 5


def test_sharing_among_new_items_has_the_whole_read() -> None:
    before = read(a_document(an_item(5), an_item(6)))
    live = [an_item(number, link="https://e.org/live") for number in range(3)]
    found = read(a_document(*live, an_item(5), an_item(6)), before)
    assert len(found.entries) == 5
    assert found.hashes == ()


@pytest.mark.parametrize(
    "body",
    [
        b'{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [{"id": "1", "title": "a"}]}',
        a_document("<item><title><![CDATA[</item>]]></title><link>https://e.org/1</link></item>"),
        a_document(an_item(1)).decode().encode("utf-16"),
    ],
)
def test_document_that_cannot_be_cut_is_read_whole_each_time(body: bytes) -> None:
    first = read(body)
    assert (len(first.entries), first.hashes) == (1, ())
    assert read(body, first) == first


def test_charset_of_the_whole_holds_for_a_single_new_item() -> None:
    texts = ["今年新增国家标准五百余项推动高质量发展", "中国与肯尼亚签署铁路合作协议", "两国部长在北京会谈"]
    items = [an_item(number, title=text * 4) for number, text in enumerate(texts)]
    before = read(a_document(*items[1:]).decode().encode("gb18030"))
    part = read(a_document(*items).decode().encode("gb18030"), before)
    assert part.charset == "gb18030"
    assert titles(part) == [texts[0] * 4]


def test_page_and_empty_feed_answer_as_ever() -> None:
    for body, outcome in ((b"<html><body>x</body></html>", Outcome.HTML), (a_document(), Outcome.EMPTY)):
        answer = parse_unseen(ParseJob(body, "https://e.org/feed", NOW))
        assert isinstance(answer, Unreadable)
        assert answer.outcome is outcome


@given(
    before=st.lists(st.integers(1, 12), unique=True, min_size=1),
    after=st.lists(st.integers(1, 12), unique=True, min_size=1),
    limit=st.integers(12, 30),
)
def test_part_and_whole_tell_the_same(before: list[int], after: list[int], limit: int) -> None:
    options = replace(ParseOptions(), max_items=limit)
    known = read(a_document(*map(an_item, before)), None, options)
    whole = read(a_document(*map(an_item, after)), None, options)
    part = read(a_document(*map(an_item, after)), known, options)
    assert (part.dates, part.hashes, part.newest, part.title) == (whole.dates, whole.hashes, whole.newest, whole.title)
    new = [entry for entry, digest in zip(whole.entries, whole.hashes, strict=True) if digest not in known.hashes]
    assert part.entries == tuple(new) or (not new and len(part.entries) == 1)


moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@given(st.dictionaries(st.from_regex(r"[0-9a-f]{32}", fullmatch=True), st.none() | moments, max_size=20))
def test_what_is_remembered_is_recalled_to_the_second(items: dict[str, datetime | None]) -> None:
    recalled = recall(remember(list(items), list(items.values())))
    assert recalled == {digest: at.replace(microsecond=0) if at else None for digest, at in items.items()}
