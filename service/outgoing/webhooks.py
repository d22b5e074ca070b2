"""What admins do to webhooks: add, change, renew the secret, try, remove; and what became of each delivery.

Every act is a private record in the journal, which names the host alone: the rest of an address may be a key. Called
by ``webhook_routes`` and the command line.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.desk.cursors import read_cursor, write_cursor
from service.errors import FieldError, Invalid, NotFound, NotNow, Stale
from service.fetching.guard import Network, RefusedAddress, check_address, check_url
from service.journal import Decider, canonical, record_decision
from service.models import Delivery, DeliveryAttempt, Webhook, new_id
from service.outgoing import webhook_shapes as shapes
from service.outgoing.events import TEST
from service.outgoing.filling import delivery_to
from service.outgoing.outbox import give_up_waiting
from service.outgoing.webhook_signatures import new_secret
from service.publishing.formats.markup import rfc3339

MOST = 50
OLD_SECRET_SIGNS_FOR = timedelta(hours=24)
"""Beside the new one, so that a receiver can change over without losing a delivery."""


def _checked(url: str, allowed: Sequence[Network]) -> str:
    """The address, if the guard would not refuse it as it is written; where its name leads is seen when it is sent.

    Raises:
        Invalid: code and reason are the guard's.
    """
    try:
        check_url(url)
        parts = urlsplit(url)
        host = parts.hostname or ""
        if ":" in host or host.replace(".", "").isdigit():
            check_address(host, parts.port or (443 if parts.scheme == "https" else 80), allowed)
    except (RefusedAddress, ValueError) as error:
        raise Invalid("Nothing can be sent to that address.", errors=[FieldError("url", str(error))]) from error
    return url


async def list_webhooks(session: AsyncSession) -> Sequence[Webhook]:
    """Every webhook, the oldest first."""
    return (await session.exec(select(Webhook).order_by(col(Webhook.created_at), col(Webhook.id)))).all()


async def get_webhook(session: AsyncSession, webhook_id: str) -> Webhook:
    """One webhook.

    Raises:
        NotFound: there is none with this id.
    """
    webhook = await session.get(Webhook, webhook_id)
    if webhook is None:
        raise NotFound(f"There is no webhook {webhook_id[:40]}.")
    return webhook


async def webhook_for_change(session: WriteSession, webhook_id: str, version: int | None) -> Webhook:
    """One webhook, its version already counted up; ``version`` is None for the command line.

    Raises:
        NotFound: there is none with this id.
        Stale: somebody changed it since; carries it as it stands.
    """
    webhook = await get_webhook(session, webhook_id)
    if version is not None and webhook.version != version:
        raise Stale(
            f"You changed version {version}, but version {webhook.version} is current.",
            current=shapes.webhook_view(webhook).model_dump(mode="json"),
        )
    webhook.version += 1
    return webhook


async def add_webhook(
    session: WriteSession, wanted: shapes.WebhookIn, *, allowed: Sequence[Network], now: datetime, by: Decider
) -> Webhook:
    """Make a webhook; it hears of what is decided from now on.

    Raises:
        Invalid: its address would be refused.
        NotNow: there are as many as there may be.
    """
    if (await session.exec(select(func.count()).select_from(Webhook))).one() >= MOST:
        raise NotNow(f"There are {MOST} webhooks already. Remove one first.")
    webhook = Webhook(
        id=new_id(now),
        url=_checked(wanted.url, allowed),
        purpose=wanted.purpose or "",
        events=[event.value for event in dict.fromkeys(wanted.events)],
        secret=new_secret(),
        created_at=now,
        created_by=None if isinstance(by, str) else by.id,
    )
    session.add(webhook)
    await session.flush()
    await _record(session, "add_webhook", webhook, None, _facts(webhook), now=now, by=by)
    return webhook


async def change_webhook(
    session: WriteSession,
    webhook: Webhook,
    wanted: shapes.WebhookPatch,
    *,
    allowed: Sequence[Network],
    now: datetime,
    by: Decider,
) -> None:
    """Change what is named, and record it if anything differs.

    Raises:
        Invalid: the new address would be refused.
    """
    before = _facts(webhook)
    moved = wanted.url is not None and wanted.url != webhook.url
    if wanted.url is not None:
        webhook.url = _checked(wanted.url, allowed)
    if wanted.events is not None:
        webhook.events = [event.value for event in dict.fromkeys(wanted.events)]
    if wanted.purpose is not None:
        webhook.purpose = wanted.purpose
    if wanted.enabled is not None:
        webhook.enabled = wanted.enabled
        if wanted.enabled:
            webhook.alarm = webhook.failing_since = None
        else:
            await give_up_waiting(session, webhook, why="the webhook was disabled", now=now)
    after = _facts(webhook)
    changed = {key for key in after if after[key] != before[key]}
    if changed or moved:
        told = {key: before[key] for key in changed}, {key: after[key] for key in changed} | {"moved": moved}
        await _record(session, "change_webhook", webhook, *told, now=now, by=by)


async def renew_secret(session: WriteSession, webhook: Webhook, *, now: datetime, by: Decider) -> None:
    """Give it a new secret; for a day the old one signs beside it."""
    webhook.secret_before, webhook.secret_before_until = webhook.secret, now + OLD_SECRET_SIGNS_FOR
    webhook.secret = new_secret()
    await _record(session, "renew_webhook_secret", webhook, None, None, now=now, by=by)


async def remove_webhook(session: WriteSession, webhook: Webhook, *, now: datetime, by: Decider) -> None:
    """Take it away with all its deliveries."""
    await _record(session, "remove_webhook", webhook, _facts(webhook), None, now=now, by=by)
    await session.delete(webhook)
    await session.flush()


async def try_webhook(session: WriteSession, webhook: Webhook, *, now: datetime) -> Delivery:
    """Send it an event of its own, which says nothing but that it gets through.

    Raises:
        NotNow: it is disabled.
    """
    if not webhook.enabled:
        raise NotNow("This webhook is disabled. Enable it first.")
    body = canonical({"type": TEST, "timestamp": rfc3339(now), "data": {"webhook": webhook.id}})
    subject = f"webhook:{webhook.id}"
    delivery = delivery_to(webhook, body, key=f"{subject}:test:{new_id(now)}", subject=subject, seq=0, now=now)
    session.add(delivery)
    await session.flush()
    return delivery


async def list_deliveries(
    session: AsyncSession, webhook: Webhook, *, cursor: str | None, limit: int
) -> shapes.DeliveryPage:
    """What became of what it was sent, the newest first; two queries however many."""
    list_key = f"deliveries {webhook.id}"
    query = select(Delivery).where(Delivery.webhook_id == webhook.id).order_by(col(Delivery.id).desc())
    if cursor is not None:
        query = query.where(col(Delivery.id) < read_cursor(list_key, cursor)[0])
    rows = (await session.exec(query.limit(limit + 1))).all()
    shown = rows[:limit]
    tried = select(DeliveryAttempt).where(col(DeliveryAttempt.delivery_id).in_([row.id for row in shown]))
    attempts: dict[str, list[DeliveryAttempt]] = defaultdict(list)
    for attempt in await session.exec(tried.order_by(col(DeliveryAttempt.id))):
        attempts[attempt.delivery_id].append(attempt)
    return shapes.DeliveryPage(
        items=[shapes.delivery_view(row, json.loads(row.payload)["type"], attempts[row.id]) for row in shown],
        next=write_cursor(list_key, shown[-1].id) if len(rows) > limit else None,
    )


def _facts(webhook: Webhook) -> dict[str, Any]:
    return {
        "host": urlsplit(webhook.url).hostname,
        "purpose": webhook.purpose,
        "events": list(webhook.events),
        "enabled": webhook.enabled,
    }


async def _record(
    session: WriteSession,
    act: str,
    webhook: Webhook,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    now: datetime,
    by: Decider,
) -> None:
    subject = f"webhook:{webhook.id}"
    await record_decision(session, act=act, subject=subject, before=before, after=after, now=now, by=by, public=False)
