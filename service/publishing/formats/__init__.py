"""The formats a list can be had in: each one a pure function from a ``PublicEdition`` to bytes.

Four are built in; another package adds one by an entry point in the group ``huoban.formats`` that names a
``Format``. ``publishing/routes`` finds them by extension. Nothing is looked up at import.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points

import structlog

from service.publishing.edition import PublicEdition
from service.publishing.formats.atom import render_atom
from service.publishing.formats.html import render_html
from service.publishing.formats.jsonfeed import render_json
from service.publishing.formats.rss import render_rss

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Format:
    """One way to write a list."""

    name: str
    """For people: ``JSON Feed``."""
    extension: str
    """The end of its address without the dot, in lower case."""
    media_type: str
    render: Callable[[PublicEdition], bytes]


BUILT_IN = (
    Format("JSON Feed", "json", "application/feed+json", render_json),
    Format("RSS", "rss", "application/rss+xml", render_rss),
    Format("Atom", "atom", "application/atom+xml", render_atom),
    Format("Web page", "html", "text/html", render_html),
)
GROUP = "huoban.formats"


def load_formats() -> dict[str, Format]:
    """Every format by extension: the built-in ones, then those of installed packages.

    A plug-in that cannot be loaded, is no ``Format``, or wants an extension that is taken is logged and
    left out; it never keeps the service from starting.
    """
    formats = {known.extension: known for known in BUILT_IN}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        try:
            found = entry.load()
        except Exception:
            log.exception("format_plugin_broken", plugin=entry.name, value=entry.value)
            continue
        if problem := _refusal(found, formats):
            log.warning("format_plugin_refused", plugin=entry.name, value=entry.value, reason=problem)
            continue
        formats[found.extension] = found
    return formats


def _refusal(found: object, formats: dict[str, Format]) -> str | None:
    if not isinstance(found, Format):
        return "the entry point does not name a service.publishing.formats.Format"
    if not re.fullmatch("[a-z0-9]{1,16}", found.extension):
        return f"the extension {found.extension!r} is not 1 to 16 lower-case letters and digits"
    if found.extension in formats:
        return f"the extension {found.extension!r} is taken by {formats[found.extension].name}"
    return None
