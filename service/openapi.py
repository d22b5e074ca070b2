"""The description of the API: what FastAPI finds in the routes, and what is true of every one of them.

Adds the problem answers that each operation may give, who may call it, and the headers that all share. Routes
declare none of that themselves. Called once by ``app``; the page at ``/api/docs`` shows the same document.
"""

import warnings
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI

from service.api_examples import EXAMPLES
from service.idempotency import HEADER, OncePerKey
from service.web import API, PROBLEM

_PROBLEMS = {
    "400": "The request cannot be read: it is not JSON, or not UTF-8.",
    "401": "No account stands behind the request, or its token or session has ended.",
    "403": "The account's role or the token's scopes do not reach, or a program asked for an editorial act.",
    "404": "There is no such thing.",
    "409": "Right request, wrong state of the thing.",
    "412": "Somebody changed it first; `current` is how it stands now.",
    "413": "The body is too large.",
    "422": "A value cannot be accepted; `errors` names each field. Nothing was changed.",
    "428": "The change came without `If-Match`.",
    "429": "Too many requests; wait for `Retry-After` seconds.",
    "501": "It needs an extra that this installation lacks.",
    "503": "The database cannot be used at this moment; wait for `Retry-After` seconds.",
}
_PROBLEM_SCHEMA = {
    "title": "Problem",
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:huoban:problem:stale"]},
        "title": {"type": "string", "examples": ["Someone changed this first"]},
        "status": {"type": "integer", "examples": [412]},
        "code": {"type": "string", "description": "Stable; the texts may change.", "examples": ["stale"]},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemField"}},
        "current": {"type": "object", "description": "With 412: the thing as it stands now."},
    },
}
_FIELD_SCHEMA = {
    "title": "ProblemField",
    "type": "object",
    "required": ["field", "message", "suggestions"],
    "properties": {
        "field": {"type": "string", "examples": ["tags[0].tier"]},
        "message": {"type": "string"},
        "suggestions": {"type": "array", "items": {"type": "string"}, "examples": [["strategic_cooperative"]]},
    },
}
_KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "One key for each act. The same request under the same key is done once in 24 hours and "
    "answered alike; another request under it is 422.",
}
_RATE_HEADERS = {
    "RateLimit-Limit": {"description": "Requests that one caller may send in a minute.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "How many are left.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until the count begins anew.", "schema": {"type": "integer"}},
}
_LIST_FORMATS = ("application/feed+json", "application/rss+xml", "application/atom+xml", "text/html")
_FORMATS = {
    "digest": ("application/json", "text/html", "text/plain", "text/markdown"),
    "partnerships": ("application/json", "text/csv", "text/html"),
}
_ENDINGS = {
    "json": "application/json",
    "jsonl": "application/jsonl",
    "opml": "text/x-opml",
    "svg": "image/svg+xml",
    "pem": "application/x-pem-file",
    "cff": "text/yaml",
}
_OPEN = frozenset({"sign_in"})
"""Operations of the editor API that ask for no account."""
_NEED_AN_EXTRA = frozenset({"export_stories"})
"""Operations that not every installation can do in full."""


def describe(app: FastAPI, editor_api: Iterable[APIRouter]) -> None:
    """Let ``app.openapi()`` answer the whole description; it is made when first asked for."""
    generate = app.openapi
    keyed = {route.operation_id for router in editor_api for route in router.routes if isinstance(route, OncePerKey)}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            with warnings.catch_warnings():
                # A list that answers GET and HEAD has one name; the description leaves HEAD out.
                warnings.filterwarnings("ignore", "Duplicate Operation ID")
                app.openapi_schema = _completed(generate(), keyed)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


def _completed(schema: dict[str, Any], keyed: set[str | None]) -> dict[str, Any]:
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {}).update(Problem=_PROBLEM_SCHEMA, ProblemField=_FIELD_SCHEMA)
    for name, example in EXAMPLES.items():
        components["schemas"][name] = {**components["schemas"][name], "examples": [example]}
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of a person or a program."},
        "desk": {"type": "apiKey", "in": "cookie", "name": "huoban", "description": "A person signed in at the desk."},
    }
    components["headers"] = _RATE_HEADERS
    for path, operations in schema["paths"].items():
        operations.pop("head", None)
        for method, operation in operations.items():
            if path.startswith(API):
                _complete_operation(method, operation, keyed)
            else:
                _complete_public(path, operation)
    return schema


def _complete_operation(method: str, operation: dict[str, Any], keyed: set[str | None]) -> None:
    parameters = operation.get("parameters", [])
    versioned = any(parameter["name"].lower() == "if-match" for parameter in parameters)
    statuses = {"400", "401", "403", "404", "422", "429", "503"}
    if method != "get":
        statuses |= {"409", "413"}
    if versioned:
        statuses |= {"412", "428"}
    if operation["operationId"] in _NEED_AN_EXTRA:
        statuses.add("501")
    if operation["operationId"] in _OPEN:
        statuses -= {"403", "404", "409"}
    else:
        operation["security"] = [{"token": []}, {"desk": []}]
    if method == "post" and operation["operationId"] in keyed:
        operation["parameters"] = [*parameters, _KEY_PARAMETER]
    answers = operation["responses"]
    for answer in answers.values():
        answer.setdefault("headers", {}).update(
            {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE_HEADERS}
        )
    answers.update({status: _problem_answer(_PROBLEMS[status]) for status in sorted(statuses)})


def _complete_public(path: str, operation: dict[str, Any]) -> None:
    """What the public addresses share; the shapes of their formats are those formats' own standards."""
    answers = operation["responses"]
    answers.pop("422", None)
    answers["200"] |= {"content": {media_type: {} for media_type in _media_types(path)}}
    if not path.startswith("/health"):
        answers["304"] = {"description": "Not changed since the `ETag` or the moment that was sent."}
    if path.endswith("{extension}"):
        answers["307"] = {"description": "For now the document is at another address."}
        answers["308"] = {"description": "The document's one address is another."}
    answers["default"] = _problem_answer("What went wrong.")


def _media_types(path: str) -> tuple[str, ...]:
    """What a public address answers, by how it ends; the ends of a list's address are its formats."""
    if path.startswith("/health"):
        return ("application/json",)
    if path.endswith(".{extension}"):
        return _FORMATS.get(path.split("/")[1].removesuffix(".{extension}"), _LIST_FORMATS)
    return (_ENDINGS.get(path.rpartition(".")[2], "text/html"),)


def _problem_answer(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
