"""The map of a day: countries shaded by what China calls the tie, ringed where the day's list has a story.

Pure: an SVG drawn from ``map_data/world.json`` (``map_data/README.md`` tells where that comes from) and from plain
values. Dark and light by the reader's preference, in print too; a dot stands for what is too small to see. Tables on
the page beside it say the same. Used by ``register_routes``.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import escape
from importlib import resources
from unicodedata import east_asian_width

from service.partnerships.places import CHINA, name
from service.partnerships.tiers import Band, Tier
from service.publishing.formats.markup import clean
from service.translations import SOURCE, translations
from service.translations.dates import day_words

SHADES = (*((band.value, band.names.name_en) for band in Band), ("absent", "Not on the register"))
"""Each shade and its words, in the order of the legend."""
LEGEND = 84
"""The height of the legend, below the map."""
LETTER = 23
"""About the width of a letter in the legend; no text is measured here."""
WIDE = 41
"""The same of a Chinese one."""
DOT = 9
"""The radius of a small territory's dot, in the map's units (3,000 make its width)."""
RING = 28
"""The radius of the ring around a country with a story."""
_STYLE = """
svg{--sea:#f2efe7;--edge:#d8d1c3;--line:#fbf9f4;--ink:#1d1b18;--apex:#a8322b;--comprehensive_strategic:#3a6ea0;
--strategic:#5b9467;--comprehensive:#b48a3c;--cooperative:#d5bf8e;--none:#d3cdc1;--absent:#e4dfd4;--china:#8a8172}
@media (prefers-color-scheme:dark){svg{--sea:#1f1d1a;--edge:#3a372f;--line:#171614;--ink:#ece7dd;--apex:#c9584f;
--comprehensive_strategic:#5a90c4;--strategic:#6aa378;--comprehensive:#b08c45;--cooperative:#81714d;--none:#4a463d;
--absent:#35322c;--china:#8f8778}}
.sea{fill:var(--sea);stroke:var(--edge);stroke-width:2}
.land path,.land circle{stroke:var(--line);stroke-width:2;stroke-linejoin:round}
.apex{fill:var(--apex)}.comprehensive_strategic{fill:var(--comprehensive_strategic)}.strategic{fill:var(--strategic)}
.comprehensive{fill:var(--comprehensive)}.cooperative{fill:var(--cooperative)}.none{fill:var(--none)}
.absent{fill:var(--absent)}.china{fill:var(--china)}
.ring{fill:var(--line);stroke:var(--ink);stroke-width:6}
text{font:500 40px system-ui,"Segoe UI","Noto Sans",sans-serif;fill:var(--ink)}
.count{font-size:36px;font-weight:700;text-anchor:middle}
"""


@dataclass(frozen=True)
class World:
    """The geometry, in units from the upper left corner."""

    width: int
    height: int
    outline: str
    uncoded: str
    """Areas that no code stands for."""
    shapes: Mapping[str, str]
    """Path data by code."""
    centres: Mapping[str, tuple[int, int]]
    dots: Mapping[str, tuple[int, int]]
    """Where the small ones lie."""


@cache
def world() -> World:
    """The geometry, read on first use."""
    text = resources.files("service.publishing").joinpath("map_data", "world.json").read_text(encoding="utf-8")
    found = json.loads(text)
    places = {key: {code: (x, y) for code, (x, y) in found[key].items()} for key in ("centres", "dots")}
    return World(
        found["width"],
        found["height"],
        found["outline"],
        found["uncoded"],
        found["shapes"],
        places["centres"],
        places["dots"],
    )


def draw_map(
    tiers: Mapping[str, str], stories: Mapping[str, int], *, day: date, title: str, language: str = SOURCE
) -> bytes:
    """The map as SVG, its words in a language of the interface. ``tiers``: the tier of each partner that the register
    has a row for; ``stories``: how many of the day's items name each partner. Partners without a place on a map, such
    as organisations, are left to the tables."""
    area = world()
    heading = escape(clean(f"{title}: {day_words(day, language)}"))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {area.width} {area.height + LEGEND}" role="img" '
        f'lang="{language}" aria-labelledby="t" fill-rule="evenodd"><title id="t">{heading}</title>'
        f"<style>{_STYLE}</style>",
        f'<path class="sea" d="{area.outline}"/><g class="land"><path class="absent" d="{area.uncoded}"/>',
        *_land(area, tiers, language),
        "</g>",
        *_rings(area, stories, language),
        *_legend(area, language),
        "</svg>\n",
    ]
    return "".join(parts).encode()


def shade_of(code: str, tiers: Mapping[str, str]) -> str:
    """How a country is shaded: its tier's band, ``china``, or ``absent`` where the register has no row."""
    if code == CHINA:
        return "china"
    return Tier(tiers[code]).facts.band.value if code in tiers else "absent"


def _land(area: World, tiers: Mapping[str, str], language: str) -> Iterator[str]:
    for code, path in area.shapes.items():
        words = escape(_words(code, tiers, language))
        yield f'<path class="{shade_of(code, tiers)}" d="{path}"><title>{words}</title></path>'
    for code, (x, y) in area.dots.items():
        shade, words = shade_of(code, tiers), escape(_words(code, tiers, language))
        yield f'<circle class="{shade}" cx="{x}" cy="{y}" r="{DOT}"><title>{words}</title></circle>'


def _words(code: str, tiers: Mapping[str, str], language: str) -> str:
    called = name(code, language)
    said = translations(language).gettext
    return f"{called}: {said(Tier(tiers[code]).facts.name_en)}" if code in tiers else called


def _rings(area: World, stories: Mapping[str, int], language: str) -> Iterator[str]:
    places = {**area.centres, **area.dots}
    said = translations(language).ngettext
    for code, count in stories.items():
        if code in places:
            x, y = places[code]
            number = said("%(count)s story", "%(count)s stories", count) % {"count": count}
            yield f"<g><title>{escape(name(code, language))}: {escape(number)}</title>"
            yield f'<circle class="ring" cx="{x}" cy="{y}" r="{RING}"/>'
            yield f'<text class="count" x="{x}" y="{y + 13}">{count}</text></g>'


def _legend(area: World, language: str) -> Iterator[str]:
    said = [(shade, translations(language).gettext(words)) for shade, words in SHADES]
    widths = [66 + _width(words) + 44 for _, words in said]
    # The words of some languages are longer than the map is wide: then the whole legend is drawn smaller.
    scale = min(1, (area.width - 80) / sum(widths))
    yield f'<g transform="translate(40 {area.height + 34}) scale({scale:.3f})">'
    x = 0
    for (shade, words), width in zip(said, widths, strict=True):
        yield f'<rect class="{shade}" x="{x}" y="0" width="52" height="34"/>'
        yield f'<text x="{x + 66}" y="32">{escape(words)}</text>'
        x += width
    yield "</g>"


def _width(words: str) -> int:
    return sum(WIDE if east_asian_width(letter) in "WF" else LETTER for letter in words)
