"""What ``make bench`` makes of its results: shares of targets, a table and a chart, and nothing else of the page."""

import json
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.chart import Bar, draw
from benchmarks.report import BEGIN, END, PAGE, Measure, measures, section, within_marks

MACHINE = {"day": "2026-11-24", "python": "3.11.7", "cores": 2, "load": 0.25}
RESULTS: dict[str, Any] = {
    "ingest": {
        "feeds": 1000,
        "passes": {"cold": {"ratio": 3.0, "wanted": 4.0}, "all 304": {"ratio": 8.0, "wanted": 4.0}},
        "peak_bytes": {"ours": 200 * 2**20},
    },
    "desk_sqlite": {
        "median_p95_processor_ms": {
            "10000": {"wire": [9, 20, 8.0], "search rare": [9, 90, 0.0]},
            "1000000": {"wire": [9, 50, 16.0], "search rare": [9, 80, 0.0]},
        }
    },
}


def test_share_is_of_the_target_whether_more_or_less_is_better() -> None:
    assert Measure("p", "w", 3, 4).share == 0.75
    assert Measure("p", "w", 50, 25, at_most=True).share == 0.5
    assert Measure("p", "w", 0, 25, at_most=True).share > 1


def test_every_result_with_a_target_is_shown_and_what_was_not_run_is_left_out() -> None:
    found = {(each.what, each.share) for each in measures(RESULTS)}
    assert found == {
        ("cold: reader's time ÷ ours", 0.75),
        ("all 304: reader's time ÷ ours", 2.0),
        ("peak memory", 1.5),
        ("wire: 95 in 100 within", 0.5),
        ("wire: processor time, growth", 0.75),
        ("search rare: 95 in 100 within", 1.25),
    }
    assert measures({}) == []


def test_page_keeps_all_that_stands_outside_the_marks() -> None:
    text = section(measures(RESULTS), MACHINE)
    once = within_marks(f"before\n{BEGIN}\nOLD\n{END}\nafter\n", text)
    assert once.startswith(f"before\n{BEGIN}\n")
    assert once.endswith(f"\n{END}\nafter\n")
    assert "OLD" not in once
    assert "3 of 6 figures with a target meet it" in once
    assert "| cold: reader's time ÷ ours | 3.00× | ≥ 4× | **75% of it** |" in once
    assert within_marks(once, text) == once
    with pytest.raises(SystemExit, match="lost its marks"):
        within_marks("nothing here", text)


def test_the_page_has_the_marks() -> None:
    assert within_marks(PAGE.read_text(encoding="utf-8"), "new").count("new")


def test_chart_is_well_formed_and_says_in_words_what_it_draws() -> None:
    shares = {"a < b": 0.001, "met": 1.0, "far beyond": 1e6}
    drawn = draw([Bar("one part", what, share) for what, share in shares.items()])
    root = ElementTree.fromstring(drawn)
    space = {"svg": "http://www.w3.org/2000/svg"}
    bars = root.findall("svg:rect", space)
    assert [bar.get("class") for bar in bars] == ["short", "met", "met"]
    assert all(float(bar.attrib["x"]) >= 430 and float(bar.attrib["width"]) <= 180 for bar in bars)
    told = root.findtext("svg:desc", namespaces=space)
    assert told is not None
    assert "a < b: 0.00" in told
    assert "prefers-color-scheme:dark" in drawn
    assert "href" not in drawn


def test_without_results_nothing_is_written(tmp_path: Any) -> None:
    before = PAGE.read_bytes()
    (tmp_path / "machine.json").write_text(json.dumps(MACHINE))
    ran = subprocess.run([sys.executable, "-m", "benchmarks.report", tmp_path], capture_output=True, text=True)
    assert ran.returncode == 1
    assert "make bench" in ran.stderr
    assert PAGE.read_bytes() == before
