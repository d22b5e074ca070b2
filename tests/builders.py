"""Rows for tests, made with as few words as possible: ``a_feed()``, ``a_story()``, ``stored(…)``."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from service.db import Database
from service.models import Feed, Host, Sighting, Story, new_id
from tests.conftest import NOON

_numbers = count(1)


def a_feed(**more: Any) -> Feed:
    """A feed that is due at noon."""
    number = next(_numbers)
    host = more.get("host", f"feed-{number}.example")
    values: dict[str, Any] = {
        "id": f"feed-{number}",
        "name": f"Feed {number}",
        "url": f"https://{host}/rss.xml",
        "url_key": f"{host}/rss.xml",
        "host": host,
        "alt_urls": [],
        "groups": [],
        "options": {},
        "next_due_at": NOON,
        "created_at": NOON,
        **more,
    }
    return Feed(**values)


def a_story(feed: Feed | None = None, *, at: datetime = NOON, **more: Any) -> Story:
    """A new story on the wire, received at noon and dated an hour before."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "id": new_id(at),
        "key": f"url:https://paper.example/{number}",
        "url": f"https://paper.example/{number}",
        "title": f"Story {number}",
        "summary": f"What story {number} says.",
        "language": "en",
        "feed_id": feed.id if feed else None,
        "published_at": at - timedelta(hours=1),
        "received_at": at,
        "dated_at": at - timedelta(hours=1),
        "content_hash": f"{number:064x}",
        **more,
    }
    return Story(**values)


async def stored(database: Database, *rows: Any) -> None:
    """Write rows; feeds get their host and stories of a feed their sighting."""
    async with database.write() as session:
        for row in rows:
            if isinstance(row, Feed) and await session.get(Host, row.host) is None:
                session.add(Host(name=row.host, ready_at=NOON))
            session.add(row)
            await session.flush()
            if isinstance(row, Story) and row.feed_id:
                session.add(Sighting(story_id=row.id, feed_id=row.feed_id, url=row.url, seen_at=row.received_at))
