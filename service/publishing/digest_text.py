"""The digest as plain text of at most 78 columns and as Markdown, both good enough to paste.

Each item in the house style: flag, COUNTRY in capitals, the tier, one or two sentences, (source) as the
link. Called by ``digest`` alone. Addresses are never broken, whatever the width.
"""

import re
import unicodedata
from collections.abc import Iterator

from service.publishing.digest_groups import Digest
from service.publishing.edition import Correction, PublicItem, PublicTag, Site, Tombstone
from service.publishing.formats import wording
from service.publishing.formats.facts import source_name
from service.publishing.formats.markup import clean, web_address
from service.translations import translations
from service.translations.dates import date_words, moment_words

COLUMNS = 78
_CLOSING = ("Pe", "Pf", "Po", "Sk")  # closing punctuation, and the marks that colour an emoji
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&])")


def columns_of(text: str) -> int:
    """How many columns a terminal gives the text: two for a wide letter, none for a mark or joiner (UAX #11)."""
    return len(text) if text.isascii() else sum(_columns(letter) for letter in text)


def wrap(text: str, columns: int = COLUMNS) -> list[str]:
    """The text in lines of at most ``columns``: broken at spaces, between wide letters, or else anywhere."""
    lines: list[str] = []
    line = ""
    for gap, piece in _pieces(text, columns):
        longer = f"{line}{gap}{piece}" if line else piece
        if line and columns_of(longer) > columns:
            lines.append(line)
            longer = piece
        line = longer
    return [*lines, line] if line else lines


def write_text(digest: Digest) -> str:
    """The whole digest as plain text."""
    edition, site = digest.edition, digest.edition.site
    blocks = [[*wrap(digest.title), *wrap(clean(edition.description)), *wrap(digest.standing)]]
    if notice := wording.notice(edition):
        blocks.append(wrap(notice))
    for region in digest.groups:
        blocks.append(_heading(region.name))
        blocks += [text_item(item, site) for country in region.countries for item in country.items]
    blocks += [_text_stone(stone, site) for stone in edition.tombstones]
    issue = digest.issue
    if issue.corrected or issue.withdrawn:
        blocks.append(_heading(translations(site.interface).gettext("Changed since the last digest")))
        blocks += [_text_correction(correction, site) for correction in issue.corrected]
        blocks += [_text_stone(stone, site) for stone in issue.withdrawn]
    foot = [line for words, target in _footer(digest, "txt") for line in (f"{words}:", target)]
    blocks.append(["-" * COLUMNS, *foot])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def write_markdown(digest: Digest) -> str:
    """The whole digest as CommonMark; what people wrote is escaped, so that it stays text."""
    edition, site = digest.edition, digest.edition.site
    blocks = [f"# {_escaped(digest.title)}"]
    if description := _escaped(edition.description):
        blocks.append(f"*{description}*")
    blocks.append(_escaped(digest.standing))
    if notice := wording.notice(edition):
        blocks.append(f"**{notice}**")
    for region in digest.groups:
        blocks.append(f"## {region.name}")
        blocks += [_markdown_item(item, site) for country in region.countries for item in country.items]
    blocks += [_markdown_stone(stone, site) for stone in edition.tombstones]
    issue = digest.issue
    if issue.corrected or issue.withdrawn:
        blocks.append(f"## {translations(site.interface).gettext('Changed since the last digest')}")
        blocks += [_markdown_correction(correction, site) for correction in issue.corrected]
        blocks += [_markdown_stone(stone, site) for stone in issue.withdrawn]
    blocks.append("---")
    blocks.append("\n".join(f"- {words}: {_target(target)}" for words, target in _footer(digest, "md")))
    return "\n\n".join(blocks) + "\n"


def text_item(item: PublicItem, site: Site) -> list[str]:
    """One item's lines of the plain digest, under the first of its countries; it has one at least."""
    first, *others = item.tags
    lines = wrap(f"{_place(first)} [{_tier(first, site)}]")
    lines += wrap(f"{wording.sentences(item)} ({source_name(item)})".strip())
    if article := web_address(item.source_url):
        lines.append(article)
    if others:
        places = ", ".join(f"{_place(tag)} [{_tier(tag, site)}]" for tag in others)
        lines += wrap(translations(site.interface).gettext("Also %(places)s") % {"places": places})
    if item.correction is not None:
        lines += wrap(f"{_corrected(item, site)}: {clean(item.correction)}")
    return lines


def _markdown_item(item: PublicItem, site: Site) -> str:
    first, *others = item.tags
    source, article = _escaped(source_name(item)), web_address(item.source_url)
    link = f"[{source}](<{article}>)" if article else source
    text = f"{_marked_place(first, site)} {_escaped(wording.sentences(item))} ({link})"
    if others:
        places = ", ".join(_marked_place(tag, site) for tag in others)
        text += f" {translations(site.interface).gettext('Also %(places)s') % {'places': places}}."
    if item.correction is not None:
        text += f"\n\n> {_corrected(item, site)}: {_escaped(item.correction)}"
    return text


def _corrected(item: PublicItem, site: Site) -> str:
    moment = moment_words(item.updated_at, site.zone, site.interface)
    return translations(site.interface).gettext("Corrected %(moment)s") % {"moment": moment}


def _text_correction(correction: Correction, site: Site) -> list[str]:
    item, words = correction.item, translations(site.interface)
    lines = wrap(f"{date_words(item.edition, site.interface)}: {clean(item.headline)}")
    if correction.headline_before != item.headline:
        lines += wrap(words.gettext("It said: %(headline)s") % {"headline": clean(correction.headline_before)})
    for note in correction.notes:
        lines += wrap(words.gettext("Corrected: %(note)s") % {"note": clean(note)})
    return [*lines, item.permalink]


def _markdown_correction(correction: Correction, site: Site) -> str:
    item, words = correction.item, translations(site.interface)
    blocks = [f"{date_words(item.edition, site.interface)}: [{_escaped(item.headline)}](<{item.permalink}>)"]
    if correction.headline_before != item.headline:
        before = {"headline": _escaped(correction.headline_before)}
        blocks.append(f"> {words.gettext('It said: %(headline)s') % before}")
    blocks += [f"> {words.gettext('Corrected: %(note)s') % {'note': _escaped(note)}}" for note in correction.notes]
    return "\n\n".join(blocks)


def _text_stone(stone: Tombstone, site: Site) -> list[str]:
    words = wording.withdrawn_words(stone, site.zone, site.interface)
    return [*wrap(f"{words}: {clean(stone.reason)}"), stone.permalink]


def _markdown_stone(stone: Tombstone, site: Site) -> str:
    words = wording.withdrawn_words(stone, site.zone, site.interface)
    return f"[{words}](<{stone.permalink}>): {_escaped(stone.reason)}"


def _footer(digest: Digest, extension: str) -> list[tuple[str, str]]:
    """What stands under every digest, as words and what they point to."""
    edition, words = digest.edition, translations(digest.edition.site.interface)
    rows = [
        (words.gettext("On the web"), edition.url("html")),
        (words.gettext("Map of the day"), edition.links.get("map")),
        (words.gettext("The digest before"), digest.url(edition.previous, extension) if edition.previous else None),
        (words.gettext("The digest after"), digest.url(edition.next, extension) if edition.next else None),
        (words.gettext("SHA-256 of the items"), digest.hash),
    ]
    return [(label, target) for label, target in rows if target]


def _heading(words: str) -> list[str]:
    lines = wrap(words.upper())
    return [*lines, "=" * max(columns_of(line) for line in lines)]


def _place(tag: PublicTag) -> str:
    return clean(f"{tag.flag} {clean(tag.name).upper()}")


def _tier(tag: PublicTag, site: Site) -> str:
    return wording.tier_then_and_now(tag, site.interface)


def _marked_place(tag: PublicTag, site: Site) -> str:
    name = _escaped(tag.name.upper())
    return f"{_escaped(tag.flag)} **{name}** ({_escaped(_tier(tag, site))})".strip()


def _target(target: str) -> str:
    return f"<{target}>" if "://" in target else f"`{target}`"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", clean(text))


def _columns(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _pieces(text: str, columns: int) -> Iterator[tuple[str, str]]:
    """The text in pieces that stay whole, each with the gap that stands before it on the same line."""
    for word in text.split(" "):
        gap, piece = " ", ""
        for letter in word:
            if piece and _may_break(piece, letter, columns):
                yield gap, piece
                gap, piece = "", ""
            piece += letter
        if piece:
            yield gap, piece


def _may_break(piece: str, letter: str, columns: int) -> bool:
    if _columns(letter) == 0:
        return False
    if columns_of(piece) + _columns(letter) > columns:
        return True
    if piece.endswith("\u200d") or unicodedata.category(letter) in _CLOSING:
        return False
    return _columns(letter) == 2 or _columns(piece[-1]) == 2
