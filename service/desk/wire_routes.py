"""The editor API for the wire's lists: pages, search, what changed, counts, and suggestions for one story.

HTTP in, a read called, HTTP out. Mounted by ``routes``, before the paths of single stories.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from service.desk import schemas, suggestions, wire, wire_lists
from service.desk.cursors import CURSOR_MAX
from service.desk.search_index import catch_up
from service.desk.wire import WAITING
from service.desk.wire_filters import STATES, WireFilter
from service.errors import FieldError, Invalid
from service.models import Editor
from service.web import CalendarDep, Now, Read, link_next, may, runtime_of
from service.written import IsoTime

router = APIRouter()

Reader = Annotated[Editor, Depends(may("read"))]


async def _indexed(
    _by: Reader,
    request: Request,
    q: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Every word must begin a word of title, summary, headline or blurb; a phrase in quotes must "
            "stand there as written. Case and accents make no difference, and there are no operators.",
            examples=['rail "debt relief" 铁路'],
        ),
    ] = None,
) -> AsyncIterator[str | None]:
    """The words to look for, the index up to date. Its session is closed before the route's begins."""
    if q and q.strip():
        await catch_up(runtime_of(request).database)
    yield q


Words = Annotated[str | None, Depends(_indexed, scope="function")]


ChangedSince = Annotated[
    IsoTime | None,
    Query(
        description="For clients that keep a copy: whatever changed at or after this moment, merged stories included, "
        "the longest ago first. Ask again from the last `changed_at` you saw, less a minute. Not together with `q`, "
        "`since`, `until` or `sort`."
    ),
]


def wire_filter(
    calendar: CalendarDep,
    state: Annotated[
        str | None,
        Query(
            max_length=100,
            description="Of `new`, `held`, `passed`, `picked`, comma-separated; or `all`. Without it the waiting "
            "ones, `new,held`; with `changed_since`, all.",
        ),
    ] = None,
    feed: Annotated[str | None, Query(description="Seen in this feed, by its id.")] = None,
    language: Annotated[str | None, Query(max_length=35, description="BCP 47; `en` also finds `en-GB`.")] = None,
    region: Annotated[str | None, Query(description="The source's region.")] = None,
    kind: Annotated[str | None, Query(description="The source's kind, as in feeds.yaml.")] = None,
    country: Annotated[str | None, Query(description="A partner that the story is tagged with.")] = None,
    since: Annotated[
        IsoTime | None, Query(description="At or after this moment, by the time that the list is ordered by.")
    ] = None,
    until: Annotated[IsoTime | None, Query(description="Before this moment, by the same time.")] = None,
    changed_since: ChangedSince = None,
) -> WireFilter:
    """What the query asks to see."""
    return WireFilter(
        states=_states(state, WAITING if changed_since is None else STATES),
        feed=feed or None,
        language=language or None,
        region=region or None,
        kind=kind or None,
        country=country.upper() if country else None,
        since=wire.aware(since, calendar),
        until=wire.aware(until, calendar),
    )


@router.get("/stories", operation_id="list_stories")
async def list_stories(
    _by: Reader,
    q: Words,
    wanted: Annotated[WireFilter, Depends(wire_filter)],
    session: Read,
    now: Now,
    calendar: CalendarDep,
    request: Request,
    response: Response,
    changed_since: ChangedSince = None,
    sort: Annotated[
        wire_lists.Sort | None,
        Query(description="`received` (without it): when we got it. `source`: when the source says it appeared."),
    ] = None,
    cursor: Annotated[str | None, Query(max_length=CURSOR_MAX, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=wire_lists.PAGE_MAX)] = 50,
) -> schemas.StoryPage:
    """The wire, newest first. The next page is named in `next` and in the `Link` header."""
    page_of: dict[str, Any] = {"cursor": cursor, "limit": limit, "now": now, "calendar": calendar}
    changed = wire.aware(changed_since, calendar)
    if changed is not None:
        _refuse_beside_changes(q=q, since=wanted.since, until=wanted.until, sort=sort)
        page = await wire_lists.list_changes(session, wanted, since=changed, **page_of)
    else:
        page = await wire_lists.list_stories(session, wanted, text=q, sort=sort or "received", **page_of)
    if page.next is not None:
        link_next(request, response, cursor=page.next)
    return page


def _states(state: str | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    if state is None:
        return usual
    if state == "all":
        return STATES
    return tuple(dict.fromkeys(part.strip() for part in state.split(",")))


def _refuse_beside_changes(**given: object) -> None:
    errors = [FieldError(name, "leave it out beside changed_since") for name, value in given.items() if value]
    if errors:
        raise Invalid("A list of changes is in the order of the changes.", errors=errors)


@router.get("/stories/counts", operation_id="count_stories")
async def count_stories(_by: Reader, session: Read) -> schemas.StoryCounts:
    """How many stories stand in each state, merged ones left out, and since when the oldest one waits."""
    return await wire_lists.count_stories(session)


@router.get("/stories/pass-reasons", operation_id="list_pass_reasons")
async def list_pass_reasons(_by: Reader, request: Request) -> schemas.PassReasons:
    """Why a story may be passed in this newsroom (`HUOBAN_PASS_REASONS`), in the newsroom's order; at most twenty."""
    return schemas.PassReasons(items=list(runtime_of(request).settings.pass_reasons))


@router.get("/stories/{story_id}/suggestions", operation_id="suggest_tags")
async def get_suggestions(
    story_id: str, _by: Reader, session: Read, calendar: CalendarDep, request: Request
) -> suggestions.SuggestionsOut:
    """Partners that title and summary name, in the order of the text, each with China's tier on the story's date.

    Hints for a person: nothing of it is stored, and nothing is ordered by it. Empty where the newsroom has
    switched suggestions off (`HUOBAN_SUGGESTIONS`).
    """
    story = await wire.get_story(session, story_id)
    if not runtime_of(request).settings.suggestions:
        return suggestions.SuggestionsOut(enabled=False, items=[])
    return await suggestions.suggest_tags(session, story, calendar=calendar)
