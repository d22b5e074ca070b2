"""The daily digest of one edition as JSON, HTML for e-mail, plain text or Markdown.

Pure, and the same bytes for the same edition: nothing here asks for the time. Called by
``publishing/routes``, by whatever freezes a closed edition, and by ``huoban digest``. Sends nothing, and
knows no other day's list except what the caller hands over as changed since the last digest. The grouping
is ``digest_groups``', the two plain forms are ``digest_text``'s.
"""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from service.publishing.digest_groups import Digest, arrange_digest, digest_item
from service.publishing.digest_text import write_markdown, write_text
from service.publishing.edition import Correction, Issue, PublicEdition, Tombstone
from service.publishing.formats import facts, wording
from service.publishing.formats.markup import clean
from service.publishing.formats.pages import environment

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {"json": "application/json", "html": "text/html", "txt": "text/plain", "md": "text/markdown"}
)
"""What a digest can be had as; all of them are UTF-8."""

_STANDING = Issue()
"""A list as it stands, not frozen yet."""


def render_digest(edition: PublicEdition, extension: str, issue: Issue = _STANDING) -> bytes:
    """The digest of a day's list.

    ``issue`` has its number and what changed since the last digest. An edition that is still open answers
    ``state: open``, one without items says that there is no edition.

    Raises:
        ValueError: the edition is a stream, which has no day, or the extension is not in ``MEDIA_TYPES``.
    """
    digest = arrange_digest(edition, issue)
    match extension:
        case "json":
            return _json(digest)
        case "html":
            return _html(digest)
        case "txt":
            return write_text(digest).encode()
        case "md":
            return write_markdown(digest).encode()
        case _:
            raise ValueError(f"a digest comes as {', '.join(MEDIA_TYPES)}, not as {extension!r}")


def sha256_of(body: bytes) -> str:
    """The checksum of one rendering, in hexadecimal; not the hash of the items, which every form shares."""
    return hashlib.sha256(body).hexdigest()


def _json(digest: Digest) -> bytes:
    edition = digest.edition
    about = facts.edition_facts(edition)
    document: dict[str, Any] = {
        "title": digest.title,
        "description": clean(edition.description),
        "edition": digest.day.isoformat(),
        "number": digest.issue.number,
        "revision": digest.issue.revision,
        **{key: about[key] for key in ("zone", "state", "cutoff_at", "closed_at")},
        "notice": wording.notice(edition),
        "groups": [
            {
                "region": region.key,
                "name": region.name,
                "countries": [
                    {
                        "code": country.code,
                        "name": country.name,
                        "items": [digest_item(item) for item in country.items],
                    }
                    for country in region.countries
                ],
            }
            for region in digest.groups
        ],
        "items": [digest_item(item) for item in edition.items],
        "tombstones": about["tombstones"],
        "since_last_digest": {
            "corrected": [_correction(correction) for correction in digest.issue.corrected],
            "withdrawn": [_withdrawal(stone) for stone in digest.issue.withdrawn],
        },
        "map": edition.links.get("map"),
        "previous": edition.previous.isoformat() if edition.previous else None,
        "next": edition.next.isoformat() if edition.next else None,
        "hash": digest.hash,
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def _correction(correction: Correction) -> dict[str, Any]:
    return {
        "headline_before": clean(correction.headline_before),
        "notes": [clean(note) for note in correction.notes],
        "item": digest_item(correction.item),
    }


def _withdrawal(stone: Tombstone) -> dict[str, Any]:
    # Its headline is withdrawn with it: to print it once more would publish it once more.
    return {"edition": stone.edition.isoformat() if stone.edition else None, **facts.tombstone_facts(stone)}


def _html(digest: Digest) -> bytes:
    import css_inline  # here: a digest is made once a day, and by one process

    page = environment(digest.edition.site.interface).get_template("public/digest.html")
    html = page.render(
        digest=digest,
        edition=digest.edition,
        site=digest.edition.site,
        standing=digest.standing,
        notice=wording.notice(digest.edition),
    )
    # Mail programs drop style sheets; what cannot stand on an element (dark mode, narrow screens) stays in the head.
    return css_inline.inline(html, keep_at_rules=True, load_remote_stylesheets=False).encode()
