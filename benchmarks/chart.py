"""Draws figures as shares of their targets: an SVG that reads on light and on dark paper, and without its colours.

The scale is logarithmic, with the target in the middle: a bar to the right says how many times over it is met, one to
the left what is missing. Pure; called by ``report``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from xml.sax.saxutils import escape

WIDTH, LINE, HEAD = 860, 20, 46
LEFT, MIDDLE, RIGHT = 430, 610, 790
"""Where the scale begins, where the target stands, and where it ends."""
MOST = 3
"""Powers of two on each side; what lies beyond is drawn to the edge, and its number says the rest."""
_STYLE = """
text{font:13px system-ui,sans-serif;fill:#1f2328}.part{font-weight:600}.dim{fill:#59636e}
.met{fill:#1a7f64}.short{fill:#bc4c00}line{stroke:#8c959f}.target{stroke:#1f2328;stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}.met{fill:#3fb68b}.short{fill:#f0883e}
.target{stroke:#e6edf3}}
""".strip()


@dataclass(frozen=True)
class Bar:
    """One figure."""

    part: str
    what: str
    share: float
    """Of its target; 1 is met."""


def draw(bars: Sequence[Bar]) -> str:
    """The chart of the bars, those of one part below its name."""
    parts = list(dict.fromkeys(bar.part for bar in bars))
    height = HEAD + LINE * (len(bars) + 2 * len(parts))
    body, y = [], HEAD
    for part in parts:
        y += LINE
        body.append(_text(8, y, part, "part"))
        y += LINE
        for bar in (one for one in bars if one.part == part):
            body += _bar(bar, y)
            y += LINE
    title = "How much of its target each figure reached"
    told = "; ".join(f"{bar.part}, {bar.what}: {bar.share:.2f}" for bar in bars)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
            ' aria-labelledby="title told">',
            f'<title id="title">{title}</title>',
            f'<desc id="told">{escape(told)}</desc>',
            f"<style>{_STYLE}</style>",
            *_scale(height),
            *body,
            "</svg>\n",
        ]
    )


def _scale(height: int) -> list[str]:
    drawn = []
    for power in range(-MOST, MOST + 1):
        x = _place(2.0**power)
        kind = ' class="target"' if power == 0 else ' stroke-opacity=".35"'
        drawn.append(f'<line x1="{x}" x2="{x}" y1="{HEAD - 6}" y2="{height - 8}"{kind}/>')
        label = "target" if power == 0 else f"{2**power}×" if power > 0 else f"1/{2**-power}"
        drawn.append(_text(x, HEAD - 14, label, "dim", anchor="middle"))
    return drawn


def _bar(bar: Bar, y: int) -> list[str]:
    end = _place(bar.share)
    met = bar.share >= 1
    start, wide = min(MIDDLE, end), max(abs(end - MIDDLE), 1.0)
    return [
        _text(LEFT - 14, y, bar.what, "", anchor="end"),
        f'<rect class="{"met" if met else "short"}" x="{start:g}" y="{y - 11}" width="{wide:g}" height="13"/>',
        _text(WIDTH - 8, y, f"{bar.share:.2f}", "dim", anchor="end"),
    ]


def _place(share: float) -> float:
    power = max(-MOST, min(MOST, log2(max(share, 1e-9))))
    return round(MIDDLE + power / MOST * (RIGHT - MIDDLE), 1)


def _text(x: float, y: float, words: str, kind: str, *, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{named}>{escape(words)}</text>'
