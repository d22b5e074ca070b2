"""Webhooks over HTTP, for admins. Answers that hold a secret are marked ``no-store``.

The rules are in ``webhooks``; what is sent, and how it is signed, in ``events`` and ``webhook_signatures``. Mounted
under ``/api/v1`` by ``app``.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from service.desk.cursors import CURSOR_MAX
from service.idempotency import OncePerKey
from service.models import Editor, Webhook
from service.outgoing import webhook_shapes as shapes
from service.outgoing import webhooks
from service.web import API, Now, Read, Version, Write, etag, link_next, may, runtime_of

router = APIRouter(tags=["webhooks"], route_class=OncePerKey)

Admin = Annotated[Editor, Depends(may("manage_webhooks"))]


def _with_secret(webhook: Webhook, response: Response) -> shapes.NewSecret:
    response.headers["Cache-Control"] = "no-store"
    response.headers["ETag"] = etag(webhook.version)
    return shapes.NewSecret(**shapes.webhook_view(webhook).model_dump(), secret=webhook.secret)


@router.get("/webhooks", operation_id="list_webhooks")
async def list_webhooks(_by: Admin, session: Read) -> shapes.WebhookList:
    """Every webhook, without its secret."""
    return shapes.WebhookList(items=[shapes.webhook_view(each) for each in await webhooks.list_webhooks(session)])


@router.post("/webhooks", operation_id="add_webhook", status_code=201)
async def add_webhook(
    body: shapes.WebhookIn, by: Admin, session: Write, now: Now, request: Request, response: Response
) -> shapes.NewSecret:
    """Tell an address of what is published; the answer is the only time that its secret is shown."""
    allowed = runtime_of(request).settings.allowed_networks
    webhook = await webhooks.add_webhook(session, body, allowed=allowed, now=now, by=by)
    response.headers["Location"] = f"{API}/webhooks/{webhook.id}"
    return _with_secret(webhook, response)


@router.get("/webhooks/{webhook_id}", operation_id="get_webhook")
async def get_webhook(webhook_id: str, _by: Admin, session: Read, response: Response) -> shapes.WebhookOut:
    """One webhook; its ETag is what a change must carry."""
    webhook = await webhooks.get_webhook(session, webhook_id)
    response.headers["ETag"] = etag(webhook.version)
    return shapes.webhook_view(webhook)


@router.patch("/webhooks/{webhook_id}", operation_id="change_webhook")
async def change_webhook(
    webhook_id: str,
    body: shapes.WebhookPatch,
    by: Admin,
    session: Write,
    version: Version,
    now: Now,
    request: Request,
    response: Response,
) -> shapes.WebhookOut:
    """Change its address, events or purpose, disable it, or enable it again."""
    webhook = await webhooks.webhook_for_change(session, webhook_id, version)
    allowed = runtime_of(request).settings.allowed_networks
    await webhooks.change_webhook(session, webhook, body, allowed=allowed, now=now, by=by)
    response.headers["ETag"] = etag(webhook.version)
    return shapes.webhook_view(webhook)


@router.delete("/webhooks/{webhook_id}", operation_id="remove_webhook", status_code=204)
async def remove_webhook(webhook_id: str, by: Admin, session: Write, version: Version, now: Now) -> None:
    """Take it away with all its deliveries."""
    webhook = await webhooks.webhook_for_change(session, webhook_id, version)
    await webhooks.remove_webhook(session, webhook, now=now, by=by)


@router.post("/webhooks/{webhook_id}/secret", operation_id="renew_webhook_secret", status_code=201)
async def renew_secret(
    webhook_id: str, by: Admin, session: Write, version: Version, now: Now, response: Response
) -> shapes.NewSecret:
    """A new secret, shown this once; for 24 hours deliveries are signed with the old one, too."""
    webhook = await webhooks.webhook_for_change(session, webhook_id, version)
    await webhooks.renew_secret(session, webhook, now=now, by=by)
    return _with_secret(webhook, response)


@router.post("/webhooks/{webhook_id}/test", operation_id="try_webhook", status_code=202)
async def try_webhook(webhook_id: str, _by: Admin, session: Write, now: Now) -> shapes.DeliveryOut:
    """Send it a `webhook.test` event; what becomes of it stands among its deliveries."""
    webhook = await webhooks.get_webhook(session, webhook_id)
    return shapes.delivery_view(await webhooks.try_webhook(session, webhook, now=now), "webhook.test", [])


@router.get("/webhooks/{webhook_id}/deliveries", operation_id="list_deliveries")
async def list_deliveries(
    webhook_id: str,
    _by: Admin,
    session: Read,
    request: Request,
    response: Response,
    cursor: Annotated[str | None, Query(max_length=CURSOR_MAX)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> shapes.DeliveryPage:
    """What became of what it was sent, attempt by attempt, the newest first."""
    webhook = await webhooks.get_webhook(session, webhook_id)
    page = await webhooks.list_deliveries(session, webhook, cursor=cursor, limit=limit)
    if page.next is not None:
        link_next(request, response, cursor=page.next)
    return page
