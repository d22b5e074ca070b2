"""What anyone may see of the sources: ``/sources.opml``; their part of ``/status.json`` is ``status``'s.

Routes translate; what is shown of an address is ``disclosure``'s rule. Mounted at the root by ``app``.
"""

import hashlib

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.fetching import opml
from service.fetching.catalogue import list_feeds
from service.fetching.disclosure import holds_secret
from service.web import Read, runtime_of

router = APIRouter(tags=["public"])

_CACHE = "public, max-age=60, stale-while-revalidate=60"


@router.api_route("/sources.opml", methods=["GET", "HEAD"], operation_id="get_sources_opml")
async def get_sources(request: Request, session: Read) -> Response:
    """The sources that are followed, as a list that any reader program takes; without addresses that hold a key."""
    feeds = [feed for feed in await list_feeds(session) if feed.enabled and not holds_secret(feed)]
    body = opml.export_opml(feeds, title=f"{runtime_of(request).settings.site_title}: sources")
    return cacheable(request, body, opml.MEDIA_TYPE)


def cacheable(request: Request, body: bytes, media_type: str) -> Response:
    """The document, or 304 when the client has these bytes already (RFC 9110 §13.1.2)."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Cache-Control": _CACHE,
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
