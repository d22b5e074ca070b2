"""What a hub delivers → stories, by the same reading and the same intake as a document that we fetched ourselves.

A push counts only under the signature that our secret makes (WebSub §8); what is not signed is dropped without a
word, so that a stranger learns nothing. It leaves the feed's validators and pace alone: the next poll sees what
is really there, so a push that was lost or a hub that lies costs time and no story. Called by ``websub_routes``.

next: ``fetching.intake``
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.fetching import intake
from service.fetching.catalogue import feed_options
from service.fetching.document import Parsed, ParsedFeed
from service.fetching.hubs import SubscriptionState, is_signed
from service.fetching.outcomes import Outcome
from service.fetching.parsers import ParserPool
from service.fetching.reading import admitted, parse_job
from service.models import Feed, Fetch, Subscription
from service.runtime import Runtime

log = structlog.get_logger(__name__)

PUSHED = "pushed by its hub"
"""How such a delivery is told from a fetch in a feed's history."""


@dataclass(frozen=True)
class Push:
    """One delivery, as it came."""

    body: bytes
    content_type: str | None
    signature: str | None


async def pushed_feed(session: AsyncSession, callback: str) -> tuple[Subscription, Feed] | None:
    """The subscription behind a callback and its feed, if pushes are wanted; None tells the hub to stop.

    A lease that has just run out still counts: the signature is what proves a push.
    """
    query = select(Subscription, Feed).where(Subscription.callback == callback, Subscription.feed_id == Feed.id)
    found = (await session.exec(query)).one_or_none()
    if found is None:
        return None
    subscription, feed = found
    wanted = subscription.state == SubscriptionState.ACTIVE and feed.enabled and feed.removed_at is None
    return (subscription, feed) if wanted else None


async def take_push(
    runtime: Runtime, parsers: ParserPool, subscription: Subscription, feed: Feed, push: Push, *, now: datetime
) -> int:
    """Store what was delivered, if its signature holds; answers how many stories were new."""
    if not is_signed(subscription.secret, push.signature, push.body):
        log.warning("push_not_signed", feed=feed.id, bytes=len(push.body))
        return 0
    options, began = feed_options(feed), asyncio.get_running_loop().time()
    job = parse_job(feed, options, body=push.body, url=feed.url, content_type=push.content_type, now=now)
    answer = await parsers.parse(job)
    parsed = admitted(answer, options) if isinstance(answer, ParsedFeed) else answer
    seconds = asyncio.get_running_loop().time() - began
    async with runtime.database.write() as session:
        # The subscription may have ended, and the feed been paused, while the document was read.
        if await pushed_feed(session, subscription.callback) is None:
            return 0
        new = 0
        if isinstance(parsed, ParsedFeed):
            batch = intake.Batch(feed.id, parsed.entries)
            new = (await intake.take_in(session, [batch], now=now))[feed.id]
        session.add(_history(feed, push, parsed, new, seconds, now))
        stored = await session.get_one(Subscription, feed.id)
        stored.pushed_at = now
    log.info("push_taken", feed=feed.id, new=new)
    return new


def _history(feed: Feed, push: Push, parsed: Parsed, new: int, seconds: float, now: datetime) -> Fetch:
    if isinstance(parsed, ParsedFeed):
        outcome, items, detail = Outcome.OK, len(parsed.entries), PUSHED
    else:
        outcome, items, detail = parsed.outcome, 0, f"{PUSHED}: {parsed.detail}"
    return Fetch(
        feed_id=feed.id,
        started_at=now,
        seconds=round(seconds, 3),
        outcome=outcome.value,
        bytes=len(push.body),
        items=items,
        new=new,
        detail=detail,
        url=feed.url,
        parse_seconds=parsed.seconds,
    )
