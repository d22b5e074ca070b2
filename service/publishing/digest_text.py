"""The digest as plain text of at most 78 columns and as Markdown, both good enough to paste.

Each item in the house style: flag, COUNTRY in capitals, the tier, one or two sentences, (source) as the
link. Called by ``digest`` alone. Addresses are never broken, whatever the width.
"""

import re
import unicodedata
from collections.abc import Iterator

from service.publishing.digest_groups import Digest
from service.publishing.edition import Correction, PublicItem, PublicTag, Tombstone
from service.publishing.formats import wording
from service.publishing.formats.facts import source_name, tier_label
from service.publishing.formats.markup import clean, web_address
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
    edition, zone = digest.edition, digest.edition.site.zone
    blocks = [[*wrap(digest.title), *wrap(clean(edition.description)), *wrap(digest.standing)]]
    if notice := wording.notice(edition):
        blocks.append(wrap(notice))
    for region in digest.groups:
        blocks.append(_heading(region.name))
        blocks += [_text_item(item, zone) for country in region.countries for item in country.items]
    blocks += [_text_stone(stone, zone) for stone in edition.tombstones]
    issue = digest.issue
    if issue.corrected or issue.withdrawn:
        blocks.append(_heading("Changed since the last digest"))
        blocks += [_text_correction(correction) for correction in issue.corrected]
        blocks += [_text_stone(stone, zone) for stone in issue.withdrawn]
    foot = [line for words, target in _footer(digest, "txt") for line in (f"{words}:", target)]
    blocks.append(["-" * COLUMNS, *foot])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def write_markdown(digest: Digest) -> str:
    """The whole digest as CommonMark; what people wrote is escaped, so that it stays text."""
    edition, zone = digest.edition, digest.edition.site.zone
    blocks = [f"# {_escaped(digest.title)}"]
    if description := _escaped(edition.description):
        blocks.append(f"*{description}*")
    blocks.append(_escaped(digest.standing))
    if notice := wording.notice(edition):
        blocks.append(f"**{notice}**")
    for region in digest.groups:
        blocks.append(f"## {region.name}")
        blocks += [_markdown_item(item, zone) for country in region.countries for item in country.items]
    blocks += [_markdown_stone(stone, zone) for stone in edition.tombstones]
    issue = digest.issue
    if issue.corrected or issue.withdrawn:
        blocks.append("## Changed since the last digest")
        blocks += [_markdown_correction(correction) for correction in issue.corrected]
        blocks += [_markdown_stone(stone, zone) for stone in issue.withdrawn]
    blocks.append("---")
    blocks.append("\n".join(f"- {words}: {_target(target)}" for words, target in _footer(digest, "md")))
    return "\n\n".join(blocks) + "\n"


def _text_item(item: PublicItem, zone: str) -> list[str]:
    first, *others = item.tags
    lines = wrap(f"{_place(first)} [{_tier(first)}]")
    lines += wrap(f"{wording.sentences(item)} ({source_name(item)})".strip())
    if article := web_address(item.source_url):
        lines.append(article)
    if others:
        lines += wrap("Also " + ", ".join(f"{_place(tag)} [{_tier(tag)}]" for tag in others))
    if item.correction is not None:
        lines += wrap(f"Corrected {moment_words(item.updated_at, zone)}: {clean(item.correction)}")
    return lines


def _markdown_item(item: PublicItem, zone: str) -> str:
    first, *others = item.tags
    source, article = _escaped(source_name(item)), web_address(item.source_url)
    link = f"[{source}](<{article}>)" if article else source
    text = f"{_marked_place(first)} {_escaped(wording.sentences(item))} ({link})"
    if others:
        text += " Also " + ", ".join(_marked_place(tag) for tag in others) + "."
    if item.correction is not None:
        when = moment_words(item.updated_at, zone)
        text += f"\n\n> Corrected {when}: {_escaped(item.correction)}"
    return text


def _text_correction(correction: Correction) -> list[str]:
    item = correction.item
    lines = wrap(f"{date_words(item.edition)}: {clean(item.headline)}")
    if correction.headline_before != item.headline:
        lines += wrap(f"It said: {clean(correction.headline_before)}")
    for note in correction.notes:
        lines += wrap(f"Corrected: {clean(note)}")
    return [*lines, item.permalink]


def _markdown_correction(correction: Correction) -> str:
    item = correction.item
    text = f"{date_words(item.edition)}: [{_escaped(item.headline)}](<{item.permalink}>)"
    if correction.headline_before != item.headline:
        text += f"\n\n> It said: {_escaped(correction.headline_before)}"
    return text + "".join(f"\n\n> Corrected: {_escaped(note)}" for note in correction.notes)


def _text_stone(stone: Tombstone, zone: str) -> list[str]:
    return [*wrap(f"{wording.withdrawn_words(stone, zone)}: {clean(stone.reason)}"), stone.permalink]


def _markdown_stone(stone: Tombstone, zone: str) -> str:
    words = wording.withdrawn_words(stone, zone)
    return f"[Withdrawn](<{stone.permalink}>){words.removeprefix('Withdrawn')}: {_escaped(stone.reason)}"


def _footer(digest: Digest, extension: str) -> list[tuple[str, str]]:
    """What stands under every digest, as words and what they point to."""
    edition = digest.edition
    rows = [
        ("On the web", edition.url("html")),
        ("Map of the day", edition.links.get("map")),
        ("The digest before", digest.url(edition.previous, extension) if edition.previous else None),
        ("The digest after", digest.url(edition.next, extension) if edition.next else None),
        ("SHA-256 of the items", digest.hash),
    ]
    return [(words, target) for words, target in rows if target]


def _heading(words: str) -> list[str]:
    lines = wrap(words.upper())
    return [*lines, "=" * max(columns_of(line) for line in lines)]


def _place(tag: PublicTag) -> str:
    return clean(f"{tag.flag} {clean(tag.name).upper()}")


def _tier(tag: PublicTag) -> str:
    then = f"{wording.tier_mark(tag.tier)} {tier_label(tag)}"
    if tag.tier_now == tag.tier:
        return then
    return f"{then}; now {wording.tier_mark(tag.tier_now)} {wording.tier_words(tag.tier_now)}"


def _marked_place(tag: PublicTag) -> str:
    name = _escaped(tag.name.upper())
    return f"{_escaped(tag.flag)} **{name}** ({_escaped(_tier(tag))})".strip()


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
