"""The list as a page for people: server-rendered, without script, printable, from 320 pixels up.

Feed autodiscovery, canonical link and Open Graph stand in its head. Found by extension through
``formats``; the page's style is ``static/public.css``.
"""

from typing import Any

from service.publishing.edition import PublicEdition
from service.publishing.formats import facts, wording
from service.publishing.formats.pages import environment
from service.translations import translations


def render_html(edition: PublicEdition) -> bytes:
    """The list as a complete HTML document."""
    return render_list(edition, "public/edition.html")


def render_list(edition: PublicEdition, template: str, **more: Any) -> bytes:
    """The list on a page that says more than the list; ``template`` extends ``public/edition.html``."""
    page = environment(edition.site.interface).get_template(template)
    return page.render(
        site=edition.site,
        address=edition.address,
        edition=edition,
        state=facts.edition_state(edition),
        standing=wording.standing(edition),
        notice=wording.notice(edition),
        week=_week(edition),
        **more,
    ).encode()


def _week(edition: PublicEdition) -> str | None:
    """Which week an archive page of a stream shows, in words; None for any other page."""
    if not edition.page:
        return None
    words = translations(edition.site.interface)
    return words.gettext("week %(week)s") % {"week": edition.page.partition("=")[2]}
