"""A date rule tried on the items at hand before it goes live: what each date is read as now, and what it would be.

The feed is fetched once, whole, and read twice; nothing is stored. Called by ``routes`` (``try-dates``) and the
command line (``huoban feeds check FEED --zone …``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from service.errors import FieldError, Invalid
from service.fetching.catalogue import new_feed
from service.fetching.document import ParsedFeed
from service.fetching.feed_schema import Options
from service.fetching.options import FeedSpec, FetchOptions
from service.fetching.outcomes import Outcome
from service.fetching.parsers import ParserPool
from service.fetching.reading import parse_job
from service.fetching.run import read_feed
from service.fetching.turns import host_turn
from service.fetching.vocabulary import BadValue
from service.runtime import Runtime

SHOWN = 100
"""Items that are compared, in the document's order."""
_READ = 2_000
"""Which items are kept when there are too many depends on their dates, so both readings keep all there can be."""


@dataclass(frozen=True)
class Dated:
    """One item under both rules; a rule's name says how the date was read (``fetching.dates``)."""

    title: str
    date_raw: str | None
    before: datetime | None
    before_rule: str
    after: datetime | None
    after_rule: str


@dataclass(frozen=True)
class DateTrial:
    """What the rule would change."""

    outcome: Outcome
    detail: str | None
    items: tuple[Dated, ...]

    @property
    def changed(self) -> int:
        """Items whose date would be another, or would be there or not."""
        return sum(item.before != item.after for item in self.items)


def with_rule(options: FetchOptions, rule: Mapping[str, Any]) -> FetchOptions:
    """The options with the ``zone``, ``format`` and ``policy`` that ``rule`` holds in them; None is the default.

    Raises:
        Invalid: no such time zone or policy, or a format that holds no whole day.
    """
    said = {f"date_{name}": value for name, value in rule.items()}
    try:
        checked = Options.model_validate(said)
    except ValidationError as error:
        errors = []
        for problem in error.errors():
            reason = problem.get("ctx", {}).get("error")
            near = reason.suggestions if isinstance(reason, BadValue) else ()
            message = reason.message if isinstance(reason, BadValue) else problem["msg"]
            errors.append(FieldError(str(problem["loc"][0]).removeprefix("date_"), message, near))
        raise Invalid("This rule cannot be tried.", errors=errors) from error
    defaults = FetchOptions()
    values = {name: getattr(checked, name) for name in said}
    return replace(options, **{n: getattr(defaults, n) if value is None else value for n, value in values.items()})


async def try_dates(
    runtime: Runtime, parsers: ParserPool, spec: FeedSpec, rule: Mapping[str, Any], *, now: datetime
) -> DateTrial:
    """Fetch a feed and compare its dates as they are read now with what ``rule`` would make of them.

    Raises:
        Invalid: the rule cannot be one.
        NotNow: the feed's host is busy.
    """
    present = replace(spec.options, max_items=_READ, include=None, exclude=None, article_hosts=())
    proposed = with_rule(present, rule)
    feed = new_feed(spec, origin="desk", now=now)
    async with host_turn(runtime, spec.url):
        answer = await read_feed(runtime, parsers, feed, present, now=now)
    if answer.parsed is None:
        return DateTrial(answer.outcome, answer.detail, ())
    found = answer.download
    job = parse_job(feed, proposed, body=found.body, url=found.url, content_type=found.content_type, now=now)
    again = await parsers.parse(job)
    if not isinstance(again, ParsedFeed):
        return DateTrial(again.outcome, again.detail, ())
    # The rule changes dates and nothing else, so both readings hold the same items in the same order.
    pairs = zip(answer.parsed.entries, again.entries, strict=True)
    items = [
        Dated(
            title=before.title,
            date_raw=before.date_raw or after.date_raw,
            before=before.published_at,
            before_rule=before.date_rule,
            after=after.published_at,
            after_rule=after.date_rule,
        )
        for before, after in pairs
    ]
    return DateTrial(answer.outcome, answer.detail, tuple(items[:SHOWN]))
