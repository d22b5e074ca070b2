"""The public pages that are no lists: archive, story, about, register, map, and what people see of an error.

Pure rendering with the one environment of ``formats.pages``. Called by ``page_routes`` and ``register_routes``.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from service.publishing.calendars import sheets_of
from service.publishing.edition import PublicItem, Site
from service.publishing.formats.pages import environment
from service.publishing.record import PublicDecision


def render_archive(site: Site, days: Sequence[tuple[date, int]], *, year: int | None) -> bytes:
    """The days of a year that have a list, as a calendar; None for the latest year that has any."""
    years = sorted({day.year for day, _ in days}, reverse=True)
    shown = year if year is not None else years[0] if years else None
    months = list(sheets_of(shown, dict(days))) if shown is not None else []
    return render_page("archive", site=site, year=year, years=years, months=months)


def render_story(site: Site, item: PublicItem, record: Sequence[PublicDecision]) -> bytes:
    """One story: its words, its tags, and who decided what when."""
    return render_page("story", site=site, item=item, record=record)


def render_about(site: Site) -> bytes:
    """How the list is made, and how anyone can check it."""
    return render_page("about", site=site)


def render_problem(site: Site, problem: Mapping[str, Any]) -> bytes:
    """An error for people; ``problem`` is the body of the RFC 9457 answer."""
    return render_page("problem", site=site, problem=problem)


def render_page(template: str, /, **values: Any) -> bytes:
    """A page by the name of its template, which says what values it needs."""
    return environment().get_template(f"public/{template}.html").render(**values).encode()
