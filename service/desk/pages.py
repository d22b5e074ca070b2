"""``/desk``: every page on which editors work, put together. Mounted by ``app``.

Each screen has a module of its own (``*_pages``) beside the reads that fill it (``*_screen``); ``frame`` is what they
share. How one is made stands in CONTRIBUTING.md.
"""

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from service.desk import (
    edition_pages,
    handover_routes,
    journal_pages,
    people_pages,
    register_pages,
    settings_pages,
    sign_in_pages,
    story_pages,
    wire_pages,
)
from service.desk.frame import HOME, DeskPage, VisitDep, show

router = APIRouter(route_class=DeskPage, include_in_schema=False)


@router.get("/desk")
@router.get("/desk/", include_in_schema=False)
async def get_desk() -> Response:
    """The desk opens with the wire."""
    return RedirectResponse(HOME, status_code=303)


@router.get("/desk/keys")
async def get_keys(visit: VisitDep) -> Response:
    """What each key does, for whoever has switched scripts off or wants to print it."""
    return show(visit, "keys")


for screen in (
    sign_in_pages,
    wire_pages,
    story_pages,
    edition_pages,
    journal_pages,
    people_pages,
    register_pages,
    settings_pages,
):
    router.include_router(screen.router)
router.include_router(handover_routes.pages)
