"""The desk's screen of webhooks, for admins: each with a form for every act, and what became of its last deliveries.

The acts are ``webhooks``', as over the API. A secret is shown once, on the answer to the form that made it, and stands
in no address and no cache. Mounted by ``app``, before the desk's other pages.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from service.desk.cursors import CURSOR_MAX
from service.desk.frame import DeskPage, PostedDep, Visit, VisitDep, shaped, show, went_back
from service.models import Editor, Webhook
from service.outgoing import webhook_shapes as shapes
from service.outgoing import webhooks
from service.outgoing.events import Event
from service.web import Read, Write, may, runtime_of

router = APIRouter(route_class=DeskPage, include_in_schema=False)

Admin = Annotated[Editor, Depends(may("manage_webhooks"))]

LIST = "/desk/webhooks"
_PAGE = 20
"""Deliveries on one page."""


def _with_secret(visit: Visit, webhook: Webhook) -> Response:
    return show(visit, "new_secret", webhook=shapes.webhook_view(webhook), secret=webhook.secret)


@router.get(LIST)
async def get_webhooks(visit: VisitDep, _by: Admin, session: Read) -> Response:
    """Every webhook, the oldest first, and the form for one more."""
    found = [shapes.webhook_view(each) for each in await webhooks.list_webhooks(session)]
    return show(visit, "webhooks", webhooks=found, events=tuple(Event))


@router.post(LIST)
async def post_webhook(posted: PostedDep, visit: VisitDep, by: Admin, session: Write, request: Request) -> Response:
    """Add a webhook and show its secret."""
    wanted = shaped(
        shapes.WebhookIn,
        url=posted.one("url") or "",
        events=posted.many("events"),
        purpose=posted.one("purpose"),
    )
    allowed = runtime_of(request).settings.allowed_networks
    return _with_secret(visit, await webhooks.add_webhook(session, wanted, allowed=allowed, now=visit.now, by=by))


@router.get(f"{LIST}/{{webhook_id}}")
async def get_webhook(
    webhook_id: str,
    visit: VisitDep,
    _by: Admin,
    session: Read,
    cursor: Annotated[str | None, Query(max_length=CURSOR_MAX)] = None,
) -> Response:
    """One webhook: what it wants to hear of, and each delivery with its attempts, the newest first."""
    webhook = await webhooks.get_webhook(session, webhook_id)
    page = await webhooks.list_deliveries(session, webhook, cursor=cursor or None, limit=_PAGE)
    return show(visit, "webhook", webhook=shapes.webhook_view(webhook), page=page, events=tuple(Event))


@router.post(f"{LIST}/{{webhook_id}}/change")
async def post_change(
    webhook_id: str, posted: PostedDep, visit: VisitDep, by: Admin, session: Write, request: Request
) -> Response:
    """Change its address, its events or what it is for."""
    wanted = shaped(
        shapes.WebhookPatch,
        url=posted.one("url"),
        events=posted.many("events"),
        purpose=posted.one("purpose"),
    )
    webhook = await webhooks.webhook_for_change(session, webhook_id, posted.version)
    allowed = runtime_of(request).settings.allowed_networks
    await webhooks.change_webhook(session, webhook, wanted, allowed=allowed, now=visit.now, by=by)
    return went_back(posted, "webhook_changed", otherwise=f"{LIST}/{webhook_id}")


@router.post(f"{LIST}/{{webhook_id}}/secret")
async def post_secret(webhook_id: str, posted: PostedDep, visit: VisitDep, by: Admin, session: Write) -> Response:
    """Renew its secret and show the new one."""
    webhook = await webhooks.webhook_for_change(session, webhook_id, posted.version)
    await webhooks.renew_secret(session, webhook, now=visit.now, by=by)
    return _with_secret(visit, webhook)


@router.post(f"{LIST}/{{webhook_id}}/test")
async def post_test(webhook_id: str, posted: PostedDep, visit: VisitDep, _by: Admin, session: Write) -> Response:
    """Send it an event that says nothing but that it gets through."""
    await webhooks.try_webhook(session, await webhooks.get_webhook(session, webhook_id), now=visit.now)
    return went_back(posted, "webhook_tried", otherwise=f"{LIST}/{webhook_id}")


@router.post(f"{LIST}/{{webhook_id}}/remove")
async def post_removal(webhook_id: str, posted: PostedDep, visit: VisitDep, by: Admin, session: Write) -> Response:
    """Take it away with all its deliveries."""
    webhook = await webhooks.webhook_for_change(session, webhook_id, posted.version)
    await webhooks.remove_webhook(session, webhook, now=visit.now, by=by)
    return RedirectResponse(f"{LIST}?did=webhook_removed", status_code=303)


@router.post(f"{LIST}/{{webhook_id}}/{{act}}")
async def post_running(
    webhook_id: str,
    act: Literal["pause", "resume"],
    posted: PostedDep,
    visit: VisitDep,
    by: Admin,
    session: Write,
    request: Request,
) -> Response:
    """Pause a webhook, which gives up what waits for it, or let it hear again."""
    webhook = await webhooks.webhook_for_change(session, webhook_id, posted.version)
    allowed = runtime_of(request).settings.allowed_networks
    wanted = shapes.WebhookPatch(enabled=act == "resume")
    await webhooks.change_webhook(session, webhook, wanted, allowed=allowed, now=visit.now, by=by)
    return went_back(posted, "webhook_resumed" if act == "resume" else "webhook_paused", otherwise=LIST)
