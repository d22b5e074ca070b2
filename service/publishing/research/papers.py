"""What belongs beside the data: the codebook, how to cite it, the counts of what was passed, the checksums.

Pure. Used by ``research_routes``, the command, and the test that compares ``docs/research.md`` with the columns.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import yaml

from service.publishing.edition import Site
from service.publishing.formats.markup import clean
from service.publishing.research.columns import PassedRow, Row, columns_of, values_of
from service.publishing.spreadsheet import MARK, csv_lines

_WORDS = {str: "text", int: "number", date: "day", datetime: "time"}

_FRAME = """\
# Codebook

One row is one public story and one partner that it is tagged with: a story about two countries has two rows, so count
`story_id` and not rows where stories are meant. Drafts are not in it. A withdrawn story keeps its facts and loses its
words. The rows hold our own annotations and links; nothing that a publisher wrote.

Times are UTC (RFC 3339), days are the newsroom's. Empty means that there is none: `null` in JSON Lines and Parquet, an
empty cell in CSV. A CSV cell that begins with `=`, `+`, `-`, `@`, a tab, a line break or an apostrophe has one
apostrophe before it, so that no spreadsheet runs it as a formula: take one apostrophe off. The rows follow the order of
`story_id`; what is published while an export runs may be in it or not.

A person confirmed every tier; `tier_then` is our reading of the wording that held on the story's date, `label_zh` the
wording. Beijing publishes no order of tiers. What the newsroom did not choose is in `passed.csv`: compare shares, not
counts, since sources differ in how much they send.

## The data

{rows}

## passed.csv

Every story that any source ever offered, as counts: one row for each source, state and reason.

{passed}
"""


def write_codebook() -> str:
    """What each column means, in Markdown; made from the columns themselves."""
    return _FRAME.format(rows=_table(Row), passed=_table(PassedRow))


def _table(table: type[Row | PassedRow]) -> str:
    lines = ["| column | is | meaning |", "|---|---|---|"]
    for column in columns_of(table):
        words = f"{_WORDS[column.kind]}{', may be empty' if column.may_be_empty else ''}"
        lines.append(f"| `{column.name}` | {words} | {column.meaning} |")
    return "\n".join(lines)


def write_citation(site: Site, *, today: date) -> str:
    """How to cite this newsroom's data: Citation File Format 1.2.0, type ``dataset``."""
    title = clean(site.title)
    return yaml.safe_dump(
        {
            "cff-version": "1.2.0",
            "message": "If you use this list or its data, please cite it as below.",
            "type": "dataset",
            "title": f"{title}: stories on China and the Global South with partnership tiers",
            "abstract": "Stories that editors chose, each tagged by a person with the countries involved and China's "
            "partnership tier towards each of them on the story's date.",
            "authors": [{"name": title, "website": site.base_url}],
            "url": site.base_url,
            "date-released": today,
            "references": [
                {
                    "type": "software",
                    "title": "Huoban",
                    "authors": [{"name": "The Huoban contributors"}],
                    "license": "Apache-2.0",
                }
            ],
        },
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )


def write_passed(rows: Sequence[PassedRow]) -> bytes:
    """The counts as CSV."""
    return MARK + csv_lines([[column.name for column in columns_of(PassedRow)], *map(values_of, rows)])


def write_checksums(sums: Mapping[str, str]) -> str:
    """The list that ``sha256sum --check`` reads; ``sums`` are hexadecimal digests by file name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
