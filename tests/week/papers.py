"""Made-up newspapers for the simulated week: each publishes by the clock, and some have a fault.

A paper answers over HTTP through ``tests.feed_server`` and keeps what it has published, when it was asked, and
what it answered, so that a test can compare that with the database. Nothing here knows the service.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache

from tests.feed_server import Answer, Request

LISTED = 20
"""Items in a document, as few as real feeds have."""
KINDS = (
    "honest",  # ETag and Last-Modified
    "careless",  # neither, so each answer is the whole document
    "outage",  # 500 during all of the third day
    "vanished",  # 404 from the second day on
    "garbage",  # never a feed
    "limited",  # 429 with Retry-After now and then
    "slow",  # never answers in time
    "guids",  # new guids with each answer
    "edits",  # a headline changes after an hour, once
    "cut",  # the connection breaks in the middle of every third answer
)
HOPELESS = frozenset({"vanished", "garbage"})
RETRY_AFTER = timedelta(hours=3)
_stamp = cache(format_datetime)


@dataclass
class Paper:
    """One publisher with one feed."""

    number: int
    began: datetime
    clock: Callable[[], datetime]
    asked_at: list[datetime] = field(default_factory=list)
    forbidden_until: datetime | None = None
    asked_too_soon: int = 0
    served_until: datetime | None = None
    """When it last gave a whole and valid document, or said that nothing had changed."""

    @property
    def kind(self) -> str:
        return KINDS[self.number % len(KINDS)]

    @property
    def every(self) -> timedelta:
        """The time between two articles."""
        return timedelta(hours=4 + self.number % 9)

    def published(self, until: datetime) -> range:
        """The numbers of the articles that were out at a moment; the first are older than the week."""
        return range(max(int((until - self.began) / self.every) + LISTED, 0))

    def link(self, article: int) -> str:
        return f"https://paper{self.number}.example/{article}"

    def headline(self, article: int, at: datetime) -> str:
        edited = self.kind == "edits" and at - self._dated(article) >= timedelta(hours=1)
        return f"Paper {self.number} reports no. {article}{', corrected' if edited else ''}"

    def _dated(self, article: int) -> datetime:
        return self.began + (article - LISTED + 1) * self.every

    def document(self, at: datetime) -> bytes:
        items = "".join(
            f"<item><title>{self.headline(article, at)}</title><link>{self.link(article)}?utm_source=rss</link>"
            f"<guid isPermaLink='false'>{self._guid(article)}</guid>"
            f"<pubDate>{_stamp(self._dated(article))}</pubDate></item>\n"
            for article in reversed(self.published(at)[-LISTED:])
        )
        stamp = format_datetime(at)
        return (
            f"<rss version='2.0'><channel><title>Paper {self.number}</title><lastBuildDate>{stamp}</lastBuildDate>\n"
            f"{items}</channel></rss>"
        ).encode()

    def _guid(self, article: int) -> str:
        return f"{article}-{len(self.asked_at)}" if self.kind == "guids" else str(article)

    def answer(self, request: Request) -> Answer:
        """What it says when it is asked now."""
        now = self.clock()
        self.asked_too_soon += self.forbidden_until is not None and now < self.forbidden_until
        self.asked_at.append(now)
        turn, day = len(self.asked_at), (now - self.began) // timedelta(days=1)
        if self.kind == "outage" and day == 2:
            return Answer(status=500)
        if self.kind == "vanished" and day >= 1:
            return Answer(status=404)
        if self.kind == "garbage":
            return Answer(body=b"\x00\x01 no feed at all " * 20)
        if self.kind == "slow":
            return Answer(body=self.document(now), delay=0.5)
        if self.kind == "limited" and turn % 7 == 3:
            self.forbidden_until = now + RETRY_AFTER
            return Answer(status=429, headers={"Retry-After": str(int(RETRY_AFTER.total_seconds()))})
        body = self.document(now)
        if self.kind == "cut" and turn % 3 == 0:
            return Answer(body=body, cut_after=len(body) // 2)
        self.served_until = now
        if self.kind == "honest":
            newest = self.published(now)[-1]
            return Answer(
                body=body, etag=f'"{newest}"', last_modified=format_datetime(self._dated(newest), usegmt=True)
            )
        return Answer(body=body)
