"""The public pages that are not lists: the archive of days and one story with its decision record.

Pure rendering with the one environment of ``formats.pages``. Called by ``routes``.
"""

from collections.abc import Sequence
from datetime import date

from service.publishing.edition import PublicItem, Site
from service.publishing.formats.pages import environment
from service.publishing.load import PublicDecision


def render_archive(site: Site, days: Sequence[tuple[date, int]]) -> bytes:
    """Every day that has a list, newest first, with how many stories."""
    return environment().get_template("public/archive.html").render(site=site, days=days).encode()


def render_story(site: Site, item: PublicItem, record: Sequence[PublicDecision]) -> bytes:
    """One story: its words, its tags, and who decided what when."""
    return environment().get_template("public/story.html").render(site=site, item=item, record=record).encode()
