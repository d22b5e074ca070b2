"""The shapes of the sources API: what is accepted, and what is answered. No rule and no database.

A feed's headers may be secrets: they come in and never go out; answers hold their names. Called by ``routes``
and, for the current state in a 412, by ``sources``.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.fetching.catalogue import feed_options
from service.fetching.feed_schema import Options
from service.fetching.outcomes import ANSWERED
from service.fetching.pace import is_stale
from service.fetching.vocabulary import check_id
from service.models import Feed

Address = Annotated[str, Field(max_length=2_048)]


class Body(BaseModel):
    """What a client sends; an unknown key is refused, since it is most likely a misspelt one."""

    model_config = ConfigDict(extra="forbid")


class Shape(BaseModel):
    """What the API answers."""

    model_config = ConfigDict(from_attributes=True)


class FeedIn(Body):
    """A feed to add. Without a name the feed's own title is taken, or its host."""

    url: Address
    name: str | None = Field(None, max_length=200)
    language: str | None = Field(None, max_length=35)
    country: str | None = Field(None, max_length=8)
    region: str | None = Field(None, max_length=32)
    kind: str | None = Field(None, max_length=32)


class FeedPatch(Body):
    """What to change; what is left out stays, null goes back to nothing or to the default."""

    name: str | None = Field(None, max_length=200)
    url: Address | None = None
    alt_urls: list[Address] | None = Field(None, max_length=10)
    homepage: Address | None = None
    language: str | None = Field(None, max_length=35)
    country: str | None = Field(None, max_length=8)
    region: str | None = Field(None, max_length=32)
    kind: str | None = Field(None, max_length=32)
    groups: list[Annotated[str, AfterValidator(check_id)]] | None = Field(None, max_length=20)
    core: bool | None = None
    enabled: bool | None = Field(None, description="false pauses the feed, also against feeds.yaml; true resumes it.")
    options: Options | None = Field(None, description="As in feeds.yaml: durations such as 30m, sizes such as 5MB.")


class PageIn(Body):
    """An address to look for feeds behind."""

    url: Address


class DateRuleIn(Body):
    """A date rule to try; what is left out is as the feed has it now."""

    zone: str | None = Field(None, max_length=64, examples=["Asia/Shanghai"])
    format: str | None = Field(None, max_length=120, examples=["%d/%m/%Y %H:%M"])
    policy: str | None = Field(None, max_length=16, examples=["first_seen"])


class FetchOut(Shape):
    """One attempt to read a feed, or one delivery by its hub."""

    started_at: datetime
    seconds: float
    outcome: str
    status: int | None
    bytes: int
    items: int
    new: int
    detail: str | None


class FetchList(BaseModel):
    """A feed's last attempts, newest first."""

    items: list[FetchOut]


class FeedOut(Shape):
    """A source and how it does."""

    id: str
    name: str
    url: str
    alt_urls: list[str]
    homepage: str | None
    language: str | None
    country: str | None
    region: str | None
    kind: str | None
    groups: list[str]
    core: bool
    origin: str
    enabled: bool
    paused_at: datetime | None
    options: dict[str, Any]
    header_names: list[str]
    """The headers that are sent with each request; their values are never shown."""
    next_due_at: datetime
    last_fetch_at: datetime | None
    last_ok_at: datetime | None
    last_outcome: str | None
    failures: float
    alarm: str | None
    stale: bool
    pushed: bool
    """Its hub pushes it (WebSub), so it is polled less often."""
    newest_at: datetime | None
    posts_per_day: float | None
    version: int


class FeedList(BaseModel):
    """A page of sources in the order of their ids."""

    items: list[FeedOut]
    next: str | None
    """The ``cursor`` of the next page."""
    total: int


class FoundFeedOut(Shape):
    """A feed that was found behind a page, and what a first look showed."""

    url: str
    title: str
    outcome: str
    works: bool
    items: int
    newest: datetime | None
    language: str | None
    how: str
    detail: str | None


class FoundFeeds(BaseModel):
    """What was found behind an address."""

    items: list[FoundFeedOut]


class RefusedOut(Shape):
    """A feed of a list that was not added, and why."""

    url: str
    name: str
    message: str


class ImportOut(Shape):
    """What became of an imported list."""

    added: list[str]
    refused: list[RefusedOut]


class DatedOut(Shape):
    """What a date rule makes of one item."""

    title: str
    date_raw: str | None
    before: datetime | None
    before_rule: str
    after: datetime | None
    after_rule: str


class DateTrialOut(Shape):
    """What a date rule would do to the items at hand; nothing was stored."""

    outcome: str
    detail: str | None
    changed: int
    items: list[DatedOut]


def feed_is_stale(feed: Feed, *, now: datetime) -> bool:
    """Whether a feed that answers has gone quiet; shown, never acted on."""
    return feed.last_outcome in ANSWERED and is_stale(
        newest_at=feed.newest_at,
        posts_per_day=feed.posts_per_day,
        stale_after=feed_options(feed).stale_after,
        now=now,
    )


def feed_out(feed: Feed, *, pushed: bool, now: datetime) -> FeedOut:
    """A stored feed as the API shows it."""
    options = shown_options(feed)
    derived = {
        "options": options,
        "header_names": sorted(feed_options(feed).headers),
        "stale": feed_is_stale(feed, now=now),
        "pushed": pushed,
    }
    columns = {name: getattr(feed, name) for name in FeedOut.model_fields if name not in derived}
    return FeedOut(**columns, **derived)


def shown_options(feed: Feed) -> dict[str, Any]:
    """The effective options in the form of feeds.yaml, without the headers."""
    options = feed_options(feed)
    values = {name: getattr(options, name) for name in Options.model_fields if hasattr(options, name)}
    del values["headers"]
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return duration(value)
    return list(value) if isinstance(value, tuple) else value


def duration(span: timedelta) -> str:
    """A whole duration as feeds.yaml writes it, in its largest whole unit: ``30m``, ``7d``."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
