"""The register's screen: every partner as it stands, one partner's history, and the form that amends it.

It asks ``partnerships`` what the API's routes ask. A row is never changed, so the form needs no version: it adds one.
Mounted by ``pages``.
"""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from service.desk.frame import DeskPage, PostedDep, VisitDep, shaped, show, went_back
from service.desk.story_pages import day_of
from service.errors import NotFound
from service.models import Editor
from service.partnerships import amending, places, register
from service.partnerships.routes import AmendmentIn
from service.partnerships.tiers import QUALIFIERS
from service.web import Read, Write, may

router = APIRouter(route_class=DeskPage, include_in_schema=False)

LIST = "/desk/register"
Amender = Annotated[Editor, Depends(may("amend_register"))]
Day = Annotated[str, Query(max_length=10)]


@router.get(LIST)
async def get_register(
    visit: VisitDep,
    session: Read,
    on: Day = "",
    known: Day = "",
    tier: Annotated[str, Query(max_length=64)] = "",
    region: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Every partner as it stood on a day, by what was known at the end of another."""
    day, known_at = day_of(on or None, visit.today), _end_of(known)
    standings = await register.standings(session, on=day, known_at=known_at)
    shown = [each for each in standings.values() if tier in ("", each.tier) and region in ("", _region(each.partner))]
    sifted = {"on": str(day), "known": known, "tier": tier, "region": region}
    return show(visit, "register", standings=shown, sifted=sifted, regions=places.regions())


@router.get(f"{LIST}/{{code}}")
async def get_partner(code: str, visit: VisitDep, session: Read, on: Day = "", known: Day = "") -> Response:
    """One partner on a day, and every row about it."""
    place = places.find(code)
    if place is None:
        raise NotFound(places.unknown_place("code", code[:40]).message)
    day = day_of(on or None, visit.today)
    standing = await register.entry_in_force(session, place.code, on=day, known_at=_end_of(known))
    rows = await register.history(session, place.code)
    values: dict[str, Any] = {
        "day": day,
        "known": known,
        "confidences": register.CONFIDENCES,
        "qualifiers": tuple(QUALIFIERS),
    }
    return show(visit, "partner", code=place.code, standing=standing, rows=rows, **values)


@router.post(f"{LIST}/{{code}}/amend")
async def post_amendment(code: str, posted: PostedDep, visit: VisitDep, by: Amender, session: Write) -> Response:
    """Add what the register should say from a day on; stories already tagged keep their tiers."""
    texts = {name: posted.one(name) or "" for name in ("tier", "label_en", "label_zh", "source")}
    verified, begins = posted.one("verified") == "on", posted.one("in_force_from")
    # ``shaped`` leaves out what is None, and this field may not be left out: the day is put in afterwards.
    asked = shaped(
        AmendmentIn,
        partner=code,
        **texts,
        in_force_from=visit.today,
        confidence=posted.one("confidence"),
        verified=verified,
    )
    day = day_of(begins, visit.today) if begins else None
    facts = asked.model_dump() | {"in_force_from": day, "qualifiers": tuple(posted.many("qualifiers"))}
    await amending.amend_partnership(session, register.RegisterRow(**facts), now=visit.now, by=by)
    return went_back(posted, "amended", otherwise=f"{LIST}/{code}")


def _end_of(known: str) -> datetime | None:
    """The last moment, in UTC, of the day by whose knowledge is asked; None where it was left empty."""
    return datetime.combine(day_of(known, date.min), time.max, tzinfo=UTC) if known else None


def _region(code: str) -> str:
    place = places.places().get(code)
    return place.region if place else ""
