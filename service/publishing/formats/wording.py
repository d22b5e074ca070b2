"""Facts in words for people: days, moments, what state a list is in, and how an item reads in one line.

Called by the page, the item fragment and the digest; the words come from ``translations``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from service.partnerships.tiers import Band, Tier
from service.publishing.edition import PublicEdition, PublicItem, PublicTag, Tombstone
from service.publishing.formats.facts import edition_state
from service.publishing.formats.markup import clean, language_tag
from service.translations import SOURCE, translations
from service.translations.dates import date_words, day_words, moment_words

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


def tier_words(tier: str, language: str = SOURCE) -> str:
    """Our name of a tier, for where no official label is at hand or none that the reader would understand."""
    return translations(language).gettext(Tier(tier).facts.name_en)


def label_words(tier: str, label_en: str, label_zh: str, language: str = SOURCE) -> str:
    """A tie in the language of a reader: the official wording in English and Chinese, else our name of the tier."""
    official = {"en": label_en, "zh": label_zh}.get(language)
    return clean(official) if official else tier_words(tier, language)


def withdrawn_words(stone: Tombstone, zone: str, language: str = SOURCE) -> str:
    """``Withdrawn 25 November 2026, 08:00, from the list of 24 November 2026``."""
    words, moment = translations(language), moment_words(stone.withdrawn_at, zone, language)
    if stone.edition is None:
        return words.gettext("Withdrawn %(moment)s") % {"moment": moment}
    told = words.gettext("Withdrawn %(moment)s, from the list of %(day)s")
    return told % {"moment": moment, "day": date_words(stone.edition, language)}


def tier_then_and_now(tag: PublicTag, language: str = SOURCE) -> str:
    """The tie on the story's date with its mark, and today's where it changed since."""
    then = f"{tier_mark(tag.tier)} {label_words(tag.tier, tag.label_en, tag.label_zh, language)}"
    if tag.tier_now == tag.tier:
        return then
    now = translations(language).gettext("now %(mark)s %(tier)s")
    return f"{then}; {now % {'mark': tier_mark(tag.tier_now), 'tier': tier_words(tag.tier_now, language)}}"


def standing(edition: PublicEdition) -> str:
    """Open, closed or corrected, and since or until when: ``open, closes 25 November 2026, 06:00 (UTC)``."""
    state, site = edition_state(edition), edition.site
    words = translations(site.interface)
    closes = edition.cutoff_at if state == "open" else edition.closed_at
    moment = moment_words(closes, site.zone, site.interface) if closes else None
    if state == "open":
        told = words.gettext("open, closes %(moment)s") if moment else words.gettext("open")
    elif state == "closed":
        told = words.gettext("closed %(moment)s") if moment else words.gettext("closed")
    else:
        told = (
            words.gettext("closed %(moment)s, corrected %(later)s")
            if moment
            else words.gettext("closed, corrected %(later)s")
        )
    later = moment_words(edition.updated_at, site.zone, site.interface)
    return f"{told % {'moment': moment, 'later': later}} ({site.zone})"


def notice(edition: PublicEdition) -> str | None:
    """What a list without items must say instead of staying silent; None when it has items."""
    if edition.items:
        return None
    words = translations(edition.site.interface)
    if edition.day is None:
        return words.gettext("no items: nothing published here yet")
    if edition.tombstones:
        told = words.gettext("no edition: everything published for %(day)s was withdrawn")
    elif edition.state == "closed":
        told = words.gettext("no edition: no editor published a story for %(day)s")
    else:
        told = words.gettext("no edition: no editor has published a story for %(day)s yet")
    return told % {"day": day_words(edition.day, edition.site.interface)}


def sentences(item: PublicItem) -> str:
    """Headline and blurb as one running text, with a full stop between them where the editor set none."""
    headline, blurb = clean(item.headline), clean(item.blurb)
    if not headline or not blurb:
        return headline or blurb
    unspaced = (language_tag(item.language) or "").lower().startswith(("zh", "ja"))
    if headline.rstrip(_CLOSING_MARKS).endswith(_SENTENCE_ENDS):
        return f"{headline}{'' if unspaced else ' '}{blurb}"
    return f"{headline}{'。' if unspaced else '. '}{blurb}"
