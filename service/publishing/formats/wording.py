"""Facts in words for people: days, moments, what state a list is in, and how an item reads in one line.

Called by the page, the item fragment and the digest. English only; the catalogues for other interface
languages start from these words.
"""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from service.partnerships.tiers import Band, Tier
from service.publishing.edition import PublicEdition, PublicItem, Tombstone
from service.publishing.formats.facts import edition_state
from service.publishing.formats.markup import clean, language_tag

# A shape per band of tiers, so that a badge says something without colour. The shapes are no ladder on purpose:
# Beijing publishes no ranking, and a mark for more or less would look like one.
_MARKS: Mapping[Band, str] = MappingProxyType(
    {
        Band.APEX: "◆",
        Band.COMPREHENSIVE_STRATEGIC: "■",
        Band.STRATEGIC: "▲",
        Band.COMPREHENSIVE: "●",
        Band.COOPERATIVE: "○",
        Band.NONE: "□",
    }
)
_SENTENCE_ENDS = (".", "!", "?", "…", ":", "。", "！", "？", "：", "؟", "۔", "।")
_CLOSING_MARKS = "\"'”’»›)]」』）"


def tier_mark(tier: str) -> str:
    """The shape that stands before a tier's label."""
    return _MARKS[Tier(tier).facts.band]


def tier_words(tier: str) -> str:
    """Our English name of a tier, for where no official label is at hand."""
    return Tier(tier).facts.name_en


def day_words(day: date) -> str:
    """``Tuesday 24 November 2026``."""
    return f"{day:%A} {day.day} {day:%B} {day.year}"


def date_words(day: date) -> str:
    """``24 November 2026``."""
    return f"{day.day} {day:%B} {day.year}"


def moment_words(moment: datetime, zone: str) -> str:
    """``24 November 2026, 06:00`` by the newsroom's wall clock; whoever prints it says whose clock that is."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%B} {local.year}, {local:%H:%M}"


def withdrawn_words(stone: Tombstone, zone: str) -> str:
    """``Withdrawn 25 November 2026, 08:00, from the list of 24 November 2026``."""
    from_list = f", from the list of {date_words(stone.edition)}" if stone.edition else ""
    return f"Withdrawn {moment_words(stone.withdrawn_at, zone)}{from_list}"


def standing(edition: PublicEdition) -> str:
    """Open, closed or corrected, and since or until when: ``open, closes 25 November 2026, 06:00 (UTC)``."""
    state, zone = edition_state(edition), edition.site.zone
    steps = ["open" if state == "open" else "closed"]
    if state == "open" and edition.cutoff_at:
        steps.append(f", closes {moment_words(edition.cutoff_at, zone)}")
    elif state != "open" and edition.closed_at:
        steps.append(f" {moment_words(edition.closed_at, zone)}")
    if state == "corrected":
        steps.append(f", corrected {moment_words(edition.updated_at, zone)}")
    return "".join([*steps, f" ({zone})"])


def notice(edition: PublicEdition) -> str | None:
    """What a list without items must say instead of staying silent; None when it has items."""
    if edition.items:
        return None
    if edition.day is None:
        return "no items: nothing published here yet"
    day = day_words(edition.day)
    if edition.tombstones:
        return f"no edition: everything published for {day} was withdrawn"
    if edition.state == "closed":
        return f"no edition: no editor published a story for {day}"
    return f"no edition: no editor has published a story for {day} yet"


def sentences(item: PublicItem) -> str:
    """Headline and blurb as one running text, with a full stop between them where the editor set none."""
    headline, blurb = clean(item.headline), clean(item.blurb)
    if not headline or not blurb:
        return headline or blurb
    unspaced = (language_tag(item.language) or "").lower().startswith(("zh", "ja"))
    if headline.rstrip(_CLOSING_MARKS).endswith(_SENTENCE_ENDS):
        return f"{headline}{'' if unspaced else ' '}{blurb}"
    return f"{headline}{'。' if unspaced else '. '}{blurb}"
