"""docs/fetching.md names, for each hostile case, a test that exists; every outcome stands in its table."""

import re
from pathlib import Path

from service.fetching.outcomes import Outcome

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = (_ROOT / "docs" / "fetching.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (_ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"def (test_\w+)", source))
    named = set(re.findall(r"`(test_\w+)`", _PAGE))
    assert len(named) > 50
    assert named - tests == set()


def test_every_outcome_stands_in_the_table() -> None:
    table = _PAGE[_PAGE.index("| outcome |") : _PAGE.index("## Settings that matter")]
    assert {outcome.value for outcome in Outcome} - set(re.findall(r"`(\w+)`", table)) == set()
