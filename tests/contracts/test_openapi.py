"""The description of the API: complete, stable, and changed only on purpose.

``HUOBAN_SNAPSHOT=1`` writes ``openapi.json`` anew; what differs then shows in review.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from service.api_examples import EXAMPLES
from service.app import create_app
from service.desk.api_docs import spell, subjects_of
from service.desk.rendering import page
from service.settings import Settings
from service.web import API, PROBLEM

SNAPSHOT = Path(__file__).with_name("openapi.json")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The description as the service gives it."""
    described: dict[str, Any] = json.loads(json.dumps(create_app(Settings(scheduler=False)).openapi()))
    return described


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def test_the_description_changes_only_on_purpose(schema: dict[str, Any]) -> None:
    text = json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("HUOBAN_SNAPSHOT") == "1":
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert text == SNAPSHOT.read_text(encoding="utf-8"), "HUOBAN_SNAPSHOT=1 writes it anew if this was meant"


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, _, operation in _operations(schema)]
    assert len(names) == len(set(names))
    for path, method, operation in _operations(schema):
        assert operation["operationId"].islower(), path
        assert operation.get("description"), f"{method} {path}"


def test_every_error_is_described_as_a_problem(schema: dict[str, Any]) -> None:
    for path, method, operation in _operations(schema):
        if not path.startswith(API):
            continue
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert {"400", "401", "422", "429"} <= errors.keys(), f"{method} {path}"
        for answer in errors.values():
            assert answer["content"].keys() == {PROBLEM}
        versioned = any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", ()))
        assert ({"412", "428"} <= errors.keys()) is versioned


def test_every_post_by_an_editor_takes_a_key_and_nothing_else_does(schema: dict[str, Any]) -> None:
    for path, method, operation in _operations(schema):
        names = {parameter["name"] for parameter in operation.get("parameters", ())}
        wanted = method == "post" and path.startswith((f"{API}/stories/", f"{API}/editions/"))
        if wanted and operation["operationId"] != "resolve_story":
            assert "Idempotency-Key" in names, path
        if method != "post":
            assert "Idempotency-Key" not in names, path


def test_every_post_takes_a_key_but_the_one_that_signs_in(schema: dict[str, Any]) -> None:
    without = [
        operation["operationId"]
        for path, method, operation in _operations(schema)
        if method == "post" and path.startswith(API)
        if "Idempotency-Key" not in {parameter["name"] for parameter in operation.get("parameters", ())}
    ]
    assert without == ["sign_in"]


def test_every_body_has_an_example_and_every_example_fits_its_shape(schema: dict[str, Any]) -> None:
    shapes = schema["components"]["schemas"]
    taken = {
        media["schema"]["$ref"].rpartition("/")[2]
        for _, _, operation in _operations(schema)
        for media in operation.get("requestBody", {}).get("content", {}).values()
        if "$ref" in media["schema"]
    }
    silent = {
        name
        for name in taken
        if "examples" not in shapes[name]
        and not any("examples" in each or "default" in each for each in shapes[name]["properties"].values())
    }
    assert silent == set()
    for name, example in EXAMPLES.items():
        whole = {"$ref": f"#/components/schemas/{name}", "components": schema["components"]}
        errors = list(jsonschema_rs.Draft202012Validator(whole).iter_errors(example))
        assert errors == [], name


def test_no_change_is_made_by_reading(schema: dict[str, Any]) -> None:
    for path, method, operation in _operations(schema):
        assert not (method == "get" and "requestBody" in operation), path


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for child in node.values():
                yield from references(child)
        elif isinstance(node, list):
            for child in node:
                yield from references(child)

    for reference in set(references(schema)):
        target: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_the_page_shows_every_operation_and_asks_no_third_party(schema: dict[str, Any]) -> None:
    shapes = sorted(schema["components"]["schemas"].items())
    answer = page(
        "desk/api_docs.html", title="T", version="1", subjects=subjects_of(schema), shapes=shapes, spell=spell
    )
    text = bytes(answer.body).decode()
    for path, method, operation in _operations(schema):
        assert f'id="{operation["operationId"]}"' in text
        assert f"{method.upper()} {path}" in text
    assert "<script" not in text
    assert "//" not in text.replace("https://", "").replace("http://", "")
    for mark in ('src="', "@import", "url("):
        assert mark not in text
