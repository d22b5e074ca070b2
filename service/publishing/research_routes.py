"""The corpus over HTTP: the rows in three formats, what was passed, the codebook, how to cite.

The rows are streamed and kept nowhere; nothing of the request's own session is used for them, since that would be held
for as long as a slow reader reads. Mounted under ``/api/v1`` by ``app``, the citation at the root.
"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from service.models import Editor
from service.publishing.caching import Document
from service.publishing.research import papers, rows, writing
from service.publishing.routes import READ, SiteDep
from service.publishing.serving import Rendered
from service.web import CalendarDep, Now, Read, may, runtime_of

router = APIRouter(tags=["research"])
public = APIRouter(tags=["public"])
Reader = Annotated[Editor, Depends(may("read"))]


@router.get("/export", operation_id="export_stories", response_class=StreamingResponse)
async def export_stories(
    _by: Reader,
    request: Request,
    site: SiteDep,
    calendar: CalendarDep,
    now: Now,
    file_format: Annotated[str, Query(alias="format", description="`jsonl`, `csv` or `parquet`.")] = "jsonl",
    since: Annotated[date | None, Query(description="The first edition to take in.")] = None,
    until: Annotated[date | None, Query(description="The last edition to take in.")] = None,
) -> Response:
    """Every story that was ever public × each of its partners: our annotations, and no publisher's text.

    The columns are explained in `/export/codebook.md`.
    """
    writing.refuse_unwritable(file_format)
    today = calendar.day_of(now)
    pages = rows.pages_of_rows(runtime_of(request).database, site, rows.Span(since, until), today=today)
    name = f"huoban-{today.isoformat()}.{file_format}"
    return StreamingResponse(
        writing.write_rows(file_format, pages),
        media_type=writing.MEDIA_TYPES[file_format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/export/passed.csv", operation_id="export_passed", response_class=Response)
async def export_passed(_by: Reader, session: Read) -> Response:
    """How many stories of each source were passed for which reason, and how many stand in the other states."""
    body = papers.write_passed(await rows.count_states(session))
    headers = {"Content-Disposition": 'attachment; filename="passed.csv"'}
    return Response(body, media_type=writing.MEDIA_TYPES["csv"], headers=headers)


@router.get("/export/codebook.md", operation_id="get_codebook", response_class=Response)
async def get_codebook(_by: Reader) -> Response:
    """What each column of the export means."""
    return Response(papers.write_codebook(), media_type="text/markdown; charset=utf-8")


@public.api_route("/CITATION.cff", methods=READ, operation_id="get_citation")
async def get_citation(site: SiteDep, calendar: CalendarDep, now: Now) -> Response:
    """How to cite this newsroom's list (Citation File Format)."""
    body = papers.write_citation(site, today=calendar.day_of(now)).encode()
    return Rendered(Document(body, "text/yaml"))
