"""The research export: what is in it, what never is, and that it is read back as it was written."""

import csv
import hashlib
import io
import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from service.db import Database
from service.models import Story
from service.publishing.research import papers, writing
from service.publishing.research.columns import PassedRow, Row, columns_of
from service.publishing.research.rows import Span, count_states, own_words, pages_of_rows
from service.publishing.spreadsheet import cell, csv_lines
from tests.builders import a_feed, a_story
from tests.conftest import NOON, Desk, add_account
from tests.publishing.newsroom import CSC, SITE, corrected, published, withdrawn

pytestmark = pytest.mark.anyio
TODAY = NOON.date()
PUBLISHERS = "The publisher's very own headline"


async def written(database: Database, file_format: str, *, page: int = 500, span: Span | None = None) -> bytes:
    pages = pages_of_rows(database, SITE, span or Span(), today=TODAY, page=page)
    return b"".join([piece async for piece in writing.write_rows(file_format, pages)])


async def facts(database: Database, **options: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await written(database, "jsonl", **options)).splitlines()]


async def a_corpus(database: Database) -> dict[str, str]:
    """Two days: one story of two partners, one in the publisher's words, one corrected, one withdrawn, one draft."""
    editor, _ = await add_account(database)
    feed = a_feed(name="Nairobi Courier", homepage="https://courier.example/", language="en", country="KE")
    async with database.write() as session:
        session.add(feed)
        await session.flush()
        session.add(a_story(feed, title="Never published", url="https://courier.example/draft"))
    found = {
        "two": await published(
            database, editor, feed=feed, headline="=1+1", blurb="Ours.", title=PUBLISHERS,
            tags=(("KE", CSC), ("ET", "strategic")),
        ),
        "theirs": await published(database, editor, feed=feed, title=PUBLISHERS, summary="Their words."),
        "corrected": await published(database, editor, headline="Ours", at=NOON - timedelta(days=1)),
        "gone": await published(database, editor, headline="Ours, taken back"),
    }  # fmt: skip
    await corrected(database, editor, found["corrected"], day=date(2026, 11, 23), at=NOON, blurb="A blurb.")
    await withdrawn(database, editor, found["gone"], day=TODAY, at=NOON)
    return found


async def test_one_row_per_story_and_partner_withdrawn_ones_too_and_no_draft(database: Database) -> None:
    ids = await a_corpus(database)
    found = await facts(database)
    assert sorted((row["story_id"], row["partner"]) for row in found) == sorted(
        [(ids["two"], "KE"), (ids["two"], "ET"), *((ids[name], "KE") for name in ("theirs", "corrected", "gone"))]
    )
    states = {row["story_id"]: row["state"] for row in found}
    assert [states[ids[name]] for name in ("two", "corrected", "gone")] == ["published", "corrected", "withdrawn"]
    ethiopia = next(row for row in found if row["partner"] == "ET")
    assert (ethiopia["tier_then"], ethiopia["tier_now"]) == ("strategic", "all_weather")
    assert (ethiopia["tier_reason"], ethiopia["partner_order"]) == ("for the test", 2)
    assert (ethiopia["source_name"], ethiopia["source_country"]) == ("Nairobi Courier", "KE")
    assert {len(row["decision"]) for row in found} == {64}


async def test_no_row_holds_what_a_publisher_wrote_or_who_an_editor_is(database: Database) -> None:
    ids = await a_corpus(database)
    text = (await written(database, "jsonl")).decode()
    for absent in (PUBLISHERS, "Their words", "taken back", "Amina", "@example.org", "Never published"):
        assert absent not in text
    of = {row["story_id"]: row for row in await facts(database)}
    assert (of[ids["two"]]["headline"], of[ids["two"]]["blurb"]) == ("=1+1", "Ours.")
    assert of[ids["theirs"]]["headline"] is None
    assert of[ids["gone"]]["withdrawn_reason"] == "It was wrong."


async def test_formats_say_the_same_and_pages_of_any_size_too(database: Database) -> None:
    await a_corpus(database)
    expected = await facts(database)
    for page in (1, 2, 3):
        assert await facts(database, page=page) == expected
    names = [column.name for column in columns_of(Row)]
    table = csv.DictReader(io.StringIO((await written(database, "csv", page=2)).decode("utf-8-sig")))
    assert table.fieldnames == names
    assert [{name: value.removeprefix("'") for name, value in row.items()} for row in table] == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in expected
    ]
    columnar = parquet.read_table(io.BytesIO(await written(database, "parquet", page=2)))
    assert columnar.column_names == names
    assert [{name: writing._plain(value) for name, value in row.items()} for row in columnar.to_pylist()] == expected


async def test_an_empty_corpus_is_an_empty_table_in_every_format(database: Database) -> None:
    assert await written(database, "jsonl") == b""
    assert (await written(database, "csv")).count(b"\r\n") == 1
    assert parquet.read_table(io.BytesIO(await written(database, "parquet"))).num_rows == 0


async def test_span_takes_in_both_of_its_ends(database: Database) -> None:
    ids = await a_corpus(database)
    yesterday = date(2026, 11, 23)
    assert {row["story_id"] for row in await facts(database, span=Span(until=yesterday))} == {ids["corrected"]}
    assert ids["corrected"] not in {row["story_id"] for row in await facts(database, span=Span(since=TODAY))}
    assert len(await facts(database, span=Span(yesterday, TODAY))) == 5


async def test_no_session_is_held_while_a_reader_takes_his_time(database: Database) -> None:
    await a_corpus(database)
    for file_format in writing.MEDIA_TYPES:
        pages = pages_of_rows(database, SITE, Span(), today=TODAY, page=1)
        async for _ in writing.write_rows(file_format, pages):
            assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of every pool that we use


async def test_what_was_passed_is_counted_by_source_and_reason(database: Database) -> None:
    feed = a_feed(name="Nairobi Courier", region="africa")
    async with database.write() as session:
        session.add(feed)
        await session.flush()
        for number, reason in enumerate(["off_topic", "off_topic", "opinion", None]):
            story = a_story(feed, url=f"https://courier.example/{number}")
            story.state, story.pass_reason = ("passed", reason) if reason else ("new", None)
            session.add(story)
        lead = a_story(None, url="https://other.example/lead")
        session.add(lead)
        await session.flush()
        session.add(Story(**{**a_story(None, url="https://other.example/2").model_dump(), "lead_id": lead.id}))
    async with database.read() as session:
        found = await count_states(session)
    assert [(row.source_id, row.state, row.reason, row.stories) for row in found] == [
        (None, "merged", None, 1),
        (None, "new", None, 1),
        (feed.id, "new", None, 1),
        (feed.id, "passed", "off_topic", 2),
        (feed.id, "passed", "opinion", 1),
    ]
    table = list(csv.DictReader(io.StringIO(papers.write_passed(found).decode("utf-8-sig"))))
    assert table[3]["source_region"] == "africa"
    assert list(table[0]) == [column.name for column in columns_of(PassedRow)]


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")))
def test_a_cell_is_no_formula_and_comes_back_whole(text: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_lines([[text, "end"]]).decode(), newline=""))
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert row[0].removeprefix("'") == text
    assert row[1] == "end"


def test_values_have_one_spelling() -> None:
    moment = datetime(2026, 11, 24, 12, 0, 0, 9, tzinfo=UTC)
    assert [cell(value) for value in (None, True, -1, moment, TODAY, ["a", "b"])] == [
        "", "yes", "-1", "2026-11-24T12:00:00Z", "2026-11-24", "a;b",
    ]  # fmt: skip


def test_words_are_ours_unless_they_stand_in_the_publishers() -> None:
    assert own_words("Railway opens", ["The railway opens"]) == "Railway opens"
    assert own_words(" railway\nopens ", ["The railway opens today"]) is None
    assert own_words("", ["x"]) is own_words(None, []) is None


def test_codebook_in_the_documents_is_the_one_that_is_served() -> None:
    document = Path(__file__).parents[2].joinpath("docs", "research.md").read_text(encoding="utf-8")
    assert papers.write_codebook().removeprefix("# Codebook\n") in document


def test_citations_are_in_the_citation_file_format() -> None:
    root = Path(__file__).parents[2].joinpath("CITATION.cff").read_text(encoding="utf-8")
    served = papers.write_citation(SITE, today=TODAY)
    for text, kind in ((root, "software"), (served, "dataset")):
        found = yaml.safe_load(text)
        assert {"cff-version", "message", "title", "authors"} <= found.keys()  # what its schema requires
        assert (found["cff-version"], found["type"]) == ("1.2.0", kind)
        assert all(author["name"] for author in found["authors"])


async def test_export_is_for_accounts_and_names_its_formats(desk: Desk) -> None:
    await a_corpus_for(desk)
    for client in (desk.program, desk.editor):
        got = await client.get("/api/v1/export?format=csv")
        assert (got.status_code, got.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
        assert got.headers["Content-Disposition"] == 'attachment; filename="huoban-2026-11-24.csv"'
        assert got.headers["Cache-Control"] == "private, no-cache"
    assert (await desk.public.get("/api/v1/export")).status_code == 401
    refused = (await desk.editor.get("/api/v1/export?format=xlsx")).json()
    assert (refused["status"], refused["errors"][0]["suggestions"]) == (404, ["jsonl", "csv", "parquet"])
    lines = (await desk.editor.get("/api/v1/export?since=2026-11-24")).text.splitlines()
    assert len(lines) == 1
    assert (await desk.editor.get("/api/v1/export/codebook.md")).text == papers.write_codebook()
    assert (await desk.editor.get("/api/v1/export/passed.csv")).text.startswith("\ufeffsource_id,")
    cited = await desk.public.get("/CITATION.cff")
    assert yaml.safe_load(cited.text)["url"] == desk.settings.base_url


async def a_corpus_for(desk: Desk) -> None:
    editor, _ = await add_account(desk.database, name="Another One")
    await published(desk.database, editor, headline="Ours")


async def test_parquet_without_its_extra_is_one_clear_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # how Python itself marks a module that cannot be imported
    problem = (await desk.editor.get("/api/v1/export?format=parquet")).json()
    assert (problem["status"], problem["code"]) == (501, "not_installed")
    assert "huoban[parquet]" in problem["detail"]


def test_checksums_are_as_sha256sum_reads_them() -> None:
    sums = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("b", "a")}
    assert papers.write_checksums(sums) == f"{sums['a']}  a\n{sums['b']}  b\n"
