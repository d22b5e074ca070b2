"""What a list and an item say about themselves, as plain values that every format shares.

The ``_huoban`` objects, the categories, the link relations and the state of an edition are made here once,
so that RSS, Atom, JSON, pages and digest cannot disagree. No markup, no sentences for people
(``wording`` has those).
"""

from typing import Any, Literal
from urllib.parse import quote, urlsplit

from service.partnerships.places import region_name
from service.partnerships.tiers import Tier
from service.publishing.edition import PublicEdition, PublicItem, PublicTag, Site, Tombstone
from service.publishing.formats.markup import clean, language_tag, rfc3339, web_address

State = Literal["open", "closed", "corrected"]

FEED_RELATIONS = ("hub", "current", "first", "last", "previous", "next", "prev-archive", "next-archive")
"""The link relations that may stand in a feed (WebSub §4, RFC 5005 §3 and §4), in the order they are written."""


def edition_state(edition: PublicEdition) -> State:
    """``corrected`` when something changed in public after the edition was closed."""
    if edition.state != "closed":
        return "open"
    if edition.closed_at is None:
        changed = any(item.correction is not None for item in edition.items)
    else:
        closed_at = edition.closed_at
        changed = any(item.updated_at > closed_at for item in edition.items) or any(
            stone.withdrawn_at > closed_at for stone in edition.tombstones
        )
    return "corrected" if changed else "closed"


FEED_EXTENSIONS = ("rss", "atom", "json")
"""The formats that a hub pushes."""


def hub_of(edition: PublicEdition) -> str | None:
    """The hub that is told when this list changes; None for a combination of conditions or an archive page.

    There is no end of combinations, so nobody could tell the hub of each.
    """
    return None if edition.page or "&" in edition.query else edition.site.hub


def feed_links(edition: PublicEdition, extension: str) -> list[tuple[str, str]]:
    """The list's further relations for one format; ``{ext}`` in an address stands for the extension."""
    known = {"hub": hub_of(edition), **edition.links}
    found = ((relation, known.get(relation)) for relation in FEED_RELATIONS)
    return [(relation, url.replace("{ext}", extension)) for relation, url in found if url]


def link_header(edition: PublicEdition, extension: str) -> str | None:
    """The HTTP ``Link`` header of a feed that a hub pushes: where the hub is, and as what it knows it (WebSub §4)."""
    hub = web_address(hub_of(edition)) if extension in FEED_EXTENSIONS else None
    return f'<{hub}>; rel="hub", <{web_address(edition.url(extension))}>; rel="self"' if hub else None


def is_archive(edition: PublicEdition) -> bool:
    """Whether this is an archive document, one that points to the list it was cut from (RFC 5005 §4)."""
    return "current" in edition.links


def feed_id(edition: PublicEdition) -> str:
    """The list's own ``tag:`` URI (RFC 4151): made of host, path and query alone, so that it outlives every title.

    The archive pages of a stream are parts of one list and share its id.
    """
    base = urlsplit(edition.site.base_url)
    name = f"{base.path}{edition.path}{f'?{edition.query}' if edition.query else ''}"
    return f"tag:{base.hostname},2026:{quote(name, safe='/:=,;@!$&*+~?()')}"


def item_categories(site: Site, item: PublicItem) -> list[tuple[str, str, str]]:
    """Countries, tiers, regions of an item as (scheme, term, label), each once, in the editor's order."""
    base = site.base_url
    countries = {(f"{base}/countries", tag.code): clean(tag.name) for tag in item.tags}
    tiers = {(f"{base}/tiers", tag.tier): tier_label(tag) for tag in item.tags}
    regions = {(f"{base}/regions", tag.region): region_name(tag.region) for tag in item.tags}
    labels = countries | tiers | regions
    return [(scheme, term, label) for (scheme, term), label in labels.items()]


def tier_label(tag: PublicTag) -> str:
    """The official English wording on the story's date, or our name for the tier where there is none."""
    return clean(tag.label_en) or Tier(tag.tier).facts.name_en


def source_name(item: PublicItem) -> str:
    """What the outlet is called; the article's host where nobody gave it a name."""
    address = web_address(item.source_url)
    return clean(item.source.name) or (urlsplit(address).hostname or "" if address else "")


def tag_facts(tag: PublicTag) -> dict[str, Any]:
    """One country of an item, as JSON carries it; ``tier_now`` only where the relation changed since."""
    facts = {
        "code": tag.code,
        "name": clean(tag.name),
        "tier": tag.tier,
        "label_en": clean(tag.label_en),
        "label_zh": clean(tag.label_zh),
    }
    return facts if tag.tier_now == tag.tier else {**facts, "tier_now": tag.tier_now}


def item_facts(item: PublicItem) -> dict[str, Any]:
    """The ``_huoban`` object of one item."""
    return {
        "id": item.id,
        "edition": item.edition.isoformat(),
        "position": item.position,
        "source": {
            "name": source_name(item),
            "url": web_address(item.source.url),
            "language": language_tag(item.source.language),
        },
        "countries": [tag_facts(tag) for tag in item.tags],
        "editor": clean(item.editor),
        "times": {
            "source_published_at": rfc3339(item.source_published_at) if item.source_published_at else None,
            "published_at": rfc3339(item.published_at),
            "updated_at": rfc3339(item.updated_at),
        },
        "state": "published" if item.correction is None else "corrected",
        "correction": None if item.correction is None else clean(item.correction),
        "decision": item.decision,
    }


def tombstone_facts(stone: Tombstone) -> dict[str, Any]:
    """A withdrawn item, as JSON carries it."""
    return {
        "id": stone.id,
        "uri": stone.uri,
        "url": stone.permalink,
        "withdrawn_at": rfc3339(stone.withdrawn_at),
        "reason": clean(stone.reason),
    }


def edition_facts(edition: PublicEdition) -> dict[str, Any]:
    """The ``_huoban`` object of a whole list."""
    return {
        "about": f"{edition.site.base_url}/about",
        "state": edition_state(edition),
        "day": edition.day.isoformat() if edition.day else None,
        "zone": edition.site.zone,
        "closed_at": rfc3339(edition.closed_at) if edition.closed_at else None,
        "cutoff_at": rfc3339(edition.cutoff_at) if edition.cutoff_at else None,
        "tombstones": [tombstone_facts(stone) for stone in edition.tombstones],
    }
