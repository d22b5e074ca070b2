"""What the public reads, no account asked: lists in every format, digests, stories, the ledger, health.

Every document goes out through ``caching.answer``. Routes choose and translate; the queries are in ``load``
and the words in ``formats``. Mounted at the root by ``app``.
"""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from service.errors import NotFound
from service.journal import ledger_lines
from service.publishing import caching, digest, load, pages
from service.publishing.edition import PublicEdition, Site
from service.publishing.formats import Format
from service.settings import Settings
from service.web import CalendarDep, Now, Read, runtime_of

router = APIRouter(tags=["public"])


def site_of(settings: Settings) -> Site:
    """The facts about this newsroom that stand in every document."""
    return Site(title=settings.site_title, base_url=settings.base_url, zone=settings.timezone)


def _site(request: Request) -> Site:
    return site_of(runtime_of(request).settings)


SiteDep = Annotated[Site, Depends(_site)]


def _format(request: Request, extension: str) -> Format:
    formats: dict[str, Format] = request.app.state.formats
    if extension not in formats:
        raise NotFound(f"There is no format '.{extension[:20]}'. There are: .{', .'.join(sorted(formats))}.")
    return formats[extension]


def _list(request: Request, extension: str, edition: PublicEdition, now: datetime) -> Response:
    chosen = _format(request, extension)
    frozen = caching.FROZEN if edition.state == "closed" and edition.path != "/daily" else caching.FRESH
    return caching.answer(
        request,
        chosen.render(edition),
        chosen.media_type,
        updated_at=edition.updated_at,
        now=now,
        cache_control=frozen,
    )


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def get_front_page(request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now) -> Response:
    """Today's list as a page."""
    edition = await load.load_daily(session, site=site, calendar=calendar, now=now)
    return _list(request, "html", edition, now)


@router.api_route("/daily.{extension}", methods=["GET", "HEAD"], operation_id="get_daily")
async def get_daily(
    extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """Today's list; before the first item of a day, the last day that has one."""
    edition = await load.load_daily(session, site=site, calendar=calendar, now=now)
    return _list(request, extension, edition, now)


@router.api_route("/editions/{day}.{extension}", methods=["GET", "HEAD"], operation_id="get_public_edition")
async def get_edition(
    day: date, extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """One day's list."""
    _refuse_future(day, calendar.day_of(now))
    edition = await load.load_edition(session, day, site=site, calendar=calendar, now=now)
    return _list(request, extension, edition, now)


def _refuse_future(day: date, today: date) -> None:
    if day > today:
        raise NotFound(f"{day} has not begun.")


@router.api_route("/latest.{extension}", methods=["GET", "HEAD"], operation_id="get_latest")
async def get_latest(
    extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """The running stream of published items, newest first."""
    edition = await load.load_latest(session, site=site, calendar=calendar, now=now)
    return _list(request, extension, edition, now)


@router.api_route("/digest.{extension}", methods=["GET", "HEAD"], operation_id="get_latest_digest")
async def get_latest_digest(extension: str, session: Read, calendar: CalendarDep, now: Now) -> Response:
    """Leads to the digest of the last day that has an item, or of today."""
    _digest_type(extension)
    today = calendar.day_of(now)
    days = [day for day, _ in await load.list_days(session) if day <= today]
    target = f"/digest/{(days[0] if days else today).isoformat()}.{extension}"
    return RedirectResponse(target, status_code=307, headers={"Cache-Control": caching.FRESH})


def _digest_type(extension: str) -> str:
    if extension not in digest.MEDIA_TYPES:
        raise NotFound(f"There is no digest '.{extension[:20]}'. There are: .{', .'.join(digest.MEDIA_TYPES)}.")
    return digest.MEDIA_TYPES[extension]


@router.api_route("/digest/{day}.{extension}", methods=["GET", "HEAD"], operation_id="get_digest")
async def get_digest(
    day: date, extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """The day's digest: the same bytes each time once the edition is closed, before that with state ``open``."""
    media_type = _digest_type(extension)
    _refuse_future(day, calendar.day_of(now))
    body, updated_at = await load.load_digest(session, day, extension, site=site, calendar=calendar, now=now)
    return caching.answer(request, body, media_type, updated_at=updated_at, now=now)


@router.api_route("/archive", methods=["GET", "HEAD"], include_in_schema=False)
async def get_archive(request: Request, session: Read, site: SiteDep, now: Now) -> Response:
    """The days that have a list, as a page."""
    days = await load.list_days(session)
    body = pages.render_archive(site, days)
    return caching.answer(request, body, "text/html", updated_at=now, now=now)


@router.api_route("/stories/{story_id}", methods=["GET", "HEAD"], operation_id="get_public_story")
async def get_story(
    story_id: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """One published story as a page, with its decision record; 410 with the reason once it is withdrawn."""
    item = await load.load_item(session, story_id, site=site, calendar=calendar, now=now)
    record = await load.public_record(session, story_id)
    body = pages.render_story(site, item, record)
    return caching.answer(request, body, "text/html", updated_at=item.updated_at, now=now)


@router.api_route("/ledger.jsonl", methods=["GET"], operation_id="get_ledger")
async def get_ledger(request: Request) -> Response:
    """The journal as anyone may verify it: public decisions in full, private ones as hashes."""
    database = runtime_of(request).database

    async def lines() -> AsyncIterator[str]:
        async with database.read() as session:
            async for line in ledger_lines(session):
                yield f"{line}\n"

    headers = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
    return StreamingResponse(lines(), media_type="application/jsonl", headers=headers)


@router.get("/health/live", operation_id="is_alive")
async def is_alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/health/ready", operation_id="is_ready")
async def is_ready(session: Read) -> dict[str, str]:
    """The process answers and its database does."""
    await load.ping(session)
    return {"status": "ready"}
