"""The shapes of the editor API: what is accepted, how text is cleaned, and what is answered.

Table classes validate nothing, so everything that a client sends passes through here first. No database,
no rules about states: those are the actions'.
"""

import unicodedata
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.written import IsoDay, IsoMoment

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def _printable(text: str, *, keep: str) -> str:
    """Text without what a reader cannot see and a document cannot hold: controls, overrides, surrogates."""
    return "".join(
        char
        for char in text
        if char in keep or (char not in _BIDI_CONTROLS and unicodedata.category(char) not in ("Cc", "Cs", "Cn"))
    )


def _one_line(text: str) -> str:
    return " ".join(_printable(text, keep="\n\t").split())


def _paragraphs(text: str) -> str:
    lines = (" ".join(line.split()) for line in _printable(text, keep="\n\t").splitlines())
    return "\n".join(lines).strip()


def _not_empty(text: str) -> str:
    # Blanks, joiners and marks (Z, C, M) show nothing by themselves.
    if all(unicodedata.category(char)[0] in "ZCM" for char in text):
        raise ValueError("write at least one visible character")
    return text


Day = date
Line = Annotated[str, Field(max_length=500), AfterValidator(_one_line), AfterValidator(_not_empty)]
Blurb = Annotated[str, Field(max_length=2_000), AfterValidator(_paragraphs)]
Code = Annotated[str, Field(max_length=64), AfterValidator(_one_line)]


class Body(BaseModel):
    """What a client sends; an unknown key is refused, since it is most likely a misspelt one."""

    model_config = ConfigDict(extra="forbid")


class Shape(BaseModel):
    """What the API answers."""

    model_config = ConfigDict(from_attributes=True)


class TagIn(Body):
    """One partner and the tier that the editor confirms for it."""

    partner: Code = Field(examples=["KE"], description="ISO 3166-1 alpha-2, or X-… for an organisation.")
    tier: Code = Field(examples=["comprehensive_strategic_cooperative"])
    reason: Line | None = Field(None, description="Needed where the tier is not the register's on the story's date.")


class TagsIn(Body):
    """The whole set of a story's tags; what is left out is removed."""

    tags: list[TagIn] = Field(max_length=60)


class StoryPatch(Body):
    """The editor's own words; what is left out stays, null goes back to the source's."""

    headline: Line | None = None
    blurb: Blurb | None = None


class PassIn(Body):
    """Why a story is not taken."""

    reason: Code = Field(examples=["off_topic"])


class NoteIn(Body):
    """A line to the other editors."""

    text: Annotated[str, Field(max_length=2_000), AfterValidator(_paragraphs), AfterValidator(_not_empty)]


class ItemIn(Body):
    """A story to place in an edition."""

    story_id: Code
    position: int | None = Field(None, ge=1, le=1_000, description="1 is the top; without it: the end.")
    headline: Line | None = None
    blurb: Blurb | None = None
    publish_at: IsoMoment | None = Field(None, description="Goes public by itself at this time.")


class OrderIn(Body):
    """Every item of the edition that is not withdrawn, in the order that a person wants."""

    story_ids: list[Code] = Field(max_length=1_000)


class MoveIn(Body):
    """A new place for one item."""

    position: int | None = Field(None, ge=1, le=1_000)
    edition: IsoDay | None = Field(None, description="Another day; only while the item is not public.")


class ScheduleIn(Body):
    """When an item goes public by itself."""

    publish_at: IsoMoment


class CorrectIn(Body):
    """What changes in a published item, and the note that readers see."""

    headline: Line | None = None
    blurb: Blurb | None = None
    tags: list[TagIn] | None = Field(None, min_length=1, max_length=60)
    note: Line


class WithdrawIn(Body):
    """Why a published item is withdrawn; readers see it."""

    reason: Line


class FeedRef(Shape):
    """The source that a story was first seen in."""

    id: str
    name: str
    url: str
    country: str | None = Field(description="Where the outlet is, ISO 3166-1 alpha-2.")


class SightingOut(Shape):
    """Where and when a story was seen."""

    feed: str
    feed_name: str
    guid: str | None
    url: str
    seen_at: datetime


class TagOut(Shape):
    """A confirmed tag, with the tier of the story's date and today's."""

    partner: str
    name: str
    tier: str
    label_en: str
    label_zh: str
    tier_now: str
    confirmed_by: str
    confirmed_at: datetime
    reason: str | None


class ClaimOut(Shape):
    """Who is working on a story, until when."""

    by: str
    until: datetime


class NoteOut(Shape):
    """A line from one editor to the others."""

    by: str
    at: datetime
    text: str


class AskedOut(Shape):
    """Who wants a second editor on a story."""

    by: str
    at: datetime


class PlaceOut(Shape):
    """Where a story stands in an edition."""

    edition: date
    position: int
    state: str


class SiblingHintOut(Shape):
    """Another story that seems to report the same news: a hint for a person, who may merge the two or dismiss it."""

    story_id: str
    title: str
    url: str
    feed: str | None = Field(description="The name of its source; null for a story that was added by its address.")
    received_at: datetime
    reason: str = Field(description="Why it seems so, as a sentence.")


class StoryOut(Shape):
    """One story as the desk sees it."""

    id: str
    url: str
    title: str
    summary: str
    author: str | None
    language: str | None
    feed: FeedRef | None
    sightings: list[SightingOut]
    published_at: datetime | None
    date_raw: str | None
    date_rule: str | None
    received_at: datetime
    changed_at: datetime = Field(description="When anything shown here last changed; moves with every act.")
    backfilled: bool
    opaque: bool
    state: str
    pass_reason: str | None
    headline: str | None
    blurb: str | None
    tags: list[TagOut]
    siblings: list[str] = Field(description="Ids of stories merged under this one.")
    sibling_hints: list[SiblingHintOut] = Field(description="Other stories that seem to report the same news.")
    lead: str | None
    source_changed_at: datetime | None = Field(description="When the source last changed its words.")
    claim: ClaimOut | None
    asked: AskedOut | None = Field(description="Who wants a second editor on it.")
    notes: list[NoteOut]
    item: PlaceOut | None
    version: int


class StoryPage(Shape):
    """A page of the wire."""

    items: list[StoryOut]
    next: str | None = Field(description="The cursor of the next page; null at the end.")
    total: int = Field(description="How many stories the whole list has.")
    total_is_lower_bound: bool = Field(description="Whether counting stopped there; there may be more.")


class StoryCounts(Shape):
    """How much there is on the wire."""

    counts: dict[str, int] = Field(examples=[{"new": 118, "held": 4, "passed": 2310, "picked": 87}])
    lower_bounds: list[str] = Field(description="States that hold more than was counted.")
    oldest_waiting_at: datetime | None = Field(description="When the oldest waiting story was received.")


class PassReasons(Shape):
    """Why a story may be passed."""

    items: list[str] = Field(examples=[["off_topic", "duplicate", "other"]])


class ItemOut(Shape):
    """A story in its place."""

    story_id: str
    story_version: int = Field(description="What a change to the story itself must carry.")
    edition: date
    position: int
    state: str
    headline: str
    blurb: str
    title: str = Field(description="The source's headline.")
    language: str | None = Field(description="Of the source.")
    feed: FeedRef | None
    url: str
    tags: list[TagOut]
    publish_at: datetime | None
    published_by: str | None
    published_at: datetime | None
    updated_at: datetime | None
    correction: str | None
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    uri: str | None
    decision: str | None


class EditionOut(Shape):
    """The day's list as the desk sees it: drafts included, in the editors' order; withdrawn ones last."""

    date: Day
    zone: str
    state: str
    begins_at: datetime
    cutoff_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    items: list[ItemOut]
    version: int


class RecordOut(Shape):
    """A decision in a story's life, or what its source did: `source_sighting`, `source_revision`, `source_vanished`."""

    at: datetime
    by: str
    act: str
    before: dict[str, object] | None
    after: dict[str, object] | None
    hash: str | None = Field(description="Of its journal record; null for what the source did.")


class HistoryOut(Shape):
    """A story's sightings, the decisions about it and its source's changes, oldest first."""

    items: list[RecordOut]


class BulkPassIn(Body):
    """Many stories that are not taken, for one reason."""

    story_ids: list[Code] = Field(min_length=1, max_length=200)
    reason: Code = Field(examples=["off_topic"])
    versions: dict[Code, int] = Field(
        {}, max_length=200, description="The version seen of each; one that changed since is left alone."
    )


class BulkAnswer(Shape):
    """What became of one of many stories."""

    story_id: str
    passed: bool
    code: str | None = Field(description="Why not, as an error's `code`.")
    detail: str | None
    version: int | None


class BulkPassOut(Shape):
    """What became of each, in the order asked."""

    passed: int
    items: list[BulkAnswer]


class DayOut(Shape):
    """One day's list in few words."""

    date: Day
    state: str
    drafts: int = Field(description="Items that are not public yet, scheduled ones included.")
    published: int
    withdrawn: int
    closed_at: datetime | None
    version: int


class EditionPage(Shape):
    """Days with a list, the latest first."""

    items: list[DayOut]
    next: date | None = Field(description="Send it as `before` for the page that follows; null at the end.")


class DiffItem(Shape):
    """An item that differs between two lists."""

    story_id: str
    headline: str
    url: str
    edition: Day
    position: int
    note: str | None = Field(description="The note of the correction, or the reason of the withdrawal.")


class EditionDiff(Shape):
    """What a reader of one day's list finds changed in another's. A story stands in one list only."""

    from_date: Day = Field(alias="from", serialization_alias="from")
    to_date: Day = Field(alias="to", serialization_alias="to")
    added: list[DiffItem] = Field(description="Public in the second list; never in the first.")
    removed: list[DiffItem] = Field(description="Public in the first list, or withdrawn from either since.")
    moved: list[DiffItem] = Field(description="Moved by an editor from the first list to the second.")
    corrected: list[DiffItem] = Field(description="Public in the second list and corrected since.")
