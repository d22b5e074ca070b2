"""What the newsroom has not published about: countries and tiers without a story, and whose voices it used.

Facts only: counts and last days, no score and no advice, and nothing here orders a story. Sources that have gone quiet
are fetching's to know (``blind_spot_routes`` adds them). Reads only.
"""

from datetime import date, datetime

from pydantic import Field
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.desk.schemas import Shape
from service.models import Feed, Item, Story, Tag
from service.partnerships import places
from service.partnerships.tiers import Tier
from service.words import ItemState

SHARES_MAX = 100


class Gap(Shape):
    """A partner or a tier without a published story since the day asked about."""

    code: str
    last_published_on: date | None = Field(description="The newsroom's day of the last one before; null: none ever.")


class Share(Shape):
    """How many of the published stories came from one outlet, or are in one language."""

    id: str | None = Field(description="The source's id, or the language; null where a story has none.")
    name: str | None
    stories: int


class Coverage(Shape):
    """What was published since a day, and what was not."""

    since: date
    published: int = Field(description="Stories published since then that readers still see.")
    partners: list[Gap] = Field(description="Countries and organisations without one, by code.")
    tiers: list[Gap] = Field(description="Tiers without one, from the highest to the lowest.")
    outlets: list[Share] = Field(description=f"The {SHARES_MAX} with the most stories.")
    languages: list[Share] = Field(description=f"The {SHARES_MAX} with the most stories.")


async def coverage_since(session: AsyncSession, since: date, *, calendar: Calendar) -> Coverage:
    """What readers were given since a newsroom day began; withdrawn stories do not count."""
    begin = calendar.begins_at(since)
    public = (Item.state == ItemState.PUBLISHED, col(Item.published_at) >= begin)
    last_of_partner = await _last(session, Tag.partner)
    last_of_tier = await _last(session, Tag.tier)

    def gaps(names: list[str], last: dict[str, datetime]) -> list[Gap]:
        moments = [(name, last.get(name)) for name in names]
        return [
            Gap(code=name, last_published_on=calendar.day_of(moment) if moment else None)
            for name, moment in moments
            if moment is None or moment < begin
        ]

    number = func.count()
    stories = select(Story.feed_id, Feed.name, number).select_from(Item).join(Story, col(Story.id) == Item.story_id)
    outlets = stories.outerjoin(Feed, col(Feed.id) == Story.feed_id).where(*public)
    outlets = outlets.group_by(col(Story.feed_id), col(Feed.name)).order_by(number.desc(), col(Story.feed_id))
    spoken = select(Story.language, number).select_from(Item).join(Story, col(Story.id) == Item.story_id)
    languages = spoken.where(*public).group_by(col(Story.language)).order_by(number.desc(), col(Story.language))
    return Coverage(
        since=since,
        published=(await session.exec(select(func.count()).select_from(Item).where(*public))).one(),
        partners=gaps(sorted(places.places()), last_of_partner),
        tiers=gaps([tier.value for tier in Tier], last_of_tier),
        outlets=[
            Share(id=feed_id, name=name, stories=count)
            for feed_id, name, count in (await session.exec(outlets.limit(SHARES_MAX))).all()
        ],
        languages=[
            Share(id=language, name=language, stories=count)
            for language, count in (await session.exec(languages.limit(SHARES_MAX))).all()
        ],
    )


async def _last(session: AsyncSession, of: str) -> dict[str, datetime]:
    """When the last published story of each partner, or of each tier, went public."""
    latest = func.max(col(Item.published_at))
    query = select(of, latest).join(Item, col(Item.story_id) == Tag.story_id).where(Item.state == ItemState.PUBLISHED)
    return {name: at for name, at in (await session.exec(query.group_by(of))).all() if at is not None}
