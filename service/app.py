"""The ASGI door: opens the runtime for the life of the process and mounts every stage's routes.

``create_app`` is all that a server needs. Nothing is opened at import. What the command line shares with it is in
``opening``, which knows no web.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
from fastapi import APIRouter, Depends, FastAPI
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from service import __version__, adding_pages, adding_routes, blind_spots, source_pages
from service.arriving import Arrivals, Names
from service.clock import Clock, utc_now
from service.desk import (
    account_routes,
    accounts,
    alert_routes,
    api_docs,
    edition_routes,
    events_routes,
    handover_routes,
    journal_routes,
    preference_routes,
)
from service.desk import pages as desk_pages
from service.desk import routes as story_routes
from service.desk.closing import Freeze
from service.desk.edition_screen import Preview
from service.desk.live import watching
from service.fetching import public_routes as fetching_public_routes
from service.fetching import routes as fetching_routes
from service.fetching import websub_routes
from service.fetching.parsers import ParserPool
from service.front import Front
from service.headers import SecurityHeaders
from service.logs import configure_logging
from service.methods import Methods
from service.metrics import routes as metrics_routes
from service.metrics.counting import CountRequests, RequestCounts
from service.openapi import describe
from service.opening import open_service, spare_collector
from service.outgoing import webhook_pages, webhook_routes
from service.partnerships import routes as partnership_routes
from service.publishing import (
    freezing,
    ledger_routes,
    page_routes,
    preview,
    preview_routes,
    register_routes,
    research_routes,
)
from service.publishing import routes as publishing_routes
from service.publishing.formats import load_formats
from service.publishing.languages import InLanguage
from service.publishing.serving import KeptDocuments, PublicCache
from service.rates import RateLimit
from service.runtime import Runtime
from service.scheduling import scheduling
from service.settings import Settings, load_settings
from service.signing_in import routes as signing_in_routes
from service.signing_in.provider import configured_provider
from service.status_routes import router as status_router
from service.stopping import told_to_stop
from service.tracing import request_spans, start_tracing
from service.translations import LANGUAGES
from service.web import API, answer_errors, refuse_nul

_HERE = Path(__file__).parent


def freezer(settings: Settings) -> Freeze:
    """How a closing edition's digest is rendered: the one call that goes from the desk to publishing."""
    return partial(freezing.freeze_digest, site=publishing_routes.digest_site_of(settings), calendar=settings.calendar)


def previewer(settings: Settings) -> Preview:
    """How the desk's pages show an item as its readers will have it: by publishing's own renderers."""
    return partial(
        preview.preview_item,
        site=publishing_routes.site_of(settings),
        digest_site=publishing_routes.digest_site_of(settings),
        calendar=settings.calendar,
    )


@asynccontextmanager
async def _ticking(runtime: Runtime, parsers: ParserPool, freeze: Freeze) -> AsyncIterator[Callable[[], None]]:
    """The clock's jobs for as long as the block lasts, where they are this process's; gives what begins their stop."""
    if not runtime.settings.scheduler:
        yield lambda: None
        return
    async with scheduling(runtime, parsers, freeze=freeze) as metronome:
        yield metronome.begin_stop


def create_app(
    settings: Settings, *, clock: Clock = utc_now, transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """The whole service as an ASGI application, on a database that ``prepare`` made ready."""

    kept, counts = KeptDocuments(), RequestCounts(_first_parts())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_service(settings, clock=clock, transport=transport) as runtime,
            ParserPool(workers=os.cpu_count() or 1) as parsers,
            watching(runtime.database) as watch,
            aclosing(kept),
        ):
            app.state.runtime, app.state.parsers, app.state.watch = runtime, parsers, watch
            async with _ticking(runtime, parsers, app.state.freeze_digest) as begin_stop:
                with told_to_stop(watch.close, begin_stop):
                    yield

    app = Front(
        Names(settings),
        kept,
        counts,
        title="Huoban",
        version=__version__,
        summary="The news desk for newsrooms that follow China and the Global South.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # FastAPI's pages load scripts from a third party; ours is `api_docs`
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(refuse_nul)],
        # Asking whether there is a collector costs a third of a kept answer, on each request: known before.
        telemetry=request_spans(),
    )
    _wire(app, settings)
    answer_errors(app)
    app.add_middleware(Methods, routes=app.routes)
    app.add_middleware(RateLimit, clock=clock)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(PublicCache, kept=kept)
    app.state.request_counts = counts
    app.add_middleware(CountRequests, counts=counts)
    app.add_middleware(Arrivals, settings=settings)  # the last one added stands in front of all others
    _mount(app, settings)
    return app


def _wire(app: FastAPI, settings: Settings) -> None:
    """Hand the routes what they share, and the desk what publishing does for it."""
    app.state.formats = load_formats()
    app.state.freeze_digest = freezer(settings)
    app.state.preview_item = previewer(settings)
    app.state.sign_ins = accounts.SignInThrottle()
    app.state.provider = configured_provider(settings)
    app.state.problem_page = partial(publishing_routes.problem_page, settings)


def _mount(app: FastAPI, settings: Settings) -> None:
    """Give the application its routes, and describe those of the API."""
    for router in _outside_the_api():
        app.include_router(router)
    for router in _editor_api():
        app.include_router(router, prefix=API)
    _mount_languages(app, settings)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    describe(app, _editor_api())


def _outside_the_api() -> tuple[APIRouter, ...]:
    # FastAPI makes a router ready when it first looks there for an address: what readers ask for, and whoever waits
    # for the service to be up, stands before the many routes of the desk.
    return (
        *_readers(),
        accounts.pages,
        adding_pages.router,
        source_pages.router,
        webhook_pages.router,
        blind_spots.pages,
        desk_pages.router,
        signing_in_routes.router,
        api_docs.router,
        fetching_public_routes.router,
        websub_routes.router,
        metrics_routes.router,
    )


def _readers() -> tuple[APIRouter, ...]:
    """What readers and their programs ask for, pages and data."""
    modules = (publishing_routes, page_routes, register_routes, ledger_routes)
    return (*(module.router for module in modules), research_routes.public, status_router)


def _mount_languages(app: FastAPI, settings: Settings) -> None:
    pages = APIRouter(dependencies=[Depends(refuse_nul)])
    for router in _readers():
        pages.include_router(router)
    root = publishing_routes.site_of(settings).root
    for language in LANGUAGES:
        app.mount(f"/{language}", InLanguage(pages, language, root=root), name=f"pages-{language}")


def _first_parts() -> set[str]:
    """How the paths of the public documents begin, which are answered before any route is asked."""
    routers = (*_readers(), fetching_public_routes.router)
    paths = [route.path for router in routers for route in router.routes if isinstance(route, Route)]
    return {path.split("/", 2)[1].partition(".")[0] for path in paths} | {"static", "", *LANGUAGES}


def _editor_api() -> tuple[APIRouter, ...]:
    return (
        accounts.router,
        account_routes.router,
        preference_routes.router,
        adding_routes.router,
        story_routes.router,
        edition_routes.router,
        preview_routes.router,
        events_routes.router,
        alert_routes.router,
        journal_routes.router,
        handover_routes.router,
        blind_spots.router,
        fetching_routes.router,
        partnership_routes.router,
        webhook_routes.router,
        research_routes.router,
    )


def create_app_from_environment() -> FastAPI:
    """For a server that starts several processes: each builds its own app from the environment."""
    spare_collector()
    settings = load_settings()
    configure_logging(settings)
    start_tracing(__version__)
    return create_app(settings)
