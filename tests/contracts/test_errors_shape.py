"""One tree of errors, one shape of answer."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from service import errors
from service.errors import FieldError, HuobanError
from service.web import answer_errors

SHAPE = {"type", "title", "status", "code", "detail", "errors"}


def _all(kind: type[HuobanError]) -> list[type[HuobanError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _all(child))]


pytestmark = pytest.mark.anyio
KINDS = _all(HuobanError)


def test_every_error_has_a_code_of_its_own_and_stands_in_the_tree() -> None:
    assert len({kind.code for kind in KINDS if kind.code}) == len(KINDS)
    for kind in KINDS:
        assert kind.__name__ in (errors.__doc__ or "")
        assert kind.code in (errors.__doc__ or "")
        assert 400 <= kind.status < 600


class Body(BaseModel):
    """What the little app takes."""

    count: int


def _client() -> httpx.AsyncClient:
    app = FastAPI()
    answer_errors(app)

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        kind = next(kind for kind in KINDS if kind.__name__ == name)
        raise kind("What is wrong.", errors=[FieldError("tags[0].tier", "no such tier", ("strategic",))])

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("secret detail")

    @app.post("/body")
    async def take(body: Body) -> None:
        return None

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://desk.example")


def _checked(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(answer.content)
    assert body.keys() >= SHAPE
    assert body["status"] == status
    for error in body["errors"]:
        assert error.keys() == {"field", "message", "suggestions"}
    return body


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_each_error_answers_in_the_one_shape(kind: type[HuobanError]) -> None:
    body = _checked(await _client().get(f"/raise/{kind.__name__}"), kind.status)
    assert (body["code"], body["title"]) == (kind.code, kind.title)
    assert body["errors"][0]["suggestions"] == ["strategic"]


async def test_what_the_framework_refuses_has_the_same_shape() -> None:
    client = _client()
    assert _checked(await client.get("/nowhere"), 404)["code"] == "not_found"
    assert _checked(await client.delete("/body"), 405)["code"] == "method_not_allowed"
    assert _checked(await client.post("/body", json={"count": "many"}), 422)["errors"][0]["field"] == "count"
    assert _checked(await client.post("/body", content=b"{", headers={"Content-Type": "application/json"}), 422)


async def test_a_crash_tells_nothing_of_its_inside() -> None:
    assert "secret" not in json.dumps(_checked(await _client().get("/crash"), 500))
