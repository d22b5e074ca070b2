"""An editor's own set-up of the desk, over the API."""

from typing import Any

import httpx
import pytest

from tests.conftest import Desk

pytestmark = pytest.mark.anyio
PATH = "/api/v1/me/preferences"


async def change(client: httpx.AsyncClient, version: int, **body: Any) -> httpx.Response:
    """PATCH against a version."""
    return await client.patch(PATH, json=body, headers={"If-Match": f'"{version}"'})


async def test_an_editor_sets_up_their_own_desk_and_nobody_elses(desk: Desk) -> None:
    untouched = (await desk.editor.get(PATH)).json()
    assert (untouched["version"], untouched["single_keys"], untouched["keys"]["pass"]) == (0, True, "x")
    saved = {"name": "French, by source", "query": "sort=source&language=fr&q="}
    answer = await change(desk.editor, 0, keys={"pass": "z"}, filters=[saved], language="fr", single_keys=False)
    assert answer.status_code == 200, answer.text
    mine = (await desk.editor.get(PATH)).json()
    assert mine == answer.json()
    assert (mine["keys"]["pass"], mine["keys"]["hold"], mine["language"]) == ("z", "h", "fr")
    assert mine["filters"] == [{"name": "French, by source", "query": "language=fr&sort=source"}]
    assert (await desk.chief.get(PATH)).json() == untouched
    kept = (await change(desk.editor, 1, single_keys=True)).json()
    assert (kept["keys"]["pass"], kept["single_keys"], kept["version"]) == ("z", True, 2)
    assert (await change(desk.editor, 2, language=None)).json()["language"] is None


async def test_what_cannot_be_kept_changes_nothing_and_says_what_is_wrong(desk: Desk) -> None:
    for body, field in (
        ({"keys": {"pass": "h"}}, "keys.pass"),
        ({"language": "de"}, "language"),
        ({"filters": [{"name": "a", "query": "rank=best"}]}, "filters[0].query"),
        ({"filters": [{"name": "a", "query": ""}, {"name": "a", "query": ""}]}, "filters"),
        ({"filters": [{"name": "x" * 61, "query": ""}]}, "filters[0].name"),
    ):
        refused = await change(desk.editor, 0, **body)
        assert refused.status_code == 422
        assert field in [error["field"] for error in refused.json()["errors"]]
    assert (await desk.editor.get(PATH)).json()["version"] == 0


async def test_two_windows_do_not_overwrite_each_other(desk: Desk) -> None:
    assert (await change(desk.editor, 0, language="fr")).status_code == 200
    stale = await change(desk.editor, 0, language="es")
    assert (stale.status_code, stale.json()["current"]["language"]) == (412, "fr")
    assert (await desk.editor.patch(PATH, json={})).status_code == 428
