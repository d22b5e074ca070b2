"""The list as a page for people: server-rendered, without script, printable, from 320 pixels up.

Feed autodiscovery, canonical link and Open Graph stand in its head. Found by extension through
``formats``; the page's style is ``static/public.css``.
"""

from service.publishing.edition import PublicEdition
from service.publishing.formats import facts, wording
from service.publishing.formats.pages import environment


def render_html(edition: PublicEdition) -> bytes:
    """The list as a complete HTML document."""
    page = environment().get_template("public/edition.html")
    return page.render(
        site=edition.site,
        edition=edition,
        state=facts.edition_state(edition),
        standing=wording.standing(edition),
        notice=wording.notice(edition),
    ).encode()
