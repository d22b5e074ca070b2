"""JSON Feed 1.0 and 1.1 (jsonfeed.org) → the same raw values that the XML formats give.

Lenient where publishers are: a field of another type counts as absent. Cleans nothing. Called by ``parse``.
"""

import json
from typing import Any

from service.fetching.document import RawEntry, RawFeed


def read_json_feed(text: str, *, most: int) -> RawFeed | None:
    """The feed in a JSON text, None if it is JSON of another kind.

    Args:
        text: the document.
        most: items read at the most.

    Raises:
        ValueError: it is no JSON (``json.JSONDecodeError`` is one).
        RecursionError: nested deeper than Python follows.
    """
    document = json.loads(text)
    if not isinstance(document, dict):
        return None
    items = document.get("items")
    if "jsonfeed.org/version/" not in str(document.get("version")) or not isinstance(items, list):
        return None
    hubs = [hub for hub in _list(document, "hubs") if isinstance(hub, dict) and hub.get("type") == "WebSub"]
    return RawFeed(
        title=_text(document, "title") or "",
        homepage=_text(document, "home_page_url"),
        language=_text(document, "language"),
        entries=tuple(_entry(item) for item in items[:most] if isinstance(item, dict)),
        hub=_text(hubs[0], "url") if hubs else None,
        self_url=_text(document, "feed_url"),
    )


def _entry(item: dict[str, Any]) -> RawEntry:
    guid = item.get("id")
    summary, markup = _text(item, "summary") or _text(item, "content_text"), _text(item, "content_html")
    return RawEntry(
        link=_text(item, "url") or _text(item, "external_url"),
        # 1.0 asked readers to coerce numbers; a truth value or a list names nothing.
        guid=str(guid) if isinstance(guid, (str, int, float)) and not isinstance(guid, bool) else None,
        title=_text(item, "title") or "",
        summary=summary or markup or "",
        author=_author(item),
        language=_text(item, "language"),
        dates=tuple(date for date in (_text(item, "date_published"), _text(item, "date_modified")) if date),
        plain=summary is not None or markup is None,
    )


def _author(item: dict[str, Any]) -> str | None:
    authors = [*_list(item, "authors"), item.get("author")]
    names = [name for author in authors if isinstance(author, dict) and (name := _text(author, "name"))]
    return ", ".join(dict.fromkeys(names)) or None


def _text(of: dict[str, Any], name: str) -> str | None:
    value = of.get(name)
    return value if isinstance(value, str) and value.strip() else None


def _list(of: dict[str, Any], name: str) -> list[Any]:
    value = of.get(name)
    return value if isinstance(value, list) else []
