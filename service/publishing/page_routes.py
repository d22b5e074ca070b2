"""Pages for people that are no lists, and what leads programs to everything: archive, stories, about, OPML, sitemap.

Each route renders one document and hands it to ``serving``. Mounted at the root by ``app``.
"""

import json

from fastapi import APIRouter
from fastapi.responses import Response

from service.errors import NotFound
from service.publishing import directory, load, pages
from service.publishing.caching import Document
from service.publishing.digest_groups import digest_item
from service.publishing.record import decision_facts, public_record
from service.publishing.routes import READ, SiteDep
from service.publishing.serving import Rendered
from service.translations import translations
from service.web import CalendarDep, Now, Read

router = APIRouter(tags=["public"])
STEADY = "public, max-age=3600, stale-if-error=604800"
"""For what changes with a release only."""


@router.api_route("/archive", methods=READ, include_in_schema=False)
async def get_archive(session: Read, site: SiteDep) -> Response:
    """The days of the latest year that have a list, as a calendar."""
    body = pages.render_archive(site, await load.list_days(session), year=None)
    return Rendered(Document(body, "text/html"))


@router.api_route("/archive/{year}", methods=READ, include_in_schema=False)
async def get_archive_year(year: int, session: Read, site: SiteDep) -> Response:
    """The days of one year that have a list."""
    days = await load.list_days(session)
    if not any(day.year == year for day, _ in days):
        told = translations(site.interface).gettext("No day of %(year)s has a list.")
        raise NotFound(told % {"year": year}, language=site.interface)
    return Rendered(Document(pages.render_archive(site, days, year=year), "text/html"))


@router.api_route("/stories/{story_id}.json", methods=READ, operation_id="get_public_story_json")
async def get_story_json(story_id: str, session: Read, site: SiteDep, calendar: CalendarDep, now: Now) -> Response:
    """One published story with its decision record; 410 with the reason once it is withdrawn."""
    item = await load.load_item(session, story_id, site=site, calendar=calendar, now=now)
    record = [decision_facts(decision) for decision in await public_record(session, story_id)]
    body = json.dumps({**digest_item(item), "record": record}, ensure_ascii=False, indent=1).encode() + b"\n"
    return Rendered(Document(body, "application/json"))


@router.api_route("/stories/{story_id}", methods=READ, operation_id="get_public_story")
async def get_story(story_id: str, session: Read, site: SiteDep, calendar: CalendarDep, now: Now) -> Response:
    """One published story as a page, with its decision record; 410 with the reason once it is withdrawn."""
    item = await load.load_item(session, story_id, site=site, calendar=calendar, now=now)
    body = pages.render_story(site, item, await public_record(session, story_id, language=site.interface))
    return Rendered(Document(body, "text/html"))


@router.api_route("/about", methods=READ, include_in_schema=False)
async def get_about(site: SiteDep) -> Response:
    """How the list is made, and how anyone can check it."""
    return Rendered(Document(pages.render_about(site), "text/html", STEADY))


@router.api_route("/feeds.opml", methods=READ, operation_id="get_feeds_opml")
async def get_feeds(site: SiteDep) -> Response:
    """Every stream of this newsroom, for a reader program to import."""
    return Rendered(Document(directory.write_opml(site), "text/x-opml", STEADY))


@router.api_route("/sitemap.xml", methods=READ, include_in_schema=False)
async def get_sitemap(session: Read, site: SiteDep) -> Response:
    """What a search engine may index."""
    days = await load.list_days(session)
    stories = await load.list_stories(session, limit=directory.SITEMAP_LIMIT)
    body = directory.write_sitemap(site, days=days, stories=stories)
    return Rendered(Document(body, "application/xml"))


@router.api_route("/robots.txt", methods=READ, include_in_schema=False)
async def get_robots(site: SiteDep) -> Response:
    """Where programs need not go."""
    return Rendered(Document(directory.write_robots(site), "text/plain", STEADY))
