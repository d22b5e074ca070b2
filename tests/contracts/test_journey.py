"""The way of a story is eight files, and each says which step it is and which comes next."""

import ast
import re

from tests.contracts.sources import SERVICE

WAY = (
    "fetching.run",
    "fetching.download",
    "fetching.parse",
    "fetching.intake",
    "desk.tagging",
    "desk.editions",
    "publishing.load",
    "publishing.formats.rss",
)


def test_each_step_names_itself_and_the_next() -> None:
    for number, (module, following) in enumerate(zip(WAY, (*WAY[1:], None), strict=True), start=1):
        path = SERVICE / (module.replace(".", "/") + ".py")
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert docstring.startswith(f"Step {number} of 8"), module
        named = re.findall(r"next: `+(?:service\.)?([a-z_./]+?)`+", docstring)
        assert [name.replace("/", ".") for name in named] == ([following] if following else []), module
