"""Answers a public document so that readers and caches ask for it as seldom as possible.

Strong ETag over the bytes, Last-Modified, 304 for either (RFC 9110 §13), shared freshness rules, and CORS
for public GETs. It renders nothing and knows no list. Called by ``routes``.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request
from fastapi.responses import Response

FRESH = "public, max-age=60, stale-while-revalidate=60, stale-if-error=86400"
"""A list may be a minute old; while our side is down, a day."""
FROZEN = "public, max-age=300, stale-if-error=604800"
"""A closed day changes only by a chief's hand."""


def answer(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    updated_at: datetime,
    now: datetime,
    cache_control: str = FRESH,
) -> Response:
    """The document, or 304 when the client has these bytes already.

    Last-Modified counts whole seconds, so a second that is not over yet is not given out nor compared: a
    later change within it would look like the same moment (RFC 9110 §8.8.2.2).
    """
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    modified = updated_at.astimezone(UTC).replace(microsecond=0)
    settled = now >= modified + timedelta(seconds=1)
    headers = {
        "ETag": tag,
        "Cache-Control": cache_control,
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }
    if settled:
        headers["Last-Modified"] = format_datetime(modified, usegmt=True)
    if _is_unchanged(request, tag, modified if settled else None):
        return Response(status_code=304, headers=headers)
    text = media_type.startswith("text/") or media_type.endswith(("json", "xml"))
    headers["Content-Type"] = f"{media_type}; charset=utf-8" if text else media_type
    return Response(body, headers=headers)


def _is_unchanged(request: Request, tag: str, modified: datetime | None) -> bool:
    # If-None-Match decides alone when present (RFC 9110 §13.2.2).
    wanted = request.headers.get("if-none-match")
    if wanted is not None:
        known = {part.strip().removeprefix("W/") for part in wanted.split(",")}
        return "*" in known or tag in known
    since = request.headers.get("if-modified-since")
    if since is None or modified is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False  # a date that cannot be read is ignored (RFC 9110 §13.1.3)
    return moment.tzinfo is not None and modified <= moment
