"""The register and the map for readers: what China calls each tie, on any day, as known on any other.

Each route renders one document and hands it to ``serving``. Amending the register is the desk's. Mounted at the root
by ``app``.
"""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.clock import Calendar
from service.errors import FieldError, Invalid, NotFound
from service.headers import Kind
from service.partnerships import places, register
from service.partnerships.register import Standing
from service.partnerships.tiers import QUALIFIERS
from service.publishing import load, pages, register_facts
from service.publishing.caching import Document
from service.publishing.edition import Site
from service.publishing.routes import READ, SiteDep, moved, refuse_future
from service.publishing.serving import Rendered
from service.publishing.stream_pages import partners_of
from service.publishing.streams import peopled_regions
from service.publishing.timeline import draw_timeline, spans_of
from service.publishing.world_map import LEGEND, SHADES, draw_map, shade_of, world
from service.translations import LANGUAGES, SOURCE
from service.web import CalendarDep, Now, Read

router = APIRouter(tags=["public"])
FIRST, LAST = date(1949, 10, 1), date(2199, 12, 31)
"""The register answers for days between these; the first is the day the People's Republic was founded."""


def _day(request: Request, name: str) -> date | None:
    """The day that a parameter gives; None without it.

    Raises:
        Invalid: it is no day that the register answers for.
    """
    text = request.query_params.get(name, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not FIRST <= day <= LAST:
        raise Invalid(
            f"“{text[:40]}” is no day that can be asked for.",
            errors=[FieldError(name, f"Write a day between {FIRST} and {LAST}.", ("2024-09-05",))],
        )
    return day


def _query(language: str = SOURCE, **days: date | None) -> str:
    given = [f"{name}={day.isoformat()}" for name, day in days.items() if day is not None]
    return "&".join([*given, *([] if language == SOURCE else [f"language={language}"])])


def _language(request: Request) -> str:
    """The language that a drawing's words are asked for in; English without one.

    Raises:
        Invalid: there is no interface in that language.
    """
    asked = request.query_params.get("language", "").strip().lower() or SOURCE
    if asked not in LANGUAGES:
        wrong = FieldError("language", "Name a language of the pages.", tuple(LANGUAGES))
        raise Invalid(f"There is no map in “{asked[:40]}”.", errors=[wrong])
    return asked


@router.api_route("/partnerships.{extension}", methods=READ, operation_id="get_public_partnerships")
async def get_partnerships(
    extension: str, request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now
) -> Response:
    """China's tie with every partner `on` a day (today without), as `known` on another (now without)."""
    if extension not in ("html", "json", "csv"):
        raise NotFound(f"There is no register as '.{extension[:20]}'. There are: .html, .json, .csv.")
    asked, known = _day(request, "on"), _day(request, "known")
    query = _query(on=asked, known=known)
    if request.url.query != query:
        return moved(site, f"/partnerships.{extension}", query)
    today = calendar.day_of(now)
    on = asked or today
    # The last moment of that day: what was learned at midnight belongs to the next.
    known_at = calendar.begins_at(known + timedelta(days=1)) - timedelta(microseconds=1) if known else None
    standings = await register.standings(session, on=on, known_at=known_at)
    if extension == "json":
        return Rendered(
            Document(register_facts.write_json(standings, on=on, known=known), "application/json", query=query)
        )
    if extension == "csv":
        return Rendered(Document(register_facts.write_csv(standings), "text/csv", query=query))
    values = _register_page(standings, on=on, today=today, language=site.interface)
    address = f"/partnerships.html{f'?{query}' if query else ''}"
    body = pages.render_page("partnerships", site, address, known=known, query=query, **values)
    return Rendered(Document(body, "text/html", query=query))


def _register_page(standings: dict[str, Standing], *, on: date, today: date, language: str) -> dict[str, Any]:
    later = _years_from(on, 1)
    regions = []
    for key in peopled_regions():
        members = partners_of((code for code in standings if places.region(code) == key), language)
        rows = [{**vars(partner), "standing": standings[partner.code]} for partner in members]
        regions.append({"key": key, "name": places.region_name(key, language), "rows": rows})
    return {
        "on": on,
        "earlier": _years_from(on, -1),
        "later": later if later < today else "today" if on != today else None,
        "regions": regions,
    }


def _years_from(day: date, years: int) -> date:
    year = min(max(day.year + years, FIRST.year + 1), LAST.year)
    return date(year, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)


@router.api_route("/partnerships/{code}.json", methods=READ, operation_id="get_public_partnership_json")
async def get_partnership_json(code: str, session: Read, site: SiteDep) -> Response:
    """Everything that the register says of one partner."""
    found = _partner(code)
    if found != code:
        return moved(site, f"/partnerships/{found}.json")
    body = register_facts.write_history(code, await register.history(session, code))
    return Rendered(Document(body, "application/json"))


@router.api_route("/partnerships/{code}", methods=READ, operation_id="get_public_partnership")
async def get_partnership(code: str, session: Read, site: SiteDep, calendar: CalendarDep, now: Now) -> Response:
    """Everything that the register says of one partner, as a page."""
    found = _partner(code)
    if found != code:
        return moved(site, f"/partnerships/{found}")
    history = await register.history(session, code)
    spans, place = spans_of(history), places.places()[code]
    holding = {span.entry.id for span in spans}
    rows = [
        {
            "entry": entry,
            "superseded": entry.id not in holding,
            "qualifiers": [QUALIFIERS[key].name_en for key in entry.qualifiers if key in QUALIFIERS],
        }
        for entry in reversed(history)
    ]
    body = pages.render_page(
        "partnership",
        site,
        f"/partnerships/{code}",
        place=place,
        name=places.name(code, site.interface),
        flag=places.flag(code),
        region=places.region_name(place.region, site.interface),
        line=draw_timeline(spans, today=calendar.day_of(now), language=site.interface),
        rows=rows,
    )
    return Rendered(Document(body, "text/html"))


def _partner(word: str) -> str:
    found = places.find(word)
    if found is None:
        raise NotFound(f"There is no partner “{word[:60]}”.", errors=[places.unknown_place("partner", word[:60])])
    return found.code


@router.api_route("/map.svg", methods=READ, operation_id="get_map")
async def get_map(request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now) -> Response:
    """The world by partnership tier on a day, with rings where its list has stories; the newest list without `date`,
    in English without `language`."""
    asked, language = _day(request, "date"), _language(request)
    query = _query(language, date=asked)
    if request.url.query != query:
        return moved(site, "/map.svg", query)
    day, tiers, stories = await _map_of(session, asked, site=site, calendar=calendar, now=now)
    body = draw_map(tiers, stories, day=day, title=site.title, language=language)
    return Rendered(Document(body, "image/svg+xml", kind=Kind.STYLED, query=query))


@router.api_route("/map", methods=READ, include_in_schema=False)
async def get_map_page(request: Request, session: Read, site: SiteDep, calendar: CalendarDep, now: Now) -> Response:
    """The map of a day with the same facts as tables."""
    asked = _day(request, "date")
    if request.url.query != _query(date=asked):
        return moved(site, "/map", _query(date=asked))
    day, tiers, stories = await _map_of(session, asked, site=site, calendar=calendar, now=now)
    touched = [
        {**vars(partner), "tier": tiers.get(partner.code, "none"), "count": stories[partner.code]}
        for partner in partners_of(stories, site.interface)
    ]
    shades: dict[str, list[str]] = {key: [] for key, _ in SHADES}
    for code in places.places():
        shades[shade_of(code, tiers)].append(code)
    bands = [{"key": key, "name": words, "partners": partners_of(shades[key], site.interface)} for key, words in SHADES]
    previous, following = await load.neighbours(session, day)
    body = pages.render_page(
        "map",
        site,
        f"/map?date={day}",
        day=day,
        drawing=f"/map.svg?{_query(site.interface, date=day)}",
        height=world().height + LEGEND,
        touched=touched,
        bands=bands,
        previous=previous,
        next=following,
    )
    return Rendered(Document(body, "text/html", query=_query(date=asked)))


async def _map_of(
    session: Read, asked: date | None, *, site: Site, calendar: Calendar, now: Now
) -> tuple[date, dict[str, str], Counter[str]]:
    """The day, the tier of each partner on the register, and how many of the day's items name each partner."""
    today = calendar.day_of(now)
    if asked is not None:
        refuse_future(site, asked, today)
    day = asked or await load.newest_day(session, today=today)
    edition = await load.load_edition(session, day, site=site, calendar=calendar, now=now)
    standings = await register.standings(session, on=day)
    tiers = {code: standing.tier for code, standing in standings.items() if standing.on_register}
    return day, tiers, Counter(tag.code for item in edition.items for tag in item.tags)
