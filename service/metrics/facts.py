"""The state of the newsroom as figures, read from the database: the same from whichever process is asked.

Every question is answered by an index, however much the newsroom holds: a scrape must not cost more as years go
by. Called by ``routes``; what the figures mean for an operator stands in ``docs/operations.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.desk.closing import days_to_close
from service.models import Delivery, Edition, Feed, Fetch, Item, JournalRecord, Story
from service.words import DeliveryState, ItemState, StoryState

RECENT = timedelta(hours=1)
NEWEST = 50_000
"""Fetches looked at; an hour has more only beyond ten thousand feeds."""
COUNTED = 100_000
"""Waiting stories are counted up to here; a desk that has more has another problem."""
PARSE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; the last one is the parser's deadline."""


@dataclass(frozen=True)
class Figure:
    """One figure, with labels where it is one of several."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


async def newsroom_figures(session: AsyncSession, *, now: datetime, calendar: Calendar) -> list[Figure]:
    """All figures, at one moment."""
    return [
        *await _fetching(session, now),
        *await _wire(session, now),
        *await _editions(session, now, calendar),
        *await _outgoing(session, now),
    ]


async def _fetching(session: AsyncSession, now: datetime) -> list[Figure]:
    enabled = col(Feed.enabled).is_(True)
    feeds = (
        await session.exec(
            select(
                func.count(col(Feed.id)).filter(enabled),
                func.count(col(Feed.id)).filter(~enabled),
                func.count(col(Feed.id)).filter(enabled, col(Feed.alarm).is_not(None)),
                func.min(col(Feed.next_due_at)).filter(enabled),
            )
        )
    ).one()
    states = dict(zip(("enabled", "paused", "alarm"), feeds[:3], strict=True))
    newest = select(func.max(col(Fetch.id))).scalar_subquery()
    recent = (
        await session.exec(
            select(Fetch.outcome, func.count(), func.sum(col(Fetch.seconds)), func.sum(col(Fetch.bytes)))
            .where(col(Fetch.id) > newest - NEWEST, col(Fetch.started_at) > now - RECENT)
            .group_by(col(Fetch.outcome))
            .order_by(col(Fetch.outcome))
        )
    ).all()
    late = max((now - feeds[3]).total_seconds(), 0.0) if feeds[3] else 0.0
    return [
        *(Figure("huoban_feeds", "Feeds, by how they stand.", n, {"state": state}) for state, n in states.items()),
        Figure("huoban_fetch_lag_seconds", "How long the feed that waits longest has been due.", late),
        *(
            Figure("huoban_fetches_last_hour", "Fetches that began in the last hour.", count, {"outcome": outcome})
            for outcome, count, _, _ in recent
        ),
        *(
            Figure("huoban_fetch_seconds_last_hour", "What they took in all.", seconds or 0, {"outcome": outcome})
            for outcome, _, seconds, _ in recent
        ),
        Figure("huoban_fetched_bytes_last_hour", "What they brought.", sum(row[3] or 0 for row in recent)),
    ]


async def _wire(session: AsyncSession, now: datetime) -> list[Figure]:
    figures = []
    oldest: list[datetime] = []
    for state in (StoryState.NEW.value, StoryState.HELD.value):
        here = (Story.state == state, col(Story.lead_id).is_(None))
        some = select(col(Story.id)).where(*here).limit(COUNTED).subquery()
        count = (await session.exec(select(func.count()).select_from(some))).one()
        figures.append(Figure("huoban_stories_waiting", "Stories that wait for an editor.", count, {"state": state}))
        first = select(col(Story.received_at)).where(*here).order_by(col(Story.received_at), col(Story.id)).limit(1)
        oldest += (await session.exec(first)).all()
    age = (now - min(oldest)).total_seconds() if oldest else 0.0
    received = select(func.count(col(Story.id))).where(col(Story.received_at) > now - RECENT)
    return [
        *figures,
        Figure("huoban_oldest_waiting_seconds", "How long the oldest of them has waited.", max(age, 0.0)),
        Figure("huoban_stories_received_last_hour", "Stories of the last hour.", (await session.exec(received)).one()),
    ]


async def _editions(session: AsyncSession, now: datetime, calendar: Calendar) -> list[Figure]:
    today = calendar.day_of(now)
    published = select(func.count(col(Item.story_id))).where(
        Item.edition_date == today, Item.state == ItemState.PUBLISHED.value
    )
    overdue = select(func.count(col(Item.story_id))).where(
        Item.state == ItemState.SCHEDULED.value, col(Item.publish_at) < now
    )
    last = (await session.exec(select(func.max(col(Edition.closed_at))))).one()  # a digest is frozen with its closing
    late = await days_to_close(session, calendar=calendar, now=now)
    human = select(col(JournalRecord.at)).where(col(JournalRecord.by).is_not(None))
    act = (await session.exec(human.order_by(col(JournalRecord.seq).desc()).limit(1))).first()
    decisions = (await session.exec(select(func.max(col(JournalRecord.seq))))).one() or 0
    return [
        Figure("huoban_published_today", "Items in today's list.", (await session.exec(published)).one()),
        Figure(
            "huoban_overdue_publications", "Scheduled items whose time has passed.", (await session.exec(overdue)).one()
        ),
        Figure("huoban_editions_overdue", "Lists that the clock should have closed.", len(late)),
        Figure("huoban_digest_age_seconds", "Since the last digest was frozen; -1 before the first.", _age(last, now)),
        Figure("huoban_human_act_age_seconds", "Since a person last decided; -1 before the first.", _age(act, now)),
        Figure("huoban_decisions", "Decisions in the journal.", decisions),
    ]


async def _outgoing(session: AsyncSession, now: datetime) -> list[Figure]:
    due = col(Delivery.due_at) <= now
    waiting = (
        await session.exec(
            select(Delivery.kind, func.count(), func.count().filter(due), func.min(col(Delivery.due_at)))
            .where(col(Delivery.state).in_([DeliveryState.WAITING.value, DeliveryState.SENDING.value]))
            .group_by(col(Delivery.kind))
            .order_by(col(Delivery.kind))
        )
    ).all()
    ended = (
        await session.exec(
            select(Delivery.kind, Delivery.state, func.count())
            .where(col(Delivery.finished_at) > now - RECENT)
            .group_by(col(Delivery.kind), col(Delivery.state))
            .order_by(col(Delivery.kind), col(Delivery.state))
        )
    ).all()
    late = max(((now - oldest).total_seconds() for *_, oldest in waiting), default=0.0)
    return [
        *(
            Figure("huoban_outgoing_waiting", "Mails, pings and webhooks to be sent.", n, {"kind": kind})
            for kind, n, *_ in waiting
        ),
        *(
            Figure("huoban_outgoing_due", "Those of them whose time has come.", n, {"kind": kind})
            for kind, _, n, _ in waiting
        ),
        Figure("huoban_outgoing_lag_seconds", "How long the one that waits longest has been due.", max(late, 0.0)),
        *(
            Figure("huoban_outgoing_last_hour", "What the last hour ended.", n, {"kind": kind, "result": state})
            for kind, state, n in ended
        ),
    ]


async def parse_times(session: AsyncSession, *, now: datetime) -> Metric:
    """How long the documents of the last hour took to parse, in buckets. Counted in the database, not in a process.

    The parsers belong to whichever process fetches, and that one may have no ``/metrics`` at all.
    """
    within = [func.count().filter(col(Fetch.parse_seconds) <= limit) for limit in PARSE_BUCKETS]
    newest = select(func.max(col(Fetch.id))).scalar_subquery()
    columns: list[Any] = [*within, func.count(), func.sum(col(Fetch.parse_seconds))]
    query = select(*columns).where(
        col(Fetch.id) > newest - NEWEST, col(Fetch.started_at) > now - RECENT, col(Fetch.parse_seconds).is_not(None)
    )
    *counts, total, seconds = (await session.exec(query)).one()
    limits = [*(f"{limit:g}" for limit in PARSE_BUCKETS), "+Inf"]
    family = GaugeHistogramMetricFamily("huoban_parse_seconds_last_hour", "Time to parse a document, in the last hour.")
    family.add_metric([], list(zip(limits, [*counts, total], strict=True)), seconds or 0.0)
    return family


def _age(moment: datetime | None, now: datetime) -> float:
    return max((now - moment).total_seconds(), 0.0) if moment else -1.0


def as_metrics(figures: list[Figure]) -> list[Metric]:
    """The figures as prometheus-client's families, one for each name."""
    families: dict[str, GaugeMetricFamily] = {}
    for figure in figures:
        family = families.setdefault(
            figure.name, GaugeMetricFamily(figure.name, figure.help, labels=list(figure.labels))
        )
        family.add_metric(list(figure.labels.values()), figure.value)
    return list(families.values())
