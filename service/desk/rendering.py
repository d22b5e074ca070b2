"""The desk's templates: escaped by default, an unknown name is an error, no third party's file.

Every word of the interface passes ``_()`` (Jinja's i18n extension); its catalogues are ``service/translations``.
Called by ``frame`` for the pages of editors, and by ``accounts`` and ``api_docs`` for pages that run no script.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.desk import problem_words
from service.desk.schemas import TagOut
from service.partnerships import places, tiers
from service.translations import SOURCE, direction, translations
from service.translations.dates import age_words, clock_words

_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'"


@cache
def environment(language: str = SOURCE) -> Environment:
    """The environment whose words are in that language, built on first use; treat it as read-only."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # the extension's
    made.filters.update(clock=partial(clock_words, language=language), age=partial(age_words, language=language))
    made.filters.update(iso=iso_words, wall=wall_words, flag=places.flag)
    made.globals.update(interface=language, interface_direction=direction(language))
    made.globals.update(
        place_name=partial(places.name, language=language), tiers=tuple(tiers.Tier), confirmed_tags=confirmed_tags
    )
    made.globals.update(
        title_words=partial(problem_words.title_words, language=language),
        sentence_words=partial(problem_words.sentence_words, language=language),
        advice_words=partial(problem_words.advice_words, language=language),
        problem_words=partial(problem_words.for_scripts, language),
    )
    return made


def wall_words(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as a field for local time takes it (HTML, local date and time strings): ``2026-11-24T06:10``."""
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"


def iso_words(moment: datetime) -> str:
    """A moment for machines (RFC 3339)."""
    return moment.isoformat(timespec="seconds")


def confirmed_tags(tags: Sequence[TagOut]) -> str:
    """A story's tags as JSON in the shape that ``PUT …/tags`` takes, for a script that puts them back."""
    return json.dumps([{"partner": tag.partner, "tier": tag.tier, "reason": tag.reason} for tag in tags])


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page that runs no script, stands in no frame and is kept in no cache."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(environment().get_template(template).render(**values), status_code=status, headers=headers)
