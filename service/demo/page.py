"""The demo's page that says where to click: mounted by ``show`` at ``/demo`` and nowhere else."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlmodel import col, select

from service.fetching.catalogue import list_feeds
from service.models import Story
from service.web import CalendarDep, Now, Read
from service.words import StoryState

_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


TRY = "kenya-sgr-naivasha"
"""The sample story that the page offers for a first try; its words are about Kenya."""


@dataclass(frozen=True)
class Account:
    """A ready account of the demo."""

    email: str
    name: str
    role: str
    token: str


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)


def demo_page(base: str, accounts: list[Account], password: str) -> APIRouter:
    """The router with the demo's page, which shows the tokens of its throw-away accounts."""
    router = APIRouter(include_in_schema=False)

    @router.get("/demo")
    async def where_to_click(session: Read, calendar: CalendarDep, now: Now) -> Response:
        waiting = select(Story).where(Story.state == StoryState.NEW, col(Story.url).contains(f"/articles/{TRY}"))
        story = (await session.exec(waiting)).first()
        page = (
            _environment()
            .get_template("demo/index.html")
            .render(
                base=base,
                day=calendar.day_of(now),
                accounts=accounts,
                password=password,
                story=story,
                feeds=await list_feeds(session),
            )
        )
        # Its forms sign in at the desk, which public pages have no reason to do.
        policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'"
        return HTMLResponse(page, headers={"Cache-Control": "no-store", "Content-Security-Policy": policy})

    return router
