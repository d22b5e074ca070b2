"""``/status`` and ``/status.json``: how sources, newsroom and what goes out stand, for anyone to see.

It stands above the stages because each of them knows its own part only. Mounted at the root by ``app``.
"""

import json
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.db import ReadSession
from service.fetching.outcomes import ANSWERED
from service.fetching.public_routes import cacheable
from service.fetching.status import fetching_status
from service.outgoing.standing import outgoing_status
from service.publishing.pages import render_page
from service.publishing.routes import SiteDep
from service.publishing.standing import newsroom_status
from service.settings import Settings
from service.web import Now, Read, runtime_of

router = APIRouter(tags=["public"])


@router.api_route("/status.json", methods=["GET", "HEAD"], operation_id="get_status")
async def get_status(request: Request, session: Read, now: Now) -> Response:
    """Whether the service works, so that a quiet day can be told from a breakdown.

    When the sources were last asked and how each answered; today's list, the last digest, the last thing that a
    person did; mails, pings and webhooks by how they stand; and what raises an alarm.
    """
    document = await _status(session, runtime_of(request).settings, now=now)
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return cacheable(request, body, "application/json")


@router.api_route("/status", methods=["GET", "HEAD"], include_in_schema=False)
async def get_status_page(request: Request, session: Read, site: SiteDep, now: Now) -> Response:
    """The same as a page for people."""
    document = await _status(session, runtime_of(request).settings, now=now)
    answered = {outcome.value for outcome in ANSWERED}
    body = render_page("status", site, "/status", status=document, answered=answered, now=now)
    return cacheable(request, body, "text/html")


async def _status(session: ReadSession, settings: Settings, *, now: datetime) -> dict[str, Any]:
    sources = await fetching_status(session, now=now)
    newsroom = await newsroom_status(session, calendar=settings.calendar, now=now)
    digest = newsroom["digest"]
    outgoing = await outgoing_status(session, settings, digest_day=digest["day"] if digest else None)
    return {**newsroom, "outgoing": outgoing, "alarms": _alarms(sources, outgoing), **sources}


def _alarms(sources: dict[str, Any], outgoing: dict[str, Any]) -> dict[str, int]:
    """What a person should look at, by where it is."""
    mail = outgoing["mail"]
    return {
        "sources": sources["sources"]["alarms"],
        "mails": mail["failed"] + mail["uncertain"],
        "pings": outgoing["websub"]["failed"],
        "webhooks": outgoing["webhooks"]["in_alarm"],
    }
