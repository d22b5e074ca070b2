"""One look at an article's page: asked for politely through the guard, and read.

Never raises for anything that a network or a publisher can do; what went wrong is in the answer. Takes its turn at
the host, holds no database session meanwhile, and stores nothing. Called by ``adding`` and ``watch``.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from service.fetching.download import Download, FeedRequest, download
from service.fetching.normalize import canonical_url
from service.fetching.outcomes import Outcome
from service.fetching.page import PageFacts, is_web_page, read_page
from service.fetching.turns import host_turn
from service.runtime import Runtime, user_agent

_PAGE_TYPES = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
_DEADLINE = 20.0
"""Seconds; a person may be waiting."""
_MAX_BYTES = 4_000_000


@dataclass(frozen=True)
class Look:
    """What a page showed."""

    outcome: Outcome
    """``ok`` where a web page was read; ``bad_feed`` where something else came."""
    asked: str
    url: str
    """The address that answered, after redirects."""
    for_good: bool
    """Every redirect to it was permanent."""
    facts: PageFacts
    """Empty where there was no page to read."""
    detail: str | None
    """One line for people on what went wrong."""

    @property
    def elsewhere(self) -> bool:
        """Whether another article's address answered: more than a change of scheme, host skin or parameters."""
        return canonical_url(self.url) != canonical_url(self.asked)


async def look_at(runtime: Runtime, url: str, *, patience: float, now: datetime) -> Look:
    """Ask for one page.

    Args:
        url: an address that ``vocabulary.check_url`` accepts.
        patience: seconds to wait for the host's turn.

    Raises:
        NotNow: the host was not free within ``patience``.
    """
    request = FeedRequest(
        url=url,
        user_agent=user_agent(runtime.settings),
        accept=_PAGE_TYPES,
        deadline=min(_DEADLINE, runtime.settings.fetch_deadline),
        max_bytes=_MAX_BYTES,
    )
    async with host_turn(runtime, url, patience=patience):
        found = await download(runtime.client, request, now=now)
    if found.outcome is not Outcome.OK:
        return _look(url, found, found.outcome, PageFacts(), found.detail)
    if not is_web_page(found.body, found.content_type):
        kind = (found.content_type or "something unnamed").partition(";")[0].strip()[:60]
        return _look(url, found, Outcome.BAD_FEED, PageFacts(), f"it is no web page but {kind}")
    facts = await asyncio.to_thread(read_page, found.body, url=found.url, content_type=found.content_type, now=now)
    return _look(url, found, Outcome.OK, facts, None)


def _look(asked: str, found: Download, outcome: Outcome, facts: PageFacts, detail: str | None) -> Look:
    for_good = found.url == asked.partition("#")[0] or found.moved_to is not None
    return Look(outcome, asked, found.url, for_good, facts, detail)
