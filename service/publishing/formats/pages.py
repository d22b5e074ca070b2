"""The one Jinja environment of everything public, and the HTML fragment that feeds carry for an item.

Autoescape is on for every template, unknown names are errors, and every value printed goes through
``clean``: a template cannot forget it. ``html`` and ``digest`` render with it, and so do the other public
pages. Templates lie in ``service/templates/public``.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from service.publishing.edition import PublicItem, Site
from service.publishing.formats import facts, wording
from service.publishing.formats.markup import clean, direction, language_tag, rfc3339, web_address

_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@cache
def environment() -> Environment:
    """The environment, built on first use; treat it as read-only."""
    pages = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        finalize=_printed,
    )
    pages.filters.update(
        web_address=web_address,
        language_tag=language_tag,
        direction=direction,
        rfc3339=rfc3339,
        linked=linked,
        page_path=page_path,
        date_words=wording.date_words,
        day_words=wording.day_words,
        moment_words=wording.moment_words,
        source_name=facts.source_name,
        tier_mark=wording.tier_mark,
        tier_label=facts.tier_label,
        tier_words=wording.tier_words,
        withdrawn_words=wording.withdrawn_words,
        site_path=site_path,
    )
    return pages


def site_path(site: Site) -> str:
    """The path our pages live under: links between them work under whatever host name they are read."""
    return urlsplit(site.base_url).path.rstrip("/")


def page_path(url: str, site: Site) -> str:
    """An address of ours, as link relations hold it, as the path of its page."""
    return f"{site_path(site)}{url.removeprefix(site.base_url).replace('{ext}', 'html')}"


def linked(text: str) -> Markup:
    """Text in which web addresses are links."""
    found = Markup()
    for number, part in enumerate(re.split(r"(https?://[^\s;,)]+)", clean(text))):
        address = web_address(part) if number % 2 else None  # every second part is an address
        found += Markup('<a href="{}">{}</a>').format(address, part) if address else escape(part)
    return found


def item_content(item: PublicItem, zone: str) -> str:
    """What RSS, Atom and JSON Feed carry as an item's HTML: headline, blurb, source, countries, correction."""
    return environment().get_template("public/_content.html").render(item=item, zone=zone).strip()


def _printed(value: Any) -> Any:
    """Plain strings are cleaned on their way out; markup that our own macros made passes."""
    return clean(value) if type(value) is str else value
