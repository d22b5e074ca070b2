"""The desk's preview of a day's list, in every format that readers can have. Mounted under ``/api/v1`` by ``app``.

An account is needed, and no cache keeps an answer. The loader is ``preview``'s; nothing here is reachable from a
public address.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from service.errors import NotFound
from service.headers import Kind, policy_of
from service.models import Editor
from service.publishing import digest
from service.publishing.formats import BUILT_IN, Format
from service.publishing.preview import load_preview, preview_item
from service.publishing.routes import DigestSiteDep, SiteDep, digest_type
from service.web import CalendarDep, Now, Read, may
from service.written import IsoDay

router = APIRouter(tags=["editions"])

Reader = Annotated[Editor, Depends(may("read"))]


@router.get(
    "/editions/{day}/preview.{extension}",
    operation_id="preview_edition",
    response_class=Response,
    responses={200: {"content": {known.media_type: {} for known in BUILT_IN}}},
)
async def preview_edition(
    day: IsoDay,
    extension: str,
    _by: Reader,
    session: Read,
    site: SiteDep,
    calendar: CalendarDep,
    now: Now,
    request: Request,
) -> Response:
    """How the day's list will look with its drafts and scheduled items, as `json`, `rss`, `atom` or `html`.

    An item that is not public has no record yet, stands under a `urn:huoban:preview:` id and shows who placed it; its
    time is the one it is scheduled for, or now.
    """
    formats: dict[str, Format] = request.app.state.formats
    if extension not in formats:
        raise NotFound(f"There is no format '.{extension[:20]}'. There are: .{', .'.join(sorted(formats))}.")
    chosen = formats[extension]
    edition = await load_preview(session, day, site=site, calendar=calendar, now=now)
    return _shown(chosen.render(edition), chosen.media_type, Kind.PUBLIC)


@router.get(
    "/editions/{day}/preview/digest.{extension}",
    operation_id="preview_digest",
    response_class=Response,
    responses={200: {"content": {media_type: {} for media_type in digest.MEDIA_TYPES.values()}}},
)
async def preview_digest(
    day: IsoDay, extension: str, _by: Reader, session: Read, site: DigestSiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """How the day's digest will look, as `json`, `html`, `txt` or `md`. Items without a tag, which could not be
    published, are left out: a digest is arranged by country."""
    media_type = digest_type(extension)
    edition = await load_preview(session, day, site=site, calendar=calendar, now=now)
    tagged = replace(edition, items=tuple(item for item in edition.items if item.tags))
    return _shown(digest.render_digest(tagged, extension), media_type, Kind.STYLED)


class ItemPreviewOut(BaseModel):
    """How one item will read."""

    model_config = ConfigDict(from_attributes=True)

    rss_title: str
    rss_description: str = Field(description="As plain text: what a reader program shows.")
    digest: str = Field(description="Its lines of the plain digest; empty while it has no country.")


@router.get("/editions/{day}/items/{story_id}/preview", operation_id="preview_item")
async def get_item_preview(
    day: IsoDay,
    story_id: str,
    _by: Reader,
    session: Read,
    site: SiteDep,
    digest_site: DigestSiteDep,
    calendar: CalendarDep,
    now: Now,
    response: Response,
    headline: Annotated[str | None, Query(max_length=500, description="Instead of its own; empty: its own.")] = None,
    blurb: Annotated[str | None, Query(max_length=2_000, description="Instead of its own.")] = None,
) -> ItemPreviewOut:
    """How one item will read in RSS and in the digest, with other words where some are given; nothing is stored."""
    response.headers["Cache-Control"] = "private, no-store"
    shown = await preview_item(
        session,
        day,
        story_id,
        headline=headline or None,
        blurb=blurb,
        site=site,
        digest_site=digest_site,
        calendar=calendar,
        now=now,
    )
    return ItemPreviewOut.model_validate(shown)


def _shown(body: bytes, media_type: str, kind: Kind) -> Response:
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": policy_of(kind),  # a page here may look as it will at its public address
        "X-Robots-Tag": "noindex",
    }
    return Response(body, media_type=media_type, headers=headers)
