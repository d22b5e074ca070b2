"""The outbox: who takes which delivery, and how it ended. Any number of processes may take from it beside each other.

A delivery is claimed for a while (a lease) and finished by whoever still holds it. What a crash left behind is taken
up again when its lease is over; a mail that may have been handed over by then is not, but counts as uncertain, since
no digest is repeated. Called by ``sending``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.journal import record_decision
from service.models import Delivery, DeliveryAttempt, Webhook
from service.outgoing.patience import DAY, GIVEN_UP_AFTER, HOUR, LONGEST_WAIT, next_try
from service.words import DeliveryKind, DeliveryState

LEASE = timedelta(minutes=5)
"""Longer than any one attempt with its deadlines."""
KEPT = 30 * DAY
"""How long pings and webhooks that are over can still be looked at. Mails stay for good, and so their keys."""
GIVE_UP = 3 * DAY
"""A webhook that took nothing for so long, while something was given up, is disabled."""


@dataclass(frozen=True)
class Ending:
    """How one attempt ended."""

    state: DeliveryState
    """``WAITING``: not now, perhaps later."""
    detail: str
    """In words for people, without secrets or addresses."""
    status: int | None = None
    seconds: float = 0.0
    wait: float | None = None
    """Seconds for which the other end wants to be left alone."""
    lane_down: bool = False
    """What else goes the same way need not be tried now."""
    gone: bool = False
    """The receiver will never take anything again (HTTP 410)."""


async def lanes_with_work(session: AsyncSession, *, now: datetime) -> list[str]:
    """The lanes in which something is due, in no particular order."""
    query = select(Delivery.lane).where(_takeable(now)).distinct()
    return list((await session.exec(query)).all())


def _takeable(now: datetime) -> ColumnElement[bool]:
    free = or_(col(Delivery.lease_until).is_(None), col(Delivery.lease_until) < now)
    return (col(Delivery.state) == DeliveryState.WAITING) & (col(Delivery.due_at) <= now) & free


async def claim_next(session: WriteSession, lane: str, *, now: datetime) -> Delivery | None:
    """Take the next delivery of a lane, the ones tried least often first; None when nothing is due."""
    query = select(Delivery).where(Delivery.lane == lane, _takeable(now))
    query = query.order_by(col(Delivery.attempts), col(Delivery.seq), col(Delivery.id)).limit(1)
    found = (await session.exec(query.with_for_update(skip_locked=True))).one_or_none()
    if found is not None:
        found.attempts += 1
        found.lease_token += 1
        found.lease_until = now + LEASE
        session.add(found)
        await session.flush()
    return found


async def begin_handover(session: WriteSession, claimed: Delivery) -> bool:
    """Write down, before it happens, that a mail is being handed over; false if somebody else holds it by now."""
    held = (col(Delivery.id) == claimed.id, col(Delivery.lease_token) == claimed.lease_token)
    statement = update(Delivery).where(*held, col(Delivery.state) == DeliveryState.WAITING)
    result = await (await session.connection()).execute(statement.values(state=DeliveryState.SENDING))
    return bool(result.rowcount)


async def finish(session: WriteSession, claimed: Delivery, ending: Ending, *, now: datetime) -> DeliveryState | None:
    """Write down how an attempt ended; answers how the delivery stands now, None if somebody else holds it."""
    query = select(Delivery).where(Delivery.id == claimed.id, Delivery.lease_token == claimed.lease_token)
    row = (await session.exec(query.with_for_update())).one_or_none()
    if row is None:
        return None
    session.add(
        DeliveryAttempt(
            delivery_id=row.id, at=now, seconds=round(ending.seconds, 3), status=ending.status, detail=ending.detail
        )
    )
    row.detail, row.lease_until = ending.detail, None
    row.state = _state_after(row, claimed, ending, now=now)
    if row.state != DeliveryState.WAITING:
        row.finished_at = now
    if ending.lane_down:
        await _put_off_lane(session, row, now=now)
    if row.kind == DeliveryKind.WEBHOOK:
        await _note_webhook(session, row, ending, now=now)
    await session.flush()
    return DeliveryState(row.state)


def _state_after(row: Delivery, claimed: Delivery, ending: Ending, *, now: datetime) -> DeliveryState:
    if ending.state is DeliveryState.SENT and row.seq != claimed.seq:
        row.attempts, row.due_at = 0, now  # the list changed again while its ping was under way
        return DeliveryState.WAITING
    if ending.state is not DeliveryState.WAITING:
        return ending.state
    if row.state == DeliveryState.SENDING and ending.status is None:
        return DeliveryState.UNCERTAIN  # it broke off during the handover, without a refusal
    again = next_try(DeliveryKind(row.kind), row.attempts, since=row.created_at, now=now, asked=ending.wait)
    if again is None:
        return DeliveryState.FAILED
    row.due_at = again
    return DeliveryState.WAITING


async def _put_off_lane(session: WriteSession, row: Delivery, *, now: datetime) -> None:
    """What goes the same way waits as long as ``row``, and is given up with it where it is too old."""
    connection = await session.connection()
    others = update(Delivery).where(
        col(Delivery.lane) == row.lane, col(Delivery.state) == DeliveryState.WAITING, col(Delivery.id) != row.id
    )
    too_old = col(Delivery.created_at) <= now - GIVEN_UP_AFTER[DeliveryKind(row.kind)]
    given_up = {"state": DeliveryState.FAILED, "finished_at": now, "detail": f"given up: {row.detail}"}
    await connection.execute(others.where(too_old).values(**given_up))
    if row.state == DeliveryState.WAITING:
        await connection.execute(others.where(col(Delivery.due_at) < row.due_at).values(due_at=row.due_at))


async def _note_webhook(session: WriteSession, row: Delivery, ending: Ending, *, now: datetime) -> None:
    webhook = await session.get(Webhook, row.webhook_id, with_for_update=True)
    if webhook is None:
        return
    if row.state == DeliveryState.SENT:
        webhook.failing_since, webhook.taken_at = None, now
        return
    webhook.failing_since = webhook.failing_since or now
    hopeless = row.state == DeliveryState.FAILED and now - webhook.failing_since >= GIVE_UP
    if webhook.enabled and (ending.gone or hopeless):
        why = "the receiver answered 410 Gone" if ending.gone else "it took nothing for three days"
        await disable_webhook(session, webhook, why=why, now=now)


async def disable_webhook(session: WriteSession, webhook: Webhook, *, why: str, now: datetime) -> None:
    """Stop sending to a webhook, with an alarm that stays until a person enables it again; what waits is given up."""
    webhook.enabled, webhook.alarm = False, why
    webhook.version += 1
    await give_up_waiting(session, webhook, why="the webhook was disabled", now=now)
    after = {"enabled": False, "alarm": why}
    await record_decision(
        session,
        act="disable_webhook",
        subject=f"webhook:{webhook.id}",
        before={"enabled": True},
        after=after,
        now=now,
        by="clock",
        public=False,
    )


async def give_up_waiting(session: WriteSession, webhook: Webhook, *, why: str, now: datetime) -> None:
    """Nothing that waits for this webhook goes out any more."""
    waiting = update(Delivery).where(
        col(Delivery.webhook_id) == webhook.id, col(Delivery.state) == DeliveryState.WAITING
    )
    values = {"state": DeliveryState.FAILED, "detail": why, "finished_at": now}
    await (await session.connection()).execute(waiting.values(**values))


async def want_again(session: WriteSession, keys: Sequence[str], *, failed_too: bool, now: datetime) -> None:
    """Let these deliveries be tried at once; those that failed or are uncertain only where a person says so."""
    asked = col(Delivery.key).in_(keys)
    connection = await session.connection()
    waiting = update(Delivery).where(asked, col(Delivery.state) == DeliveryState.WAITING)
    await connection.execute(waiting.values(due_at=now))
    if failed_too:
        over = col(Delivery.state).in_((DeliveryState.FAILED, DeliveryState.UNCERTAIN))
        anew = {"state": DeliveryState.WAITING, "attempts": 0, "created_at": now, "due_at": now, "finished_at": None}
        await connection.execute(update(Delivery).where(asked, over).values(**anew))


async def has_broken_off(session: AsyncSession, *, now: datetime) -> bool:
    """Whether ``settle_broken_off`` has something to do."""
    return (await session.exec(select(Delivery.id).where(_broken_off(now)).limit(1))).one_or_none() is not None


def _broken_off(now: datetime) -> ColumnElement[bool]:
    over = or_(col(Delivery.lease_until).is_(None), col(Delivery.lease_until) < now)
    return (col(Delivery.state) == DeliveryState.SENDING) & over


async def settle_broken_off(session: WriteSession, *, now: datetime) -> int:
    """Mails that a process was handing over when it died become uncertain; answers how many."""
    left = update(Delivery).where(_broken_off(now))
    values = {
        "state": DeliveryState.UNCERTAIN,
        "finished_at": now,
        "lease_until": None,
        "detail": "the process ended while it handed the mail over",
    }
    return (await (await session.connection()).execute(left.values(**values))).rowcount


async def pull_back_deliveries(session: WriteSession, *, now: datetime) -> int:
    """Let deliveries go on that wait for longer than anything here does: the clock was set back meanwhile.

    Answers how many. A lease is ended as if its holder had died, so that a mail under way counts as uncertain.
    """
    connection = await session.connection()
    far, lease = now + LONGEST_WAIT + HOUR, now + LEASE + HOUR
    waiting = update(Delivery).where(col(Delivery.state) == DeliveryState.WAITING, col(Delivery.due_at) > far)
    held = update(Delivery).where(col(Delivery.lease_until) > lease)
    pulled = (await connection.execute(waiting.values(due_at=now))).rowcount
    return pulled + (await connection.execute(held.values(lease_until=None))).rowcount


async def forget_deliveries(session: WriteSession, *, now: datetime) -> None:
    """Drop pings and webhook deliveries that were over long ago."""
    old = delete(Delivery).where(col(Delivery.finished_at) < now - KEPT, col(Delivery.kind) != DeliveryKind.MAIL.value)
    await (await session.connection()).execute(old)
