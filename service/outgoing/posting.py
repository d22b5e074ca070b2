"""One POST to somebody else's server: a ping to the hub, or a webhook. Through the guarded client, like any request.

A ping says which list changed (``hub.mode=publish``, ``hub.url``; WebSub leaves the form to hubs, and this is the
one that they all know). A webhook is signed by Standard Webhooks; its id and body stay the same however often it is
tried, its timestamp and signature are those of the attempt. Redirects are not followed, answers not read. Called by
``sending``.
"""

import asyncio
from datetime import datetime
from typing import Any

import aiohttp
import httpx

from service.fetching.guard import RefusedAddress, check_url
from service.fetching.verdict import describe, parse_retry_after
from service.models import Delivery, Webhook
from service.outgoing.outbox import Ending
from service.outgoing.webhook_signatures import signed_headers
from service.runtime import Runtime, user_agent
from service.words import DeliveryState

DEADLINE = 20.0
"""Seconds for a whole request; Standard Webhooks recommends 15 to 30."""
_OVERLOADED = frozenset({429, 502, 503, 504})
_EXPECTED = (RefusedAddress, httpx.HTTPError, aiohttp.ClientError, OSError)


async def ping_hub(runtime: Runtime, claimed: Delivery, *, now: datetime) -> Ending:
    """Tell the hub that a list changed."""
    if not runtime.settings.websub_hub:
        return Ending(DeliveryState.FAILED, "no hub is set any more")
    form = {"hub.mode": "publish", "hub.url": claimed.target}
    return await _post(runtime, runtime.settings.websub_hub, {}, now=now, data=form)


async def post_webhook(runtime: Runtime, claimed: Delivery, *, now: datetime) -> Ending:
    """Deliver one event."""
    async with runtime.database.read() as session:
        webhook = await session.get(Webhook, claimed.webhook_id)
    if webhook is None or not webhook.enabled:
        return Ending(DeliveryState.FAILED, "the webhook was disabled")
    keys = [webhook.secret]
    if webhook.secret_before and webhook.secret_before_until and now < webhook.secret_before_until:
        keys.append(webhook.secret_before)
    body = claimed.payload.encode()
    headers = signed_headers(keys, message_id=claimed.id, timestamp=int(now.timestamp()), body=body)
    return await _post(runtime, webhook.url, {**headers, "Content-Type": "application/json"}, now=now, content=body)


async def _post(runtime: Runtime, url: str, headers: dict[str, str], *, now: datetime, **body: Any) -> Ending:
    sent = {**headers, "User-Agent": user_agent(runtime.settings), "Accept-Encoding": "identity", "Connection": "close"}
    try:
        check_url(url)
        async with asyncio.timeout(DEADLINE):
            async with runtime.client.stream(
                "POST", url, headers=sent, auth=None, follow_redirects=False, **body
            ) as response:
                return _ending(response.status_code, response.headers.get("retry-after"), now)
    except _EXPECTED as error:
        return Ending(DeliveryState.WAITING, describe(error), lane_down=True)


def _ending(status: int, retry_after: str | None, now: datetime) -> Ending:
    if 200 <= status < 300:
        return Ending(DeliveryState.SENT, "taken", status)
    if status == 410:
        return Ending(DeliveryState.FAILED, "gone", status, gone=True)
    asked = parse_retry_after(retry_after, now)
    return Ending(
        DeliveryState.WAITING,
        f"answered {status}",
        status,
        wait=asked.seconds if asked else None,
        lane_down=status in _OVERLOADED,
    )
