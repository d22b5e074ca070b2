"""Another reader's list (OPML) → feeds of ours, each on its own: one that is refused keeps no other out.

Each feed is added in a transaction of its own, so that a long list holds up nobody else's work; a list that was
cut off half-way is simply imported again. Called by ``routes`` and the command line.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from service.db import Database
from service.errors import Invalid
from service.fetching import opml
from service.fetching.catalogue import add_feed
from service.fetching.reports import record_feed
from service.journal import Decider, take_turn


@dataclass(frozen=True)
class Refused:
    """A feed of the list that was not added, and why."""

    url: str
    name: str
    message: str


@dataclass(frozen=True)
class Imported:
    """What became of a list."""

    added: tuple[str, ...]
    """The new feeds' ids."""
    refused: tuple[Refused, ...]


async def import_list(database: Database, data: bytes, *, now: datetime, by: Decider) -> Imported:
    """Add the feeds of an OPML document, journaled one by one; those that are listed already are refused.

    Raises:
        Invalid: the document is not OPML that we read, or too large; nothing was added.
    """
    added, refused = [], []
    for found in opml.read_opml(data):
        try:
            async with database.write() as session:
                await take_turn(session)
                feed = await add_feed(session, **asdict(found), now=now)
                await record_feed(session, "add_feed", feed, now=now, by=by)
            added.append(feed.id)
        except Invalid as error:
            refused.append(Refused(found.url, found.name, error.detail))
    return Imported(tuple(added), tuple(refused))
