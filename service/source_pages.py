"""The desk's screen of sources: how every feed does, and the forms of each act on one.

It stands above the stages for the reason that ``adding_routes`` gives: the page is the desk's, the acts are fetching's,
and each form calls what the API's route calls. Forms that ask a publisher hold no database session meanwhile.
Mounted by ``app``, before the desk's other pages.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from service.desk.frame import DeskPage, Posted, PostedDep, VisitDep, shaped, show, went_back
from service.fetching import by_hand, catalogue, date_trial, discovery, reports, schemas, sources
from service.fetching.feed_schema import Options
from service.fetching.outcomes import ANSWERED, TEMPORARY
from service.fetching.vocabulary import KINDS, REGIONS
from service.models import Editor
from service.web import Read, Write, may, runtime_of

router = APIRouter(route_class=DeskPage, include_in_schema=False)

Manager = Annotated[Editor, Depends(may("manage_feeds"))]

LIST = "/desk/sources"
_PAGE = 100
_STRIP = 16
"""Attempts in a strip of outcomes."""
_FACTS = ("name", "url", "homepage", "language", "country", "region", "kind")
_RULE = ("zone", "format", "policy")
_WORDS: Mapping[str, Any] = MappingProxyType(
    {"answered": ANSWERED, "temporary": TEMPORARY, "kinds": KINDS, "regions": REGIONS}
)
"""The closed lists that the templates tell apart or offer."""


@router.get(LIST)
async def get_sources(
    visit: VisitDep,
    session: Read,
    which: Annotated[Literal["", "running", "paused", "alarm"], Query(alias="show")] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    region: Annotated[str, Query(max_length=32)] = "",
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Every source with its last outcomes; those with an alarm stand first."""
    enabled = {"running": True, "paused": False}.get(which)

    async def found(alarm: bool, cursor: str = "") -> schemas.FeedList:
        wanted = sources.FeedFilter(enabled=enabled, alarm=alarm, region=region or None, text=q or None)
        return await sources.find_feeds(session, wanted, cursor=cursor or None, limit=_PAGE, now=visit.now)

    # Alarms stand on the first page and in the view of their own, which alone goes on from page to page of them.
    alarms = await found(True, cursor if which == "alarm" else "")
    others = await found(False, cursor) if which != "alarm" else schemas.FeedList(items=[], next=None, total=0)
    shown = [*(alarms.items if which == "alarm" or not cursor else []), *others.items]
    strips = await reports.recent_outcomes(session, [feed.id for feed in shown], each=_STRIP)
    sifted = {name: value for name, value in (("show", which), ("q", q), ("region", region)) if value}
    values: dict[str, Any] = {"feeds": shown, "alarms": alarms, "others": others, "strips": strips, "sifted": sifted}
    return show(visit, "sources", more=others.next or (alarms.next if which == "alarm" else None), **values, **_WORDS)


@router.post(LIST)
async def post_source(posted: PostedDep, visit: VisitDep, by: Manager, request: Request) -> Response:
    """Add a source by its feed's address."""
    wanted = shaped(schemas.FeedIn, **{name: posted.one(name) for name in schemas.FeedIn.model_fields})
    feed = await by_hand.add_feed(runtime_of(request), request.app.state.parsers, wanted, now=visit.now, by=by)
    return RedirectResponse(f"{LIST}/{feed.id}?did=feed_added", status_code=303)


@router.post(f"{LIST}/discover")
async def post_discovery(posted: PostedDep, visit: VisitDep, _by: Manager, request: Request) -> Response:
    """The feeds behind a page, each tried; nothing is stored."""
    page = shaped(schemas.PageIn, url=posted.one("url") or "")
    found = await discovery.discover(runtime_of(request), request.app.state.parsers, page.url, now=visit.now)
    return show(visit, "discovered", page=page.url, found=found, **_WORDS)


@router.get(f"{LIST}/{{feed_id}}")
async def get_source(feed_id: str, visit: VisitDep, session: Read) -> Response:
    """One source: its health, its last attempts, and what can be done about it."""
    feed = await reports.get_feed(session, feed_id)
    [view] = await sources.feed_views(session, [feed], now=visit.now)
    fetches = await reports.last_fetches(session, feed_id, limit=50)
    strip = [fetch.outcome for fetch in reversed(fetches[:_STRIP])]
    return show(visit, "source", feed=view, fetches=fetches, strip=strip, **_WORDS)


@router.post(f"{LIST}/{{feed_id}}/fetch")
async def post_fetch(feed_id: str, posted: PostedDep, _by: Manager, request: Request) -> Response:
    """Read a source now."""
    await by_hand.fetch_feed(runtime_of(request), request.app.state.parsers, feed_id)
    return went_back(posted, "feed_read", otherwise=f"{LIST}/{feed_id}")


@router.post(f"{LIST}/{{feed_id}}/try-dates")
async def post_trial(feed_id: str, posted: PostedDep, visit: VisitDep, _by: Manager, request: Request) -> Response:
    """What a date rule makes of the items that the feed holds now, beside what is made of them today."""
    runtime, rule = runtime_of(request), _rule(posted)
    feed = await by_hand.look_up_feed(runtime, feed_id)
    spec = catalogue.spec_of(feed)
    trial = await date_trial.try_dates(runtime, request.app.state.parsers, spec, rule, now=visit.now)
    return show(visit, "date_trial", feed=feed, version=posted.version, rule=rule, trial=trial)


@router.post(f"{LIST}/{{feed_id}}/rule")
async def post_rule(feed_id: str, posted: PostedDep, visit: VisitDep, by: Manager, session: Write) -> Response:
    """Keep a date rule."""
    feed = await sources.feed_for_change(session, feed_id, posted.version, now=visit.now)
    asked = date_trial.with_rule(catalogue.feed_options(feed), _rule(posted))
    options = Options.model_validate({f"date_{name}": getattr(asked, f"date_{name}") for name in _RULE})
    await sources.change_feed(session, feed, facts={}, options=options, now=visit.now, by=by)
    return went_back(posted, "feed_changed", otherwise=f"{LIST}/{feed_id}")


@router.post(f"{LIST}/{{feed_id}}/facts")
async def post_facts(feed_id: str, posted: PostedDep, visit: VisitDep, by: Manager, session: Write) -> Response:
    """Change what the newsroom says of a source."""
    feed = await sources.feed_for_change(session, feed_id, posted.version, now=visit.now)
    asked = shaped(schemas.FeedPatch, **{name: posted.one(name) for name in _FACTS})
    facts = {name: getattr(asked, name) for name in _FACTS}
    await sources.change_feed(session, feed, facts=facts, now=visit.now, by=by)
    return went_back(posted, "feed_changed", otherwise=f"{LIST}/{feed_id}")


@router.post(f"{LIST}/{{feed_id}}/remove")
async def post_removal(feed_id: str, posted: PostedDep, visit: VisitDep, by: Manager, session: Write) -> Response:
    """Take a source off the list."""
    feed = await sources.feed_for_change(session, feed_id, posted.version, now=visit.now)
    await sources.remove_feed(session, feed, now=visit.now, by=by)
    return RedirectResponse(f"{LIST}?did=feed_removed", status_code=303)


@router.post(f"{LIST}/{{feed_id}}/{{act}}")
async def post_running(
    feed_id: str, act: Literal["pause", "resume"], posted: PostedDep, visit: VisitDep, by: Manager, session: Write
) -> Response:
    """Pause a source, or resume it."""
    feed = await sources.feed_for_change(session, feed_id, posted.version, now=visit.now)
    await sources.change_feed(session, feed, facts={}, enabled=act == "resume", now=visit.now, by=by)
    return went_back(posted, "feed_resumed" if act == "resume" else "feed_paused", otherwise=LIST)


def _rule(posted: Posted) -> dict[str, str | None]:
    """The whole rule: the form shows every part of it, and a part left empty is the default."""
    given = {name: posted.one(name) for name in _RULE}
    shaped(schemas.DateRuleIn, **given)
    return given
