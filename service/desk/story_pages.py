"""One story's page, and the forms of every act on it. Each calls the action that the API's route calls.

Mounted by ``pages``. Acts on its item in an edition are ``edition_pages``'.
"""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from service.desk import editions, merging, schemas, second_looks, siblings, tagging, triage, wire_screen
from service.desk.frame import DeskPage, PostedDep, VisitDep, shaped, show, went_back
from service.desk.tag_form import tags_of
from service.errors import FieldError, Invalid
from service.models import Editor
from service.web import Read, Write, may

router = APIRouter(route_class=DeskPage, include_in_schema=False)

Tagger = Annotated[Editor, Depends(may("tag"))]
Sorter = Annotated[Editor, Depends(may("triage"))]
Placer = Annotated[Editor, Depends(may("place"))]


def day_of(text: str | None, otherwise: date) -> date:
    """The day that a form or an address names.

    Raises:
        Invalid: it names none.
    """
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("That is not a day.", errors=[FieldError("day", "write it as 2026-11-24")]) from error


@router.get("/desk/stories/{story_id}")
async def get_story_page(
    story_id: str,
    visit: VisitDep,
    session: Read,
    part: Annotated[str | None, Query(max_length=10)] = None,
    add: Annotated[list[str] | None, Query(max_length=20)] = None,
    back: Annotated[str | None, Query(max_length=2_000)] = None,
) -> Response:
    """One story with its whole life; ``part`` is ``pane`` or ``row``, for what a script puts in place."""
    pane = await wire_screen.story_pane(
        session,
        story_id,
        added=tuple(word[:100] for word in add or () if word.strip()),
        suggest=visit.suggestions,
        full=part != "row",
        with_history=part is None,
        calendar=visit.calendar,
        now=visit.now,
    )
    template = {"pane": "_pane", "row": "_row_alone"}.get(part or "", "story")
    return show(visit, template, pane=pane, back=back or "", asked=None, repaired=wire_screen.is_repaired)


@router.post("/desk/stories/{story_id}/tags")
async def post_tags(story_id: str, posted: PostedDep, visit: VisitDep, by: Tagger, session: Write) -> Response:
    """Confirm the ticked partners with their tiers."""
    tags = tags_of(posted)
    story = await triage.take_up(session, story_id, posted.version, now=visit.now, calendar=visit.calendar, by=by)
    await tagging.tag_story(session, story, tags, calendar=visit.calendar, now=visit.now, by=by)
    return went_back(posted, "tag")


@router.post("/desk/stories/{story_id}/words")
async def post_words(story_id: str, posted: PostedDep, visit: VisitDep, by: Sorter, session: Write) -> Response:
    """Set headline and blurb; an empty headline goes back to the source's."""
    wanted = shaped(schemas.StoryPatch, headline=posted.one("headline"), blurb=posted.one("blurb"))
    story = await triage.take_up(session, story_id, posted.version, now=visit.now, calendar=visit.calendar, by=by)
    await triage.rewrite_story(session, story, changes=wanted.model_dump(), now=visit.now, by=by)
    return went_back(posted, "rewrite")


@router.post("/desk/stories/{story_id}/pass")
async def post_pass(story_id: str, posted: PostedDep, visit: VisitDep, by: Sorter, session: Write) -> Response:
    """Do not take this story, and say why."""
    story = await triage.take_up(session, story_id, posted.version, now=visit.now, calendar=visit.calendar, by=by)
    reason = posted.one("reason") or ""
    await triage.pass_story(session, story, reason=reason, reasons=visit.pass_reasons, now=visit.now, by=by)
    return went_back(posted, "pass")


@router.post("/desk/stories/{story_id}/note")
async def post_note(story_id: str, posted: PostedDep, visit: VisitDep, by: Sorter, session: Write) -> Response:
    """Leave a line for the other editors."""
    note = shaped(schemas.NoteIn, text=posted.one("text") or "")
    story = await triage.take_up(session, story_id, None, now=visit.now, calendar=visit.calendar, by=by)
    await triage.add_note(session, story, text=note.text, now=visit.now, by=by)
    return went_back(posted, "note")


@router.post("/desk/stories/{story_id}/merge")
async def post_merge(story_id: str, posted: PostedDep, visit: VisitDep, by: Sorter, session: Write) -> Response:
    """Put other reports of the same news under this one."""
    story = await triage.take_up(session, story_id, posted.version, now=visit.now, calendar=visit.calendar, by=by)
    await merging.merge_stories(session, story, posted.many("stories"), now=visit.now, by=by)
    return went_back(posted, "merge")


@router.post("/desk/stories/{story_id}/dismiss")
async def post_dismissal(story_id: str, posted: PostedDep, visit: VisitDep, by: Sorter, session: Write) -> Response:
    """Say of hints that they report other news; they are not shown again."""
    story = await triage.take_up(session, story_id, posted.version, now=visit.now, calendar=visit.calendar, by=by)
    await siblings.dismiss_hints(session, story, posted.many("stories"), now=visit.now, by=by)
    return went_back(posted, "dismiss")


@router.post("/desk/stories/{story_id}/split")
async def post_split(story_id: str, posted: PostedDep, visit: VisitDep, by: Sorter, session: Write) -> Response:
    """Let siblings stand for themselves again; without any named, this story leaves its lead."""
    story = await triage.take_up(session, story_id, posted.version, now=visit.now, calendar=visit.calendar, by=by)
    leaving = posted.many("stories")
    if leaving:
        await merging.split_stories(session, story, leaving, now=visit.now, by=by)
    else:
        await merging.split_off(session, story, now=visit.now, by=by)
    return went_back(posted, "split")


@router.post("/desk/stories/{story_id}/place")
async def post_place(story_id: str, posted: PostedDep, visit: VisitDep, by: Placer, session: Write) -> Response:
    """Give the story a place in a day's list, as a draft."""
    day = day_of(posted.one("day"), visit.today)
    wanted = shaped(schemas.ItemIn, story_id=story_id, position=posted.number("position"))
    edition = await editions.edition_for_change(session, day, None, calendar=visit.calendar, now=visit.now)
    await editions.place_item(session, edition, wanted, calendar=visit.calendar, now=visit.now, by=by)
    return went_back(posted, "place")


@router.post("/desk/stories/{story_id}/{act}")
async def post_move(
    story_id: str,
    act: Literal["hold", "reopen", "claim", "release", "ask", "answer"],
    posted: PostedDep,
    visit: VisitDep,
    by: Sorter,
    session: Write,
) -> Response:
    """Hold a story, put it back on the wire, say that you work on it, or want a second editor on it."""
    story = await triage.take_up(session, story_id, posted.version, now=visit.now, calendar=visit.calendar, by=by)
    actions = {
        "hold": triage.hold_story,
        "reopen": triage.reopen_story,
        "claim": triage.claim_story,
        "release": triage.release_story,
        "ask": second_looks.ask_colleague,
        "answer": second_looks.answer_colleague,
    }
    await actions[act](session, story, now=visit.now, by=by)
    return went_back(posted, act)
