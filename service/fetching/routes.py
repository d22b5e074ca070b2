"""Sources over HTTP: the list, what each says of itself and how it does, and every change a person makes.

Routes translate; the rules are in ``sources``, ``by_hand``, ``catalogue`` and ``discovery``. Those that ask a publisher
hold no database session meanwhile: it would keep every editor waiting. Mounted under ``/api/v1`` by ``app``.
"""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from service.fetching import by_hand, catalogue, date_trial, discovery, importing, opml, reports, schemas, sources
from service.idempotency import OncePerKey
from service.models import Editor
from service.web import API, Now, Read, Version, Write, etag, link_next, may, runtime_of

router = APIRouter(tags=["feeds"], route_class=OncePerKey)

Reader = Annotated[Editor, Depends(may("read"))]
Manager = Annotated[Editor, Depends(may("manage_feeds"))]


@router.get("/feeds", operation_id="list_feeds")
async def list_feeds(
    _by: Reader,
    session: Read,
    now: Now,
    request: Request,
    response: Response,
    enabled: Annotated[bool | None, Query(description="Only those that are fetched, or only those paused.")] = None,
    alarm: Annotated[bool | None, Query(description="Only those with an alarm, or only those without.")] = None,
    region: Annotated[str | None, Query(max_length=32)] = None,
    q: Annotated[str | None, Query(max_length=200, description="Stands in the id, the name or the URL.")] = None,
    cursor: Annotated[str | None, Query(max_length=64, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=sources.PAGE_MOST)] = sources.PAGE_MOST,
) -> schemas.FeedList:
    """The sources with their health, in the order of their ids."""
    wanted = sources.FeedFilter(enabled=enabled, alarm=alarm, region=region, text=q)
    page = await sources.find_feeds(session, wanted, cursor=cursor, limit=limit, now=now)
    if page.next is not None:
        link_next(request, response, cursor=page.next)
    return page


@router.post("/feeds", operation_id="add_feed", status_code=201)
async def add_feed(
    body: schemas.FeedIn, by: Manager, request: Request, response: Response, now: Now
) -> schemas.FeedOut:
    """Add a source; it is fetched within seconds where a scheduler runs.

    Its address is looked at first: what is a web page is refused with the feeds found behind it as suggestions.
    One that does not answer is added all the same: it may be down for the moment.
    """
    view = await by_hand.add_feed(runtime_of(request), request.app.state.parsers, body, now=now, by=by)
    response.headers["Location"] = f"{API}/feeds/{view.id}"
    response.headers["ETag"] = etag(view.version)
    return view


@router.post("/feeds/discover", operation_id="discover_feeds")
async def discover_feeds(body: schemas.PageIn, _by: Manager, request: Request, now: Now) -> schemas.FoundFeeds:
    """The feeds behind a page: announced by it, else in the usual places; each is tried, and nothing is stored."""
    found = await discovery.discover(runtime_of(request), request.app.state.parsers, body.url, now=now)
    return schemas.FoundFeeds(items=[schemas.FoundFeedOut.model_validate(feed) for feed in found])


@router.post("/feeds/import", operation_id="import_feeds")
async def import_feeds(by: Manager, request: Request, now: Now) -> schemas.ImportOut:
    """Add the feeds of an OPML list, sent as the body; says which were added and which refused, and why."""
    data = await request.body()  # bounded for every route (``web.BodyLimit``), and more narrowly by ``opml``
    imported = await importing.import_list(runtime_of(request).database, data, now=now, by=by)
    return schemas.ImportOut.model_validate(imported)


@router.get("/feeds/export", operation_id="export_feeds", response_class=Response)
async def export_feeds(_by: Manager, request: Request, session: Read) -> Response:
    """Every source as OPML, addresses in full; headers and other options are never written."""
    title = f"{runtime_of(request).settings.site_title}: sources"
    body = opml.export_opml(await catalogue.list_feeds(session), title=title)
    headers = {"Content-Disposition": 'attachment; filename="sources.opml"', "Cache-Control": "no-store"}
    return Response(body, media_type=opml.MEDIA_TYPE, headers=headers)


@router.get("/feeds/{feed_id}", operation_id="get_feed")
async def get_feed(feed_id: str, _by: Reader, session: Read, now: Now, response: Response) -> schemas.FeedOut:
    """One source with its health; its ETag is what a change must carry."""
    feed = await reports.get_feed(session, feed_id)
    [view] = await sources.feed_views(session, [feed], now=now)
    response.headers["ETag"] = etag(feed.version)
    return view


@router.patch("/feeds/{feed_id}", operation_id="change_feed")
async def change_feed(
    feed_id: str,
    body: schemas.FeedPatch,
    by: Manager,
    session: Write,
    version: Version,
    now: Now,
    response: Response,
) -> schemas.FeedOut:
    """Change a source, pause it or resume it; one of feeds.yaml can be paused and resumed."""
    feed = await sources.feed_for_change(session, feed_id, version, now=now)
    facts = body.model_dump(exclude_unset=True, exclude={"options", "enabled"})
    await sources.change_feed(session, feed, facts=facts, options=body.options, enabled=body.enabled, now=now, by=by)
    [view] = await sources.feed_views(session, [feed], now=now)
    response.headers["ETag"] = etag(feed.version)
    return view


@router.delete("/feeds/{feed_id}", operation_id="remove_feed", status_code=204)
async def remove_feed(feed_id: str, by: Manager, session: Write, version: Version, now: Now) -> None:
    """Take a source off the list; its stories stay."""
    feed = await sources.feed_for_change(session, feed_id, version, now=now)
    await sources.remove_feed(session, feed, now=now, by=by)


@router.get("/feeds/{feed_id}/fetches", operation_id="list_fetches")
async def list_fetches(
    feed_id: str, _by: Reader, session: Read, limit: Annotated[int, Query(ge=1, le=50)] = 50
) -> schemas.FetchList:
    """The last attempts to read this feed, newest first."""
    fetches = await reports.last_fetches(session, feed_id, limit=limit)
    return schemas.FetchList(items=[schemas.FetchOut.model_validate(fetch) for fetch in fetches])


@router.post("/feeds/{feed_id}/fetch", operation_id="fetch_feed")
async def fetch_now(feed_id: str, _by: Manager, request: Request) -> schemas.FetchOut:
    """Read this feed now and answer how it went; 409 while it is paused or its host is busy."""
    return await by_hand.fetch_feed(runtime_of(request), request.app.state.parsers, feed_id)


@router.post("/feeds/{feed_id}/try-dates", operation_id="try_dates")
async def try_dates(
    feed_id: str, body: schemas.DateRuleIn, _by: Manager, request: Request, now: Now
) -> schemas.DateTrialOut:
    """What a date rule would make of the items that the feed holds now; nothing is stored."""
    feed = await by_hand.look_up_feed(runtime_of(request), feed_id)
    rule = body.model_dump(exclude_unset=True)
    spec = catalogue.spec_of(feed)
    trial = await date_trial.try_dates(runtime_of(request), request.app.state.parsers, spec, rule, now=now)
    return schemas.DateTrialOut.model_validate(asdict(trial) | {"changed": trial.changed})
