"""The Jinja environment of everything public, one per interface language, and the HTML fragment that feeds carry.

Autoescape is on for every template, unknown names are errors, and every value printed goes through ``clean``,
also within a translated sentence: a template cannot forget it. What a catalogue says is ours, and may hold markup.
``html`` and ``digest`` render with it, and so do the other public pages. Templates lie in
``service/templates/public``.
"""

import re
from datetime import date, datetime
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from service.partnerships.places import name, region_name
from service.publishing.edition import PublicItem, Site
from service.publishing.formats import facts, wording
from service.publishing.formats.markup import clean, direction, language_tag, rfc3339, web_address
from service.translations import LANGUAGES, SOURCE, dates, translations
from service.translations import direction as interface_direction

REMEMBERED = 1024
"""Items whose text stays ready in each format: a change touches one of a list, and the others are written once."""
_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@cache
def environment(language: str = SOURCE) -> Environment:
    """The environment whose words are in that language, built on first use; treat it as read-only."""
    pages = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        finalize=_printed,
    )
    _speak(pages, language)
    pages.globals["listed_story"] = lru_cache(REMEMBERED)(partial(_listed_story, pages))
    pages.filters.update(
        web_address=web_address,
        language_tag=language_tag,
        direction=direction,
        rfc3339=rfc3339,
        linked=linked,
        page_path=page_path,
        day=date.fromisoformat,
        moment=datetime.fromisoformat,
        ago_words=partial(dates.ago_words, language=language),
        date_words=partial(dates.date_words, language=language),
        day_words=partial(dates.day_words, language=language),
        moment_words=partial(dates.moment_words, language=language),
        place_name=partial(name, language=language),
        region_name=partial(region_name, language=language),
        source_name=facts.source_name,
        tier_mark=wording.tier_mark,
        tier_label=facts.tier_label,
        tier_words=partial(wording.tier_words, language=language),
        tier_then_and_now=partial(wording.tier_then_and_now, language=language),
        withdrawn_words=partial(wording.withdrawn_words, language=language),
    )
    return pages


def _speak(pages: Environment, language: str) -> None:
    """Give templates the words of a language: ``gettext`` and ``ngettext``, and ``{% trans %}``, which calls them."""
    catalogue = translations(language)

    def gettext(message: str, /, **values: Any) -> Markup:
        return Markup(catalogue.gettext(message)) % _cleaned(values)  # noqa: S704 - messages are ours, values are escaped

    def ngettext(one: str, many: str, number: int, /, **values: Any) -> Markup:
        return Markup(catalogue.ngettext(one, many, number)) % _cleaned({"num": number, **values})  # noqa: S704 - as above

    pages.policies["ext.i18n.trimmed"] = True
    pages.newstyle_gettext = True  # type: ignore[attr-defined]  # the i18n extension adds it: the functions fill in the values
    pages.globals.update(
        gettext=gettext,
        ngettext=ngettext,
        interface=language,
        interface_direction=interface_direction(language),
        languages=LANGUAGES,
    )


def _cleaned(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _printed(value) for key, value in values.items()}


def page_path(url: str, site: Site) -> str:
    """An address of ours, as link relations hold it, as the path of its page."""
    return f"{site.pages}{url.removeprefix(site.base_url).replace('{ext}', 'html')}"


def linked(text: str) -> Markup:
    """Text in which web addresses are links."""
    found = Markup()
    for number, part in enumerate(re.split(r"(https?://[^\s;,)]+)", clean(text))):
        address = web_address(part) if number % 2 else None  # every second part is an address
        found += Markup('<a href="{}">{}</a>').format(address, part) if address else escape(part)
    return found


def _listed_story(pages: Environment, root: str, item: PublicItem, zone: str) -> Markup:
    parts: Any = pages.get_template("public/_item.html").module
    return Markup(parts.story(root, item, zone))  # noqa: S704 - what our own macro wrote, escaped there


@lru_cache(REMEMBERED)
def item_content(item: PublicItem, zone: str) -> str:
    """What RSS, Atom and JSON Feed carry as an item's HTML: headline, blurb, source, countries, correction."""
    return environment().get_template("public/_content.html").render(item=item, zone=zone).strip()


def _printed(value: Any) -> Any:
    """Plain strings are cleaned on their way out; markup that our own macros made passes."""
    return clean(value) if type(value) is str else value
