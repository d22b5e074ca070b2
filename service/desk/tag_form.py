"""The rows of a story's tag form: what is tagged, what its text names, what an editor asked to look at.

Each row shows what the register holds on the story's date, with label, date and source; nothing is a tag until the
editor confirms it (design §1, promise 1). Reads only. Called by the pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import Calendar
from service.desk import schemas
from service.desk.frame import Posted, shaped
from service.desk.suggestions import suggest_tags
from service.desk.wire import story_day
from service.errors import FieldError
from service.models import Story
from service.partnerships import places, register
from service.partnerships.register import Standing

NOTHING_HELD = Standing("", "", "", "", (), None, "", False)


@dataclass(frozen=True)
class TagRow:
    """One partner that the form offers."""

    partner: str
    name: str
    tier: str
    """The confirmed one, else the register's."""
    standing: Standing
    """What the register holds on the story's date."""
    chosen: bool
    """Whether the box is ticked when the form opens."""
    reason: str = ""
    named: str = ""
    """The words of title or summary that name it; empty where nothing does."""


@dataclass(frozen=True)
class TagForm:
    """Everything that the form shows."""

    rows: tuple[TagRow, ...]
    unknown: tuple[FieldError, ...] = ()
    """Words that an editor wrote and that are no partner, with what they may have meant."""
    blank: TagRow = field(default_factory=lambda: TagRow("", "", "", NOTHING_HELD, chosen=False))
    """The form of a row, for a script that fills it in."""


async def tag_form(
    session: AsyncSession,
    story: Story,
    tags: Sequence[schemas.TagOut],
    *,
    added: Sequence[str] = (),
    suggest: bool,
    calendar: Calendar,
) -> TagForm:
    """Confirmed tags first, then what the editor ``added``, then what the text names.

    ``suggest`` is False where the newsroom has switched suggestions off.
    """
    named = {}
    if suggest:
        found = await suggest_tags(session, story, calendar=calendar)
        named = {hint.partner: hint.text for hint in found.items}
    confirmed = {tag.partner: tag for tag in tags}
    looked_up = [(word, places.find(word)) for word in added]
    wanted = [place.code for _, place in looked_up if place]
    codes = list(dict.fromkeys([*confirmed, *wanted, *named]))
    standings = await register.standings(session, on=story_day(story, calendar), partners=codes) if codes else {}
    rows = []
    for code in codes:
        tag, standing = confirmed.get(code), standings[code]
        rows.append(
            TagRow(
                partner=code,
                name=places.name(code),
                tier=tag.tier if tag else standing.tier,
                standing=standing,
                chosen=tag is not None or code in wanted,
                reason=(tag.reason or "") if tag else "",
                named=named.get(code, ""),
            )
        )
    unknown = tuple(places.unknown_place("add", word) for word, place in looked_up if place is None)
    return TagForm(tuple(rows), unknown)


def tags_of(posted: Posted) -> list[schemas.TagIn]:
    """The tags that a form sent: each ticked partner with its tier and reason, in the form's order.

    Raises:
        Invalid: a value that the API would refuse too.
    """
    return [
        shaped(
            schemas.TagIn,
            partner=partner,
            tier=posted.one(f"tier-{partner}") or "",
            reason=posted.one(f"reason-{partner}"),
        )
        for partner in posted.many("partner")
    ]
