"""The register over HTTP: any day, any state of knowledge, and amendments that overwrite nothing."""

import json
from typing import Any

import pytest
from sqlmodel import select

from service.journal import check_journal
from service.models import JournalRecord
from tests.conftest import Desk, SettableClock
from tests.desk.newsroom import records

pytestmark = pytest.mark.anyio
PATH = "/api/v1/partnerships"
UPGRADE: dict[str, Any] = {
    "partner": "KE",
    "tier": "comprehensive_strategic",
    "label_en": "comprehensive strategic partnership",
    "label_zh": "全面战略伙伴关系",
    "in_force_from": "2026-11-20",
    "source": "Joint statement, https://example.org/statement",
    "verified": True,
}


async def test_an_amendment_holds_from_its_day_and_from_when_it_was_known(desk: Desk, clock: SettableClock) -> None:
    before = (await desk.editor.get(f"{PATH}/KE")).json()
    clock.move(hours=1)
    added = await desk.chief.post(PATH, json=UPGRADE)
    assert added.status_code == 201, added.text
    assert added.headers["Location"] == f"{PATH}/KE"
    now = (await desk.program.get(f"{PATH}/KE")).json()
    assert now["standing"]["tier"] == "comprehensive_strategic"
    assert len(now["history"]) == len(before["history"]) + 1

    async def tier(**params: str) -> str:
        answer = await desk.editor.get(f"{PATH}/ke", params=params)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["standing"]["tier"])

    assert await tier(on="2026-11-19") == before["standing"]["tier"]
    assert await tier(known_at="2026-11-24T12:30:00Z") == before["standing"]["tier"]
    assert await tier(on="2026-11-20", known_at="2026-11-24T13:00:00Z") == "comprehensive_strategic"
    assert (await desk.editor.get(f"{PATH}/KE", params={"known_at": "2026-11-24T12:30:00"})).status_code == 422


async def test_an_amendment_is_on_the_public_record_with_what_it_replaces(desk: Desk) -> None:
    await desk.chief.post(PATH, json=UPGRADE)
    async with desk.database.read() as session:
        query = select(JournalRecord).where(JournalRecord.act == "amend_register")
        record = (await session.exec(query)).one()
        assert (await check_journal(session)).broken is None
    assert (record.subject, record.public) == ("partner:KE", True)
    content = json.loads(record.payload)
    assert content["before"]["tier"] == "comprehensive_strategic_cooperative"
    assert content["after"]["label_zh"] == UPGRADE["label_zh"]


async def test_only_chiefs_amend_and_programs_read(desk: Desk) -> None:
    assert (await desk.editor.post(PATH, json=UPGRADE)).json()["code"] == "not_allowed"
    assert (await desk.program.post(PATH, json=UPGRADE)).json()["code"] == "people_only"
    assert (await desk.public.get(PATH)).status_code == 401
    assert (await desk.program.get(PATH)).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"partner": "KEN"}, "partner"),
        ({"partner": "CN"}, "partner"),
        ({"partner": "ß"}, "partner"),
        ({"tier": "strategic_co-operative"}, "tier"),
        ({"in_force_from": None}, "in_force_from"),
        ({"in_force_from": "2026-02-30"}, "in_force_from"),
        ({"label_zh": " \u202e "}, "label_zh"),
        ({"source": "by word of mouth"}, "source"),
        ({"qualifiers": ["nonsense"]}, "qualifiers"),
        ({"rank": 1}, "rank"),
    ],
)
async def test_an_amendment_that_cannot_be_names_its_field_and_changes_nothing(
    desk: Desk, change: dict[str, Any], field: str
) -> None:
    before = await records(desk)
    refused = await desk.chief.post(PATH, json=UPGRADE | change)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["field"] == field
    assert await records(desk) == before


async def test_the_list_is_whole_and_filtered_by_tier_and_region(desk: Desk) -> None:
    everything = (await desk.editor.get(PATH, params={"on": "2026-01-01"})).json()
    assert everything["total"] == len(everything["items"]) > 200
    kenya = next(item for item in everything["items"] if item["partner"] == "KE")
    assert kenya["name"] == "Kenya"
    some = (await desk.editor.get(PATH, params={"tier": kenya["tier"], "region": kenya["region"]})).json()["items"]
    assert 0 < len(some) < everything["total"]
    assert {(item["tier"], item["region"]) for item in some} == {(kenya["tier"], kenya["region"])}
    wrong = await desk.editor.get(PATH, params={"tier": "strategc", "region": "atlantis"})
    assert [error["field"] for error in wrong.json()["errors"]] == ["tier", "region"]
    assert (await desk.editor.get(f"{PATH}/Atlantis")).status_code == 404
