"""Subscriptions to hubs that push feeds (WebSub): which there are, and what we ask of each hub.

    a fetch names a hub → note_hubs → tend_subscriptions asks → the hub verifies (confirm) → pushes
                                        ↑ renews before the lease ends, leaves what is no longer wanted

The rules are in ``hubs``; what hubs deliver is taken by ``pushes``. No session is open while a hub is asked: a
subscription is marked before, so that a hub may verify it at once, and so that of several processes one asks.
Called by ``run`` (``note_hubs``, ``pushed_feeds``), ``scheduling`` (``tend_subscriptions``) and ``websub_routes``.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import httpx
import structlog
from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.among import among
from service.db import WriteSession
from service.fetching.guard import RefusedAddress, check_url
from service.fetching.health import Answer
from service.fetching.hubs import (
    LEASE_ASKED,
    Hub,
    Step,
    SubscriptionState,
    can_be_reached,
    granted_lease,
    hub_of,
    next_step,
)
from service.fetching.verdict import describe
from service.fetching.vocabulary import feed_host
from service.models import Feed, Subscription
from service.runtime import Runtime, user_agent
from service.settings import Settings

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 100
"""Requests of one tick; what is left is due at the next."""
_DEADLINE = 20.0
_EXPECTED = (RefusedAddress, httpx.HTTPError, aiohttp.ClientError, OSError)


@dataclass(frozen=True)
class Errand:
    """One request that is due, as the subscription stood when it was found."""

    step: Step
    subscription: Subscription


async def note_hubs(
    session: WriteSession, answers: Sequence[tuple[Feed, Answer]], *, settings: Settings, now: datetime
) -> None:
    """Remember the hubs that freshly read feeds name; a feed that stopped naming one is to be left.

    Does nothing where no hub could call us back. An answer that was not read (304, the same bytes) says nothing.
    """
    read = [(feed, answer) for feed, answer in answers if answer.parsed is not None]
    if not read or not can_be_reached(settings.base_url):
        return
    query = select(Subscription).where(among(col(Subscription.feed_id), [feed.id for feed, _ in read]))
    known = {row.feed_id: row for row in (await session.exec(query)).all()}
    for feed, answer in read:
        hub = _named_hub(feed, answer)
        row = known.get(feed.id)
        if row is None and hub is not None:
            session.add(Subscription(feed_id=feed.id, **_begun(hub, now)))
        elif row is not None and hub is None and row.state != SubscriptionState.ENDED:
            row.state = SubscriptionState.LEAVING
        elif row is not None and hub is not None and not _serves(row, hub):
            row.sqlmodel_update(_begun(hub, now))
    await session.flush()


def _named_hub(feed: Feed, answer: Answer) -> Hub | None:
    parsed = answer.parsed
    if parsed is None:
        return None
    return hub_of(hub=parsed.hub, self_url=parsed.self_url, link_header=answer.download.link, url=answer.download.url)


def _serves(row: Subscription, hub: Hub) -> bool:
    over = row.state in (SubscriptionState.LEAVING, SubscriptionState.ENDED)
    return (row.hub, row.topic) == (hub.url, hub.topic) and not over


def _begun(hub: Hub, now: datetime) -> dict[str, Any]:
    """The columns of a subscription begun anew: whoever knew the old callback or secret knows nothing of this one."""
    return {
        "hub": hub.url,
        "topic": hub.topic,
        "callback": secrets.token_urlsafe(32),
        "secret": secrets.token_urlsafe(48),
        "state": SubscriptionState.WANTED.value,
        "asked_at": now,
        "lease_until": None,
        "pushed_at": None,
        "failures": 0,
    }


async def pushed_feeds(session: AsyncSession, feed_ids: Collection[str], *, now: datetime) -> frozenset[str]:
    """Those of the feeds that a hub pushes now, for ``hubs.poll_interval``."""
    query = select(Subscription.feed_id).where(
        among(col(Subscription.feed_id), feed_ids),
        Subscription.state == SubscriptionState.ACTIVE,
        col(Subscription.lease_until) > now,
    )
    return frozenset((await session.exec(query)).all())


async def tend_subscriptions(runtime: Runtime, *, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Subscribe, renew, leave and forget what is due; answers how many hubs took our request.

    Hubs are asked side by side, each one thing after the other; one that does not answer is left for the next time.
    """
    if not can_be_reached(runtime.settings.base_url):
        return 0
    now = runtime.clock()
    async with runtime.database.read() as session:
        errands = await due_errands(session, now=now)
    by_host: dict[str, list[Errand]] = defaultdict(list)
    for errand in errands[:MOST_AT_ONCE]:
        by_host[feed_host(errand.subscription.hub)].append(errand)

    async def one_host(host_errands: list[Errand]) -> int:
        taken = 0
        for errand in host_errands:
            if not keep_going() or not await _run_errand(runtime, errand, now):
                break
            taken += errand.step is not Step.FORGET
        return taken

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one_host(host_errands)) for host_errands in by_host.values()]
    return sum(task.result() for task in tasks)


async def due_errands(session: AsyncSession, *, now: datetime) -> list[Errand]:
    """What is due about every subscription, the one that waited longest first."""
    query = select(Subscription, Feed).where(Subscription.feed_id == Feed.id).order_by(col(Subscription.asked_at))
    errands = []
    for row, feed in (await session.exec(query)).all():
        step = next_step(
            SubscriptionState(row.state),
            asked_at=row.asked_at,
            lease_until=row.lease_until,
            failures=row.failures,
            live=feed.enabled and feed.removed_at is None,
            now=now,
        )
        if step is not None:
            errands.append(Errand(step, row))
    return errands


async def _run_errand(runtime: Runtime, errand: Errand, now: datetime) -> bool:
    """Do what is due; false if its hub did not take the request."""
    row = errand.subscription
    async with runtime.database.write() as session:
        ours = await begin_errand(session, errand, now)
    if not ours or errand.step is Step.FORGET:
        return True  # another process was faster, or there is nobody to ask
    problem = await ask_hub(runtime, row, errand.step)
    if problem is None:
        log.info("hub_asked", feed=row.feed_id, hub=feed_host(row.hub), mode=errand.step.value)
        return True
    log.warning("hub_did_not_accept", feed=row.feed_id, hub=feed_host(row.hub), reason=problem)
    async with runtime.database.write() as session:
        failed = update(Subscription).where(col(Subscription.callback) == row.callback)
        await (await session.connection()).execute(failed.values(failures=Subscription.failures + 1))
    return False


async def begin_errand(session: WriteSession, errand: Errand, now: datetime) -> bool:
    """Mark the request as made, before it is; false if the subscription is not as it was found."""
    row = errand.subscription
    as_found = (
        col(Subscription.callback) == row.callback,
        col(Subscription.state) == row.state,
        col(Subscription.asked_at) == row.asked_at,
    )
    connection = await session.connection()
    if errand.step is Step.FORGET:
        return bool((await connection.execute(delete(Subscription).where(*as_found))).rowcount)
    state = SubscriptionState.ENDED if errand.step is Step.UNSUBSCRIBE else SubscriptionState.ASKED
    if row.state == SubscriptionState.ACTIVE and errand.step is Step.SUBSCRIBE:
        state = SubscriptionState.ACTIVE  # pushes go on while a renewal is under way
    # An earlier request that was never verified counts as a failure: such a hub is asked less and less.
    unanswered = int(row.state == SubscriptionState.ASKED)
    marked = (
        update(Subscription)
        .where(*as_found)
        .values(state=state.value, asked_at=now, failures=Subscription.failures + unanswered)
    )
    return bool((await connection.execute(marked)).rowcount)


async def ask_hub(runtime: Runtime, row: Subscription, step: Step) -> str | None:
    """Send one request (WebSub §5.1); None if the hub took it, else why not, free of secrets.

    A redirect is not followed: the request carries our secret, and where a hub moves is the publisher's to say.
    """
    form = {
        "hub.mode": step.value,
        "hub.topic": row.topic,
        "hub.callback": f"{runtime.settings.base_url}/websub/{row.callback}",
    }
    if step is Step.SUBSCRIBE:
        form |= {"hub.secret": row.secret, "hub.lease_seconds": str(int(LEASE_ASKED.total_seconds()))}
    headers = {"User-Agent": user_agent(runtime.settings), "Accept-Encoding": "identity", "Connection": "close"}
    try:
        check_url(row.hub)
        async with asyncio.timeout(_DEADLINE):
            async with runtime.client.stream(
                "POST", row.hub, data=form, headers=headers, auth=None, follow_redirects=False
            ) as response:
                status = response.status_code  # the body says nothing that we act on, and is not read
    except _EXPECTED as error:
        return describe(error)
    return None if 200 <= status < 300 else f"the hub answered {status}"


async def confirm(
    session: WriteSession, callback: str, *, mode: str, topic: str, lease_seconds: str | None, now: datetime
) -> bool:
    """A hub asks whether we meant it (WebSub §5.3): true only for what we asked, about this topic.

    A denial is taken note of, and true as well.
    """
    query = select(Subscription).where(Subscription.callback == callback).with_for_update()
    row = (await session.exec(query)).one_or_none()
    if row is None or row.topic != topic:
        return False
    state = SubscriptionState(row.state)
    if mode == "unsubscribe":
        return state is SubscriptionState.ENDED
    if state not in (SubscriptionState.ASKED, SubscriptionState.ACTIVE):
        return False
    if mode == "denied":
        row.state = SubscriptionState.DENIED
        log.warning("hub_denied", feed=row.feed_id, hub=feed_host(row.hub))
        return True
    if mode != "subscribe":
        return False
    row.state, row.failures = SubscriptionState.ACTIVE, 0
    row.lease_until = now + granted_lease(lease_seconds)
    log.info("subscribed", feed=row.feed_id, hub=feed_host(row.hub), until=row.lease_until.isoformat())
    return True
