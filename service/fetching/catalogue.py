"""The feeds as rows: what the newsroom says about each source, kept in step with ``feeds.yaml``.

``sync_feeds`` brings a ``Catalogue`` (read by ``feeds_file``) into the database, ``add_feed`` adds one at
the desk, ``feed_options`` tells the fetcher how a feed is to be read. It reads no file and no network, and
never deletes a row: stories point at feeds. Called by ``cli``, ``app``, ``sources`` and ``run``.

An id is for ever. Where the file and the desk meet, the file wins, and nothing stops being fetched:

* same id, same address (or the desk's feed was removed): the desk's feed becomes the file's;
* same address, another id: the desk's feed is retired and the file's one takes over;
* same id, another address: a ``SetupError``, since only a person can tell which one is meant.

What a person paused at the desk stays paused, whatever the file says.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from service.db import ReadSession, WriteSession
from service.errors import FieldError, Invalid, SetupError
from service.fetching.options import Catalogue, FeedSpec, FetchOptions
from service.fetching.vocabulary import (
    KINDS,
    QUIRKS,
    REGIONS,
    BadValue,
    check_country,
    check_id,
    check_language,
    check_name,
    check_url,
    feed_host,
    one_of,
    slug,
    url_key,
)
from service.models import Feed, Host

__all__ = [
    "KINDS",
    "QUIRKS",
    "REGIONS",
    "Catalogue",
    "FeedSpec",
    "FetchOptions",
    "SyncReport",
    "add_feed",
    "add_hosts",
    "apply_move",
    "apply_spec",
    "feed_host",
    "feed_options",
    "forgive",
    "known_feed",
    "list_feeds",
    "new_feed",
    "spec_of",
    "sync_feeds",
    "url_key",
]

_FILE, _DESK = "file", "desk"
_LOCK = 0x48554F43
"""Any number of ours: PostgreSQL's advisory lock that lets one process at a time change the catalogue."""
_AFRESH: Mapping[str, Any] = MappingProxyType(
    {"etag": None, "last_modified": None, "body_hash": None, "full_fetch_at": None, "item_hashes": ()}
)
"""What fetching remembers of the document it read last."""
_FORGIVEN: Mapping[str, Any] = MappingProxyType(
    {
        "failures": 0.0,
        "alarm": None,
        "moved_to": None,
        "moved_seen": 0,
        "moved_since": None,
        "alt_used": 0,
        "empty_answers": 0,
    }
)
"""What fetching holds against an address."""


def feed_options(feed: Feed) -> FetchOptions:
    """A stored feed's effective options; what its row does not name (an older release's) is our default."""
    return FetchOptions.from_json(feed.options)


@dataclass(frozen=True)
class SyncReport:
    """What a sync did, as ids in the order of the file (``removed`` in the order of their ids)."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    revived: tuple[str, ...]
    unchanged: tuple[str, ...]


async def sync_feeds(session: WriteSession, catalogue: Catalogue, *, now: datetime) -> SyncReport:
    """Make the feeds that come from the file as the file says; run again, it changes nothing.

    New feeds and their hosts appear and are due at once. A feed whose address or options changed, or that
    was switched on or came back, is read afresh: without validators and due at once. A feed that left the
    file stops and keeps its row and stories.

    Raises:
        SetupError: an id of the file belongs to a feed of the desk with another address.
    """
    await _wait_for_turn(session)
    rows = {row.id: row for row in (await session.exec(select(Feed))).all()}
    _refuse_taken_ids(catalogue, rows)
    removed = _retire(catalogue, rows, now)
    await session.flush()  # keys must be free before others take them
    outcome: dict[str, list[str]] = {"added": [], "changed": [], "revived": [], "unchanged": []}
    for spec in catalogue.specs:
        row = rows.get(spec.id)
        if row is None:
            session.add(new_feed(spec, origin=_FILE, now=now))
            outcome["added"].append(spec.id)
        else:
            outcome[apply_spec(spec, row, origin=_FILE, now=now)].append(spec.id)
    await add_hosts(session, (url for spec in catalogue.specs for url in (spec.url, *spec.alt_urls)), now)
    await session.flush()
    return SyncReport(removed=removed, **{name: tuple(ids) for name, ids in outcome.items()})


async def add_feed(
    session: WriteSession,
    *,
    url: str,
    name: str | None = None,
    id: str | None = None,
    homepage: str | None = None,
    language: str | None = None,
    country: str | None = None,
    region: str | None = None,
    kind: str | None = None,
    groups: Sequence[str] = (),
    now: datetime,
) -> Feed:
    """Add a feed at the desk, due at once; a removed feed with this address comes back under its old id.

    Without a name the host stands in for it, without an id one is made of the name.

    Raises:
        Invalid: each field that cannot be accepted, or the feed that has this address or id already.
    """
    given = _checked(url, name, id, homepage, language, country, region, kind, groups)
    await _wait_for_turn(session)
    known = await known_feed(session, url)
    given["name"] = given["name"] or feed_host(url).removeprefix("www.")
    chosen = known.id if known else await _free_id(session, id, given["name"], url)
    spec = FeedSpec(id=chosen, url=url, **given)
    feed = known or new_feed(spec, origin=_DESK, now=now)
    if known is not None:
        known.paused_at = None
        apply_spec(spec, known, origin=_DESK, now=now)
    session.add(feed)
    await add_hosts(session, [url], now)
    await session.flush()
    return feed


async def known_feed(session: ReadSession | WriteSession, url: str) -> Feed | None:
    """The removed feed that had this address, which may come back, or None where nobody had it.

    Raises:
        Invalid: a feed on the list has it, which the message names; or it is no address.
    """
    try:
        key = url_key(check_url(url))
    except BadValue as error:
        raise Invalid(f"{error}.", errors=[FieldError("url", error.message, error.suggestions)]) from error
    known = (await session.exec(select(Feed).where(col(Feed.url_key) == key))).first()
    if known is not None and known.removed_at is None:
        message = f"the feed {known.id!r} ({known.name}) has this address already"
        raise Invalid(f"Not accepted: {message}.", errors=[FieldError("url", message, (known.id,))])
    return known


async def list_feeds(session: ReadSession | WriteSession, *, removed: bool = False) -> list[Feed]:
    """All feeds in the order of their ids, those that were removed only when asked for."""
    query = select(Feed).order_by(col(Feed.id))
    if not removed:
        query = query.where(col(Feed.removed_at).is_(None))
    return list((await session.exec(query)).all())


async def apply_move(session: WriteSession, feed: Feed, changes: Mapping[str, Any], *, now: datetime) -> None:
    """Carry out what a publisher said of its own feed: a new address, or that it is gone for good.

    An address that another feed has already is not taken; the alarm says so instead. Nothing happens if a
    person changed the feed since ``feed`` was read.
    """
    stored = await session.get(Feed, feed.id)
    if stored is None or stored.version != feed.version:
        return
    if "url" in changes:
        key = url_key(changes["url"])
        other = (await session.exec(select(Feed.id).where(Feed.url_key == key, Feed.id != feed.id))).first()
        if other is not None:
            stored.alarm = f"The publisher moved this feed to the address of {other!r}; remove one of the two."
            return
        stored.url_key, stored.host = key, feed_host(changes["url"])
        await add_hosts(session, [changes["url"]], now)
    for name, value in changes.items():
        setattr(stored, name, value)
    stored.version += 1


def _facts(spec: FeedSpec, origin: str) -> dict[str, Any]:
    """The columns of a feed's row that a description decides."""
    copied = ("name", "url", "homepage", "language", "country", "region", "kind", "core", "enabled")
    return {name: getattr(spec, name) for name in copied} | {
        "alt_urls": list(spec.alt_urls),
        "groups": list(spec.groups),
        "url_key": url_key(spec.url),
        "host": feed_host(spec.url),
        "options": spec.options.as_json(),
        "origin": origin,
    }


def new_feed(spec: FeedSpec, *, origin: str, now: datetime) -> Feed:
    """The row of a feed that was never fetched, in no session yet; ``origin`` is ``file`` or ``desk``."""
    return Feed(id=spec.id, next_due_at=now, created_at=now, **_facts(spec, origin))


def spec_of(feed: Feed) -> FeedSpec:
    """What a stored feed's row says of it: the description that would make the same row again."""
    copied = ("id", "name", "url", "homepage", "language", "country", "region", "kind", "core", "enabled")
    facts = {name: getattr(feed, name) for name in copied}
    return FeedSpec(**facts, alt_urls=tuple(feed.alt_urls), groups=tuple(feed.groups), options=feed_options(feed))


def apply_spec(spec: FeedSpec, row: Feed, *, origin: str, now: datetime) -> str:
    """Write a description over a stored feed; answers the name of the outcome in ``SyncReport``.

    The caller sees to it that no other feed has the address, and that its host is known (``add_hosts``).
    """
    facts = _facts(spec, origin)
    if row.paused_at is not None:
        facts["enabled"] = False  # a person paused it; only a person resumes it
    changed = {name: value for name, value in facts.items() if getattr(row, name) != value}
    if feed_options(row) == spec.options:
        changed.pop("options", None)  # the same options, stored by a release that knew fewer of them
    revived = row.removed_at is not None
    if not changed and not revived:
        return "unchanged"
    if revived or changed.keys() & {"url", "options"} or changed.get("enabled"):
        changed |= {**_AFRESH, "next_due_at": now}
    if revived or "url" in changed:
        changed |= _FORGIVEN
    for name, value in changed.items():
        setattr(row, name, list(value) if isinstance(value, tuple) else value)
    row.removed_at = None
    row.version += 1
    return "revived" if revived else "changed"


def forgive(feed: Feed) -> None:
    """Forget what fetching holds against a feed: failures, alarm, and what its publisher said of moving."""
    for name, value in _FORGIVEN.items():
        setattr(feed, name, value)


def _retire(catalogue: Catalogue, rows: dict[str, Feed], now: datetime) -> tuple[str, ...]:
    """Stop what the file no longer has, and free each address that it gives to another id."""
    wanted = {url_key(spec.url): spec.id for spec in catalogue.specs}
    ids = set(wanted.values())
    removed = []
    for row in rows.values():
        displaced = wanted.get(row.url_key, row.id) != row.id
        if row.id not in ids and row.removed_at is None and (row.origin == _FILE or displaced):
            row.enabled, row.removed_at, row.version = False, now, row.version + 1
            removed.append(row.id)
        if displaced:
            # No address looks like this. A feed that stays in the file gets its new key from ``apply_spec``.
            row.url_key = f"retired:{row.id}"
    return tuple(sorted(removed))


def _refuse_taken_ids(catalogue: Catalogue, rows: dict[str, Feed]) -> None:
    where = catalogue.path or "feeds.yaml"
    problems = []
    for spec in catalogue.specs:
        row = rows.get(spec.id)
        if row and row.origin == _DESK and row.removed_at is None and row.url_key != url_key(spec.url):
            problems.append(
                f"{where}: feed {spec.id!r}: the desk has a feed of this id at another address, {row.url}; "
                "give the one in the file another id, or remove the one at the desk."
            )
    if problems:
        raise SetupError("\n".join(problems))


def _checked(
    url: str,
    name: str | None,
    id: str | None,
    homepage: str | None,
    language: str | None,
    country: str | None,
    region: str | None,
    kind: str | None,
    groups: Sequence[str],
) -> dict[str, Any]:
    """The optional facts in their canonical spelling, or ``Invalid`` with every field that has none."""
    checks: dict[str, tuple[str | None, Callable[[str], str]]] = {
        "url": (url, check_url),
        "name": (name, check_name),
        "id": (id, check_id),
        "homepage": (homepage, check_url),
        "language": (language, check_language),
        "country": (country, check_country),
        "region": (region, lambda word: one_of("region", word, REGIONS)),
        "kind": (kind, lambda word: one_of("kind", word, KINDS)),
    }
    checks |= {f"groups.{index}": (group, check_id) for index, group in enumerate(groups)}
    good: dict[str, Any] = {}
    errors = []
    for what, (value, check) in checks.items():
        try:
            good[what] = check(value) if value else None
        except BadValue as error:
            errors.append(FieldError(what, error.message, error.suggestions))
    if not url:
        errors.append(FieldError("url", "an address is needed"))
    if errors:
        raise Invalid("Not added: " + "; ".join(error.message for error in errors) + ".", errors=errors)
    facts = ("name", "homepage", "language", "country", "region", "kind")
    return {what: good[what] for what in facts} | {"groups": tuple(groups)}


async def _free_id(session: WriteSession, asked: str | None, label: str, url: str) -> str:
    """The id that was asked for, or one made of the name or host that no feed, removed or not, has."""
    base = asked or (slug(label) or slug(feed_host(url)) or "feed")[:58].rstrip("-")
    query = select(Feed.id).where(col(Feed.id).startswith(base, autoescape=True))
    taken = set((await session.exec(query)).all())
    if base not in taken:
        return base
    if asked:
        message = f"a feed with the id {asked!r} exists already"
        raise Invalid(f"Not added: {message}.", errors=[FieldError("id", message)])
    return next(free for count in range(2, len(taken) + 3) if (free := f"{base}-{count}") not in taken)


async def add_hosts(session: WriteSession, urls: Iterable[str], now: datetime) -> None:
    """Make the hosts of these addresses known, so that they can be claimed."""
    names = {feed_host(url) for url in urls}
    known = set((await session.exec(select(Host.name).where(col(Host.name).in_(names)))).all())
    session.add_all(Host(name=name, ready_at=now) for name in sorted(names - known))


async def _wait_for_turn(session: WriteSession) -> None:
    """Hold off other changes to the catalogue until this transaction ends; on SQLite, BEGIN has done so."""
    if session.get_bind().dialect.name == "postgresql":
        await session.exec(select(func.pg_advisory_xact_lock(_LOCK)))
