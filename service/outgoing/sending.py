"""One round of what goes out: read on in the journal, then empty the lanes side by side, each one thing at a time.

A lane is the mail server, the hub, or one webhook: one that is down or slow keeps nothing else waiting. No session is
open while anything is sent. Called by ``scheduling``, and by the command line for a digest that a person sends.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from service.models import Delivery
from service.outgoing import outbox
from service.outgoing.filling import addressees_of, fill_outbox, is_behind
from service.outgoing.mailing import hand_over_mail
from service.outgoing.outbox import Ending
from service.outgoing.posting import ping_hub, post_webhook
from service.publishing.edition import Site
from service.publishing.routes import digest_site_of
from service.runtime import Runtime
from service.words import DeliveryKind, DeliveryState

log = structlog.get_logger(__name__)

LANE_AT_ONCE = 200
"""Deliveries of one lane in one round; what is left is due at the next."""
LANES_AT_ONCE = 50


async def send_outgoing(runtime: Runtime, *, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Send what is due; answers how many deliveries got through."""
    await _read_journal(runtime, keep_going)
    now = runtime.clock()
    async with runtime.database.read() as session:
        lanes = await outbox.lanes_with_work(session, now=now)
        broken_off = await outbox.has_broken_off(session, now=now)
    if broken_off:
        async with runtime.database.write() as writing:
            log.warning("mails_uncertain", mails=await outbox.settle_broken_off(writing, now=now))
    slots = asyncio.Semaphore(LANES_AT_ONCE)

    async def one_lane(lane: str) -> int:
        async with slots:
            return await empty_lane(runtime, lane, keep_going=keep_going)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one_lane(lane)) for lane in lanes]
    return sum(task.result() for task in tasks)


async def _read_journal(runtime: Runtime, keep_going: Callable[[], bool]) -> None:
    whom = addressees_of(runtime.settings, digest_site_of(runtime.settings))
    while keep_going():
        async with runtime.database.read() as session:
            if not await is_behind(session):
                return
        async with runtime.database.write() as writing:
            await fill_outbox(writing, whom, now=runtime.clock())


async def empty_lane(runtime: Runtime, lane: str, *, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Send what is due in one lane until nothing is, or until its other end is down; answers how many got through."""
    through, site = 0, digest_site_of(runtime.settings)
    for _ in range(LANE_AT_ONCE):
        if not keep_going():
            break
        async with runtime.database.write() as session:
            claimed = await outbox.claim_next(session, lane, now=runtime.clock())
        if claimed is None:
            break
        ending = await _attempt(runtime, claimed, site)
        if ending is None:
            continue
        async with runtime.database.write() as session:
            state = await outbox.finish(session, claimed, ending, now=runtime.clock())
        through += state is DeliveryState.SENT
        _tell(claimed, ending, state)
        if ending.lane_down:
            break
    return through


async def _attempt(runtime: Runtime, claimed: Delivery, site: Site) -> Ending | None:
    loop = asyncio.get_running_loop()
    started, now = loop.time(), runtime.clock()
    try:
        match claimed.kind:
            case DeliveryKind.MAIL:
                ending = await hand_over_mail(runtime, claimed, site)
            case DeliveryKind.PING:
                ending = await ping_hub(runtime, claimed, now=now)
            case _:
                ending = await post_webhook(runtime, claimed, now=now)
    except Exception as error:
        # One delivery that we cannot even try must not keep the others of its lane from going out.
        log.exception("delivery_broke", delivery=claimed.id, kind=claimed.kind)
        ending = Ending(DeliveryState.WAITING, f"could not be tried: {type(error).__name__}")
    return replace(ending, seconds=loop.time() - started) if ending else None


def _tell(claimed: Delivery, ending: Ending, state: DeliveryState | None) -> None:
    if state is DeliveryState.SENT:
        log.info("delivered", kind=claimed.kind, delivery=claimed.id, about=claimed.subject)
    else:
        log.warning(
            "not_delivered",
            kind=claimed.kind,
            delivery=claimed.id,
            about=claimed.subject,
            state=state.value if state else "taken over",
            reason=ending.detail,
            status=ending.status,
        )
