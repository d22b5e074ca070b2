"""An edition arranged for the digest: its items by region and country, and the hash of what they say.

Pure values, made once and written in four ways by ``digest`` and ``digest_text``. An item stands once, under
the region and country of its first tag; regions, countries and items come in the order in which the
editors' list first meets them. Nothing is sorted here.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from service.partnerships.places import region_name
from service.publishing.edition import Issue, PublicEdition, PublicItem
from service.publishing.formats import facts, wording
from service.publishing.formats.markup import clean, language_tag, web_address
from service.translations import translations
from service.translations.dates import day_words


@dataclass(frozen=True)
class Country:
    """The items that stand under one partner."""

    code: str
    name: str
    items: tuple[PublicItem, ...]


@dataclass(frozen=True)
class Region:
    """The countries of one region that the list touches."""

    key: str
    name: str
    countries: tuple[Country, ...]


@dataclass(frozen=True)
class Digest:
    """All that a digest says, before it is written in any way."""

    edition: PublicEdition
    day: date
    title: str
    groups: tuple[Region, ...]
    issue: Issue
    hash: str
    """SHA-256 over the canonical JSON of the items, in hexadecimal."""

    @property
    def standing(self) -> str:
        """Number, revision and state in words: ``No. 12, revision 2, closed 25 November 2026, 06:00 (UTC)``."""
        issue, words = self.issue, translations(self.edition.site.interface)
        found = [wording.standing(self.edition)]
        if issue.revision and issue.revision > 1:
            found.insert(0, words.gettext("revision %(revision)s") % {"revision": issue.revision})
        if issue.number:
            found.insert(0, words.gettext("No. %(number)s") % {"number": issue.number})
        return words.gettext(", ").join(found)

    def url(self, day: date, extension: str) -> str:
        """The address of a day's digest."""
        return f"{self.edition.site.base_url}/digest/{day.isoformat()}.{extension}"


def arrange_digest(edition: PublicEdition, issue: Issue) -> Digest:
    """The edition as a digest. Raises ValueError for a stream, which has no day to be the digest of."""
    if edition.day is None:
        raise ValueError(f"only a day's list has a digest, not {edition.path}")
    return Digest(
        edition=edition,
        day=edition.day,
        title=f"{clean(edition.site.title)}: {day_words(edition.day, edition.site.interface)}",
        groups=_grouped(edition.items, edition.site.interface),
        issue=issue,
        hash=items_hash(edition.items),
    )


def digest_item(item: PublicItem) -> dict[str, Any]:
    """One item as the digest's JSON has it: its texts and links, then everything of its ``_huoban`` object."""
    return {
        "uri": item.uri,
        "url": item.permalink,
        "external_url": web_address(item.source_url),
        "headline": clean(item.headline),
        "blurb": clean(item.blurb),
        "language": language_tag(item.language),
        **facts.item_facts(item),
    }


def items_hash(items: tuple[PublicItem, ...]) -> str:
    """SHA-256 of the items' JSON array with sorted keys, no blanks, in UTF-8.

    Anyone can repeat it from the ``items`` of the digest's JSON, and every form of the digest prints it.
    """
    whole = [digest_item(item) for item in items]
    canonical = json.dumps(whole, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _grouped(items: tuple[PublicItem, ...], language: str) -> tuple[Region, ...]:
    tree: dict[str, dict[str, list[PublicItem]]] = {}  # a dict keeps the order of first meeting
    for item in items:
        first = item.tags[0]
        tree.setdefault(first.region, {}).setdefault(first.code, []).append(item)
    return tuple(
        Region(
            key,
            region_name(key, language),
            tuple(Country(code, clean(members[0].tags[0].name), tuple(members)) for code, members in countries.items()),
        )
        for key, countries in tree.items()
    )
