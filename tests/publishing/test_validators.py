"""Validators that are not ours: jing (Debian) reads our RELAX NG rules for Atom and judges what we publish by them.

Debian, PyPI and npm hold no validator of RSS or of a whole feed that works without asking a web site; RSS is judged by
``test_formats_rules``, feedparser, lxml and newsboat.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from service.publishing.formats.atom import render_atom
from tests.publishing.builders import an_edition, an_item
from tests.publishing.test_formats import CASES, NASTY
from tests.publishing.test_formats_rules import RULES

JING = shutil.which("jing")


@pytest.fixture(autouse=True)
def validator() -> None:
    """Skip where jing is not installed; in CI it is, and its absence is a failure."""
    if JING is None:
        reason = "jing is not installed (Debian: apt-get install jing)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def judged(*documents: Path) -> tuple[int, str]:
    """What jing says of the documents."""
    found = subprocess.run(
        [str(JING), str(RULES / "atom.rng"), *map(str, documents)], capture_output=True, text=True, timeout=60
    )
    return found.returncode, found.stdout


def test_another_validator_finds_our_atom_documents_valid(tmp_path: Path) -> None:
    text = "".join(NASTY)
    editions = {case: make() for case, make in CASES.items()}
    editions["hostile"] = an_edition(an_item(headline=text, blurb=text, editor=text, language=text), title=text)
    documents = []
    for name, edition in editions.items():
        documents.append(tmp_path / f"{name}.atom")
        documents[-1].write_bytes(render_atom(edition))
    assert judged(*documents) == (0, "")


def test_another_validator_notices_what_is_wrong(tmp_path: Path) -> None:
    document = tmp_path / "wrong.atom"
    document.write_bytes(render_atom(an_edition(an_item())).replace(b"<updated>", b"<updated>on "))
    code, said = judged(document)
    assert code == 1
    assert "updated" in said
