"""Webhooks: signed, once by their id, tried for days, and stopped with an alarm where nobody takes them."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from service.db import Database
from service.errors import Invalid, NotNow
from service.models import Editor, JournalRecord, Webhook
from service.outgoing import webhooks as acts
from service.outgoing.events import Event
from service.outgoing.outbox import forget_deliveries
from service.outgoing.sending import send_outgoing
from service.outgoing.webhook_shapes import WebhookIn, WebhookPatch
from service.outgoing.webhook_signatures import new_secret, sign
from service.words import Role
from tests.conftest import Desk, SettableClock, add_account, settings_for
from tests.feed_server import Answer, FeedServer, Request
from tests.outgoing.newsroom import EVENING, TODAY, attempts, deliveries, states, telling
from tests.publishing.newsroom import CSC, closed, corrected, published, withdrawn

pytestmark = pytest.mark.anyio

ALLOWED = settings_for("sqlite+aiosqlite://").allowed_networks


async def a_webhook(
    database: Database, editor: Editor, url: str, *events: Event, now: datetime = EVENING
) -> tuple[str, str]:
    """A webhook that hears of these events, or of all; answers its id and secret."""
    async with database.write() as session:
        wanted = WebhookIn(url=url, events=list(events or Event))
        webhook = await acts.add_webhook(session, wanted, allowed=ALLOWED, now=now, by=editor)
        return webhook.id, webhook.secret


async def as_stored(database: Database, webhook_id: str) -> Webhook:
    """Its row."""
    async with database.read() as session:
        return await session.get_one(Webhook, webhook_id)


def verified(request: Request, secret: str) -> dict[str, Any]:
    """What a receiver finds, having checked the signature by the specification alone."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert expected in request.headers["webhook-signature"].split(" ")
    content: dict[str, Any] = json.loads(request.body)
    return content


def test_a_signature_is_that_of_the_reference_libraries() -> None:
    # The example that the specification's own libraries are tested with.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signature = sign(secret, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert len(base64.b64decode(new_secret().removeprefix("whsec_"))) == 32
    assert new_secret() != new_secret()


async def test_receivers_hear_of_what_they_asked_for_signed_and_without_anybodys_words(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    async with FeedServer() as receiver, telling(database, clock) as runtime:
        receiver.on("/all", Answer(status=204))
        receiver.on("/closings", Answer(status=200))
        _, secret = await a_webhook(database, editor, receiver.url("/all?key=hidden"))
        await a_webhook(database, editor, receiver.url("/closings"), Event.CLOSED)
        story = await published(database, editor, headline="Secret words", blurb="And more")
        await corrected(database, editor, story, day=TODAY, at=clock.move(minutes=1), headline="Other words")
        await withdrawn(database, editor, story, day=TODAY, at=clock.move(minutes=1), reason="A private matter")
        clock.now = EVENING
        await closed(database, editor, day=TODAY, at=EVENING)
        assert await send_outgoing(runtime) == 5
        heard = [verified(request, secret) for request in receiver.requests_for("/all")]
        assert receiver.count("/closings") == 1
    assert sorted(event["type"] for event in heard) == [
        "edition.closed",
        "item.corrected",
        "item.published",
        "item.withdrawn",
    ]
    told = {event["type"]: event for event in heard}
    item = told["item.published"]
    assert item["timestamp"] == "2026-11-24T12:00:00Z"
    assert item["data"] | {"decision": None, "uri": None} == {
        "id": story,
        "uri": None,
        "url": f"http://127.0.0.1:8000/stories/{story}",
        "edition": "2026-11-24",
        "countries": [{"code": "KE", "tier": CSC}],
        "decision": None,
    }
    assert told["edition.closed"]["data"]["digest"] == "http://127.0.0.1:8000/digest/2026-11-24.json"
    everything = json.dumps(heard)
    for private in ("words", "And more", "private matter", "Amina"):
        assert private not in everything


async def test_a_retry_has_the_same_id_and_body_and_a_signature_of_its_own_moment(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    async with FeedServer() as receiver, telling(database, clock) as runtime:
        receiver.on("/hook", Answer(status=500), Answer(status=429, headers={"Retry-After": "600"}), Answer(status=200))
        webhook_id, secret = await a_webhook(database, editor, receiver.url("/hook"))
        await published(database, editor)
        assert await send_outgoing(runtime) == 0
        assert (await as_stored(database, webhook_id)).failing_since == clock()
        clock.move(seconds=6)
        assert await send_outgoing(runtime) == 0
        clock.move(minutes=5)
        assert await send_outgoing(runtime) == 0, "it asked for ten minutes"
        clock.move(minutes=5)
        async with telling(database, clock) as restarted:
            assert await send_outgoing(restarted) == 1
        first, second, third = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == third.headers["webhook-id"]
    assert first.body == third.body
    assert int(third.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 606
    assert verified(first, secret) == verified(third, secret)
    assert [(attempt.status, attempt.detail) for attempt in await attempts(database)] == [
        (500, "answered 500"),
        (429, "answered 429"),
        (200, "taken"),
    ]
    assert (await as_stored(database, webhook_id)).failing_since is None


async def test_a_receiver_that_is_gone_is_asked_no_more(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    async with FeedServer() as receiver, telling(database, clock) as runtime:
        receiver.on("/hook", Answer(status=410))
        webhook_id, _ = await a_webhook(database, editor, receiver.url("/hook"))
        await published(database, editor)
        await published(database, editor)
        await send_outgoing(runtime)
        assert receiver.count() == 1
        webhook = await as_stored(database, webhook_id)
        assert (webhook.enabled, webhook.alarm) == (False, "the receiver answered 410 Gone")
        assert states(await deliveries(database, "webhook")) == ["failed", "failed"]
        await published(database, editor)
        assert await send_outgoing(runtime) == 0
        assert receiver.count() == 1
    async with database.read() as session:
        record = (await session.exec(select(JournalRecord).where(JournalRecord.act == "disable_webhook"))).one()
    assert (record.by, record.public) == (None, False)


async def test_a_receiver_that_is_down_for_days_raises_an_alarm_and_keeps_nobody_else_waiting(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    async with FeedServer() as receiver, telling(database, clock) as runtime:
        receiver.on("/fine", Answer(status=200))
        await a_webhook(database, editor, receiver.url("/fine"))
        dead, _ = await a_webhook(database, editor, "http://127.0.0.1:9/hook")
        for _ in range(3):
            await published(database, editor)
        assert await send_outgoing(runtime) == 3
        assert receiver.count("/fine") == 3
        assert len([attempt for attempt in await attempts(database) if attempt.status is None]) == 1
        for _ in range(100):
            clock.move(hours=1)
            await send_outgoing(runtime)
    webhook = await as_stored(database, dead)
    assert (webhook.enabled, webhook.alarm) == (False, "it took nothing for three days")
    assert len(await attempts(database)) < 40
    async with database.write() as session:
        again = await acts.webhook_for_change(session, dead, webhook.version)
        await acts.change_webhook(session, again, WebhookPatch(enabled=True), allowed=ALLOWED, now=clock(), by=editor)
        assert (again.alarm, again.failing_since) == (None, None)
    clock.move(days=31)
    async with database.write() as session:
        await forget_deliveries(session, now=clock())
    assert await deliveries(database, "webhook") == []


async def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_sent(
    database: Database, editor: Editor, clock: SettableClock
) -> None:
    async with FeedServer() as receiver, telling(database, clock, allowed_networks=()) as runtime:
        receiver.on("/hook", Answer(status=200))
        await a_webhook(database, editor, receiver.url("/hook"))
        await published(database, editor)
        assert await send_outgoing(runtime) == 0
        assert receiver.count() == 0
    (attempt,) = await attempts(database)
    assert "not a public address (loopback)" in attempt.detail


async def test_an_address_that_the_guard_would_refuse_is_refused_at_once(database: Database, editor: Editor) -> None:
    refused = (
        "ftp://receiver.example/",
        "http://user:secret@receiver.example/",
        "http://10.0.0.1/",
        "https://[::1]/",
        "hook",
        "http://0x7f.1/",
        "https://receiver.example:8443x/",
        "http://192.168.1.1:443/",
    )
    for url in refused:
        with pytest.raises(Invalid):
            async with database.write() as session:
                await acts.add_webhook(session, WebhookIn(url=url), allowed=(), now=EVENING, by=editor)


async def test_while_a_secret_is_renewed_both_sign(database: Database, editor: Editor, clock: SettableClock) -> None:
    async with FeedServer() as receiver, telling(database, clock) as runtime:
        receiver.on("/hook", Answer(status=200))
        webhook_id, old = await a_webhook(database, editor, receiver.url("/hook"))
        async with database.write() as session:
            webhook = await acts.webhook_for_change(session, webhook_id, 1)
            await acts.renew_secret(session, webhook, now=clock(), by=editor)
            new = webhook.secret
        await published(database, editor)
        await send_outgoing(runtime)
        clock.move(days=2)
        await published(database, editor, at=clock())
        await send_outgoing(runtime)
        during, after = receiver.requests
    assert verified(during, old) == verified(during, new)
    assert len(after.headers["webhook-signature"].split(" ")) == 1
    assert verified(after, new)


async def test_secrets_and_addresses_stand_in_no_record_and_no_repr(
    database: Database, editor: Editor, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with FeedServer() as receiver, telling(database, clock) as runtime:
        receiver.on("/hook", Answer(status=500))
        webhook_id, secret = await a_webhook(database, editor, receiver.url("/hook?key=hidden"))
        async with database.write() as session:
            webhook = await acts.webhook_for_change(session, webhook_id, None)
            await acts.renew_secret(session, webhook, now=clock(), by=editor)
            await acts.try_webhook(session, webhook, now=clock())
        await send_outgoing(runtime)
    async with database.read() as session:
        records = await session.exec(select(JournalRecord.payload).where(col(JournalRecord.act).contains("webhook")))
        written = " ".join(records.all())
    assert "127.0.0.1" in written
    for private in (secret, "whsec_", "hidden"):
        assert private not in written
        assert private not in caplog.text
    assert "whsec_" not in repr(await as_stored(database, webhook_id))


@pytest.fixture
async def admin(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an admin's token."""
    _, token = await add_account(desk.database, role=Role.ADMIN, name="Adaeze Admin")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=desk.base, headers=headers, trust_env=False, timeout=30) as client:
        yield client


async def test_an_admin_manages_webhooks_over_http(desk: Desk, admin: httpx.AsyncClient, clock: SettableClock) -> None:
    path = "/api/v1/webhooks"
    made = await admin.post(path, json={"url": "http://127.0.0.1:9/hook", "events": ["item.published"]})
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    secret, address = made.json()["secret"], made.headers["location"]
    assert secret.startswith("whsec_")
    shown = await admin.get(address)
    assert "secret" not in shown.json()
    assert secret not in (await admin.get(path)).text
    assert (await admin.patch(address, json={"enabled": False})).status_code == 428
    match = {"If-Match": shown.headers["etag"]}
    changed = await admin.patch(address, json={"events": ["edition.closed"], "purpose": "the archive"}, headers=match)
    assert changed.json()["events"] == ["edition.closed"]
    stale = await admin.patch(address, json={"enabled": False}, headers=match)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 2)
    for body in ({"url": "http://10.0.0.1/"}, {"url": "https://ok.example/", "events": ["nothing"]}, {"events": []}):
        assert (await admin.post(path, json=body)).status_code == 422
    for _ in range(3):
        tried = await admin.post(f"{address}/test")
        assert (tried.status_code, tried.json()["event"]) == (202, "webhook.test")
    async with telling(desk.database, clock) as runtime:
        await send_outgoing(runtime)  # nobody listens there
    page = (await admin.get(f"{address}/deliveries?limit=2")).json()
    rest = (await admin.get(f"{address}/deliveries?limit=2&cursor={page['next']}")).json()
    listed = [*page["items"], *rest["items"]]
    assert (len(listed), rest["next"]) == (3, None)
    assert sorted(len(each["attempts"]) for each in listed) == [0, 0, 1]
    renewed = await admin.post(f"{address}/secret", headers={"If-Match": changed.headers["etag"]})
    assert renewed.json()["secret"] != secret
    assert (await admin.delete(address, headers={"If-Match": renewed.headers["etag"]})).status_code == 204
    assert (await admin.get(address)).status_code == 404
    assert (await admin.get(f"{address}/deliveries")).status_code == 404


async def test_a_disabled_webhook_is_not_tried_and_there_is_an_end_of_webhooks(
    database: Database, editor: Editor
) -> None:
    webhook_id, _ = await a_webhook(database, editor, "https://receiver.example/")
    async with database.write() as session:
        webhook = await acts.webhook_for_change(session, webhook_id, None)
        await acts.change_webhook(session, webhook, WebhookPatch(enabled=False), allowed=(), now=EVENING, by=editor)
        with pytest.raises(NotNow):
            await acts.try_webhook(session, webhook, now=EVENING)
    for _ in range(acts.MOST - 1):
        await a_webhook(database, editor, "https://receiver.example/")
    with pytest.raises(NotNow, match="Remove one"):
        await a_webhook(database, editor, "https://receiver.example/")
