"""The journal's screen: search, and a button that walks the whole chain. Mounted by ``pages``."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from service.desk import decisions
from service.desk.cursors import CURSOR_MAX
from service.desk.frame import DeskPage, VisitDep, show
from service.desk.story_pages import day_of
from service.models import Editor
from service.web import Read, may

router = APIRouter(route_class=DeskPage, include_in_schema=False)

Reader = Annotated[Editor, Depends(may("read_journal"))]
Part = Annotated[str, Query(max_length=96)]


@router.get("/desk/journal")
async def get_journal(
    visit: VisitDep,
    reader: Reader,
    session: Read,
    act: Part = "",
    by: Part = "",
    subject: Part = "",
    day: Annotated[str, Query(max_length=10)] = "",
    cursor: Annotated[str, Query(max_length=CURSOR_MAX)] = "",
) -> Response:
    """What was decided, the newest first."""
    on = day_of(day, visit.today) if day else None
    wanted = decisions.Search(act or None, by or None, subject.strip() or None, on)
    page = await decisions.find_decisions(
        session, wanted, cursor=cursor or None, limit=50, calendar=visit.calendar, reader=reader
    )
    fields = (("act", act), ("by", by), ("subject", subject), ("day", day))
    sifted = {name: value for name, value in fields if value}
    acts, people = await decisions.known_acts(session), await decisions.people_of_the_desk(session)
    return show(visit, "journal", page=page, sifted=sifted, acts=acts, people=people)


@router.get("/desk/journal/verification")
async def get_verification(visit: VisitDep, _by: Reader, session: Read) -> Response:
    """Whether the chain holds, record by record."""
    return show(visit, "verification", chain=await decisions.verify_chain(session))
