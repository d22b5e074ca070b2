"""What reader programs ask for: lists and streams in every format, digests, health.

Each route renders one document and hands it to ``serving``, which keeps and answers it. Routes choose and
translate; the queries are in ``load`` and ``stream_load``, the words in ``formats``. The pages that are no list are
``page_routes``'. Mounted at the root by ``app``.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import NotFound
from service.headers import Kind
from service.publishing import caching, digest, freezing, load, pages, stream_load
from service.publishing.caching import Document
from service.publishing.edition import PublicEdition, Site
from service.publishing.formats import Format
from service.publishing.formats.facts import link_header
from service.publishing.languages import interface_of
from service.publishing.serving import Rendered
from service.publishing.stream_pages import render_stream
from service.publishing.streams import Stream, read_stream
from service.settings import Settings
from service.translations import SOURCE, nearest, translations
from service.web import CalendarDep, Now, Read, runtime_of
from service.written import IsoDay

router = APIRouter(tags=["public"])
READ = ["GET", "HEAD"]


def site_of(settings: Settings, interface: str = SOURCE) -> Site:
    """The facts about this newsroom that stand in every document, and the language of its words."""
    return Site(
        title=settings.site_title,
        base_url=settings.base_url,
        zone=settings.timezone,
        language=settings.language,
        hub=settings.websub_hub or None,
        interface=interface,
    )


def digest_site_of(settings: Settings) -> Site:
    """The same for the digest, which exists once: in the newsroom's own language, where the interface is in it."""
    return site_of(settings, nearest(settings.language))


def _digest_site(request: Request) -> Site:
    return digest_site_of(runtime_of(request).settings)


def _site(request: Request) -> Site:
    return site_of(runtime_of(request).settings, interface_of(request.scope["path"]))


def problem_page(settings: Settings, path: str, problem: Mapping[str, Any]) -> bytes:
    """An error as a page in the language of the path asked for; ``problem`` is the body of the RFC 9457 answer."""
    return pages.render_problem(site_of(settings, interface_of(path)), problem)


SiteDep = Annotated[Site, Depends(_site)]
DigestSiteDep = Annotated[Site, Depends(_digest_site)]


def moved(site: Site, path: str, query: str = "") -> Response:
    """Sends the reader to the one address of what was asked for, for good (RFC 9110 §15.4.9)."""
    target = f"{site.pages}{path}{f'?{query}' if query else ''}"
    return RedirectResponse(target, status_code=308, headers={"Cache-Control": caching.MOVED})


def refuse_future(site: Site, day: date, today: date) -> None:
    """Raises NotFound for a day that has not begun in the newsroom."""
    if day > today:
        told = translations(site.interface).gettext("%(day)s has not begun.")
        raise NotFound(told % {"day": day}, language=site.interface)


def _format(request: Request, extension: str) -> Format:
    formats: dict[str, Format] = request.app.state.formats
    if extension not in formats:
        raise NotFound(f"There is no format '.{extension[:20]}'. There are: .{', .'.join(sorted(formats))}.")
    return formats[extension]


def _day_list(request: Request, extension: str, edition: PublicEdition) -> Response:
    chosen = _format(request, extension)
    frozen = edition.state == "closed" and edition.path != "/daily"
    lasts = caching.FROZEN if frozen else caching.FRESH
    link = link_header(edition, extension)
    return Rendered(Document(chosen.render(edition), chosen.media_type, lasts, link=link))


@router.api_route("/", methods=READ, include_in_schema=False)
async def get_front_page(request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now) -> Response:
    """Today's list as a page."""
    return _day_list(request, "html", await load.load_daily(session, site=site, calendar=calendar, now=now))


@router.api_route("/daily.{extension}", methods=READ, operation_id="get_daily")
async def get_daily(
    extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """Today's list; before the first item of a day, the last day that has one."""
    return _day_list(request, extension, await load.load_daily(session, site=site, calendar=calendar, now=now))


@router.api_route("/editions/{day}.{extension}", methods=READ, operation_id="get_public_edition")
async def get_edition(
    day: IsoDay, extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """One day's list."""
    refuse_future(site, day, calendar.day_of(now))
    edition = await load.load_edition(session, day, site=site, calendar=calendar, now=now)
    return _day_list(request, extension, edition)


@router.api_route("/latest.{extension}", methods=READ, operation_id="get_latest")
async def get_latest(
    extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """The running stream of published items, newest first; narrow it by `country`, `region`, `tier`, `language`.

    `week=2026-W47` gives what was published in that week; each page links to the one before it.
    """
    return await _stream(request, extension, {}, session, site=site, calendar=calendar, now=now)


@router.api_route("/countries/{code}.{extension}", methods=READ, operation_id="get_country")
async def get_country(
    code: str, extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """The stream of one partner, by its code."""
    return await _stream(request, extension, {"country": code}, session, site=site, calendar=calendar, now=now)


@router.api_route("/tiers/{tier}.{extension}", methods=READ, operation_id="get_tier")
async def get_tier(
    tier: str, extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """The stream of one partnership tier."""
    return await _stream(request, extension, {"tier": tier}, session, site=site, calendar=calendar, now=now)


@router.api_route("/regions/{region}.{extension}", methods=READ, operation_id="get_region")
async def get_region(
    region: str, extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """The stream of one region."""
    return await _stream(request, extension, {"region": region}, session, site=site, calendar=calendar, now=now)


async def _stream(
    request: Request,
    extension: str,
    by_path: dict[str, str],
    session: Read,
    *,
    site: Site,
    calendar: CalendarDep,
    now: datetime,
) -> Response:
    chosen = _format(request, extension)
    given = [(name, value) for name, value in request.query_params.multi_items() if name not in by_path]
    stream = read_stream([*by_path.items(), *given])
    if stream.week is not None and stream_load.is_running(stream.week, calendar=calendar, now=now):
        # Only until the week is over: not the permanent kind.
        return _see(site, stream.whole, extension)
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    if (path, request.url.query) != (f"{stream.path}.{extension}", stream.full_query):
        return moved(site, f"{stream.path}.{extension}", stream.full_query)
    edition = await stream_load.load_stream(session, stream, site=site, calendar=calendar, now=now)
    if extension == "html":
        body = await render_stream(session, stream, edition, today=calendar.day_of(now))
    else:
        body = chosen.render(edition)
    lasts = caching.FROZEN if stream.week else caching.FRESH
    link = link_header(edition, extension)
    return Rendered(Document(body, chosen.media_type, lasts, query=stream.full_query, link=link))


def _see(site: Site, stream: Stream, extension: str) -> Response:
    target = f"{site.pages}{stream.path}.{extension}{f'?{stream.query}' if stream.query else ''}"
    return RedirectResponse(target, status_code=307, headers={"Cache-Control": caching.FRESH})


@router.api_route("/digest.{extension}", methods=READ, operation_id="get_latest_digest")
async def get_latest_digest(extension: str, session: Read, site: SiteDep, calendar: CalendarDep, now: Now) -> Response:
    """Leads to the digest of the last day that has an item, or of today."""
    digest_type(extension)
    day = await load.newest_day(session, today=calendar.day_of(now))
    target = f"{site.root}/digest/{day.isoformat()}.{extension}"
    return RedirectResponse(target, status_code=307, headers={"Cache-Control": caching.FRESH})


def digest_type(extension: str) -> str:
    """The media type of a digest. Raises NotFound for one that there is not."""
    if extension not in digest.MEDIA_TYPES:
        raise NotFound(f"There is no digest '.{extension[:20]}'. There are: .{', .'.join(digest.MEDIA_TYPES)}.")
    return digest.MEDIA_TYPES[extension]


@router.api_route("/digest/{day}.{extension}", methods=READ, operation_id="get_digest")
async def get_digest(
    day: IsoDay,
    extension: str,
    session: Read,
    site: DigestSiteDep,
    calendar: CalendarDep,
    now: Now,
    revision: Annotated[int | None, Query(ge=1, le=10_000)] = None,
) -> Response:
    """The day's digest: the same bytes each time once the edition is closed, before that with state ``open``.

    An edition that was opened again and closed anew has a later `revision`; the earlier ones stay as they were.
    """
    media_type = digest_type(extension)
    refuse_future(site, day, calendar.day_of(now))
    body, frozen = await freezing.load_digest(
        session, day, extension, site=site, calendar=calendar, now=now, revision=revision
    )
    lasts = caching.FROZEN if frozen else caching.FRESH
    query = f"revision={revision}" if revision else ""
    return Rendered(Document(body, media_type, lasts, Kind.STYLED, query=query))


@router.get("/health/live", operation_id="is_alive")
async def is_alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/health/ready", operation_id="is_ready")
async def is_ready(request: Request, session: Read) -> dict[str, str]:
    """The process answers, its database does, and there is room for more."""
    await load.ping(session)
    runtime_of(request).database.require_room()
    return {"status": "ready"}
