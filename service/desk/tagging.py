"""Step 5 of 8: an editor says which partners a story concerns and what China's tier towards each is.

The register proposes; a person confirms or overrides with a reason. The whole set is checked before
anything is written: one wrong value and nothing changes. The tier of the story's date is stored with its
label; today's is derived when shown. Called by ``routes`` and by ``editions`` (corrections).

next: ``desk.editions``
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlmodel import select

from service.clock import Calendar
from service.db import WriteSession
from service.desk.schemas import TagIn
from service.desk.wire import story_day
from service.errors import FieldError, Invalid, NotNow
from service.journal import record_decision
from service.models import Editor, Item, Story, Tag
from service.partnerships import places, register, tiers
from service.partnerships.register import Standing
from service.words import ItemState

TagFacts = list[dict[str, str | None]]
"""A set of tags as the journal keeps it."""
TIERS = tuple(tier.value for tier in tiers.Tier)


async def tag_story(
    session: WriteSession, story: Story, wanted: Sequence[TagIn], *, calendar: Calendar, now: datetime, by: Editor
) -> None:
    """Replace the story's tags by exactly these.

    Raises:
        Invalid: a partner or tier is unknown, a partner stands twice, or an override has no reason.
        NotNow: the story is public; its tags change only by a correction.
    """
    item = await session.get(Item, story.id)
    if item is not None and item.state in (ItemState.PUBLISHED, ItemState.WITHDRAWN):
        raise NotNow(f"This story is {item.state}. What readers have seen changes only by a correction.")
    if item is not None and item.state == ItemState.SCHEDULED and not wanted:
        raise Invalid(
            "A scheduled story keeps at least one tag.", errors=[FieldError("tags", "name at least one partner")]
        )
    before, after = await replace_tags(session, story, wanted, day=story_day(story, calendar), now=now, by=by)
    await record_decision(
        session,
        act="tag",
        subject=f"story:{story.id}",
        before={"tags": before},
        after={"tags": after},
        now=now,
        by=by,
        public=False,  # a story that is not public yet; its publication names the tags in full
    )


async def replace_tags(
    session: WriteSession, story: Story, wanted: Sequence[TagIn], *, day: date, now: datetime, by: Editor
) -> tuple[TagFacts, TagFacts]:
    """Write the tags that differ; answers the sets before and after, as the journal keeps them.

    A tag that stays as it was keeps the name and time of who confirmed it. New tags are written before old
    ones go, since the database refuses a published item without any.
    """
    confirmed = await _check(session, wanted, day)
    existing = {tag.partner: tag for tag in await session.exec(select(Tag).where(Tag.story_id == story.id))}
    before = tag_facts(existing.values())
    for position, (partner, (tag_in, standing)) in enumerate(confirmed.items(), start=1):
        tag = existing.get(partner)
        reason = tag_in.reason if tag_in.tier != standing.tier else None
        if tag is not None and (tag.tier, tag.reason) == (tag_in.tier, reason):
            tag.position = position
            continue
        existing[partner] = await session.merge(
            Tag(
                story_id=story.id,
                partner=partner,
                position=position,
                tier=tag_in.tier,
                label_en=standing.label_en,
                label_zh=standing.label_zh,
                reason=reason,
                confirmed_by=by.id,
                confirmed_at=now,
            )
        )
    await session.flush()
    for partner in [p for p in existing if p not in confirmed]:
        await session.delete(existing.pop(partner))
    await session.flush()
    return before, tag_facts(existing.values())


def tag_facts(tags: Iterable[Tag]) -> TagFacts:
    """Tags as the journal keeps them, in the editor's order."""
    rows = sorted(tags, key=lambda tag: tag.position)
    return [{"partner": tag.partner, "tier": tag.tier, "label_en": tag.label_en, "reason": tag.reason} for tag in rows]


async def _check(session: WriteSession, wanted: Sequence[TagIn], day: date) -> dict[str, tuple[TagIn, Standing]]:
    errors: list[FieldError] = []
    confirmed: dict[str, tuple[TagIn, Standing]] = {}
    partners = {place.code for place in (_place(tag.partner) for tag in wanted) if place}
    standings = await register.standings(session, on=day, partners=partners)
    for index, tag in enumerate(wanted):
        field = f"tags[{index}]"
        place = _place(tag.partner)
        if place is None:
            errors.append(places.unknown_place(f"{field}.partner", tag.partner))
        if tag.tier not in TIERS:
            errors.append(
                FieldError(f"{field}.tier", f"'{tag.tier}' is not a tier", tiers.near_tiers(tag.tier) or TIERS)
            )
        if place is None or tag.tier not in TIERS:
            continue
        if place.code in confirmed:
            errors.append(FieldError(f"{field}.partner", f"{place.code} stands here twice"))
            continue
        standing = standings[place.code]
        if tag.tier != standing.tier and not tag.reason:
            errors.append(_needs_reason(f"{field}.reason", place.code, tag.tier, standing, day))
        confirmed[place.code] = (tag, standing)
    if errors:
        raise Invalid("These tags cannot be stored; nothing was changed.", errors=errors)
    return confirmed


def _place(code: str) -> places.Place | None:
    # ASCII only: "ß" in capitals is "SS", which is South Sudan.
    return places.places().get(code.upper()) if code.isascii() else None


def _needs_reason(field: str, partner: str, tier: str, standing: Standing, day: date) -> FieldError:
    return FieldError(
        field,
        f"the register holds {standing.tier} ({standing.label_en}) for {partner} on {day}; "
        f"say in a line why this story is {tier}",
        (standing.tier,),
    )
