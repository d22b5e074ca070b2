"""The code stays small enough to be followed."""

import ast

from tests.contracts.sources import ROOT, functions, modules

MODULE_LINES, FUNCTION_LINES = 400, 60
LONGER = {"service/models.py": 700}  # every table in one file is worth more than the limit (docs/decisions/0001)
REFUSED_NAMES = {"utils", "helpers", "common", "manager", "misc", "service"}


def test_no_module_is_too_long() -> None:
    long = {}
    for path, _ in modules():
        lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        if lines > LONGER.get(path, MODULE_LINES):
            long[path] = lines
    assert long == {}


def test_no_function_is_too_long() -> None:
    long = [
        f"{path}:{function.lineno} {function.name}"
        for path, tree in modules()
        for function in functions(tree)
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES
    ]
    assert long == []


def test_modules_are_named_by_their_work() -> None:
    for path, _ in modules():
        assert path.rsplit("/", 1)[-1].removesuffix(".py") not in REFUSED_NAMES, path


def test_everything_public_says_what_it_is() -> None:
    silent = []
    for path, tree in modules():
        if not ast.get_docstring(tree):
            silent.append(path)
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{path}:{node.lineno} {node.name}")
    assert silent == []
