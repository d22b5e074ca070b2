"""A story by its address: a person or a program pastes a URL, and it is on the wire once.

A known address answers the story that has it, also where a redirect or the page's canonical link leads to one. For
an unknown one the page is read for what it says of itself; a page that cannot be read still becomes a story, with a
warning, because the newsroom asked for it. The session is closed while the network is used. Deciding anything about
the story is the desk's. Also gives a story that came by an aggregator's link its publisher's address. Called by
``adding_routes``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.errors import FieldError, Invalid, NotNow
from service.fetching import guard
from service.fetching.intake import BACKFILL_AFTER
from service.fetching.looking import Look, look_at
from service.fetching.normalize import (
    TITLE_LIMIT,
    clean_link,
    clean_text,
    content_hash,
    identity,
    is_opaque,
    shorten,
    uncounted,
    unwrap,
)
from service.fetching.outcomes import Outcome
from service.fetching.siblings import NewStory, note_siblings
from service.fetching.turns import PATIENCE
from service.fetching.vocabulary import BadValue, check_url
from service.journal import record_decision, take_turn
from service.models import Edition, Editor, Item, JournalRecord, Story, new_id
from service.runtime import Runtime
from service.words import ItemState, StoryState

_NO_SUCH_ADDRESS = frozenset({Outcome.REFUSED_ADDRESS, Outcome.DNS})
_OPAQUE = (
    "This is an aggregator's link that hides the article. Give the story its publisher's own address "
    "(POST /stories/{id}/resolve) before you place it."
)


@dataclass(frozen=True)
class Added:
    """What became of an address."""

    story_id: str
    created: bool
    """False: the story was known."""
    warning: str | None
    """What an editor should look after, where the page did not say all it should."""


async def add_story_by_url(runtime: Runtime, url: str, *, now: datetime, by: Editor) -> Added:
    """Answer the story that has this address, or store it with what its page says.

    Raises:
        Invalid: no address that may be followed, or one whose host does not exist.
        NotNow: its host is busy; nothing was stored.
    """
    address = uncounted(_accepted(url))
    async with runtime.database.read() as reading:
        known = await _story_with(reading, [address])
    if known:
        return Added(known, created=False, warning=None)
    look = await look_at(runtime, address, patience=PATIENCE, now=now)
    if look.outcome in _NO_SUCH_ADDRESS:
        raise _refused(look.detail or "it cannot be reached")
    now = runtime.clock()  # anew: whoever follows the changes would miss a story dated by the time it was asked for
    story = _story(look, now)
    async with runtime.database.write() as session:
        await take_turn(session)
        known = await _story_with(session, [address, story["url"], look.url])
        created = known is None and await _store(session, story)
        if created:
            await note_siblings(session, [NewStory.of(story)], now=now)
            await _record_addition(session, story, look, now=now, by=by)
        # Where intake was faster by a moment, the story is its.
        story_id = known or await _story_with(session, [story["url"]]) or story["id"]
    return Added(story_id, created, _warning(look, story) if created else None)


def _accepted(url: str) -> str:
    """The address as it may be followed; out of a wrapper that carries it readably."""
    written = url.strip()
    try:
        if "://" in written:
            guard.check_url(written)
        check_url(written)  # also of what lacks a scheme, since it knows what was meant
    except BadValue as error:
        raise Invalid(f"{error}.", errors=[FieldError("url", error.message, error.suggestions)]) from error
    except guard.RefusedAddress as error:
        raise _refused(str(error)) from error
    link = clean_link(unwrap(written), "")
    if link is None:
        raise _refused("it is not an http or https address of a usable length")
    return link


def _refused(why: str) -> Invalid:
    return Invalid("This address cannot be added.", errors=[FieldError("url", why)])


def _key(address: str) -> str:
    return identity(link=address, guid=None, title="", day=None, feed_id="")


async def _story_with(session: AsyncSession, addresses: Iterable[str]) -> str | None:
    """The story that has the first of these addresses that any story has."""
    keys = [_key(address) for address in addresses]
    query = select(Story.key, Story.id).where(col(Story.key).in_(keys))
    found = dict((await session.exec(query)).all())
    return next((found[key] for key in keys if key in found), None)


def _story(look: Look, now: datetime) -> dict[str, Any]:
    """The row of a story that nobody's feed brought."""
    address, facts = _best_address(look), look.facts
    title = facts.title or _address_as_title(address)
    dated = facts.published_at
    return {
        "id": new_id(now),
        "key": _key(address),
        "url": address,
        "title": title,
        "summary": facts.description,
        "author": facts.author,
        "language": facts.language,
        "feed_id": None,
        "published_at": dated,
        "date_raw": facts.date_raw,
        "date_rule": facts.date_rule,
        "received_at": now,
        "dated_at": dated or now,
        "backfilled": dated is not None and now - dated > BACKFILL_AFTER,
        "opaque": is_opaque(address),
        "content_hash": content_hash(title, facts.description),
        "state": StoryState.NEW.value,
        "version": 1,
    }


def _best_address(look: Look) -> str:
    """The address to keep: what the page calls its own, if the page that answered is the one that was asked for.

    A redirect for the moment often leads to a page for consent or subscription. Its address, kept as the story's
    identity, would make one story of all that ever led there.
    """
    trusted = look.for_good or not look.elsewhere or (is_opaque(look.asked) and not is_opaque(look.url))
    if not trusted:
        return look.asked
    return uncounted(look.facts.canonical_url or look.url)


def _address_as_title(address: str) -> str:
    parts = urlsplit(address)
    return shorten(clean_text(f"{parts.hostname}{unquote(parts.path)}", markup=False), TITLE_LIMIT)


async def _store(session: WriteSession, story: dict[str, Any]) -> bool:
    """Whether it was stored: not if another transaction stored one with this key."""
    connection = await session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    storing = dialect.insert(Story).values(story).on_conflict_do_nothing().returning(col(Story.id))
    return (await connection.execute(storing)).scalar_one_or_none() is not None


async def _record_addition(
    session: WriteSession, story: dict[str, Any], look: Look, *, now: datetime, by: Editor
) -> None:
    await record_decision(
        session,
        act="add_story",
        subject=f"story:{story['id']}",
        before=None,
        after={"url": story["url"], "title": story["title"], "page": look.outcome.value},
        now=now,
        by=by,
        public=False,  # like every act on the wire; what is published of it will be public then
    )


def _warning(look: Look, story: dict[str, Any]) -> str | None:
    if story["opaque"]:
        return _OPAQUE.replace("{id}", story["id"])
    if look.outcome is not Outcome.OK:
        why = look.detail or look.outcome.value
        return f"The page could not be read ({why}), so the title is its address. Write a headline for it."
    if look.facts.title is None:
        return "The page does not tell its title, so the title is its address. Write a headline for it."
    if look.elsewhere and not look.for_good:
        host = urlsplit(look.url).hostname
        return f"The address led to another page, on {host}, for now; title and date may be that page's. Check them."
    return None


async def resolve_story(session: WriteSession, story: Story, *, url: str, now: datetime, by: Editor) -> None:
    """Give a story that came by an aggregator's link its publisher's address; its id stays.

    Readers of a published one are told like of any correction: the record is public, and ``updated`` moves.

    Raises:
        Invalid: no address that may be followed, or again one that hides the article.
        NotNow: the story has its own address, was withdrawn, or another story has this one.
    """
    if not story.opaque:
        raise NotNow("This story has its publisher's address already.")
    item = await session.get(Item, story.id)
    if item is not None and item.state == ItemState.WITHDRAWN:
        raise NotNow("This story was withdrawn; readers are given no link to it any more.")
    address = uncounted(_accepted(url))
    if is_opaque(address):
        raise _refused("this is an aggregator's link as well; paste the address of the article itself")
    other = await _story_with(session, [address])
    if other is not None:
        raise _taken(other)
    before = {"url": story.url, "opaque": True}
    story.key, story.url, story.opaque = _key(address), address, False
    session.add(story)
    try:
        await session.flush()
    except IntegrityError as error:  # intake stored it since we looked
        raise _taken(None) from error
    record = await record_decision(
        session,
        act="resolve",
        subject=f"story:{story.id}",
        before=before,
        after={"url": address, "opaque": False},
        now=now,
        by=by,
        public=item is not None and item.state == ItemState.PUBLISHED,
    )
    if item is not None:
        await _tell_edition(session, item, record)


async def _tell_edition(session: WriteSession, item: Item, record: JournalRecord) -> None:
    """The list shows the link: who holds an older version of it is to look again, and so are readers of the item."""
    edition = (await session.exec(select(Edition).where(Edition.day == item.edition_date).with_for_update())).one()
    edition.version += 1
    if item.state == ItemState.PUBLISHED:
        item.decision, item.updated_at = record.hash, record.at
    session.add_all((edition, item))
    await session.flush()


def _taken(other: str | None) -> NotNow:
    return NotNow(
        "Another story has this address. Take that one, or merge the two.",
        errors=[FieldError("url", "another story has this address", (other,) if other else ())],
    )
