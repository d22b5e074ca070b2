"""How what goes out stands, for ``/status.json``: numbers alone, no address and no host.

Reads only. Called by ``status_routes``, at the door.
"""

from collections import Counter
from typing import Any

from sqlalchemy import select as sa_select
from sqlmodel import col, func
from sqlmodel.ext.asyncio.session import AsyncSession

from service.models import Delivery, Webhook
from service.settings import Settings
from service.words import DeliveryKind, DeliveryState


async def outgoing_status(session: AsyncSession, settings: Settings, *, digest_day: str | None) -> dict[str, Any]:
    """Mails of the last digest by state, pings by state, webhooks by how they do."""
    mails = await _by_state(session, DeliveryKind.MAIL, f"edition:{digest_day}")
    webhooks = (await (await session.connection()).execute(_webhooks())).one()
    return {
        "mail": {"on": bool(settings.smtp_host), "digest": digest_day, **mails},
        "websub": {"on": bool(settings.websub_hub), **await _by_state(session, DeliveryKind.PING, None)},
        "webhooks": {
            "enabled": webhooks.enabled or 0,
            "failing": webhooks.failing or 0,
            "in_alarm": webhooks.in_alarm or 0,
            "waiting": (await _by_state(session, DeliveryKind.WEBHOOK, None))[DeliveryState.WAITING.value],
        },
    }


async def _by_state(session: AsyncSession, kind: DeliveryKind, subject: str | None) -> dict[str, int]:
    query = sa_select(col(Delivery.state), func.count()).where(col(Delivery.kind) == kind)
    if subject is not None:
        query = query.where(col(Delivery.subject) == subject)
    rows = (await (await session.connection()).execute(query.group_by(col(Delivery.state)))).all()
    counts: Counter[str] = Counter()
    for state, count in rows:
        counts[state] = count
    counts[DeliveryState.WAITING] += counts.pop(DeliveryState.SENDING, 0)
    shown = [DeliveryState.WAITING, DeliveryState.SENT, DeliveryState.FAILED]
    if kind is DeliveryKind.MAIL:
        shown.append(DeliveryState.UNCERTAIN)
    return {state.value: counts[state] for state in shown}


def _webhooks() -> Any:
    def number(condition: Any) -> Any:
        return func.count().filter(condition)

    enabled = col(Webhook.enabled)
    return sa_select(
        number(enabled).label("enabled"),
        number(enabled & col(Webhook.failing_since).is_not(None)).label("failing"),
        number(col(Webhook.alarm).is_not(None)).label("in_alarm"),
    ).select_from(Webhook)
