"""The register as data for anyone: one row per partner as JSON or CSV, and one partner's whole history.

Pure; the queries are ``partnerships/register``'s. Used by ``register_routes``.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from service.models import RegisterEntry
from service.partnerships import places
from service.partnerships.register import Standing
from service.partnerships.tiers import Tier
from service.publishing.formats.markup import rfc3339
from service.publishing.spreadsheet import MARK, csv_lines

COLUMNS = (
    "code",
    "name",
    "kind",
    "region",
    "tier",
    "band",
    "label_en",
    "label_zh",
    "qualifiers",
    "in_force_from",
    "on_register",
    "verified",
    "source",
)


def standing_row(standing: Standing) -> dict[str, Any]:
    """One partner on the day asked for."""
    place = places.places()[standing.partner]
    return {
        "code": standing.partner,
        "name": places.name(standing.partner),
        "kind": place.kind,
        "region": place.region,
        "tier": standing.tier,
        "band": Tier(standing.tier).facts.band.value,
        "label_en": standing.label_en,
        "label_zh": standing.label_zh,
        "qualifiers": list(standing.qualifiers),
        "in_force_from": standing.in_force_from.isoformat() if standing.in_force_from else None,
        "on_register": standing.on_register,
        "verified": standing.verified,
        "source": standing.source,
    }


def write_json(standings: Mapping[str, Standing], *, on: date, known: date | None) -> bytes:
    """The register on one day."""
    document = {
        "on": on.isoformat(),
        "known": known.isoformat() if known else None,
        "note": "The labels are official wordings; tier and band are our reading of them. Beijing publishes no order.",
        "partnerships": [standing_row(standing) for standing in standings.values()],
    }
    return _json(document)


def write_csv(standings: Mapping[str, Standing]) -> bytes:
    """The register on one day as CSV (RFC 4180), in UTF-8 with a mark, so that spreadsheets read the Chinese."""
    facts = (standing_row(standing) for standing in standings.values())
    return MARK + csv_lines([COLUMNS, *([row[column] for column in COLUMNS] for row in facts)])


def write_history(code: str, rows: Sequence[RegisterEntry]) -> bytes:
    """All that the register says of one partner, superseded rows too, by day in force."""
    document = {
        "code": code,
        "name": places.name(code),
        "region": places.region(code),
        "entries": [
            {
                "id": row.id,
                "tier": row.tier,
                "qualifiers": row.qualifiers,
                "label_en": row.label_en,
                "label_zh": row.label_zh,
                "in_force_from": row.in_force_from.isoformat() if row.in_force_from else None,
                "known_from": rfc3339(row.known_from),
                "source": row.source,
                "confidence": row.confidence,
                "verified": row.verified,
            }
            for row in rows
        ],
    }
    return _json(document)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
