"""The register over HTTP, for editors: as it stood on any day by what was known at any moment, and amendments.

Readers get theirs from the public pages. Amendments are a chief's act and stand in the public ledger. Mounted
under ``/api/v1`` by ``app``.
"""

import unicodedata
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.errors import FieldError, Invalid, NotFound
from service.idempotency import OncePerKey
from service.models import Editor, RegisterEntry
from service.partnerships import amending, places, register
from service.partnerships.tiers import Tier, near_tiers
from service.web import API, CalendarDep, Now, Read, Write, may
from service.written import IsoDay, IsoMoment

router = APIRouter(tags=["partnerships"], route_class=OncePerKey)

Reader = Annotated[Editor, Depends(may("read"))]
Amender = Annotated[Editor, Depends(may("amend_register"))]


def _line(text: str) -> str:
    # What a reader cannot see and a database cannot hold goes: controls, overrides, lone surrogates.
    kept = "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Cn"))
    return " ".join(kept.split())


Line = Annotated[str, Field(max_length=500), AfterValidator(_line)]
Key = Annotated[str, Field(max_length=64), AfterValidator(_line)]


class AmendmentIn(BaseModel):
    """What the register should say of a partnership from a day on."""

    model_config = ConfigDict(extra="forbid")

    partner: Key = Field(examples=["KE"])
    tier: Key = Field(examples=["comprehensive_strategic_cooperative"])
    label_en: Line = Field(examples=["comprehensive strategic cooperative partnership"])
    label_zh: Line = Field(examples=["全面战略合作伙伴关系"])
    in_force_from: IsoDay | None = Field(description="The day from which the wording holds; null only without any.")
    source: Line = Field(description="Where it stands written; for a verified row with the page's address.")
    qualifiers: list[Key] = Field([], max_length=10)
    confidence: Key = Field("high", description="`high`, `medium` or `low`.")
    verified: bool = Field(False, description="A page that gives tier and day was looked up and is named in `source`.")


class StandingOut(BaseModel):
    """How a partner stands on a day, as known at a moment."""

    model_config = ConfigDict(from_attributes=True)

    partner: str
    name: str
    names: dict[str, str] = Field(description="What it is called, by language: en, zh, fr, es, pt, ar.")
    region: str | None
    tier: str
    label_en: str
    label_zh: str
    qualifiers: list[str]
    in_force_from: date | None
    source: str
    verified: bool
    on_register: bool = Field(description="False: the register holds no row that answers.")


class StandingList(BaseModel):
    """All partners, in the order of their codes."""

    on: date
    known_at: datetime | None
    items: list[StandingOut]
    total: int


class EntryOut(BaseModel):
    """One row of the register."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    partner: str
    tier: str
    label_en: str
    label_zh: str
    qualifiers: list[str]
    in_force_from: date | None
    known_from: datetime
    source: str
    confidence: str
    verified: bool


class PartnershipOut(BaseModel):
    """One partnership: how it stands, and every row about it."""

    standing: StandingOut
    history: list[EntryOut] = Field(description="Superseded rows too, from the earliest day in force to the latest.")


On = Annotated[IsoDay | None, Query(description="The day asked about; without it, the newsroom's today.")]
KnownAt = Annotated[IsoMoment | None, Query(description="By what was known at this moment; without it, by all.")]


@router.get("/partnerships", operation_id="list_partnerships")
async def list_partnerships(
    _by: Reader,
    session: Read,
    now: Now,
    calendar: CalendarDep,
    on: On = None,
    known_at: KnownAt = None,
    tier: Annotated[str | None, Query(max_length=64)] = None,
    region: Annotated[str | None, Query(max_length=64)] = None,
) -> StandingList:
    """Every partner with the tier and label in force on a day: some 260, in one answer."""
    _require_known(tier, region)
    day = on or calendar.day_of(now)
    standings = await register.standings(session, on=day, known_at=known_at)
    items = [
        view
        for view in map(_standing_view, standings.values())
        if tier in (None, view.tier) and region in (None, view.region)
    ]
    return StandingList(on=day, known_at=known_at, items=items, total=len(items))


@router.get("/partnerships/{code}", operation_id="get_partnership")
async def get_partnership(
    code: str, _by: Reader, session: Read, now: Now, calendar: CalendarDep, on: On = None, known_at: KnownAt = None
) -> PartnershipOut:
    """One partnership on a day, and its history."""
    place = places.find(code)
    if place is None:
        raise NotFound(places.unknown_place("code", code[:40]).message)
    day = on or calendar.day_of(now)
    standing = await register.entry_in_force(session, place.code, on=day, known_at=known_at)
    rows = await register.history(session, place.code)
    return PartnershipOut(standing=_standing_view(standing), history=[EntryOut.model_validate(entry) for entry in rows])


@router.post("/partnerships", operation_id="amend_register", status_code=201)
async def amend_register(body: AmendmentIn, by: Amender, session: Write, now: Now, response: Response) -> EntryOut:
    """Add what the register should say from a day on; a chief's act. Stories already tagged keep their tiers."""
    # ASCII only: "ß" in capitals is "SS", which is South Sudan.
    code = body.partner.upper() if body.partner.isascii() else body.partner
    facts = body.model_dump() | {"partner": code, "qualifiers": tuple(body.qualifiers)}
    entry: RegisterEntry = await amending.amend_partnership(session, register.RegisterRow(**facts), now=now, by=by)
    response.headers["Location"] = f"{API}/partnerships/{entry.partner}"
    return EntryOut.model_validate(entry)


def _require_known(tier: str | None, region: str | None) -> None:
    errors = []
    if tier is not None and tier not in list(Tier):
        errors.append(FieldError("tier", f"'{tier}' is not a tier", near_tiers(tier)))
    if region is not None and region not in places.regions():
        errors.append(FieldError("region", f"'{region}' is not a region", places.regions()))
    if errors:
        raise Invalid("The register knows nothing of that kind.", errors=errors)


def _standing_view(standing: register.Standing) -> StandingOut:
    place = places.places().get(standing.partner)
    return StandingOut(
        partner=standing.partner,
        name=places.name(standing.partner, "en") if place else standing.partner,
        names={language: places.name(standing.partner, language) for language in places.LANGUAGES} if place else {},
        region=place.region if place else None,
        tier=standing.tier,
        label_en=standing.label_en,
        label_zh=standing.label_zh,
        qualifiers=list(standing.qualifiers),
        in_force_from=standing.in_force_from,
        source=standing.source,
        verified=standing.verified,
        on_register=standing.on_register,
    )
