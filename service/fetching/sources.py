"""What people ask about sources and do to them at the desk: find, change, pause, resume, remove.

``feeds.yaml`` and the desk stay apart: what a feed of the file is, the file says, and a change here would be gone
with the next start; so such a feed can be paused and resumed here and nothing else. A pause holds whatever the
file says. Every change is journaled. It asks no publisher; ``run`` does. Called by ``routes``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.errors import FieldError, Invalid, NotFound, NotNow, Stale
from service.fetching import schemas, websub
from service.fetching.catalogue import add_hosts, apply_spec, forgive, known_feed, spec_of, url_key
from service.fetching.disclosure import holds_secret
from service.fetching.feed_schema import FeedEntry, Options
from service.fetching.options import FeedSpec, FetchOptions
from service.fetching.reports import record_feed
from service.fetching.vocabulary import BadValue
from service.models import Editor, Feed

PAGE_MOST = 500
"""Sources on one page of the list."""
_FILE = "file"
_FACTS = ("name", "url", "alt_urls", "homepage", "language", "country", "region", "kind", "groups", "core")


@dataclass(frozen=True)
class FeedFilter:
    """Which sources to show; None means any."""

    enabled: bool | None = None
    alarm: bool | None = None
    region: str | None = None
    text: str | None = None
    """Must stand in the id, the name or the address, letter case aside."""


async def find_feeds(
    session: AsyncSession, wanted: FeedFilter, *, cursor: str | None, limit: int, now: datetime
) -> schemas.FeedList:
    """One page of sources in the order of their ids; ``cursor`` is the last id of the page before."""
    conditions = _conditions(wanted)
    total = (await session.exec(select(func.count()).select_from(Feed).where(*conditions))).one()
    if cursor:
        conditions.append(col(Feed.id) > cursor)
    query = select(Feed).where(*conditions).order_by(col(Feed.id)).limit(limit + 1)
    feeds = list((await session.exec(query)).all())
    shown = feeds[:limit]
    return schemas.FeedList(
        items=await feed_views(session, shown, now=now),
        next=shown[-1].id if len(feeds) > limit else None,
        total=total,
    )


def _conditions(wanted: FeedFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [col(Feed.removed_at).is_(None)]
    if wanted.enabled is not None:
        conditions.append(col(Feed.enabled).is_(wanted.enabled))
    if wanted.alarm is not None:
        conditions.append(col(Feed.alarm).is_not(None) if wanted.alarm else col(Feed.alarm).is_(None))
    if wanted.region is not None:
        conditions.append(col(Feed.region) == wanted.region)
    if wanted.text:
        columns = (col(Feed.id), col(Feed.name), col(Feed.url))
        conditions.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    return conditions


async def feed_views(session: AsyncSession, feeds: Sequence[Feed], *, now: datetime) -> list[schemas.FeedOut]:
    """Sources as the API shows them."""
    pushed = await websub.pushed_feeds(session, [feed.id for feed in feeds], now=now)
    return [schemas.feed_out(feed, pushed=feed.id in pushed, now=now) for feed in feeds]


async def feed_for_change(session: WriteSession, feed_id: str, version: int, *, now: datetime) -> Feed:
    """One feed on the list, locked until the transaction ends; ``version`` is the one that the person saw.

    Raises:
        NotFound: there is none with this id.
        Stale: somebody changed it since; carries the feed as it stands.
    """
    query = select(Feed).where(Feed.id == feed_id, col(Feed.removed_at).is_(None)).with_for_update()
    feed = (await session.exec(query)).one_or_none()
    if feed is None:
        raise NotFound(f"There is no feed {feed_id[:64]!r}.")
    if feed.version != version:
        [view] = await feed_views(session, [feed], now=now)
        raise Stale(
            f"You changed version {version}, but version {feed.version} is current. Look at it and try again.",
            current=view.model_dump(mode="json"),
        )
    return feed


async def change_feed(
    session: WriteSession,
    feed: Feed,
    *,
    facts: Mapping[str, Any],
    options: Options | None = None,
    enabled: bool | None = None,
    now: datetime,
    by: Editor,
) -> Feed:
    """Change what is given of a feed: facts by name, options that were said (None: the default), whether it runs.

    Another address or other options read the feed afresh, and it is due at once.

    Raises:
        Invalid: each value that cannot be accepted, or that feeds.yaml decides.
    """
    before = spec_of(feed)
    was_public, was_running = not holds_secret(feed), (feed.enabled, feed.paused_at)
    after = _changed(before, facts, options)
    if feed.origin == _FILE and after != before:
        raise _decided_by_the_file(before, after)
    if after.url != before.url and url_key(after.url) != feed.url_key:
        await _take_address(session, after.url)
    if enabled is not None:
        after = replace(after, enabled=enabled)
        _pause_or_resume(feed, enabled, now)
    await add_hosts(session, [after.url, *after.alt_urls], now)
    if apply_spec(after, feed, origin=feed.origin, now=now) == "unchanged":
        if was_running == (feed.enabled, feed.paused_at):
            return feed
        feed.version += 1  # it was off already, and is now off by a person's hand
    await session.flush()
    old, new = _journaled(before, after)
    if was_running != (feed.enabled, feed.paused_at):
        old, new = old | {"enabled": was_running[0]}, new | {"enabled": feed.enabled}
    act = "change_feed" if new.keys() != {"enabled"} else "resume_feed" if feed.enabled else "pause_feed"
    await record_feed(session, act, feed, now=now, by=by, before=old, after=new, public=was_public)
    return feed


async def remove_feed(session: WriteSession, feed: Feed, *, now: datetime, by: Editor) -> None:
    """Take a feed off the list; its stories stay, and adding its address again brings it back under its id.

    Raises:
        NotNow: it stands in feeds.yaml, which would bring it back with the next start.
    """
    if feed.origin == _FILE:
        raise NotNow(f"{feed.id!r} stands in feeds.yaml: take it out there, or pause it here.")
    feed.enabled, feed.removed_at, feed.paused_at = False, now, None
    feed.version += 1
    await session.flush()
    await record_feed(session, "remove_feed", feed, now=now, by=by)


def _changed(before: FeedSpec, facts: Mapping[str, Any], options: Options | None) -> FeedSpec:
    """The description with the changes in it, each checked as feeds.yaml would check it."""
    said = {name: value for name, value in facts.items() if name in _FACTS}
    try:
        # Facts that are not given are not judged: an older release may have taken what this one would not.
        entry = FeedEntry.model_validate({"id": before.id, "name": before.name, "url": before.url} | said)
    except ValidationError as error:
        raise Invalid("Nothing was changed.", errors=[_field_error(problem) for problem in error.errors()]) from error
    blank = FeedSpec(id=before.id, name=before.name, url=before.url)
    checked = {name: getattr(entry, name) for name in said}
    new = {name: getattr(blank, name) if value is None else value for name, value in checked.items()}
    new |= {name: tuple(value) for name, value in new.items() if isinstance(value, list)}
    return replace(before, **new, options=_changed_options(before.options, options))


def _field_error(problem: Mapping[str, Any]) -> FieldError:
    field = ".".join(str(part) for part in problem["loc"])
    reason = problem.get("ctx", {}).get("error")
    if isinstance(reason, BadValue):
        return FieldError(field, reason.message, reason.suggestions)
    return FieldError(field, "this must have a value" if problem["input"] is None else problem["msg"])


def _changed_options(before: FetchOptions, options: Options | None) -> FetchOptions:
    if options is None:
        return before
    said = options.said()
    defaults = {option.name: getattr(FetchOptions(), option.name) for option in fields(FetchOptions)}
    if "enabled" in options.model_fields_set:
        message = "write it beside the options, not among them"
        raise Invalid("Nothing was changed.", errors=[FieldError("options.enabled", message)])
    return replace(before, **{name: said.get(name, defaults[name]) for name in options.model_fields_set})


def _decided_by_the_file(before: FeedSpec, after: FeedSpec) -> Invalid:
    differing = [name for name in (*_FACTS, "options") if getattr(before, name) != getattr(after, name)]
    message = "feeds.yaml decides this; change it there"
    return Invalid(
        f"{before.id!r} stands in feeds.yaml. Here it can be paused and resumed.",
        errors=[FieldError(name, message) for name in differing],
    )


async def _take_address(session: WriteSession, url: str) -> None:
    """See to it that no other feed has this address; one that was removed gives it up."""
    removed = await known_feed(session, url)
    if removed is not None:
        removed.url_key = f"retired:{removed.id}"  # no address looks like this
        await session.flush()


def _pause_or_resume(feed: Feed, enabled: bool, now: datetime) -> None:
    if not enabled:
        feed.paused_at = feed.paused_at or now
    elif not feed.enabled:
        feed.paused_at = None
        forgive(feed)  # also where the publisher had said that it was gone: it is to be tried anew


def _journaled(before: FeedSpec, after: FeedSpec) -> tuple[dict[str, Any], dict[str, Any]]:
    """What changed, before and after; of headers, which may be secrets, only their names."""
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for name in _FACTS:
        if getattr(before, name) != getattr(after, name):
            old[name], new[name] = _plain(getattr(before, name)), _plain(getattr(after, name))
    if before.options != after.options:
        was, now_is = before.options.as_json(), after.options.as_json()
        names = sorted(name for name in was if was[name] != now_is[name])
        old["options"] = {name: _plain(was[name]) for name in names}
        new["options"] = {name: _plain(now_is[name]) for name in names}
    return old, new


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value
