"""docs/defects.md names, for each class of defect that others had, a test that exists."""

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = (_ROOT / "docs" / "defects.md").read_text(encoding="utf-8")
_ROWS = [line for line in _PAGE.splitlines() if line.startswith("| ") and "**" not in line][1:]


def test_every_class_names_tests_that_exist() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (_ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"def (test_\w+)", source))
    assert len(_ROWS) > 25
    for row in _ROWS:
        named = set(re.findall(r"`(test_\w+)`", row))
        assert named, row
        assert named <= tests, named - tests
