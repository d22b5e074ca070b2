"""How a kept document is answered: encodings, validators, and how much is kept."""

import gzip
from datetime import timedelta
from email.utils import format_datetime

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.publishing.caching import SETTLES, Answer, Document, Kept, Shelf, answer_from, codings_for, keep
from tests.conftest import NOON

LONG = Document(b"All the news that people chose. " * 100, "text/html")
SHORT = Document(b"{}", "application/json")
LATER = NOON + timedelta(minutes=1)


def asked(kept: Kept, *, at: object = LATER, **headers: str) -> Answer:
    given_headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return answer_from(kept, given_headers, now=at)  # type: ignore[arg-type]


def header(answer: Answer, name: str) -> str | None:
    found = [value.decode() for key, value in answer.headers if key == name.encode()]
    assert len(found) <= 1, f"{name} is said twice"
    return found[0] if found else None


def unpacked(answer: Answer) -> bytes:
    unpack = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}[header(answer, "content-encoding")]
    return bytes(unpack(answer.body))


def test_document_is_packed_for_those_who_take_it_only() -> None:
    kept = keep(LONG, seen_at=NOON)
    answers = [asked(kept), asked(kept, accept_encoding="gzip"), asked(kept, accept_encoding="gzip, br")]
    assert [header(answer, "content-encoding") for answer in answers] == [None, "gzip", "br"]
    assert {unpacked(answer) for answer in answers} == {LONG.body}
    assert [header(answer, "content-length") for answer in answers] == [str(len(answer.body)) for answer in answers]
    assert len({header(answer, "etag") for answer in answers}) == 3
    assert {header(answer, "vary") for answer in answers} == {"Accept-Encoding"}


def test_what_packing_would_not_shorten_stays_plain() -> None:
    kept = keep(SHORT, seen_at=NOON)
    assert header(asked(kept, accept_encoding="gzip"), "content-encoding") is None
    assert header(asked(kept, accept_encoding="gzip"), "vary") == "Accept-Encoding"


@pytest.mark.parametrize(
    ("best", "sent"),
    [
        (
            "identity",
            ["", "gzip;q=0", "*;q=0", "identity, gzip;q=0.5", "identity;q=0", "notgzip", "gzip;q=2", "deflate"],
        ),
        ("gzip", ["gzip", "X-GZIP", "br;q=0.9,gzip", "br ; Q=0 , gzip", "br;q=0, *", "*;q=0, gzip", "gzip;q=0.001"]),
        ("gzip", ["identity;q=0, gzip;q=0.1", "gzip;level=9"]),
        ("br", ["gzip, deflate, br, zstd", "gzip;q=0.5, br;q=0.5", "gzip; q=0.000, br", "*", "gzip;q=nonsense, br"]),
    ],
)
def test_coding_is_the_one_that_the_client_likes_best(best: str, sent: list[str]) -> None:
    kept = keep(LONG, seen_at=NOON)
    for spelling in sent:
        found = header(asked(kept, accept_encoding=spelling), "content-encoding")
        assert (found or "identity") == best, spelling


def test_codings_in_several_fields_are_one_list() -> None:
    fields = [(b"accept-encoding", b"gzip;q=0.5"), (b"accept-encoding", b"br")]
    assert header(answer_from(keep(LONG, seen_at=NOON), fields, now=LATER), "content-encoding") == "br"


@given(st.binary(max_size=60))
def test_no_list_of_codings_breaks_an_answer(sent: bytes) -> None:
    found = codings_for(sent)
    assert set(found) <= {"br", "gzip", "identity"}
    assert "identity" in found
    assert len(found) == len(set(found))


def test_client_that_holds_either_encoding_is_told_that_nothing_changed() -> None:
    kept = keep(LONG, seen_at=NOON)
    plain = header(asked(kept), "etag") or ""
    packed = [header(asked(kept, accept_encoding=coding), "etag") or "" for coding in ("gzip", "br")]
    for tag in (plain, *packed):
        for sent in (tag, f"W/{tag}", f'"other", {tag}'):
            for encoding in ("identity", "gzip", "br"):
                answer = asked(kept, if_none_match=sent, accept_encoding=encoding)
                assert (answer.status, answer.body, header(answer, "etag")) == (304, b"", tag)
                assert header(answer, "content-type") is None
                assert header(answer, "cache-control") == header(asked(kept), "cache-control")
    assert asked(kept, if_none_match="*").status == 304
    assert asked(kept, if_none_match='"other"').status == 200


def test_entity_tag_decides_alone_when_there_is_one() -> None:
    kept = keep(LONG, seen_at=NOON)
    since = format_datetime(NOON, usegmt=True)
    assert asked(kept, if_modified_since=since).status == 304
    assert asked(kept, if_modified_since=since, if_none_match='"other"').status == 200


def test_moment_of_change_is_given_out_only_when_it_is_settled() -> None:
    kept = keep(LONG, seen_at=NOON + timedelta(milliseconds=700))
    since = format_datetime(NOON, usegmt=True)
    early, late = NOON + SETTLES - timedelta(milliseconds=1), NOON + SETTLES
    assert header(asked(kept, at=early), "last-modified") is None
    assert asked(kept, at=early, if_modified_since=since).status == 200
    assert header(asked(kept, at=late), "last-modified") == since
    assert asked(kept, at=late, if_modified_since=since).status == 304
    before = format_datetime(NOON - timedelta(seconds=1), usegmt=True)
    assert asked(kept, at=late, if_modified_since=before).status == 200


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_no_date_breaks_an_answer(sent: str) -> None:
    answer = answer_from(keep(LONG, seen_at=NOON), [(b"if-modified-since", sent.encode("latin-1"))], now=LATER)
    assert answer.status in (200, 304)


@given(st.binary(max_size=2_000))
def test_every_body_comes_back_whole(body: bytes) -> None:
    kept = keep(Document(body, "text/plain"), seen_at=NOON)
    assert {unpacked(asked(kept, accept_encoding=coding)) for coding in ("identity", "gzip", "br")} == {body}


def test_shelf_answers_for_the_version_that_was_rendered_only() -> None:
    shelf = Shelf()
    shelf.put("/daily.rss", LONG, 1, seen_at=NOON)
    assert shelf.find("/daily.rss", b"", 1) is not None
    assert shelf.find("/daily.rss", b"", 2) is None
    assert shelf.find("/daily.atom", b"", 1) is None


def test_query_that_makes_no_difference_finds_the_one_document() -> None:
    shelf = Shelf()
    shelf.put("/daily.rss", LONG, 1, seen_at=NOON)
    shelf.put("/latest.rss", Document(b"whole", "text/plain", query=""), 1, seen_at=NOON)
    shelf.put("/latest.rss", Document(b"part", "text/plain", query="region=africa"), 1, seen_at=NOON)
    assert shelf.find("/daily.rss", b"utm_source=x", 1) is shelf.find("/daily.rss", b"", 1)
    assert shelf.find("/latest.rss", b"utm_source=x", 1) is None
    part = shelf.find("/latest.rss", b"region=africa", 1)
    assert part is not None
    assert asked(part).body == b"part"


def test_same_bytes_keep_the_moment_at_which_they_were_first_seen() -> None:
    shelf = Shelf()
    first = shelf.put("/daily.rss", LONG, 1, seen_at=NOON)
    assert shelf.put("/daily.rss", LONG, 2, seen_at=LATER).modified == first.modified
    other = Document(LONG.body + b"!", "text/html")
    assert shelf.put("/daily.rss", other, 3, seen_at=LATER).modified == LATER


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 600)), max_size=60))
def test_shelf_never_holds_more_than_it_may(puts: list[tuple[int, int]]) -> None:
    shelf = Shelf(largest=1_000)
    for number, size in puts:
        shelf.put(f"/{number}", Document(b"x" * size, "text/plain"), 1, seen_at=NOON)
        found = [shelf.find(f"/{other}", b"", 1) for other in range(31)]
        kept = [each.size for each in found if each]
        assert sum(kept) <= 1_000
        assert size > 390 or found[number] is not None
