"""Transactions, queries, time and network stay where the decisions put them (docs/decisions/0002 and 0003)."""

import ast

from tests.contracts.sources import functions, modules

COMMITS = {"service/db.py"}
ASKS_THE_TIME = {"service/clock.py"}
SLOW = {"hash_password", "fits", "check_password"}


def _calls(tree: ast.AST, *names: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
    ]


def test_only_the_database_module_commits_or_rolls_back() -> None:
    found = {path: lines for path, tree in modules() if (lines := _calls(tree, "commit", "rollback"))}
    assert found.keys() == COMMITS


def test_doors_only_translate_and_never_query() -> None:
    doors = ("routes.py", "pages.py", "cli.py")
    found = []
    for path, tree in modules():
        if not (path.endswith(doors) or path.startswith("service/commands/")):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in ("select", "insert", "update", "delete", "sa_select"):
                found.append(f"{path}:{node.lineno}")
    assert found == []


def test_only_the_clock_asks_for_the_time() -> None:
    for path, tree in modules():
        found = [line for line in _calls(tree, "now", "utcnow", "today") if path not in ASKS_THE_TIME]
        assert found == [], path


def test_no_function_holds_a_write_session_and_the_network() -> None:
    for path, tree in modules():
        for function in functions(tree):
            arguments = [*function.args.args, *function.args.kwonlyargs]
            kinds = {ast.unparse(argument.annotation) for argument in arguments if argument.annotation}
            writes = any("WriteSession" in kind or kind == "Write" for kind in kinds)
            sends = any("AsyncClient" in kind for kind in kinds)
            assert not (writes and sends), f"{path}:{function.lineno} {function.name}"


def test_nothing_is_built_at_import() -> None:
    forbidden = {"Settings", "load_settings", "create_app", "Database", "AsyncClient", "create_async_engine"}
    for path, tree in modules():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            for call in ast.walk(node):
                if isinstance(call, ast.Call):
                    name = ast.unparse(call.func).rsplit(".", 1)[-1]
                    assert name not in forbidden, f"{path}:{call.lineno}"


def test_no_password_is_hashed_while_others_wait_to_write() -> None:
    found = []
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.AsyncWith) and any(_calls(item.context_expr, "write") for item in node.items):
                for call in ast.walk(node):
                    if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in SLOW:
                        found.append(f"{path}:{call.lineno}")
        for function in functions(tree):
            takes = {ast.unparse(a.annotation) for a in function.args.args if a.annotation}
            hashes = any(isinstance(n, ast.Call) and ast.unparse(n.func) in SLOW for n in ast.walk(function))
            if hashes and takes & {"WriteSession", "Write"}:
                found.append(f"{path}:{function.lineno} {function.name}")
    assert found == []
