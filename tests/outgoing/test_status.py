"""What ``/status.json`` says of the newsroom and of what goes out: enough to tell a quiet day from a breakdown."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from service.db import Database
from service.models import Editor
from service.outgoing.sending import send_outgoing
from tests.conftest import SettableClock, serving, settings_for
from tests.feed_server import Answer, FeedServer
from tests.mail_server import MailServer
from tests.outgoing.newsroom import EVENING, TODAY, mail_settings, telling
from tests.outgoing.test_webhooks import a_webhook
from tests.publishing.newsroom import closed, published

pytestmark = pytest.mark.anyio


async def status(database: Database, clock: SettableClock, **settings: Any) -> dict[str, Any]:
    """The document, from a real server."""
    url = database.url.render_as_string(hide_password=False)
    async with serving(settings_for(url, **settings), clock=clock) as base, httpx.AsyncClient(timeout=30) as client:
        answer = await client.get(f"{base}/status.json")
        assert answer.status_code == 200
        assert "@" not in answer.text, "addresses are nobody's business"
        again = await client.get(f"{base}/status.json", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        found: dict[str, Any] = answer.json()
        return found


async def test_a_newsroom_that_has_done_nothing_says_so(database: Database, clock: SettableClock) -> None:
    found = await status(database, clock)
    assert found["edition"]["state"] == "open"
    assert (found["edition"]["published"], found["digest"], found["last_human_act_at"]) == (0, None, None)
    assert found["outgoing"]["mail"] == {
        "on": False, "digest": None, "waiting": 0, "sent": 0, "failed": 0, "uncertain": 0
    }  # fmt: skip
    assert found["alarms"] == {"sources": 0, "mails": 0, "pings": 0, "webhooks": 0}


async def test_it_tells_the_last_digest_its_mails_and_webhooks_in_alarm(
    database: Database, editor: Editor, clock: SettableClock, mail_server: MailServer
) -> None:
    settings = mail_settings(mail_server.port)
    mail_server.on_recipient("550 no", "250 OK")
    async with FeedServer() as receiver, telling(database, clock, **settings) as runtime:
        receiver.on("/gone", Answer(status=410))
        await a_webhook(database, editor, receiver.url("/gone"))
        await a_webhook(database, editor, "http://127.0.0.1:9/down")
        await published(database, editor)
        clock.now = EVENING
        await closed(database, editor, day=TODAY, at=EVENING)
        await send_outgoing(runtime)
    clock.move(minutes=90)
    found = await status(database, clock, **settings)
    assert found["edition"] | {"cutoff_at": None} == {
        "day": "2026-11-24", "zone": "UTC", "state": "closed", "published": 1, "cutoff_at": None
    }  # fmt: skip
    assert found["digest"] == {
        "day": "2026-11-24", "number": 1, "revision": 1, "frozen_at": EVENING.isoformat(), "items": 1, "notice": None
    }  # fmt: skip
    assert found["minutes_since_last_human_act"] == 90
    assert found["outgoing"]["mail"] == {
        "on": True, "digest": "2026-11-24", "waiting": 0, "sent": 1, "failed": 1, "uncertain": 0
    }  # fmt: skip
    webhooks = found["outgoing"]["webhooks"]
    assert (webhooks["enabled"], webhooks["failing"], webhooks["in_alarm"], webhooks["waiting"]) == (1, 1, 1, 2)
    assert found["alarms"] == {"sources": 0, "mails": 1, "pings": 0, "webhooks": 1}


async def test_a_day_that_nobody_filled_is_told(database: Database, editor: Editor, clock: SettableClock) -> None:
    await closed(database, editor, day=TODAY, at=EVENING)
    clock.now = EVENING + timedelta(minutes=1)
    digest = (await status(database, clock))["digest"]
    assert (digest["items"], digest["notice"]) == (
        0,
        "no edition: no editor published a story for Tuesday 24 November 2026",
    )
