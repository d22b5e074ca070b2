"""The public pages that are no lists: archive, story, about, register, map, and what people see of an error.

Pure rendering with the environments of ``formats.pages``. An ``address`` is path and query of the page without
language, for its canonical link, its alternates and the choice of languages in its foot. Called by ``page_routes`` and
``register_routes``.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from service.publishing.calendars import sheets_of
from service.publishing.edition import PublicItem, Site
from service.publishing.formats.pages import environment
from service.publishing.record import PublicDecision
from service.translations import translations


def render_archive(site: Site, days: Sequence[tuple[date, int]], *, year: int | None) -> bytes:
    """The days of a year that have a list, as a calendar; None for the latest year that has any."""
    years = sorted({day.year for day, _ in days}, reverse=True)
    shown = year if year is not None else years[0] if years else None
    months = list(sheets_of(shown, dict(days), site.interface)) if shown is not None else []
    address = "/archive" if year is None else f"/archive/{year}"
    return render_page("archive", site, address, year=year, years=years, months=months)


def render_story(site: Site, item: PublicItem, record: Sequence[PublicDecision]) -> bytes:
    """One story: its words, its tags, and who decided what when."""
    return render_page("story", site, f"/stories/{item.id}", item=item, record=record)


def render_about(site: Site) -> bytes:
    """How the list is made, and how anyone can check it."""
    return render_page("about", site, "/about")


def render_problem(site: Site, problem: Mapping[str, Any]) -> bytes:
    """An error for people; ``problem`` is the body of the RFC 9457 answer."""
    return render_page("problem", site, None, problem=problem, title=_title(problem, site.interface))


def render_page(template: str, site: Site, address: str | None, /, **values: Any) -> bytes:
    """A page by the name of its template, which says what values it needs; no address: it lives nowhere for good."""
    page = environment(site.interface).get_template(f"public/{template}.html")
    return page.render(site=site, address=address, **values).encode()


def _title(problem: Mapping[str, Any], language: str) -> str:
    """What the page of an error is headed by; readers meet few kinds, the rest keep the English that programs get."""
    words, status = translations(language), problem["status"]
    titles = {
        404: words.gettext("Not found"),
        410: words.gettext("Withdrawn"),
        422: words.gettext("Some values cannot be accepted"),
        500: words.gettext("Something went wrong on our side"),
    }
    return titles.get(status, str(problem["title"]))
