"""Turns world-atlas into the small file that the map of the day is drawn from. Run by hand, once per release.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python tools/make_map.py package service/publishing/map_data/world.json

It decodes TopoJSON, thins each shared arc once (so that neighbours stay neighbours), cuts what crosses the edge
of the map, projects to Equal Earth (Šavrič, Patterson and Jenny 2018) and writes whole numbers. Part of no
installation; nothing imports it.
"""

import json
import math
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from babel.core import get_global

Point = tuple[float, float]

WIDTH = 3000
"""Units from the left to the right edge of the map."""
MIDDLE = 11.0
"""The meridian in the middle, so that the edge (169° W) runs through the Bering Strait and cuts no country in two."""
SOUTH, NORTH = -56.0, 83.7
"""Degrees of latitude shown; Antarctica is left out."""
THINNING = 2.5
"""A bend that spans less than this many square units is straightened."""
SPECK = 3.0
"""A polygon smaller than this many square units is dropped."""
DOT_BELOW = 60.0
"""A territory smaller than this many square units gets a dot: it could not be seen otherwise."""
UNCODED = {"Kosovo": "XK", "Somaliland": "SO", "N. Cyprus": "CY"}
"""Areas without an ISO number that belong to a code all the same; the others are drawn without one."""

_A = (1.340264, -0.081106, 0.000893, 0.003796)


def equal_earth(longitude: float, latitude: float) -> Point:
    """Degrees → Equal Earth on a sphere of radius 1, y growing upwards."""
    t = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(latitude)))
    slope = 9 * _A[3] * t**8 + 7 * _A[2] * t**6 + 3 * _A[1] * t**2 + _A[0]
    x = 2 * math.sqrt(3) * math.radians(longitude) * math.cos(t) / (3 * slope)
    return x, _A[3] * t**9 + _A[2] * t**7 + _A[1] * t**3 + _A[0] * t


SCALE = WIDTH / (2 * equal_earth(180, 0)[0])
TOP = equal_earth(0, NORTH)[1] * SCALE


def on_map(longitude: float, latitude: float) -> Point:
    """Degrees → units from the map's upper left corner."""
    x, y = equal_earth(longitude, latitude)
    return x * SCALE + WIDTH / 2, TOP - y * SCALE


def triangle(a: Point, b: Point, c: Point) -> float:
    """The area between three points."""
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2


def thinned(line: list[Point]) -> list[Point]:
    """The line without the bends that span the least area on the map (Visvalingam and Whyatt 1993); its ends stay."""
    kept, flat = list(line), [on_map(*point) for point in line]
    least = 4 if line[0] == line[-1] else 2
    while len(kept) > least:
        areas = [triangle(*flat[i - 1 : i + 2]) for i in range(1, len(flat) - 1)]
        smallest = min(areas)
        if smallest >= THINNING:
            break
        del kept[areas.index(smallest) + 1], flat[areas.index(smallest) + 1]
    return kept


def unwrapped(line: list[Point]) -> list[Point]:
    """The line with each longitude within 180° of the one before it, so that it never leaps across the map."""
    found: list[Point] = []
    for x, y in line:
        while found and x - found[-1][0] > 180:
            x -= 360
        while found and x - found[-1][0] < -180:
            x += 360
        found.append((x, y))
    return found


def clipped(ring: list[Point], edge: float, side: int) -> list[Point]:
    """The part of a ring on one side of a meridian (Sutherland and Hodgman 1974): east of it for side 1."""
    found: list[Point] = []
    for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
        inside_a, inside_b = (a[0] - edge) * side >= 0, (b[0] - edge) * side >= 0
        if inside_a:
            found.append(a)
        if inside_a != inside_b:
            found.append((edge, a[1] + (b[1] - a[1]) * (edge - a[0]) / (b[0] - a[0])))
    return found


def cut(ring: list[Point]) -> list[list[Point]]:
    """The pieces of an unwrapped ring that lie on the map, each moved to where it is shown."""
    turns = ([(x + turn, y) for x, y in ring] for turn in (-360, 0, 360))
    return [piece for turned in turns if (piece := clipped(clipped(turned, -180, 1), 180, -1))]


def area(ring: list[Point]) -> float:
    """The area inside a ring."""
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))) / 2


def decoded(atlas: dict[str, Any]) -> list[list[Point]]:
    """The arcs of a TopoJSON document in degrees from the map's middle (its deltas: TopoJSON specification §2.1.2)."""
    (sx, sy), (tx, ty) = atlas["transform"]["scale"], atlas["transform"]["translate"]
    arcs = []
    for arc in atlas["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx - MIDDLE, y * sy + ty))
        arcs.append(unwrapped(points))
    return arcs


def rings(geometry: dict[str, Any], arcs: list[list[Point]]) -> list[list[Point]]:
    """Every ring of a polygon or of several on the map, inner ones too: the map fills by even and odd."""
    polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    found = []
    for ring in (ring for polygon in polygons for ring in polygon):
        points: list[Point] = []
        for index in ring:
            piece = arcs[index] if index >= 0 else arcs[~index][::-1]
            points += piece[1:] if points else piece
        found += [[on_map(*point) for point in piece] for piece in cut(unwrapped(points))]
    return found


def heart(ring: list[Point]) -> Point:
    """The point inside a ring that lies farthest from its edge, by trying a grid."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    best, place = -1.0, (sum(xs) / len(xs), sum(ys) / len(ys))
    for i in range(1, 24):
        for j in range(1, 24):
            x = min(xs) + (max(xs) - min(xs)) * i / 24
            y = min(ys) + (max(ys) - min(ys)) * j / 24
            distance = clearance((x, y), ring)
            if distance > best:
                best, place = distance, (x, y)
    return place


def clearance(point: Point, ring: list[Point]) -> float:
    """How far a point lies from a ring's edge; negative outside."""
    x, y = point
    inside, nearest = False, math.inf
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
        length = (bx - ax) ** 2 + (by - ay) ** 2
        t = max(0.0, min(1.0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) if length else 0.0
        nearest = min(nearest, math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)))
    return nearest if inside else -nearest


def path(found: list[list[Point]]) -> str:
    """SVG path data in whole units, each step relative to the one before it."""
    parts = []
    for ring in found:
        whole = [(round(x), round(y)) for x, y in ring]
        steps = [whole[0]]
        for point in whole[1:]:
            if point != steps[-1]:
                steps.append(point)
        if steps[-1] == steps[0]:
            steps.pop()
        if len(steps) < 3:
            continue
        deltas = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(steps)]
        text = f"M{steps[0][0]} {steps[0][1]}l" + " ".join(f"{dx} {dy}" for dx, dy in deltas) + "z"
        parts.append(text.replace(" -", "-"))
    return "".join(parts)


def code_of(geometry: dict[str, Any]) -> str | None:
    """The alpha-2 code of a territory, by CLDR's table of ISO 3166-1 numbers."""
    known = get_global("territory_aliases").get(geometry.get("id", ""))
    return known[0] if known else UNCODED.get(geometry["properties"]["name"])


def territories(atlas: dict[str, Any], *, thin: bool) -> dict[str | None, list[list[Point]]]:
    """Projected rings by code; those of areas without one under None."""
    arcs = [thinned(arc) if thin else arc for arc in decoded(atlas)]
    found: dict[str | None, list[list[Point]]] = defaultdict(list)
    for geometry in atlas["objects"]["countries"]["geometries"]:
        if (code := code_of(geometry)) != "AQ":
            found[code] += rings(geometry, arcs)
    return found


def outline() -> list[Point]:
    """The edge of the map: the two outermost meridians between the parallels that are shown."""
    steps = [SOUTH + (NORTH - SOUTH) * i / 48 for i in range(49)]
    return [on_map(-180, latitude) for latitude in steps] + [on_map(180, latitude) for latitude in reversed(steps)]


def main(package: Path, target: Path) -> None:
    """Read the package's 50m file for shapes and its 10m file for the dots of what the first leaves out."""
    shown = territories(json.loads((package / "countries-50m.json").read_text()), thin=True)
    exact = territories(json.loads((package / "countries-10m.json").read_text()), thin=False)
    shapes, dots, centres = {}, {}, {}
    for code in sorted((shown.keys() | exact.keys()) - {None}, key=str):
        parts = sorted(shown.get(code) or exact[code], key=area, reverse=True)
        centre = [round(value) for value in heart(parts[0])]
        drawn = path([part for part in parts if area(part) >= SPECK])
        if drawn:
            shapes[code] = drawn
        (dots if sum(area(part) for part in parts) < DOT_BELOW else centres)[code] = centre
    bottom = TOP - equal_earth(0, SOUTH)[1] * SCALE
    document = {
        "width": WIDTH,
        "height": round(bottom),
        "outline": path([outline()]),
        "uncoded": path([part for part in shown[None] if area(part) >= SPECK]),
        "shapes": shapes,
        "centres": centres,
        "dots": dots,
    }
    target.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
