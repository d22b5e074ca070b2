"""Streams as pages for people: a country with its tie over time, a tier with its partners, a region, the latest.

A page of ours adds to the plain list what the register says. Called by ``routes``; every other format of a stream is
the plain one.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from service.partnerships import places, register
from service.partnerships.tiers import Tier
from service.publishing.edition import PublicEdition
from service.publishing.formats.html import render_list
from service.publishing.streams import Stream, peopled_regions
from service.publishing.timeline import draw_timeline, spans_of


@dataclass(frozen=True)
class Partner:
    """A partner as a page names it."""

    code: str
    name: str
    flag: str


def partners_of(codes: Iterable[str], language: str) -> list[Partner]:
    """Partners by their names in the language of the page, so that their order says nothing."""
    found = [Partner(code, places.name(code, language), places.flag(code)) for code in codes]
    return sorted(found, key=lambda partner: _without_accents(partner.name))


def _without_accents(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


async def render_stream(session: AsyncSession, stream: Stream, edition: PublicEdition, *, today: date) -> bytes:
    """The page of a stream; ``today`` is the day on which its partners' tiers are told."""
    match stream.path.split("/")[1:]:
        case ["countries", code]:
            return await _country(session, code, edition, today=today)
        case ["tiers", tier]:
            return await _tier(session, tier, edition, today=today)
        case ["regions", region]:
            return await _region(session, region, edition, today=today)
    tiers = [tier.value for tier in Tier]
    return render_list(edition, "public/latest.html", regions=peopled_regions(), tiers=tiers)


async def _country(session: AsyncSession, code: str, edition: PublicEdition, *, today: date) -> bytes:
    place, language = places.places()[code], edition.site.interface
    spans = spans_of(await register.history(session, code))
    more: dict[str, Any] = {
        "place": place,
        "name": places.name(code, language),
        "flag": places.flag(code),
        "region": places.region_name(place.region, language),
        "standing_now": await register.entry_in_force(session, code, on=today),
        "spans": spans,
        "line": draw_timeline(spans, today=today, language=language),
    }
    return render_list(edition, "public/country.html", **more)


async def _tier(session: AsyncSession, tier: str, edition: PublicEdition, *, today: date) -> bytes:
    standings = await register.standings(session, on=today)
    codes = [code for code, found in standings.items() if found.tier == tier and found.on_register]
    partners = partners_of(codes, edition.site.interface)
    return render_list(edition, "public/tier.html", tier=tier, facts=Tier(tier).facts, partners=partners)


async def _region(session: AsyncSession, region: str, edition: PublicEdition, *, today: date) -> bytes:
    codes = [code for code, place in places.places().items() if place.region == region]
    standings = await register.standings(session, on=today, partners=codes)
    language = edition.site.interface
    by_tier = {tier.value: [code for code in codes if standings[code].tier == tier] for tier in Tier}
    tiers = [(tier, partners_of(members, language)) for tier, members in by_tier.items() if members]
    return render_list(edition, "public/region.html", name=places.region_name(region, language), tiers=tiers)
