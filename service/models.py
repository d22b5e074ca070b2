"""Every table, in the order in which a story meets them: what the stages hand to each other.

Read beside the code: ``fetching`` writes hosts, feeds, fetches, stories, sightings and revisions; ``desk``
writes tags, notes, editions, items and digests; ``publishing`` only reads. Table classes validate nothing
(an SQLModel rule); the database's own constraints and triggers (``migrations/``) refuse what must never be.
All times are aware and stored as UTC. Ids are opaque strings, the same in API, pages and feeds.
"""

import json
import secrets
from base64 import b32encode
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, LargeBinary, MetaData, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.dialects.sqlite import INTEGER
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlmodel import Field, SQLModel
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from service.words import DeliveryKind, DeliveryState, EditionState, ItemState, Role, StoryState, TokenKind

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA: MetaData = SQLModel.metadata

_BIG = BigInteger().with_variant(INTEGER, "sqlite")  # SQLite's own row number has to be called INTEGER
# Crockford's base 32, which sorts as its numbers do and has no i, l, o, u to misread, for that of RFC 4648.
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghjkmnpqrstvwxyz")


def new_id(now: datetime) -> str:
    """A fresh opaque id of 18 characters that sorts by the second it was made in.

    Time first keeps inserts at the end of an index; 50 random bits keep ids apart and unguessable enough
    for what is not a secret.
    """
    number = (int(now.timestamp()) << 50) | secrets.randbits(50)
    return b32encode((number << 6).to_bytes(12, "big"))[:18].translate(_CROCKFORD).decode("ascii")  # 90 bits of 96


def _one_of(column: str, kind: type[StrEnum]) -> CheckConstraint:
    allowed = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def _json(default: str) -> Any:
    return Column(JSON, nullable=False, server_default=text(f"'{default}'"))


def _when_received(context: DefaultExecutionContext) -> datetime:
    return context.get_current_parameters()["received_at"]  # type: ignore[no-any-return, no-untyped-call]  # SQLAlchemy's


def _partial(name: str, only: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=text(only), postgresql_where=text(only))


class Host(SQLModel, table=True):
    """A publisher's host: the unit of politeness. Whoever holds its lease may fetch from it."""

    name: str = Field(primary_key=True, max_length=255)
    ready_at: datetime
    """No request before this moment (the gap, or a Retry-After that spoke for the whole host)."""
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = None
    lease_token: int = 0
    """Grows with each claim, so that a worker whose lease was taken over cannot finish another's round."""


class Feed(SQLModel, table=True):
    """A source's feed: what the newsroom said about it, and what fetching learned."""

    __table_args__ = (Index("ix_feed_due", "enabled", "next_due_at"),)

    id: str = Field(primary_key=True, max_length=64)
    name: str
    url: str
    url_key: str = Field(unique=True, max_length=2048)
    host: str = Field(index=True, max_length=255)
    alt_urls: list[str] = Field(sa_column=_json("[]"))
    homepage: str | None = None
    language: str | None = Field(default=None, max_length=35)
    country: str | None = Field(default=None, max_length=8)
    region: str | None = Field(default=None, max_length=32)
    kind: str | None = Field(default=None, max_length=32)
    groups: list[str] = Field(sa_column=_json("[]"))
    core: bool = False
    options: dict[str, Any] = Field(sa_column=_json("{}"))
    """The effective fetch options, defaults and groups already applied (fetching/catalogue)."""
    origin: str = Field(default="desk", max_length=8)
    """``file`` for feeds.yaml, ``desk`` for one added by a person; a sync touches only its own."""
    enabled: bool = True
    removed_at: datetime | None = None
    """When it left feeds.yaml or was removed at the desk; its stories stay."""
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = Field(default=None, max_length=64)
    next_due_at: datetime
    full_fetch_at: datetime | None = None
    """The last answer to a request without validators; some publishers never change their ETag."""
    last_fetch_at: datetime | None = None
    last_ok_at: datetime | None = None
    last_outcome: str | None = Field(default=None, max_length=24)
    failures: float = 0.0
    """Weighted: a hard failure counts 1, a soft one 0.5, a temporary one 0.25."""
    alarm: str | None = None
    newest_at: datetime | None = None
    posts_per_day: float | None = None
    moved_to: str | None = None
    moved_seen: int = 0
    moved_since: datetime | None = None
    paused_at: datetime | None = None
    """Set while a person has paused it at the desk; a sync of feeds.yaml does not undo that."""
    alt_used: int = 0
    """0 for ``url``; n for the nth of ``alt_urls``, while the ones before it fail."""
    item_hashes: list[str] = Field(sa_column=_json("[]"))
    """The items of the last document, so that only unseen ones are parsed (fetching/slices)."""
    empty_answers: int = 0
    """Empty answers in a row; suspect for some feeds."""
    version: int = 1
    created_at: datetime


class Subscription(SQLModel, table=True):
    """A feed that its hub pushes to us (WebSub, W3C Recommendation of 23 January 2018)."""

    feed_id: str = Field(primary_key=True, foreign_key="feed.id", max_length=64)
    hub: str
    topic: str
    callback: str = Field(unique=True, max_length=64)
    """The secret last part of the callback's path."""
    secret: str = Field(max_length=128)
    """The key of the hub's HMAC over each push."""
    state: str = Field(max_length=16)
    """``wanted``, ``asked``, ``active``, ``denied``, ``leaving`` or ``ended``."""
    asked_at: datetime
    lease_until: datetime | None = None
    pushed_at: datetime | None = None
    failures: int = 0


class Fetch(SQLModel, table=True):
    """One attempt to read a feed, with an outcome from the closed list in fetching/pace."""

    __table_args__ = (Index("ix_fetch_feed_started", "feed_id", "started_at"),)

    id: int | None = Field(default=None, primary_key=True)
    feed_id: str = Field(foreign_key="feed.id", max_length=64)
    started_at: datetime
    seconds: float
    outcome: str = Field(max_length=24)
    status: int | None = None
    bytes: int = 0
    items: int = 0
    new: int = 0
    detail: str | None = None
    url: str | None = None
    parse_seconds: float | None = None
    """How long the parser took; None where there was nothing to parse."""


class Story(SQLModel, table=True):
    """One article, known by its canonical URL; what its source says of it, and where the desk put it."""

    __table_args__ = (
        _one_of("state", StoryState),
        # The wire's lists, each by time within a state; lead_id only spares SQLite a look at the row.
        _partial("ix_story_wire", "lead_id IS NULL", "state", "received_at", "id", "lead_id"),
        _partial("ix_story_dated", "lead_id IS NULL", "state", "dated_at", "id", "lead_id"),
        _partial("ix_story_of_feed", "lead_id IS NULL", "feed_id", "state", "received_at", "id", "lead_id"),
        _partial("ix_story_of_language", "lead_id IS NULL", "language", "state", "received_at", "id", "lead_id"),
        _partial("ix_story_merged", "lead_id IS NOT NULL", "lead_id", "id"),
        Index("ix_story_changed", "changed_at", "id"),
    )

    id: str = Field(primary_key=True, max_length=32)
    key: str = Field(unique=True, max_length=2100)
    """The identity: the canonical URL, else the guid, else title and day (fetching/normalize)."""
    url: str
    title: str
    summary: str = ""
    author: str | None = None
    language: str | None = Field(default=None, max_length=35)
    feed_id: str | None = Field(default=None, foreign_key="feed.id", max_length=64)
    published_at: datetime | None = None
    date_raw: str | None = None
    date_rule: str | None = Field(default=None, max_length=32)
    """Which rule made ``published_at`` out of ``date_raw``."""
    received_at: datetime = Field(index=True)
    changed_at: datetime = Field(sa_column=Column(UTCDateTime, nullable=False, default=_when_received))
    """When anything that the desk shows of it changed: moved by triggers, and by ``desk.wire.story_for_change``."""
    dated_at: datetime
    """The story's date, by which its tiers are read: ``published_at`` if that is known, else ``received_at``."""
    backfilled: bool = False
    """Already old when first seen: kept, but never offered as today's news by accident."""
    opaque: bool = False
    """The link is an aggregator's wrapper; a person must paste the publisher's URL."""
    content_hash: str = Field(max_length=64)
    state: str = Field(default=StoryState.NEW, max_length=16)
    pass_reason: str | None = Field(default=None, max_length=32)
    headline: str | None = None
    blurb: str | None = None
    lead_id: str | None = Field(default=None, foreign_key="story.id", max_length=32)
    claimed_by: str | None = Field(default=None, foreign_key="editor.id", max_length=32)
    claimed_until: datetime | None = None
    version: int = 1


class SearchMark(SQLModel, table=True):
    """A story whose words are not in the search index yet: new, or changed since. Triggers write these rows."""

    story_id: str = Field(primary_key=True, foreign_key="story.id", ondelete="CASCADE", max_length=32)


class SearchEntry(SQLModel, table=True):
    """What the search index holds of a story (``desk.search_index``)."""

    number: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    """Grows with the time received, so that the newest hits of a common word are found first."""
    story_id: str = Field(unique=True, foreign_key="story.id", ondelete="CASCADE", max_length=32)
    words: str = Field(sa_column=Column(AutoString().with_variant(TSVECTOR(), "postgresql"), nullable=False))
    """Its terms in their order, on PostgreSQL each with its place; indexed in the migration."""


class Sighting(SQLModel, table=True):
    """A story seen in a feed."""

    __table_args__ = (
        UniqueConstraint("story_id", "feed_id"),
        Index("ix_sighting_feed_guid", "feed_id", "guid"),
        Index("ix_sighting_of_feed", "feed_id", "story_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    story_id: str = Field(foreign_key="story.id", max_length=32)
    feed_id: str = Field(foreign_key="feed.id", max_length=64)
    guid: str | None = None
    url: str
    seen_at: datetime


class Revision(SQLModel, table=True):
    """What the source said before it changed its title or summary."""

    id: int | None = Field(default=None, primary_key=True)
    story_id: str = Field(foreign_key="story.id", index=True, max_length=32)
    feed_id: str | None = Field(default=None, foreign_key="feed.id", max_length=64)
    title: str
    summary: str
    replaced_at: datetime


class Shingle(SQLModel, table=True):
    """A piece of a recent story's title, by which reports of the same news find each other."""

    story_id: str = Field(primary_key=True, foreign_key="story.id", max_length=32)
    hash: int = Field(sa_column=Column(BigInteger, primary_key=True))
    received_at: datetime
    __table_args__ = (Index("ix_shingle_hash", "hash", "received_at"), Index("ix_shingle_received", "received_at"))


class Sibling(SQLModel, table=True):
    """Two stories that seem to report the same news: a hint with its reason, until a person decides."""

    story_id: str = Field(primary_key=True, foreign_key="story.id", max_length=32)
    """The earlier of the two."""
    other_id: str = Field(primary_key=True, foreign_key="story.id", index=True, max_length=32)
    reason: str
    found_at: datetime
    dismissed_by: str | None = Field(default=None, foreign_key="editor.id", max_length=32)


class Watch(SQLModel, table=True):
    """A published story whose source is looked at again for a while."""

    story_id: str = Field(primary_key=True, foreign_key="story.id", max_length=32)
    next_check_at: datetime = Field(index=True)
    until: datetime
    headline: str | None = None
    """The page's own headline when it was first looked at."""


class SourceAlert(SQLModel, table=True):
    """After publication the source changed: both texts, until an editor has seen it."""

    id: str = Field(primary_key=True, max_length=32)
    story_id: str = Field(foreign_key="story.id", index=True, max_length=32)
    at: datetime
    kind: str = Field(max_length=24)
    """``headline_changed``, ``summary_changed``, ``vanished`` or ``moved``."""
    before: str
    after: str
    seen_by: str | None = Field(default=None, foreign_key="editor.id", max_length=32)
    seen_at: datetime | None = None


class Tag(SQLModel, table=True):
    """Story × partner: China's tier towards it on the story's date, and who confirmed that."""

    story_id: str = Field(foreign_key="story.id", primary_key=True, max_length=32)
    partner: str = Field(primary_key=True, index=True, max_length=16)
    position: int
    """1 for the partner that the editor named first: the one the story stands under in the digest."""
    tier: str = Field(index=True, max_length=48)
    label_en: str
    label_zh: str
    reason: str | None = None
    """Why the editor's tier differs from the register's; None where they agree."""
    confirmed_by: str = Field(foreign_key="editor.id", max_length=32)
    confirmed_at: datetime


class Note(SQLModel, table=True):
    """A line from one editor to the others, never public."""

    id: str = Field(primary_key=True, max_length=32)
    story_id: str = Field(foreign_key="story.id", index=True, max_length=32)
    by: str = Field(foreign_key="editor.id", max_length=32)
    at: datetime
    text: str


class SecondLook(SQLModel, table=True):
    """A story that an editor wants a colleague to look at; the row goes when somebody has."""

    story_id: str = Field(primary_key=True, foreign_key="story.id", max_length=32)
    asked_by: str = Field(foreign_key="editor.id", max_length=32)
    asked_at: datetime


class RegisterEntry(SQLModel, table=True):
    """What China calls a partnership from a day on, as known from a moment on. Never overwritten."""

    __table_args__ = (Index("ix_registerentry_partner_from", "partner", "in_force_from"),)

    id: str = Field(primary_key=True, max_length=32)
    partner: str = Field(max_length=16)
    tier: str = Field(max_length=48)
    qualifiers: list[str] = Field(sa_column=_json("[]"))
    label_en: str
    label_zh: str
    in_force_from: date | None = None
    """None: no day is known, or none applies (no label, no relations)."""
    known_from: datetime
    source: str
    confidence: str = Field(max_length=8)
    verified: bool = False
    added_by: str | None = Field(default=None, foreign_key="editor.id", max_length=32)


class Edition(SQLModel, table=True):
    """The day's list. The row appears with its first item; a day without a row is open and empty."""

    __table_args__ = (_one_of("state", EditionState),)

    day: date = Field(primary_key=True)
    zone: str = Field(max_length=64)
    opened_at: datetime
    """When its first item was placed. The clock closes only what was opened before the cut-off."""
    state: str = Field(default=EditionState.OPEN, max_length=16)
    closed_at: datetime | None = None
    closed_by: str | None = Field(default=None, foreign_key="editor.id", max_length=32)
    """None with ``closed_at`` set: closed by the clock at DIGEST_AT."""
    version: int = 1


class Item(SQLModel, table=True):
    """A story placed in an edition. A story has one item at the most, so nothing is published twice."""

    __table_args__ = (
        _one_of("state", ItemState),
        CheckConstraint(
            "state NOT IN ('published', 'withdrawn') OR (published_at IS NOT NULL AND published_by IS NOT NULL"
            " AND updated_at IS NOT NULL AND uri IS NOT NULL AND decision IS NOT NULL)",
            name="complete",
        ),
        CheckConstraint(
            "state <> 'withdrawn' OR (withdrawn_at IS NOT NULL AND withdrawn_reason IS NOT NULL)", name="withdrawn"
        ),
        CheckConstraint("state <> 'scheduled' OR publish_at IS NOT NULL", name="scheduled"),
        Index("ix_item_edition_position", "edition_date", "position"),
        Index("ix_item_stream", "state", "published_at", "story_id"),
        Index("ix_item_due", "state", "publish_at"),
    )

    story_id: str = Field(primary_key=True, foreign_key="story.id", max_length=32)
    edition_date: date = Field(foreign_key="edition.day")
    position: int
    state: str = Field(default=ItemState.DRAFT, max_length=16)
    uri: str | None = Field(default=None, unique=True)
    """The tag URI (RFC 4151) that names it in every feed; set at first publication and never again."""
    placed_by: str = Field(foreign_key="editor.id", max_length=32)
    placed_at: datetime
    publish_at: datetime | None = None
    published_by: str | None = Field(default=None, foreign_key="editor.id", max_length=32)
    published_at: datetime | None = None
    updated_at: datetime | None = None
    correction: str | None = None
    """The note of the latest correction, shown to readers."""
    withdrawn_at: datetime | None = None
    withdrawn_reason: str | None = None
    decision: str | None = Field(default=None, max_length=64)
    """The hash of the journal record of its latest public act."""


class Digest(SQLModel, table=True):
    """The frozen rendering of a closed edition in one format: the same bytes each time. Triggers refuse a change."""

    edition_date: date = Field(primary_key=True, foreign_key="edition.day")
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """1 for the first closing; a reopened edition is frozen anew when it closes again."""
    extension: str = Field(primary_key=True, max_length=8)
    number: int
    """Which digest of this newsroom it is, counted from 1; every revision keeps its number."""
    close_seq: int
    """The journal's number of the closing that froze it."""
    media_type: str = Field(max_length=64)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sha256: str = Field(max_length=64)
    frozen_at: datetime


class Editor(SQLModel, table=True):
    """A person's account. Service tokens belong to one but never act as one."""

    __table_args__ = (_one_of("role", Role),)

    id: str = Field(primary_key=True, max_length=32)
    email: str = Field(unique=True, max_length=254)
    name: str
    pseudonym: str = Field(unique=True, max_length=16)
    """Stands for the editor in the public ledger."""
    role: str = Field(default=Role.EDITOR, max_length=16)
    password_hash: str | None = None
    setup_hash: str | None = Field(default=None, unique=True, max_length=64)
    setup_until: datetime | None = None
    created_at: datetime
    disabled_at: datetime | None = None
    version: int = 1


class Token(SQLModel, table=True):
    """A bearer token, kept only as a hash."""

    __table_args__ = (_one_of("kind", TokenKind),)

    id: str = Field(primary_key=True, max_length=32)
    editor_id: str = Field(foreign_key="editor.id", index=True, max_length=32)
    kind: str = Field(default=TokenKind.PERSON, max_length=16)
    name: str = ""
    scopes: list[str] = Field(sa_column=_json("[]"))
    hash: str = Field(unique=True, max_length=64)
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class DeskSession(SQLModel, table=True):
    """A person signed in at the desk, kept only as a hash of the cookie."""

    hash: str = Field(primary_key=True, max_length=64)
    editor_id: str = Field(foreign_key="editor.id", index=True, max_length=32)
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class Preference(SQLModel, table=True):
    """How one editor has set up the desk for themselves; no row: everything as it comes."""

    editor_id: str = Field(primary_key=True, foreign_key="editor.id", max_length=32)
    language: str | None = Field(default=None, max_length=35)
    """Of the interface; None: the browser's."""
    single_keys: bool = True
    """Whether single keys do anything (WCAG 2.2, 2.1.4)."""
    keys: dict[str, str] = Field(sa_column=_json("{}"))
    """Act → key, for those that differ from ``desk.keys``."""
    filters: list[dict[str, str]] = Field(sa_column=_json("[]"))
    """Saved filters of the wire, each a name and a query."""
    version: int = 1


class Identity(SQLModel, table=True):
    """A person at a sign-in provider, and the account that they open. Each account has one at the most with each."""

    __table_args__ = (UniqueConstraint("editor_id", "issuer"),)

    issuer: str = Field(primary_key=True, max_length=255)
    subject: str = Field(primary_key=True, max_length=255)
    """The provider's name for the person."""
    editor_id: str = Field(foreign_key="editor.id", max_length=32)
    linked_at: datetime


class JournalRecord(SQLModel, table=True):
    """One decision, chained to the one before it. Triggers refuse UPDATE and DELETE."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_subject", "subject", "seq"),)

    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime
    by: str | None = Field(default=None, foreign_key="editor.id", max_length=32)
    """None: the clock (a scheduled publication, a close at DIGEST_AT) or the operator's command line."""
    act: str = Field(max_length=32)
    subject: str = Field(max_length=64)
    public: bool
    payload: str
    """Canonical JSON of who, what, before, after, when; ``payload_hash`` is its SHA-256."""
    payload_hash: str = Field(max_length=64)
    previous: str = Field(max_length=64)
    hash: str = Field(unique=True, max_length=64)

    def content(self) -> dict[str, Any]:
        """What the payload says."""
        content: dict[str, Any] = json.loads(self.payload)
        return content


class LedgerKey(SQLModel, table=True):
    """A key that signs checkpoints, or did. Triggers keep its public half for good."""

    id: str = Field(primary_key=True, max_length=64)
    """SHA-256 of the public key."""
    public: str
    private: str | None = None
    """In PEM; None where the settings hold it, or held it."""
    made_at: datetime


class Checkpoint(SQLModel, table=True):
    """How the journal stood once on a newsroom day, signed. Triggers refuse UPDATE and DELETE."""

    day: date = Field(primary_key=True)
    key_id: str = Field(foreign_key="ledgerkey.id", max_length=64)
    records: int
    statement: str
    """Canonical JSON; the signature is under these very characters."""
    signature: str = Field(max_length=88)

    def content(self) -> dict[str, Any]:
        """What the statement says."""
        content: dict[str, Any] = json.loads(self.statement)
        return content


class Webhook(SQLModel, table=True):
    """An address that wants to hear of what is published (Standard Webhooks)."""

    id: str = Field(primary_key=True, max_length=32)
    url: str = Field(max_length=4096)
    purpose: str = Field(default="", max_length=200)
    events: list[str] = Field(sa_column=_json("[]"))
    enabled: bool = True
    secret: str = Field(max_length=128, repr=False)
    """Signs every delivery, and so is kept as it is; shown once and in no log."""
    secret_before: str | None = Field(default=None, max_length=128, repr=False)
    """Signs beside ``secret`` until ``secret_before_until``, so that a receiver can change over."""
    secret_before_until: datetime | None = None
    failing_since: datetime | None = None
    """The first failure since it last took anything."""
    taken_at: datetime | None = None
    alarm: str | None = None
    """Why it was disabled, where no person did it."""
    created_at: datetime
    created_by: str | None = Field(default=None, foreign_key="editor.id", max_length=32)
    version: int = 1


class Delivery(SQLModel, table=True):
    """One thing to be sent to one place, once: the outbox. Written by ``outgoing.filling`` from the journal."""

    __table_args__ = (
        _one_of("kind", DeliveryKind),
        _one_of("state", DeliveryState),
        Index("ix_delivery_due", "state", "lane", "due_at"),
        Index("ix_delivery_webhook", "webhook_id", "id"),
    )

    id: str = Field(primary_key=True, max_length=32)
    key: str = Field(unique=True, max_length=4400)
    """What makes it one: of two with the same key there is never but one."""
    kind: str = Field(max_length=16)
    lane: str = Field(max_length=80)
    """What is sent one after the other, and waits together while its other end is down."""
    target: str = Field(max_length=4096)
    """The topic, the address, or the webhook's id."""
    webhook_id: str | None = Field(default=None, foreign_key="webhook.id", ondelete="CASCADE", max_length=32)
    subject: str = Field(max_length=64)
    """What it is about, as the journal names it."""
    payload: str = ""
    """What a webhook is told; which digest a mail carries."""
    seq: int
    """The journal's number of the last decision that asked for it."""
    state: str = Field(default=DeliveryState.WAITING, max_length=16)
    attempts: int = 0
    created_at: datetime
    due_at: datetime
    lease_until: datetime | None = None
    lease_token: int = 0
    """Grows with each claim, so that a worker whose lease was taken over cannot finish another's."""
    finished_at: datetime | None = Field(default=None, index=True)
    detail: str | None = None
    """How the last attempt ended."""


class DeliveryAttempt(SQLModel, table=True):
    """One attempt at a delivery."""

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: str = Field(foreign_key="delivery.id", ondelete="CASCADE", index=True, max_length=32)
    at: datetime
    seconds: float
    status: int | None = None
    """What the other end answered, in HTTP or SMTP."""
    detail: str


class Bookmark(SQLModel, table=True):
    """How far a reader of the journal has come."""

    reader: str = Field(primary_key=True, max_length=32)
    seq: int


class IdempotentAnswer(SQLModel, table=True):
    """The answer that a POST with an Idempotency-Key got, so that a retry gets the same one."""

    key: str = Field(primary_key=True, max_length=255)
    owner: str = Field(primary_key=True, max_length=32)
    request_hash: str = Field(max_length=64)
    status: int
    headers: dict[str, str] = Field(sa_column=_json("{}"))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(index=True)
