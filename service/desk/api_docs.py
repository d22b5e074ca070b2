"""``/api/docs``: the description of the API as a plain page of our own, which asks no third party for anything.

It shows what ``/api/openapi.json`` says: the operations by subject, and the shapes they take and answer. Mounted
at the root by ``app``.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from service.desk.rendering import page

router = APIRouter(include_in_schema=False)

_REF = "#/components/schemas/"


@dataclass(frozen=True)
class Operation:
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    description: str
    parameters: list[dict[str, Any]]
    body: str | None
    answers: list[tuple[str, str, str | None]]
    """Status, description, and the shape answered."""


@router.get("/api/docs")
async def get_api_docs(request: Request) -> HTMLResponse:
    """Every operation and every shape."""
    schema = request.app.openapi()
    shapes = schema.get("components", {}).get("schemas", {})
    return page(
        "desk/api_docs.html",
        title=schema["info"]["title"],
        version=schema["info"]["version"],
        subjects=subjects_of(schema),
        shapes=sorted(shapes.items()),
        spell=spell,
    )


def subjects_of(schema: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations by their first tag, each in the order of the routes."""
    subjects: dict[str, list[Operation]] = defaultdict(list)
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            subjects[tag].append(_operation(path, method, operation))
    return dict(subjects)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Operation:
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        description=operation.get("description") or operation.get("summary", ""),
        parameters=operation.get("parameters", []),
        body=_content(operation.get("requestBody", {})),
        answers=[
            (status, answer.get("description", ""), _content(answer))
            for status, answer in sorted(operation["responses"].items())
        ],
    )


def _content(holder: Mapping[str, Any]) -> str | None:
    """The name of the first shape that a body or an answer holds."""
    for media in holder.get("content", {}).values():
        for reference in _references(media.get("schema", {})):
            return reference
    return None


def _references(schema: Mapping[str, Any]) -> list[str]:
    if "$ref" in schema:
        return [schema["$ref"].removeprefix(_REF)]
    inner = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
    return [name for each in inner for name in _references(each)]


def spell(schema: Mapping[str, Any]) -> str:
    """A field's type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REF)
    if "anyOf" in schema:
        return " or ".join(spell(each) for each in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return " | ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {spell(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "anything")
