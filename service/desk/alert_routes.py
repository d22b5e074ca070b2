"""What sources changed after publication, over HTTP: the list, and "I have seen it". Mounted under ``/api/v1``."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from service.desk import alerts
from service.idempotency import OncePerKey
from service.models import Editor
from service.web import Now, Read, Write, may

router = APIRouter(tags=["alerts"], route_class=OncePerKey)


@router.get("/alerts", operation_id="list_alerts")
async def list_alerts(
    _by: Annotated[Editor, Depends(may("read"))],
    session: Read,
    seen: Annotated[
        bool | None, Query(description="`true`: those that somebody has seen. Without it: those that nobody has.")
    ] = False,
    limit: Annotated[int, Query(ge=1, le=alerts.MOST_ALERTS)] = 50,
) -> alerts.AlertList:
    """Changed headlines and summaries, vanished pages and moved stories, the newest first, with both texts."""
    return await alerts.list_alerts(session, seen=seen, limit=limit)


@router.post("/alerts/{alert_id}/seen", operation_id="see_alert")
async def see_alert(
    alert_id: str, by: Annotated[Editor, Depends(may("triage"))], session: Write, now: Now
) -> alerts.AlertOut:
    """Take an alert off the list; the first who saw it stays, so a repeat changes nothing and needs no version."""
    return await alerts.see_alert(session, alert_id, now=now, by=by)
