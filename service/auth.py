"""Who is asking: accounts, set-up links, passwords, bearer tokens, desk sessions, and who may do what.

``PERMISSIONS`` is the whole table of acts: the least role, whether a service token may do it, and the scope
a token needs. Promise 1 of the design lives here: every editorial act is for people only, so a service token
gets 403 whatever its owner's role. Secrets (tokens, cookies, set-up links) are stored only as SHA-256 of
256 random bits, which no dictionary covers; passwords as argon2id.

It does not know HTTP; ``web`` reads headers and cookies and asks here.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.errors import FieldError, Invalid, NotAllowed, NotAuthenticated, NotFound, PeopleOnly
from service.journal import Decider, record_decision, take_turn
from service.models import DeskSession, Editor, Token, new_id
from service.passwords import fits
from service.words import Role, TokenKind

SETUP_LIFETIME = timedelta(days=7)
SESSION_LIFETIME = timedelta(days=7)
SESSION_IDLE = timedelta(hours=12)
FIRST_ADMIN = "first-admin@invalid"
"""Stands for the first admin until that person gives an address (RFC 2606 keeps ``.invalid`` free)."""
TOKEN_PREFIX = "hb_"  # noqa: S105 - the public mark of our tokens, not a secret
TOUCH_EVERY = timedelta(minutes=10)
"""How stale ``last used`` may be; writing it on each request would make every read a write."""

_RANK = {Role.EDITOR: 0, Role.CHIEF: 1, Role.ADMIN: 2}


@dataclass(frozen=True)
class Permission:
    """What one act asks of its caller."""

    role: Role
    scope: str
    service: bool = False
    """Whether a program may do it; only reading and adding to the wire."""


PERMISSIONS: dict[str, Permission] = {
    "read": Permission(Role.EDITOR, "read", service=True),
    "read_journal": Permission(Role.EDITOR, "read"),
    "add_story": Permission(Role.EDITOR, "add", service=True),
    "tag": Permission(Role.EDITOR, "edit"),
    "triage": Permission(Role.EDITOR, "edit"),
    "place": Permission(Role.EDITOR, "edit"),
    "publish": Permission(Role.EDITOR, "publish"),
    "close": Permission(Role.EDITOR, "publish"),
    "reopen_edition": Permission(Role.CHIEF, "publish"),
    "manage_feeds": Permission(Role.CHIEF, "feeds"),
    "amend_register": Permission(Role.CHIEF, "register"),
    "manage_account": Permission(Role.EDITOR, "account"),
    "manage_webhooks": Permission(Role.ADMIN, "admin"),
    "manage_editors": Permission(Role.ADMIN, "admin"),
}

SCOPES = tuple(sorted({permission.scope for permission in PERMISSIONS.values()}))
SERVICE_SCOPES = tuple(sorted({p.scope for p in PERMISSIONS.values() if p.service}))


@dataclass(frozen=True)
class Caller:
    """An account behind a request, and what kind of key opened the door."""

    editor: Editor
    kind: TokenKind
    scopes: frozenset[str]
    session_hash: str | None = None
    """Set when a desk cookie was used; such requests need protection against cross-site forgery."""
    expires_at: datetime | None = None


def authorize(caller: Caller, act: str) -> Editor:
    """The editor behind the caller, if they may do this act.

    Raises:
        PeopleOnly: a service token asked for an act that only a person may decide.
        NotAllowed: the role or the token's scopes do not reach.
    """
    permission = PERMISSIONS[act]
    if caller.kind is TokenKind.SERVICE and not permission.service:
        raise PeopleOnly("A service token may read and add to the wire. Editorial acts need a person's own account.")
    if not role_reaches(caller.editor.role, act):
        raise NotAllowed(f"This needs the role {permission.role.value}; this account is {caller.editor.role}.")
    if permission.scope not in caller.scopes:
        raise NotAllowed(f"This token lacks the scope '{permission.scope}'. Make one that has it.")
    return caller.editor


def role_reaches(role: str, act: str) -> bool:
    """Whether a person of this role may do an act: what decides if a page offers it."""
    return _RANK[Role(role)] >= _RANK[PERMISSIONS[act].role]


def hash_secret(secret: str) -> str:
    """How a random secret is kept."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def normal_email(email: str) -> str:
    """The one spelling under which an address is stored and looked up.

    Raises:
        Invalid: it is not an e-mail address.
    """
    email = email.strip().lower()
    local, _, domain = email.rpartition("@")
    plain = email.isprintable() and " " not in email and len(email) <= 254
    if not local or not domain or not plain:
        raise Invalid("That is not an e-mail address.", errors=[FieldError("email", f"'{email}' is not an address")])
    return email


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > 200 or not cleaned.isprintable():
        raise Invalid("A name is needed.", errors=[FieldError("name", "write 1 to 200 printable characters")])
    return cleaned


async def count_editors(session: AsyncSession) -> int:
    """How many accounts exist, disabled ones included."""
    return (await session.exec(select(func.count()).select_from(Editor))).one()


async def find_editor(session: AsyncSession, email: str) -> Editor:
    """The account with this address.

    Raises:
        NotFound: there is none.
    """
    editor = (await session.exec(select(Editor).where(Editor.email == normal_email(email)))).one_or_none()
    if editor is None:
        raise NotFound(f"No account has the address {email}. `huoban editors list` shows them all.")
    return editor


async def list_editors(session: AsyncSession) -> list[Editor]:
    """All accounts, by address."""
    return list((await session.exec(select(Editor).order_by(col(Editor.email)))).all())


async def _free_address(session: AsyncSession, email: str) -> str:
    email = normal_email(email)
    if (await session.exec(select(Editor.id).where(Editor.email == email))).one_or_none():
        raise Invalid(f"{email} already has an account.", errors=[FieldError("email", "this address has an account")])
    return email


async def add_editor(
    session: WriteSession, *, email: str, name: str, role: Role, now: datetime, by: Decider
) -> tuple[Editor, str]:
    """Make an account; answers it and the secret of its one-time set-up link.

    Raises:
        Invalid: the address is not one or is taken, or the name is empty.
    """
    address = await _free_address(session, email)
    secret = secrets.token_urlsafe(32)
    editor = Editor(
        id=new_id(now),
        email=address,
        name=_clean_name(name),
        pseudonym=f"editor-{secrets.token_hex(4)}",
        role=role,
        setup_hash=hash_secret(secret),
        setup_until=now + SETUP_LIFETIME,
        created_at=now,
    )
    session.add(editor)
    await session.flush()
    await record_account(session, "add_editor", editor, None, {"role": role.value}, now=now, by=by)
    return editor, secret


async def invite_first_admin(session: WriteSession, *, now: datetime) -> str | None:
    """The secret of a set-up link for the first admin, while nobody has ever set up an account.

    Asked again before it is used, it makes a new link and the old one stops working. Once one account is in
    use it answers None for ever.
    """
    await take_turn(session)  # servers that start together make one invitation
    invited = (await session.exec(select(Editor).order_by(col(Editor.created_at), col(Editor.id)))).first()
    if invited is None:
        _, secret = await add_editor(
            session, email=FIRST_ADMIN, name="First admin", role=Role.ADMIN, now=now, by="operator"
        )
        return secret
    if invited.email != FIRST_ADMIN or invited.password_hash or await count_editors(session) > 1:
        return None
    secret = secrets.token_urlsafe(32)
    invited.setup_hash, invited.setup_until = hash_secret(secret), now + SETUP_LIFETIME
    session.add(invited)
    return secret


async def disable_editor(session: WriteSession, editor: Editor, *, now: datetime, by: Decider) -> None:
    """Shut an account: its tokens and sessions stop at once; its decisions stay on the record."""
    if editor.disabled_at is None:
        editor.disabled_at = now
        editor.setup_hash = None
        session.add(editor)
        await end_sessions(session, editor)
        await record_account(session, "disable_editor", editor, {"disabled": False}, {"disabled": True}, now=now, by=by)


async def editor_for_setup(session: AsyncSession, secret: str, *, now: datetime) -> Editor:
    """The account that a set-up link belongs to.

    Raises:
        NotFound: the link is unknown, used or too old.
    """
    query = select(Editor).where(Editor.setup_hash == hash_secret(secret), col(Editor.disabled_at).is_(None))
    editor = (await session.exec(query)).one_or_none()
    if editor is None or editor.setup_until is None or editor.setup_until < now:
        raise NotFound("This set-up link was used already or is too old. Ask an admin for a new one.")
    return editor


async def set_up_account(
    session: WriteSession,
    secret: str,
    *,
    password_hash: str,
    email: str | None = None,
    name: str | None = None,
    now: datetime,
) -> Editor:
    """Use a set-up link: choose the password. The link works once, also for two people who use it at once.

    ``password_hash`` is ``passwords.hash_password``'s, made before the session begins: it takes long, and nobody
    else could write meanwhile. ``email`` and ``name`` are only for the first admin, whose invitation was to nobody
    in particular.

    Raises:
        NotFound: the link is unknown, used or too old.
        Invalid: the first admin gives no address of their own or no name.
    """
    await take_turn(session)
    editor = await editor_for_setup(session, secret, now=now)
    if editor.email == FIRST_ADMIN:
        editor.email, editor.name = await _free_address(session, email or ""), _clean_name(name or "")
    editor.password_hash = password_hash
    editor.setup_hash = editor.setup_until = None
    session.add(editor)
    await end_sessions(session, editor)
    await record_account(session, "set_password", editor, None, None, now=now, by=editor)
    return editor


async def check_password(session: AsyncSession, *, email: str, password: str) -> Editor:
    """The account that this address and password open.

    Takes the same time for an unknown address as for a wrong password.

    Raises:
        NotAuthenticated: they open none.
    """
    address = email.strip().lower()
    found = select(Editor).where(Editor.email == address)
    # PostgreSQL will not even compare a text with a NUL; no account has an address that does not print.
    editor = (await session.exec(found)).one_or_none() if address.isprintable() else None
    stored = editor.password_hash if editor and not editor.disabled_at else None
    if not await fits(password, stored) or editor is None:
        raise NotAuthenticated("The address or the password is wrong.")
    return editor


async def open_session(session: WriteSession, editor: Editor, *, now: datetime) -> str:
    """Sign in at the desk; answers the cookie's value."""
    secret = secrets.token_urlsafe(32)
    ends = now + SESSION_LIFETIME
    session.add(
        DeskSession(hash=hash_secret(secret), editor_id=editor.id, created_at=now, seen_at=now, expires_at=ends)
    )
    return secret


async def end_sessions(session: WriteSession, editor: Editor, *, only: str | None = None) -> None:
    """Sign out: one session by its hash, or all of an editor's."""
    query = select(DeskSession).where(DeskSession.editor_id == editor.id)
    if only is not None:
        query = query.where(DeskSession.hash == only)
    for row in (await session.exec(query)).all():
        await session.delete(row)


async def issue_token(
    session: WriteSession,
    editor: Editor,
    *,
    kind: TokenKind,
    scopes: tuple[str, ...] = (),
    name: str = "",
    days: int | None = None,
    now: datetime,
    by: Decider,
) -> str:
    """Make a bearer token and answer it; it cannot be shown again.

    Without ``scopes`` it gets all that its kind may have.

    Raises:
        Invalid: an unknown scope, or one that a service token may not have.
    """
    allowed = SERVICE_SCOPES if kind is TokenKind.SERVICE else SCOPES
    wrong = [scope for scope in scopes if scope not in allowed]
    if wrong:
        raise Invalid(
            f"A {kind.value} token cannot have the scope '{wrong[0]}'.",
            errors=[FieldError("scope", f"'{scope}' is not one of these", tuple(allowed)) for scope in wrong],
        )
    if editor.disabled_at:
        raise Invalid(f"The account {editor.email} is disabled and gets no tokens.")
    raw = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = Token(
        id=new_id(now),
        editor_id=editor.id,
        kind=kind,
        name="".join(char for char in name if char.isprintable())[:200],
        scopes=list(scopes or allowed),
        hash=hash_secret(raw),
        created_at=now,
        expires_at=now + timedelta(days=days) if days is not None else None,
    )
    session.add(token)
    await session.flush()
    after = {"token": token.id, "kind": kind.value, "scopes": token.scopes}
    await record_account(session, "issue_token", editor, None, after, now=now, by=by)
    return raw


async def caller_by_token(session: AsyncSession, raw: str, *, now: datetime) -> tuple[Caller, Token]:
    """Who a bearer token stands for.

    Raises:
        NotAuthenticated: unknown, revoked or expired, or its account is disabled.
    """
    query = select(Token, Editor).join(Editor, col(Editor.id) == Token.editor_id).where(Token.hash == hash_secret(raw))
    row = (await session.exec(query)).one_or_none()
    if row is None or row[0].revoked_at or row[1].disabled_at:
        raise NotAuthenticated("This token is not known here, or was revoked.")
    token, editor = row
    if token.expires_at and token.expires_at <= now:
        raise NotAuthenticated("This token has expired. Make a new one with `huoban editors token`.")
    return Caller(editor, TokenKind(token.kind), frozenset(token.scopes), expires_at=token.expires_at), token


async def caller_by_session(session: AsyncSession, secret: str, *, now: datetime) -> tuple[Caller, DeskSession]:
    """Who a desk cookie stands for.

    Raises:
        NotAuthenticated: unknown, signed out, idle too long or past its end, or its account is disabled.
    """
    query = (
        select(DeskSession, Editor)
        .join(Editor, col(Editor.id) == DeskSession.editor_id)
        .where(DeskSession.hash == hash_secret(secret))
    )
    row = (await session.exec(query)).one_or_none()
    # Seen so long after now: by a clock that was wrong, and there is no telling when it was.
    if row is None or row[1].disabled_at or row[0].expires_at <= now or abs(now - row[0].seen_at) >= SESSION_IDLE:
        raise NotAuthenticated("This session has ended. Sign in again.")
    return Caller(row[1], TokenKind.PERSON, frozenset(SCOPES), session_hash=row[0].hash), row[0]


async def touch(session: WriteSession, seen: Token | DeskSession, *, now: datetime) -> None:
    """Note that a token or session was used; ended ones are left alone."""
    if isinstance(seen, Token):
        statement = update(Token).where(col(Token.id) == seen.id).values(last_used_at=now)
    else:
        statement = update(DeskSession).where(col(DeskSession.hash) == seen.hash).values(seen_at=now)
    await session.exec(statement)


async def record_account(
    session: WriteSession,
    act: str,
    editor: Editor,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    now: datetime,
    by: Decider,
) -> None:
    """Journal an act on an account: people's private affair, of which the ledger shows only that it stands here."""
    subject = f"editor:{editor.pseudonym}"
    await record_decision(session, act=act, subject=subject, before=before, after=after, now=now, by=by, public=False)
