"""What a decision is called outside, and which public lists it touches.

Pure: what the journal and the rows say in; kinds of events, topics and payloads out. A payload holds ids, addresses,
codes and hashes, and no text that anybody wrote: the receiver asks for what is public and finds it as it stands then,
corrected or withdrawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from service.partnerships import places
from service.publishing.edition import Site
from service.publishing.formats.facts import FEED_EXTENSIONS
from service.publishing.formats.markup import language_tag, rfc3339
from service.publishing.streams import Stream


class Event(StrEnum):
    """What a webhook can ask for."""

    PUBLISHED = "item.published"
    CORRECTED = "item.corrected"
    WITHDRAWN = "item.withdrawn"
    ORDERED = "edition.ordered"
    CLOSED = "edition.closed"
    """Its digest is frozen."""
    REOPENED = "edition.reopened"


TEST = "webhook.test"
"""What an admin sends to see whether a webhook gets through; every webhook takes it."""

EVENT_OF: Mapping[str, Event] = MappingProxyType(
    {
        "publish": Event.PUBLISHED,
        "correct": Event.CORRECTED,
        "resolve": Event.CORRECTED,
        "withdraw": Event.WITHDRAWN,
        "order": Event.ORDERED,
        "move": Event.ORDERED,
        "close": Event.CLOSED,
        "reopen_edition": Event.REOPENED,
    }
)
"""The journal's acts that change what readers see; ``move`` and ``resolve`` only of what is public."""
OF_ITEMS = frozenset({Event.PUBLISHED, Event.CORRECTED, Event.WITHDRAWN})


@dataclass(frozen=True)
class Told:
    """A decision about what is public, with what is needed to tell others of it."""

    event: Event
    at: datetime
    day: date
    """The edition that it concerns."""
    decision: str
    """The hash of its journal record."""
    story_id: str | None = None
    uri: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    """Partner and tier, as they are now."""
    tags_before: tuple[tuple[str, str], ...] = ()
    """Those that a correction took away or changed."""
    language: str | None = None


def payload(site: Site, told: Told) -> dict[str, Any]:
    """What a webhook is told (Standard Webhooks, "Payload structure")."""
    if told.event in OF_ITEMS:
        data: dict[str, Any] = {
            "id": told.story_id,
            "uri": told.uri,
            "url": f"{site.base_url}/stories/{told.story_id}",
            "edition": told.day.isoformat(),
            "countries": [{"code": code, "tier": tier} for code, tier in told.tags],
        }
    else:
        data = {"edition": told.day.isoformat(), "url": f"{site.base_url}/editions/{told.day.isoformat()}.json"}
        if told.event is Event.CLOSED:
            data["digest"] = f"{site.base_url}/digest/{told.day.isoformat()}.json"
    return {"type": told.event.value, "timestamp": rfc3339(told.at), "data": {**data, "decision": told.decision}}


def topics(site: Site, told: Told, *, newest_day: date) -> list[str]:
    """The feeds that a reader of them finds changed, each once: those that name a hub (``facts.hub_of``).

    ``newest_day`` is the day that ``/daily`` shows.
    """
    paths = [f"/editions/{told.day.isoformat()}.{{}}"]
    if told.day >= newest_day:
        paths.append("/daily.{}")
    if told.event in OF_ITEMS:
        paths += [_address(stream) for stream in _streams(told)]
    return [site.base_url + path.format(extension) for path in paths for extension in FEED_EXTENSIONS]


def _streams(told: Told) -> Sequence[Stream]:
    tags = (*told.tags, *told.tags_before)
    found = [Stream()]
    found += [Stream(country=code) for code in dict.fromkeys(code for code, _ in tags)]
    found += [Stream(tier=tier) for tier in dict.fromkeys(tier for _, tier in tags)]
    found += [Stream(region=region) for region in dict.fromkeys(places.region(code) for code, _ in tags)]
    if tag := language_tag(told.language):
        whole, _, more = tag.lower().partition("-")
        found += [Stream(language=whole), *([Stream(language=tag.lower())] if more else [])]
    return found


def _address(stream: Stream) -> str:
    return f"{stream.path}.{{}}{f'?{stream.query}' if stream.query else ''}"
