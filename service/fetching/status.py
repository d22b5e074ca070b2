"""How the sources do, for anyone to see: the document behind ``/status.json``.

An outage must not look like a quiet day, so it says when something was last fetched, which sources fail, and which
answer but have gone quiet. It shows no address that could hold a key, no header, and no account. Called by
``status_routes``, at the door.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from service.db import ReadSession
from service.fetching.catalogue import list_feeds
from service.fetching.disclosure import holds_secret
from service.fetching.outcomes import Outcome
from service.fetching.schemas import feed_is_stale
from service.fetching.verdict import one_line
from service.models import Feed

NEVER = "never_fetched"
"""Stands among the outcomes for a source that was not asked yet."""


async def fetching_status(session: ReadSession, *, now: datetime) -> dict[str, Any]:
    """The state of every source on the list, in the order of their ids, and the sums over those that run."""
    feeds = await list_feeds(session)
    running = [feed for feed in feeds if feed.enabled]
    last = max((feed.last_fetch_at for feed in feeds if feed.last_fetch_at), default=None)
    outcomes = Counter(feed.last_outcome or NEVER for feed in running)
    return {
        "at": now.isoformat(),
        "last_fetch_at": last.isoformat() if last else None,
        "minutes_since_last_fetch": max(int((now - last).total_seconds() // 60), 0) if last else None,
        "sources": {
            "total": len(feeds),
            "enabled": len(running),
            "paused": sum(feed.paused_at is not None for feed in feeds),
            "alarms": sum(feed.alarm is not None for feed in feeds),
            "stale": sum(feed_is_stale(feed, now=now) for feed in running),
        },
        "outcomes": {name: outcomes[name] for name in (*Outcome, NEVER) if outcomes[name]},
        "feeds": [_public(feed, now) for feed in feeds],
    }


def _public(feed: Feed, now: datetime) -> dict[str, Any]:
    moments = {name: getattr(feed, name) for name in ("last_fetch_at", "last_ok_at", "newest_at")}
    return {
        "id": feed.id,
        "name": feed.name,
        "url": None if holds_secret(feed) else feed.url,
        "homepage": feed.homepage,
        "language": feed.language,
        "country": feed.country,
        "region": feed.region,
        "enabled": feed.enabled,
        "paused": feed.paused_at is not None,
        "outcome": feed.last_outcome,
        "alarm": one_line(feed.alarm) if feed.alarm else None,  # cuts addresses down to their host
        "stale": feed.enabled and feed_is_stale(feed, now=now),
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }
