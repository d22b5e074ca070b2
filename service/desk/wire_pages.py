"""The wire's screen: stories beside filters and one of them in full. Mounted by ``pages``.

The address says everything that is shown (filters, order, page, story), so that any view can be kept, sent and gone
back to without script. The acts on a story are ``story_pages``'.
"""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from service.desk import bulk, schemas, wire_lists, wire_screen
from service.desk.cursors import CURSOR_MAX
from service.desk.frame import HOME, DeskPage, PostedDep, Visit, VisitDep, safe_path, shaped, show, went_back
from service.desk.preferences import FILTER_KEYS, FILTERS_MAX, FilterIn, PreferencesPatch, change_preferences
from service.desk.preferences import filter_query as canonical
from service.desk.search_index import catch_up
from service.desk.wire_filters import WireFilter
from service.desk.wire_routes import wire_filter
from service.errors import FieldError, Invalid
from service.models import Editor
from service.web import Read, Write, may, runtime_of

router = APIRouter(route_class=DeskPage, include_in_schema=False)

PAGE = 50
Sorter = Annotated[Editor, Depends(may("triage"))]


@dataclass(frozen=True)
class Asked:
    """What the address asks to see."""

    query: dict[str, str]
    """The filters as they stand in the address, empty ones left out."""
    sort: wire_lists.Sort
    cursor: str | None
    story: str | None
    added: tuple[str, ...]

    def url(self, **changed: str | None) -> str:
        """This view with other filters, order, page or story; None leaves one out."""
        given: dict[str, str | None] = {**self.query, "cursor": self.cursor, "story": self.story, **changed}
        pairs = [(key, value) for key, value in given.items() if value]
        return f"{HOME}?{urlencode(pairs)}" if pairs else HOME

    def filtered(self, **changed: str | None) -> str:
        """The same with a filter changed: from the first page on, and with no story chosen."""
        return self.url(**{"cursor": None, "story": None, **changed})

    @property
    def filter_query(self) -> str:
        """The filters alone, as they are saved."""
        return canonical(urlencode(self.query))


async def _asked(
    request: Request,
    sort: Annotated[str | None, Query(max_length=20)] = None,
    cursor: Annotated[str | None, Query(max_length=CURSOR_MAX)] = None,
    story: Annotated[str | None, Query(max_length=40)] = None,
    add: Annotated[list[str] | None, Query(max_length=20)] = None,
) -> Asked:
    given = {key: request.query_params.get(key, "").strip() for key in FILTER_KEYS}
    query = {key: value[:200] for key, value in given.items() if value}
    if sort not in (None, "", "received", "source"):
        raise Invalid("The wire has no such order.", errors=[FieldError("sort", "received or source")])
    if "q" in query:
        # Before the page's own session begins: bringing the index up to date writes.
        await catch_up(runtime_of(request).database)
    added = tuple(word[:100] for word in add or () if word.strip())
    return Asked(query, "source" if sort == "source" else "received", cursor or None, story or None, added)


AskedDep = Annotated[Asked, Depends(_asked, scope="function")]


@router.get(HOME)
async def get_wire(
    visit: VisitDep,
    asked: AskedDep,
    wanted: Annotated[WireFilter, Depends(wire_filter)],
    session: Read,
    part: Annotated[str | None, Query(max_length=10)] = None,
) -> Response:
    """The waiting stories, newest first; ``part=list`` is the list alone, for what is loaded below it."""
    page = await wire_lists.list_stories(
        session,
        wanted,
        text=asked.query.get("q"),
        sort=asked.sort,
        cursor=asked.cursor,
        limit=PAGE,
        now=visit.now,
        calendar=visit.calendar,
    )
    if part == "list":
        return show(visit, "_rows", asked=asked, page=page, chosen=None, repaired=wire_screen.is_repaired)
    chosen = asked.story or (page.items[0].id if page.items else None)
    return show(visit, "wire", **await _screen(session, visit, asked, page, chosen))


async def _screen(
    session: Read, visit: Visit, asked: Asked, page: schemas.StoryPage, chosen: str | None
) -> dict[str, Any]:
    pane = None
    if chosen:
        pane = await wire_screen.story_pane(
            session, chosen, added=asked.added, suggest=visit.suggestions, calendar=visit.calendar, now=visit.now
        )
    return {
        "asked": asked,
        "page": page,
        "chosen": chosen,
        "pane": pane,
        "back": following(asked, page, chosen),
        "counts": await wire_lists.count_stories(session),
        "facets": await wire_screen.waiting_facets(session),
        "here": await wire_screen.editors_here(session, now=visit.now),
        "repaired": wire_screen.is_repaired,
    }


def following(asked: Asked, page: schemas.StoryPage, chosen: str | None) -> str:
    """Where an act that ends with a story leads: the same view with the story after it."""
    ids = [story.id for story in page.items]
    place = ids.index(chosen) if chosen in ids else -1
    after = ids[place + 1] if place + 1 < len(ids) else None
    return asked.url(story=after)


@router.post(f"{HOME}/pass")
async def post_passes(posted: PostedDep, visit: VisitDep, by: Sorter, session: Write) -> Response:
    """Pass the ticked stories for one reason; those that cannot be are left alone and named."""
    seen = [(story, version) for story, _, version in (text.partition(":") for text in posted.many("stories"))]
    versions = {story: version for story, version in seen if version}
    wanted = shaped(
        schemas.BulkPassIn, story_ids=[story for story, _ in seen], reason=posted.one("reason") or "", versions=versions
    )
    done = await bulk.pass_stories(
        session,
        wanted.story_ids,
        reason=wanted.reason,
        reasons=visit.pass_reasons,
        versions=wanted.versions,
        now=visit.now,
        by=by,
    )
    left = [(each.story_id, each.detail) for each in done.items if not each.passed]
    if not left:
        return went_back(posted, "pass_many")
    titles = await wire_screen.titles_of(session, [story for story, _ in left])
    refused = [(story, *titles.get(story, (story, None)), why) for story, why in left]
    return show(visit, "not_passed", passed=done.passed, refused=refused, back=safe_path(posted.one("back")))


@router.post("/desk/filters/save")
async def post_filter(
    posted: PostedDep, visit: VisitDep, by: Annotated[Editor, Depends(may("manage_account"))], session: Write
) -> Response:
    """Keep the filters of a view under a name; one of that name is replaced."""
    name, query = posted.one("name") or "", posted.one("query") or ""
    saved = shaped(FilterIn, name=name, query=query)
    kept = [FilterIn(name=f.name, query=f.query) for f in visit.choices.filters if f.name != saved.name]
    if len(kept) >= FILTERS_MAX:
        raise Invalid(
            "That is enough filters.", errors=[FieldError("name", f"{FILTERS_MAX} are kept; remove one first")]
        )
    await change_preferences(session, PreferencesPatch(filters=[*kept, saved]), version=visit.choices.version, by=by)
    return went_back(posted, "filter_saved")


@router.post("/desk/filters/remove")
async def post_filter_removal(
    posted: PostedDep, visit: VisitDep, by: Annotated[Editor, Depends(may("manage_account"))], session: Write
) -> Response:
    """Forget a saved filter."""
    kept = [FilterIn(name=f.name, query=f.query) for f in visit.choices.filters if f.name != posted.one("name")]
    await change_preferences(session, PreferencesPatch(filters=kept), version=visit.choices.version, by=by)
    return went_back(posted, "filter_removed")
