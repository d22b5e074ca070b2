"""Says in ``docs/performance.md`` how far each figure is from its target: a table, and a chart of the same figures.

    python -m benchmarks.report [RESULTS]     # draw what the benchmarks left in RESULTS (benchmarks/results)
    python -m benchmarks.report --machine     # before they run: note the machine and how busy it is

It reads the JSON files that the other benchmarks write and measures nothing itself. Each figure becomes a share of its
target, so that one scale holds them all; what was not run is left out. ``make bench`` calls it at both ends.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chart import Bar, draw

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results"
PAGE = ROOT / "docs/performance.md"
PICTURE = ROOT / "docs/pictures/performance.svg"
BEGIN, END = "<!-- written by make bench -->", "<!-- end of what make bench writes -->"
GROWTH = 1.5
"""What a figure of the desk may grow by, from the smallest number of stories to the largest."""
ANSWER_MS, SEARCH_MS = 25.0, 100.0
"""How long an editor may wait, 95 times in 100."""


@dataclass(frozen=True)
class Measure:
    """One figure and what it should be."""

    part: str
    what: str
    found: float
    wanted: float
    unit: str = "×"
    at_most: bool = False
    """The target is a limit, and less is better."""

    @property
    def share(self) -> float:
        """How much of its target it reached; 1 and more is enough."""
        return self.wanted / max(self.found, 1e-9) if self.at_most else self.found / self.wanted


def measures(results: dict[str, Any]) -> list[Measure]:
    """Every figure that has a target, in the order of the page."""
    return [
        *_ingest(results.get("ingest")),
        *_ingest_sizes(results.get("ingest_sizes")),
        *_serving(results.get("serving")),
        *_desk("SQLite", results.get("desk_sqlite")),
        *_desk("PostgreSQL", results.get("desk_postgresql")),
        *_shift(results.get("desk_shift")),
    ]


def _ingest(found: Any) -> Iterator[Measure]:
    if found:
        part = f"fetching, {found['feeds']:,} feeds"
        for name, each in found["passes"].items():
            yield Measure(part, f"{name}: reader's time ÷ ours", each["ratio"], each["wanted"])
        yield Measure(part, "peak memory", found["peak_bytes"]["ours"] / 2**20, 300, " MB", at_most=True)


def _ingest_sizes(found: Any) -> Iterator[Measure]:
    if found and len(found) > 1:
        first, last = found[0], found[-1]
        part = f"fetching, {first['feeds']:,} → {last['feeds']:,} feeds"
        for name, (_, before) in first["ms_a_feed"].items():
            after = last["ms_a_feed"][name][1]
            if before:
                yield Measure(part, f"{name}: processor time of a feed, growth", after / before, 1.3, at_most=True)


def _serving(found: Any) -> Iterator[Measure]:
    if not found:
        return
    stories, figures = max(found.items(), key=lambda pair: int(pair[0]))
    part = f"answering, {int(stories):,} stories"
    for kind, row in figures["uvicorn"].items():
        yield Measure(part, f"{kind}: of the bare application", row["of_bare"], 0.8)
        if kind != "200":
            yield Measure(part, f"{kind}: of nginx", row["of_nginx"], 0.5)
        yield Measure(part, f"{kind}: 99th percentile, of the bare one's", row["p99_of_bare"], 1.3, at_most=True)
    for extension, wait in figures["first_reader_ms"].items():
        yield Measure(part, f"first reader after a change, {extension}", wait, 50, " ms", at_most=True)


def _desk(database: str, found: Any) -> Iterator[Measure]:
    if not found:
        return
    sizes = found["median_p95_processor_ms"]
    first, last = min(sizes, key=int), max(sizes, key=int)
    part = f"desk on {database}, {int(last):,} stories"
    growing = f"desk on {database}, {int(first):,} → {int(last):,} stories"
    for name, (_, high, used) in sizes[last].items():
        wanted = SEARCH_MS if name.startswith("search") else ANSWER_MS
        yield Measure(part, f"{name}: 95 in 100 within", high, wanted, " ms", at_most=True)
        before = sizes[first][name][2]
        if first != last and before:
            yield Measure(growing, f"{name}: processor time, growth", used / before, GROWTH, at_most=True)


def _shift(found: Any) -> Iterator[Measure]:
    if found:
        part = f"a shift, {found['waiting']:,} stories waiting"
        yield Measure(part, "the wire opens in the browser", found["open_ms"], 1000, " ms", at_most=True)
        yield Measure(part, "one story with six keys, median", found["median_ms"], 300, " ms", at_most=True)


def table(found: list[Measure]) -> str:
    """The figures in Markdown, those of one part together."""
    lines = []
    for part in dict.fromkeys(each.part for each in found):
        lines += [f"**{part[0].upper()}{part[1:]}**", "", "| figure | found | wanted | |", "|---|---|---|---|"]
        for each in (one for one in found if one.part == part):
            wanted = f"{'≤' if each.at_most else '≥'} {each.wanted:g}{each.unit}"
            met = "met" if each.share >= 1 else f"**{each.share:.0%} of it**"
            lines.append(f"| {each.what} | {_number(each.found)}{each.unit} | {wanted} | {met} |")
        lines.append("")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def section(found: list[Measure], machine: dict[str, Any]) -> str:
    """What stands between the marks: where it was measured, the chart, the table."""
    met = sum(each.share >= 1 for each in found)
    where = (
        f"Measured on {machine['day']}, Python {machine['python']}, {machine['cores']} cores that had a load of "
        f"{machine['load']:.1f} before the first benchmark began."
    )
    says = f"{met} of {len(found)} figures with a target meet it."
    picture = f"![How much of its target each figure reached. {says}](pictures/{PICTURE.name})"
    return f"{where} {says}\n\n{picture}\n\n{table(found)}"


def within_marks(page: str, text: str) -> str:
    """The page with a text between its two marks instead of what was there."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"{PAGE} has lost its marks: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def machine() -> dict[str, Any]:
    """What else the figures depend on."""
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def main() -> int:
    """Note the machine, or write page and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("--machine", action="store_true", help="note the machine and how busy it is")
    given = parser.parse_args()
    if given.machine:
        given.results.mkdir(parents=True, exist_ok=True)
        for old in given.results.glob("*.json"):
            old.unlink()  # one picture never mixes two runs
        (given.results / "machine.json").write_text(json.dumps(machine(), indent=1) + "\n", encoding="utf-8")
        return 0
    files = sorted(given.results.glob("*.json"))
    results = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
    found = measures(results)
    if not found or "machine" not in results:
        print(f"there are no results in {given.results}; run `make bench`", file=sys.stderr)
        return 1
    PICTURE.write_text(draw([Bar(each.part, each.what, each.share) for each in found]), encoding="utf-8")
    text = within_marks(PAGE.read_text(encoding="utf-8"), section(found, results["machine"]))
    PAGE.write_text(text, encoding="utf-8")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
