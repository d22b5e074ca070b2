"""JSON-LD as publishers write it → the object that describes the page's article.

Pure and forgiving: of the JSON-LD standard only the nesting is understood (``@graph``, lists, ``mainEntity``), and
of its mistakes the usual ones are mended. What cannot be read is not there; nothing raises. Called by ``page``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_LOOSE_COMMA = re.compile(r",(?=\s*[}\]])")
_WRAPPING = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[|/\*<!\[CDATA\[\*/)|(?://\s*)?(?:-->|\]\]>)\s*;?\s*$|;\s*$"
)
_DEEPEST = 4
_MOST_OBJECTS = 200


def find_article(block: str) -> Mapping[str, Any]:
    """The article (or posting, or failing these the page) that one block describes; empty if it describes none."""
    objects = list(_objects(_loaded(block)))
    for wanted in (("Article", "Posting"), ("WebPage", "ItemPage", "VideoObject", "Report")):
        for one in objects:
            if any(kind.endswith(wanted) for kind in _kinds(one)):
                return one
    return {}


def first_text(value: object) -> str:
    """A text in whichever way it is written: itself, ``{"name": …}``, ``{"@value": …}``, or the first of a list."""
    for _ in range(_DEEPEST):
        if isinstance(value, list):
            value = value[0] if value else ""
        elif isinstance(value, dict):
            value = value.get("name") or value.get("@value") or value.get("alternateName") or ""
    return value if isinstance(value, str) else ""


def _loaded(block: str) -> object:
    text = _WRAPPING.sub("", _WRAPPING.sub("", block))
    for attempt in (text, _LOOSE_COMMA.sub("", text)):
        try:
            # Not strict: line ends inside strings are the most usual mistake of all.
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):  # not JSON, or nested to exhaust us
            continue
    return None


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """The objects that may describe the page: not those deeper inside, such as the articles of a list."""
    waiting: list[tuple[object, int]] = [(value, 0)]
    for count, (one, depth) in enumerate(waiting):
        if count > _MOST_OBJECTS:
            return
        if depth > _DEEPEST:
            continue
        if isinstance(one, list):
            waiting.extend((part, depth + 1) for part in one[:_MOST_OBJECTS])
        elif isinstance(one, dict):
            yield one
            inner = (one.get(name) for name in ("@graph", "mainEntity", "mainEntityOfPage"))
            waiting.extend((part, depth + 1) for part in inner if isinstance(part, dict | list))


def _kinds(one: Mapping[str, Any]) -> list[str]:
    kinds = one.get("@type")
    listed = kinds if isinstance(kinds, list) else [kinds]
    return [kind for kind in listed if isinstance(kind, str)]
