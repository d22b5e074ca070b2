"""What every route shares: versions, addresses with NULs, the size of bodies, the one shape of errors."""

import json
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st

from service import web
from service.errors import (
    FieldError,
    Gone,
    HuobanError,
    Invalid,
    NotAuthenticated,
    SetupError,
    Stale,
    TooMany,
    VersionRequired,
)

pytestmark = pytest.mark.anyio


async def test_a_version_is_read_from_its_entity_tag() -> None:
    for form in ('"7"', 'W/"7"', "7", ' "7" '):
        assert await web._if_match(form) == 7


@pytest.mark.parametrize("header", ['"abc"', '""', '"7 "', '"-7"', '"1e3"', '"٧"', '"9999999999"', 'W/"x"'])
async def test_a_tag_that_we_never_gave_out_is_current_nowhere(header: str) -> None:
    assert await web._if_match(header) == web.UNKNOWN_VERSION


@pytest.mark.parametrize("header", [None, "", "*", "abc", '"1", "2"', '"7', "٧", 'w/"7"', '7"'])
async def test_what_is_not_one_entity_tag_says_no_version(header: str | None) -> None:
    with pytest.raises(VersionRequired):
        await web._if_match(header)


def test_an_act_that_the_table_does_not_know_is_noticed_when_the_route_is_written() -> None:
    with pytest.raises(KeyError):
        web.may("rank")


@given(st.lists(st.text() | st.integers(0, 9), min_size=0, max_size=4).map(tuple))
def test_the_path_of_a_field_is_always_something(location: tuple[str | int, ...]) -> None:
    assert isinstance(web._field_path(location), str)


def test_the_path_of_a_field_reads_as_it_is_written_in_json() -> None:
    assert web._field_path(("body", "tags", 0, "tier")) == "tags[0].tier"
    assert web._field_path(("query", "limit")) == "limit"
    assert web._field_path(("body",)) == "body"


def an_app(raised: Exception | None = None) -> FastAPI:
    """A small app under our rules, with one route that reads a body and one that fails."""
    app = FastAPI(dependencies=[Depends(web.refuse_nul)])
    web.answer_errors(app)

    @app.post("/body")
    async def body(value: Annotated[dict[str, Any], Body()]) -> int:
        return len(json.dumps(value))

    @app.get("/fail/{name}")
    async def fail(name: str) -> None:
        raise raised or RuntimeError(name)

    return app


def client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://desk.example")


async def test_a_body_is_read_up_to_the_limit_and_not_beyond() -> None:
    async with client(an_app()) as browser:
        room = web.BODY_MAX - len('{"a":""}')
        fits, over = (f'{{"a":"{"x" * size}"}}'.encode() for size in (room, room + 1))
        headers = {"Content-Type": "application/json"}
        assert (await browser.post("/body", content=fits, headers=headers)).status_code == 200

        async def in_pieces() -> Any:
            for start in range(0, len(over), 50_000):
                yield over[start : start + 50_000]

        for content in (over, in_pieces()):
            refused = await browser.post("/body", content=content, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
            assert refused.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/fail/a%00b", "/fail/x?q=%00", "/fail/x?%00=1", "/fail/%00"])
async def test_an_address_with_a_nul_is_refused_before_any_route_sees_it(path: str) -> None:
    async with client(an_app()) as browser:
        answer = await browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_a_crash_says_nothing_of_its_inside() -> None:
    async with client(an_app()) as browser:
        answer = await browser.get("/fail/s3cret")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "s3cret" not in answer.text


@pytest.mark.parametrize("kind", [Gone, Invalid, NotAuthenticated, SetupError, Stale, TooMany])
async def test_every_error_has_the_one_shape(kind: type[HuobanError]) -> None:
    quoted = "as sent: \ud800 \u202e"
    error = kind(quoted, errors=[FieldError("a[0].b", quoted, ("near",))], current={"version": 3})
    async with client(an_app(error)) as browser:
        answer = await browser.get("/fail/x")
    told = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (kind.status, kind.status, kind.code)
    assert told["errors"][0]["field"] == "a[0].b"
    assert told["errors"][0]["suggestions"] == ["near"]
    assert (told["current"], answer.headers["ETag"]) == ({"version": 3}, '"3"')
    assert ("Retry-After" in answer.headers) == (kind is TooMany)
    assert ("WWW-Authenticate" in answer.headers) == (kind is NotAuthenticated)
