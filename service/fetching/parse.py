"""Step 3 of 8: the bytes of a feed document → entries that are fit to be stored.

Before it ``fetching.download`` has the body within its caps. The only module that imports feedparser, and only its
reading of XML is used: charset, dates, links and cleaning are ours. It takes time that a hostile publisher can
stretch, so in the service it runs in the processes of ``fetching.parsers``. It never raises for what a document says.

next: ``fetching.intake``
"""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import feedparser

from service.fetching.charset import decode
from service.fetching.dates import parse_date
from service.fetching.defuse import MOST_ITEMS, Defused, Undefusable, defuse
from service.fetching.document import (
    Parsed,
    ParsedEntry,
    ParsedFeed,
    ParseJob,
    ParseOptions,
    RawEntry,
    RawFeed,
    Unreadable,
)
from service.fetching.jsonfeed import read_json_feed
from service.fetching.normalize import (
    TITLE_LIMIT,
    address_key,
    canonical_url,
    clean_link,
    clean_summary,
    clean_text,
    content_hash,
    identity,
    is_opaque,
    shorten,
    unwrap,
)
from service.fetching.outcomes import Outcome
from service.fetching.plain import read_plain

__all__ = ["ParseOptions", "ParsedEntry", "ParsedFeed", "Unreadable", "parse_document"]

_DEFAULTS = ParseOptions()
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})((?:[-_][A-Za-z0-9]{2,8}){0,4})")
_COUNTRIES_ONLY = frozenset(["us", "gb", "cn", "jp", "tw", "hk"])  # written for a language, and no language's code
_LONGEST_LANGUAGE = 35  # enough for every registered tag (RFC 5646 §4.4.1)
_PERIODS = {"hourly": 3_600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def parse_document(
    body: bytes, *, content_type: str | None, url: str, now: datetime, options: ParseOptions = _DEFAULTS
) -> Parsed:
    """Read one document.

    Args:
        body: the document, decompressed and within the caps.
        content_type: the HTTP header, if any; only its charset is believed.
        url: where the document came from; relative links start there.
        now: the present, for dates in the future.
        options: what the newsroom set for the feed.

    Returns:
        The feed, or why there is none: ``html``, ``empty`` or ``bad_feed``.
    """
    if not body.strip(b" \t\r\n\xef\xbb\xbf\xff\xfe"):
        return Unreadable(Outcome.EMPTY, "an empty document")
    job = ParseJob(body, url, now, content_type, options)
    decoded = decode(body, content_type, options.charset)
    damage = [f"bytes that are not {decoded.charset}"] if decoded.broken else []
    try:
        raw, head = _read(decoded.text, damage)
    except Undefusable as reason:
        return Unreadable(reason.outcome, reason.detail)
    entries, dates, shared = _entries(raw, job)
    if not entries:
        return Unreadable(Outcome.BAD_FEED, damage[-1][:200]) if damage else Unreadable(Outcome.EMPTY, "no entries")
    return replace(
        _feed(raw, head, job),
        entries=entries,
        newest=max((entry.published_at for entry in entries if entry.published_at), default=None),
        charset=decoded.charset,
        dates=dates,
        damaged="; ".join(damage)[:300] or None,
        links_shared=shared,
    )


def _read(text: str, damage: list[str]) -> tuple[RawFeed, str]:
    """What the document says and the text of its head; notes in ``damage`` what had to be mended."""
    if text.lstrip()[:1] not in ("{", "["):
        defused = defuse(text)
        damage += defused.damage
        return _read_xml(defused), defused.head
    try:
        raw = read_json_feed(text, most=MOST_ITEMS)
    except (ValueError, RecursionError) as error:
        raise Undefusable(Outcome.BAD_FEED, f"not readable as JSON: {error}"[:200]) from error
    if raw is None:
        raise Undefusable(Outcome.BAD_FEED, "JSON, but not JSON Feed")
    return raw, ""


def _read_xml(defused: Defused) -> RawFeed:
    if not defused.damage:
        plain = read_plain(defused.document)
        if plain is not None:
            return plain
    # No content-location: with a base, feedparser would turn guids that are no addresses into addresses.
    # xml:base is resolved all the same, and the rest by clean_link.
    try:
        result = feedparser.parse(
            io.BytesIO(defused.document),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception as error:  # it raises whatever its handlers stumble over
        raise Undefusable(
            Outcome.BAD_FEED, f"the feed parser gave up: {type(error).__name__}: {error}"[:200]
        ) from error
    about = result.get("feed", {})
    links = _parts(about, "links")
    entries = [_raw_entry(entry) for entry in result.get("entries", [])]
    if defused.cut_off and entries and not entries[-1].link:
        entries.pop()  # its address was still to come; as a story it could never meet its complete self
    return RawFeed(
        title=_string(about, "title"),
        homepage=_string(about, "link") or None,
        language=_string(about, "language") or None,
        entries=tuple(entries),
        ttl=_string(about, "ttl"),
        update_period=_string(about, "sy_updateperiod"),
        update_frequency=_string(about, "sy_updatefrequency"),
        hub=_rel(links, "hub"),
        self_url=_rel(links, "self"),
    )


def _raw_entry(entry: dict[str, Any]) -> RawEntry:
    # dict.get, because the parser's own mapping answers "updated" with "published" and warns about it.
    link = _string(entry, "feedburner_origlink") or _string(entry, "link")
    if not link:
        link = _rel(_parts(entry, "links"), "alternate") or ""
    contents = _parts(entry, "content")
    summary = _string(entry, "summary") or next((_string(part, "value") for part in contents), "")
    author = dict.get(entry, "author_detail")
    name = _string(author, "name") if isinstance(author, dict) else ""
    title = dict.get(entry, "title_detail")
    return RawEntry(
        link=link or None,
        guid=_string(entry, "id") or None,
        title=_string(entry, "title"),
        summary=summary,
        author=name or _string(entry, "author") or None,
        language=_string(entry, "language") or (_string(title, "language") if isinstance(title, dict) else None),
        dates=tuple(found for name in ("published", "updated", "created") if (found := _string(entry, name).strip())),
    )


def _parts(of: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The parser's own list of that name, and not an element that a publisher happened to call the same."""
    value = dict.get(of, name)
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _string(of: dict[str, Any], name: str) -> str:
    value = dict.get(of, name)
    return value if isinstance(value, str) else ""


def _rel(links: Iterable[dict[str, Any]], rel: str) -> str | None:
    return next(
        (_string(link, "href") for link in links if _string(link, "rel") == rel and _string(link, "href")), None
    )


def _entries(raw: RawFeed, job: ParseJob) -> tuple[tuple[ParsedEntry, ...], tuple[datetime | None, ...], bool]:
    """The entries worth keeping, in the document's order; the date of every entry; whether several share an address.

    A publisher may list one article twice under two headlines, so a shared address is only held to name no
    article when it stands under three. A guid without an address has nothing else to speak for it: two.
    """
    language = _language(job.options.language or raw.language)
    found = [_entry(entry, language, job) for entry in raw.entries]
    cleaned = [entry for entry in found if entry is not None]
    addresses = [canonical_url(entry.link) if entry.link else None for entry in cleaned]
    shared = _under_several_titles(addresses, cleaned, 3)
    pages = (clean_link(raw.homepage, job.url), job.url)
    vague = shared | {canonical_url(page) for page in pages if page}
    named = [None if address in vague else address for address in addresses]
    guids = [entry.guid if address is None else None for address, entry in zip(named, cleaned, strict=True)]
    repeated = _under_several_titles(guids, cleaned, 2)
    keyed = []
    for address, entry in zip(named, cleaned, strict=True):
        key = identity(
            link=None,
            guid=None if entry.guid in repeated else entry.guid,
            title=entry.title,
            day=entry.published_at.date() if entry.published_at else None,
            feed_id=job.options.feed_id,
        )
        keyed.append(replace(entry, key=address_key(address) if address else key))
    dates = tuple(entry.published_at if entry else None for entry in found)
    return tuple(_newest(keyed, job.options.max_items)), dates, bool(shared or repeated)


def _under_several_titles(names: Sequence[str | None], entries: Sequence[ParsedEntry], several: int) -> set[str]:
    titles: dict[str, set[str]] = {}
    for name, entry in zip(names, entries, strict=True):
        if name:
            titles.setdefault(name, set()).add(entry.title)
    return {name for name, found in titles.items() if len(found) >= several}


def _newest(entries: list[ParsedEntry], most: int) -> list[ParsedEntry]:
    """The newest ``most`` in the order they came; an entry without a date may be the newest of all."""
    if len(entries) <= most:
        return entries
    latest = datetime.max.replace(tzinfo=UTC)
    by_age = sorted(range(len(entries)), key=lambda place: entries[place].published_at or latest, reverse=True)
    return [entries[place] for place in sorted(by_age[:most])]


def _entry(raw: RawEntry, language: str | None, job: ParseJob) -> ParsedEntry | None:
    link = clean_link(raw.link, job.url) if raw.link else None
    if link is None and raw.guid and raw.guid.lower().startswith(("http://", "https://")):
        link = clean_link(raw.guid, job.url)
    target = unwrap(link) if link else None
    if target and target != link:
        link = clean_link(target, job.url) or link
    title = shorten(clean_text(raw.title, markup=not raw.plain), TITLE_LIMIT)
    summary = clean_summary(raw.summary, markup=not raw.plain)
    if not title:
        title = shorten(" ".join(summary.split()) or link or "", 140)
    if not title:
        return None
    published, raw_date, rule = _date(raw.dates, language, job)
    return ParsedEntry(
        key="",
        link=link,
        guid=clean_text(raw.guid, markup=False)[:1_000] or None,
        title=title,
        summary=summary,
        author=shorten(clean_text(raw.author), 200) or None,
        language=language if job.options.language else _language(raw.language) or language,
        published_at=published,
        date_raw=raw_date,
        date_rule=rule,
        opaque=link is not None and (job.options.link_policy == "opaque" or is_opaque(link)),
        content_hash=content_hash(title, summary),
    )


def _date(dates: tuple[str, ...], language: str | None, job: ParseJob) -> tuple[datetime | None, str | None, str]:
    """The first date that can be read; the raw text of the most trusted one if none can."""
    options = job.options
    kept = clean_text(dates[0], markup=False)[:120] if dates else None
    if options.date_policy == "first_seen":
        return None, kept, "first_seen"
    first_rule = "missing"
    for place, raw in enumerate(dates):
        moment, rule = parse_date(
            raw, now=job.now, zone=options.date_zone, fmt=options.date_format, language=options.language or language
        )
        if moment is not None:
            return moment, clean_text(raw, markup=False)[:120], rule
        first_rule = rule if place == 0 else first_rule
    return None, kept, first_rule


def _language(raw: str | None) -> str | None:
    """``en_us`` → ``en-US``; None for what is no BCP 47 tag."""
    found = _LANGUAGE.fullmatch((raw or "").strip())
    if found is None or len(found[0]) > _LONGEST_LANGUAGE or found[1].lower() in _COUNTRIES_ONLY:
        return None
    parts = [part for part in re.split("[-_]", found[2]) if part]
    return "-".join([found[1].lower(), *(part.upper() if len(part) == 2 else part.title() for part in parts)])


def _feed(raw: RawFeed, head: str, job: ParseJob) -> ParsedFeed:
    hours = {
        int(hour) % 24
        for hour in re.findall(r"<hour>\s*(\d{1,2})\s*</hour>", _inside(head, "skipHours"))
        if int(hour) <= 24
    }
    days = {day.lower() for day in re.findall(r"<day>\s*(\w+)\s*</day>", _inside(head, "skipDays"))}
    ttl = int(raw.ttl) if raw.ttl and re.fullmatch(r"[0-9]{1,6}", raw.ttl.strip()) else 0
    return ParsedFeed(
        title=shorten(clean_text(raw.title), TITLE_LIMIT),
        homepage=clean_link(raw.homepage, job.url) if raw.homepage else None,
        language=_language(raw.language),
        ttl_minutes=ttl or None,
        update_period=_update_period(raw),
        # A feed that asks never to be visited is taken at its word about nothing.
        skip_hours=tuple(sorted(hours)) if len(hours) < 24 else (),
        skip_days=tuple(place for place, day in enumerate(_WEEKDAYS) if day in days) if len(days) < 7 else (),
        hub=clean_link(raw.hub, job.url) if raw.hub else None,
        self_url=clean_link(raw.self_url, job.url) if raw.self_url else None,
        newest=None,
        entries=(),
        charset="",
    )


def _inside(head: str, name: str) -> str:
    start = head.find(f"<{name}>")
    return head[start : head.find(f"</{name}>", start)] if start >= 0 else ""


def _update_period(raw: RawFeed) -> int | None:
    """Seconds between updates (RDF Site Summary 1.0 Modules: Syndication): the period, shared by the frequency."""
    period = _PERIODS.get((raw.update_period or "").strip().lower())
    if period is None:
        return None
    frequency = (raw.update_frequency or "").strip()
    return max(period // int(frequency), 1) if re.fullmatch(r"[1-9][0-9]{0,4}", frequency) else period
