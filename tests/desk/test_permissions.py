"""Every operation × every kind of caller, as one written table; an operation that is not in it fails the test."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from service import auth
from service.web import API
from service.words import Role
from tests.conftest import Desk, add_account

pytestmark = pytest.mark.anyio

CALLERS = ("anonymous", "service", "editor", "chief", "admin")
ADMITTED = {
    "anyone": {"anonymous", "service", "editor", "chief", "admin"},
    "account": {"service", "editor", "chief", "admin"},
    "editor": {"editor", "chief", "admin"},
    "chief": {"chief", "admin"},
    "admin": {"admin"},
}
TABLE = {
    "anyone": "sign_in",
    # What a program may do too: read, and add to the wire.
    "account": """
        sign_out get_me list_stories count_stories list_pass_reasons get_story suggest_tags
        get_story_history list_editions get_edition compare_editions preview_edition preview_digest preview_item
        stream_events list_present list_alerts list_feeds get_feed list_fetches list_partnerships get_partnership
        export_stories export_passed get_codebook add_story get_blind_spots
    """,
    "editor": """
        get_preferences change_preferences change_password list_tokens make_token revoke_token
        rewrite_story tag_story pass_story pass_stories merge_story split_story dismiss_hints note_story hold_story
        reopen_story claim_story release_story resolve_story see_alert
        place_item remove_item order_items move_item publish_item schedule_item correct_item withdraw_item
        close_edition search_journal verify_journal get_hand_over leave_word ask_colleague answer_colleague
    """,
    "chief": """
        reopen_edition amend_register add_feed discover_feeds import_feeds export_feeds change_feed remove_feed
        fetch_feed try_dates
    """,
    "admin": """
        list_editors add_editor get_editor change_editor invite_again
        list_webhooks add_webhook get_webhook change_webhook remove_webhook renew_webhook_secret try_webhook
        list_deliveries
    """,
}
WHO_MAY = {operation: who for who, operations in TABLE.items() for operation in operations.split()}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: who may do what is decided before it is asked."""
    return sqlite_url


@pytest.fixture
async def callers(desk: Desk) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """A client of each kind."""
    _, token = await add_account(desk.database, role=Role.ADMIN, name="Adaeze Admin")
    headers = {"Authorization": f"Bearer {token}"}
    async with AsyncExitStack() as stack:
        admin = httpx.AsyncClient(base_url=desk.base, headers=headers, trust_env=False, timeout=30)
        clients = (desk.public, desk.program, desk.editor, desk.chief, await stack.enter_async_context(admin))
        yield dict(zip(CALLERS, clients, strict=True))


async def _operations(desk: Desk) -> list[tuple[str, str, str]]:
    paths: dict[str, dict[str, Any]] = (await desk.public.get("/api/openapi.json")).json()["paths"]
    return [(op["operationId"], verb, path) for path, verbs in paths.items() for verb, op in verbs.items()]


async def _status(client: httpx.AsyncClient, method: str, path: str) -> int:
    address = re.sub(r"\{(day|other)\}", "2026-11-24", path)
    address = re.sub(r"\{\w+\}", "nothing", address)
    async with client.stream(method, address) as answer:  # an event stream is not read to its end
        return answer.status_code


async def test_the_table_names_every_operation_of_the_editor_api_and_no_other(desk: Desk) -> None:
    found = {name for name, _, path in await _operations(desk) if path.startswith(API)}
    assert found - WHO_MAY.keys() == set(), "write down who may do these"
    assert WHO_MAY.keys() - found == set(), "these are gone"


async def test_each_operation_admits_whom_the_table_says_and_nobody_else(
    desk: Desk, callers: dict[str, httpx.AsyncClient]
) -> None:
    wrong = []
    for name, method, path in await _operations(desk):
        admitted = ADMITTED[WHO_MAY[name] if path.startswith(API) else "anyone"]
        for who, client in callers.items():
            status = await _status(client, method, path)
            refusal = 401 if who == "anonymous" else 403
            expected = status not in (401, 403) if who in admitted else status == refusal
            if not expected or status >= 500:
                wrong.append(f"{who}: {method.upper()} {path} answers {status}")
    assert wrong == []


async def test_nothing_that_needs_a_person_is_open_to_a_program() -> None:
    open_to_programs = {act for act, permission in auth.PERMISSIONS.items() if permission.service}
    assert open_to_programs == {"read", "add_story"}
