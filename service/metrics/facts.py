"""The state of the newsroom as figures, read from the database: the same from whichever process is asked.

Every question is answered by an index, however much the newsroom holds: a scrape must not cost more as years go
by. Called by ``routes``; what the figures mean for an operator stands in ``docs/operations.md``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.desk.closing import days_to_close
from service.models import Edition, Feed, Fetch, Item, JournalRecord, Story
from service.words import ItemState, StoryState

RECENT = timedelta(hours=1)
NEWEST = 50_000
"""Fetches looked at; an hour has more only beyond ten thousand feeds."""
COUNTED = 100_000
"""Waiting stories are counted up to here; a desk that has more has another problem."""


@dataclass(frozen=True)
class Figure:
    """One figure, with a label where it is one of several."""

    name: str
    help: str
    value: float
    label: tuple[str, str] | None = None


async def newsroom_figures(session: AsyncSession, *, now: datetime, calendar: Calendar) -> list[Figure]:
    """All figures, at one moment."""
    return [
        *await _fetching(session, now),
        *await _wire(session, now),
        *await _editions(session, now, calendar),
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
        *(Figure("huoban_feeds", "Feeds, by how they stand.", n, ("state", state)) for state, n in states.items()),
        Figure("huoban_fetch_lag_seconds", "How long the feed that waits longest has been due.", late),
        *(
            Figure("huoban_fetches_last_hour", "Fetches that began in the last hour.", count, ("outcome", outcome))
            for outcome, count, _, _ in recent
        ),
        *(
            Figure("huoban_fetch_seconds_last_hour", "What they took in all.", seconds or 0, ("outcome", outcome))
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
        figures.append(Figure("huoban_stories_waiting", "Stories that wait for an editor.", count, ("state", state)))
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


def _age(moment: datetime | None, now: datetime) -> float:
    return max((now - moment).total_seconds(), 0.0) if moment else -1.0


def as_metrics(figures: list[Figure]) -> list[Metric]:
    """The figures as prometheus-client's families, one for each name."""
    families: dict[str, GaugeMetricFamily] = {}
    for figure in figures:
        labels = [figure.label[0]] if figure.label else []
        family = families.setdefault(figure.name, GaugeMetricFamily(figure.name, figure.help, labels=labels))
        family.add_metric([figure.label[1]] if figure.label else [], figure.value)
    return list(families.values())
