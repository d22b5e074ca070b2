"""What a person asks of a source that asks its publisher too: add it, fetch it now.

No database session is open while a publisher is asked: it would keep every editor waiting. What needs no publisher is
in ``sources``; a date rule is tried by ``date_trial``. Called by ``routes`` and by the desk's page of sources.
"""

from datetime import datetime, timedelta

from service.errors import NotNow
from service.fetching import catalogue, discovery, reports, schemas, sources
from service.fetching.parsers import ParserPool
from service.fetching.run import run_round
from service.journal import take_turn
from service.models import Editor, Feed
from service.runtime import Runtime

_PATIENCE = timedelta(seconds=15)
"""How long "fetch now" waits for a host that is busy or whose gap has not passed."""


async def look_up_feed(runtime: Runtime, feed_id: str) -> Feed:
    """A feed, read in a session that is closed before anybody is asked.

    Raises:
        NotFound: there is none with this id.
    """
    async with runtime.database.read() as session:
        return await reports.get_feed(session, feed_id)


async def add_feed(
    runtime: Runtime, parsers: ParserPool, wanted: schemas.FeedIn, *, now: datetime, by: Editor
) -> schemas.FeedOut:
    """Add a source after a look at its address; one that does not answer is added all the same.

    Raises:
        Invalid: the address is a web page's; the feeds found behind it are the suggestions. Or another source has it.
        NotNow: its host is busy.
    """
    async with runtime.database.read() as reading:
        await catalogue.known_feed(reading, wanted.url)
    found = await discovery.feed_to_add(runtime, parsers, wanted.url, now=now, itself=True)
    given = wanted.model_dump() | {"name": wanted.name or discovery.name_of(found)}
    async with runtime.database.write() as session:
        await take_turn(session)
        feed = await catalogue.add_feed(session, **given, now=now)
        await reports.record_feed(session, "add_feed", feed, now=now, by=by)
        [view] = await sources.feed_views(session, [feed], now=now)
    return view


async def fetch_feed(runtime: Runtime, parsers: ParserPool, feed_id: str) -> schemas.FetchOut:
    """Read a feed now, and how that went.

    Raises:
        NotFound: there is none with this id.
        NotNow: it is paused, or its host is busy.
    """
    feed = await look_up_feed(runtime, feed_id)
    if not feed.enabled:
        raise NotNow(f"{feed.id!r} is switched off. Resume it first.")
    if not await run_round(runtime, parsers, only=frozenset({feed_id}), patience=_PATIENCE):
        raise NotNow(f"{feed.host} is being asked for something else, or wants to be left alone. Try again in a while.")
    async with runtime.database.read() as session:
        return schemas.FetchOut.model_validate((await reports.last_fetches(session, feed_id, limit=1))[0])
