"""JSON Feed 1.1, with everything else we know in ``_huoban`` objects on the feed and on each item.

The same ids, links and texts as in RSS and Atom; extension objects begin with an underscore, as the JSON
Feed specification asks. Found by extension through ``formats``.
"""

import json
from functools import lru_cache
from typing import Any

from service.publishing.edition import PublicEdition, PublicItem, Site
from service.publishing.formats import facts, wording
from service.publishing.formats.markup import clean, language_tag, rfc3339, web_address
from service.publishing.formats.pages import REMEMBERED, item_content


def render_json(edition: PublicEdition) -> bytes:
    """The list as a JSON Feed; a list without items says so in ``_huoban.notice``."""
    links = dict(facts.feed_links(edition, "json"))
    older = links.get("next") or links.get("prev-archive")
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": clean(edition.title),
        "home_page_url": edition.url("html"),
        "feed_url": edition.url("json"),
        "description": clean(edition.description),
        "authors": [{"name": clean(edition.site.title), "url": edition.site.base_url}],
        "language": language_tag(edition.site.language) or "und",
    }
    if older:
        feed["next_url"] = older
    if "hub" in links:
        feed["hubs"] = [{"type": "WebSub", "url": links["hub"]}]
    feed["_huoban"] = {**facts.edition_facts(edition), "notice": wording.notice(edition)}
    # An item a line: readable and easy to compare, and the encoder that indents takes several times as long.
    items = ",\n".join(_line(edition.site, item) for item in edition.items)
    head = json.dumps(feed, ensure_ascii=False)[:-1]
    return f'{head}, "items": [\n{items}\n]}}\n'.encode()


@lru_cache(REMEMBERED)
def _line(site: Site, item: PublicItem) -> str:
    categories = facts.item_categories(site, item)
    entry = {
        "id": item.uri,
        "url": item.permalink,
        "external_url": web_address(item.source_url),
        "title": clean(item.headline),
        "content_html": item_content(item, site.zone),
        "content_text": f"{wording.sentences(item)} ({facts.source_name(item)})".strip(),
        "summary": clean(item.blurb),
        "date_published": rfc3339(item.published_at),
        "date_modified": rfc3339(item.updated_at),
        "authors": [{"name": clean(item.editor) or clean(site.title)}],
        "tags": [label if scheme.endswith("/countries") else term for scheme, term, label in categories],
        "language": language_tag(item.language),
    }
    present = {name: value for name, value in entry.items() if value is not None}
    return json.dumps({**present, "_huoban": facts.item_facts(item)}, ensure_ascii=False)
