"""The journal over HTTP, for people of the desk: search, and whether the chain holds. Mounted under ``/api/v1``.

Private decisions are among what it answers, so no program may ask: programs have the public ledger.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from service.desk import decisions
from service.desk.cursors import CURSOR_MAX
from service.models import Editor
from service.web import CalendarDep, Read, link_next, may
from service.written import IsoDay

router = APIRouter(tags=["journal"])

Reader = Annotated[Editor, Depends(may("read_journal"))]


@router.get("/journal", operation_id="search_journal")
async def search_journal(
    reader: Reader,
    session: Read,
    calendar: CalendarDep,
    request: Request,
    response: Response,
    act: Annotated[str | None, Query(max_length=32)] = None,
    by: Annotated[str | None, Query(max_length=32, description="An account's id, `clock` or `operator`.")] = None,
    subject: Annotated[str | None, Query(max_length=96, description="`kind:id`; `kind:` for all of a kind.")] = None,
    day: Annotated[IsoDay | None, Query(description="A newsroom day.")] = None,
    cursor: Annotated[str | None, Query(max_length=CURSOR_MAX, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=decisions.PAGE_MOST)] = 50,
) -> decisions.DecisionList:
    """Every decision that fits, private ones too, the newest first; those about accounts are for admins."""
    wanted = decisions.Search(act, by, subject, day)
    page = await decisions.find_decisions(session, wanted, cursor=cursor, limit=limit, calendar=calendar, reader=reader)
    if page.next is not None:
        link_next(request, response, cursor=page.next)
    return page


@router.get("/journal/verification", operation_id="verify_journal")
async def verify_journal(_by: Reader, session: Read) -> decisions.ChainOut:
    """Walk the whole chain, private records included; some hundred thousand records take seconds."""
    return await decisions.verify_chain(session)
