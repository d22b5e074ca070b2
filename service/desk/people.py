"""What people do to accounts after they exist: an admin to anyone's, and each person to their own.

Making an account, its first link, passwords and secrets are ``auth``'s. One rule is added here: a service without
an admin could never have one again, so the last one stays. Called by ``account_routes``.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import and_, col, delete, exists, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from service.auth import (
    SERVICE_SCOPES,
    SESSION_IDLE,
    SETUP_LIFETIME,
    Caller,
    disable_editor,
    end_sessions,
    hash_secret,
    issue_token,
    record_account,
)
from service.db import WriteSession
from service.desk import account_shapes as shapes
from service.errors import FieldError, Invalid, NotFound, NotNow, Stale
from service.journal import Decider, take_turn
from service.models import DeskSession, Editor, Identity, Token
from service.words import Role, TokenKind


async def get_editor(session: AsyncSession, editor_id: str) -> Editor:
    """One account.

    Raises:
        NotFound: there is none with this id.
    """
    editor = await session.get(Editor, editor_id)
    if editor is None:
        raise NotFound(f"There is no account {editor_id[:40]}.")
    return editor


async def editor_for_change(session: WriteSession, editor_id: str, version: int) -> Editor:
    """One account, its version already counted up.

    Raises:
        NotFound: there is none with this id.
        Stale: somebody changed it since; carries the account as it stands.
    """
    editor = await get_editor(session, editor_id)
    if editor.version != version:
        raise Stale(
            f"You changed version {version}, but version {editor.version} is current.",
            current=shapes.editor_view(editor).model_dump(mode="json"),
        )
    editor.version += 1
    return editor


async def change_editor(
    session: WriteSession, editor: Editor, wanted: shapes.EditorPatch, *, now: datetime, by: Editor
) -> None:
    """Give an account another role or name, or shut it; a role holds from the next request on.

    Raises:
        NotNow: it is the last admin's, or is shut already.
    """
    if editor.disabled_at is not None:
        raise NotNow("This account is shut. A new set-up link opens it again.")
    if wanted.role not in (None, Role.ADMIN):
        await _require_other_admin(session, editor, now=now)
    changes = {"role": wanted.role.value if wanted.role else None, "name": wanted.name}
    changed = {key: value for key, value in changes.items() if value is not None and value != getattr(editor, key)}
    if changed:
        before = {key: getattr(editor, key) for key in changed}
        for key, value in changed.items():
            setattr(editor, key, value)
        await record_account(session, "change_editor", editor, before, dict(changed), now=now, by=by)
    if wanted.disabled:
        await shut_account(session, editor, now=now, by=by)


async def shut_account(session: WriteSession, editor: Editor, *, now: datetime, by: Decider) -> None:
    """Shut an account: its tokens and sessions stop at once.

    Raises:
        NotNow: it is the last admin's.
    """
    await _require_other_admin(session, editor, now=now)
    await disable_editor(session, editor, now=now, by=by)


async def _require_other_admin(session: WriteSession, editor: Editor, *, now: datetime) -> None:
    # One who can come in: an invitation that nobody took in time is no admin.
    await take_turn(session)
    if editor.role != Role.ADMIN or editor.disabled_at is not None:
        return
    own = and_(col(Token.editor_id) == Editor.id, col(Token.kind) == TokenKind.PERSON, col(Token.revoked_at).is_(None))
    lasting = or_(col(Token.expires_at).is_(None), col(Token.expires_at) > now)
    comes_in = or_(
        col(Editor.password_hash).is_not(None),
        and_(col(Editor.setup_hash).is_not(None), col(Editor.setup_until) > now),
        exists().where(col(Identity.editor_id) == Editor.id),
        exists().where(own, lasting),
    )
    query = select(Editor.id).where(Editor.role == Role.ADMIN, col(Editor.disabled_at).is_(None), comes_in)
    if (await session.exec(query.where(Editor.id != editor.id).limit(1))).one_or_none() is None:
        raise NotNow("This is the last admin. Make another one first.")


async def forget_sessions(session: WriteSession, *, now: datetime) -> None:
    """Delete the sessions that have ended."""
    over = or_(col(DeskSession.expires_at) <= now, col(DeskSession.seen_at) <= now - SESSION_IDLE)
    await session.exec(delete(DeskSession).where(over))


async def invite_again(session: WriteSession, editor: Editor, *, now: datetime, by: Editor) -> str:
    """A new set-up link for an account, whose earlier link stops working; answers its secret.

    A shut account opens again, with nothing of what it had: no password, no token, no person at a provider.
    """
    if editor.disabled_at is not None:
        editor.disabled_at = editor.password_hash = None
        await _revoke_tokens(session, editor, now=now)
        await session.exec(delete(Identity).where(col(Identity.editor_id) == editor.id))
    secret = secrets.token_urlsafe(32)
    editor.setup_hash, editor.setup_until = hash_secret(secret), now + SETUP_LIFETIME
    await record_account(session, "invite_again", editor, None, None, now=now, by=by)
    return secret


async def _revoke_tokens(session: WriteSession, editor: Editor, *, now: datetime) -> None:
    valid = update(Token).where(col(Token.editor_id) == editor.id, col(Token.revoked_at).is_(None))
    await session.exec(valid.values(revoked_at=now))


async def change_password(session: WriteSession, editor_id: str, password_hash: str, *, now: datetime) -> None:
    """Set a new password; every session of the account ends, this one too."""
    editor = await session.get_one(Editor, editor_id)
    editor.password_hash = password_hash
    await end_sessions(session, editor)
    await record_account(session, "set_password", editor, None, None, now=now, by=editor)


async def own_tokens(session: AsyncSession, editor: Editor) -> Sequence[Token]:
    """An editor's tokens that can still be used or have expired, the newest first; at most two hundred."""
    query = select(Token).where(Token.editor_id == editor.id, col(Token.revoked_at).is_(None))
    return (await session.exec(query.order_by(col(Token.id).desc()).limit(200))).all()


async def own_sessions(session: AsyncSession, editor: Editor, *, now: datetime) -> Sequence[DeskSession]:
    """Where an editor is signed in, the last used first; at most fifty."""
    lasting = (col(DeskSession.expires_at) > now, col(DeskSession.seen_at) > now - SESSION_IDLE)
    query = select(DeskSession).where(DeskSession.editor_id == editor.id, *lasting)
    return (await session.exec(query.order_by(col(DeskSession.seen_at).desc()).limit(50))).all()


async def make_token(
    session: WriteSession, caller: Caller, wanted: shapes.TokenIn, *, now: datetime
) -> tuple[Token, str]:
    """A token for the caller's own account; answers it and its secret, which cannot be shown again.

    A token that makes a token gives no scope that it lacks, and no longer life than its own.

    Raises:
        Invalid: a scope is unknown, or is not the caller's to give.
    """
    kind = TokenKind(wanted.kind)
    own = tuple(sorted(caller.scopes))
    lacking = [scope for scope in wanted.scopes if scope not in caller.scopes]
    if lacking:
        raise Invalid(
            "A token cannot be given a scope that its maker lacks.",
            errors=[FieldError("scopes", f"'{scope}' is not yours to give", own) for scope in lacking],
        )
    given = caller.scopes & set(SERVICE_SCOPES) if kind is TokenKind.SERVICE else caller.scopes
    scopes = tuple(wanted.scopes or sorted(given))
    raw = await issue_token(
        session, caller.editor, kind=kind, scopes=scopes, name=wanted.name, days=wanted.days, now=now, by=caller.editor
    )
    token = (await session.exec(select(Token).where(Token.hash == hash_secret(raw)))).one()
    if caller.expires_at is not None:
        token.expires_at = min(caller.expires_at, token.expires_at or now + timedelta(days=36_500))
    return token, raw


async def revoke_token(session: WriteSession, editor: Editor, token_id: str, *, now: datetime) -> None:
    """End one of the editor's own tokens, at once and for good.

    Raises:
        NotFound: the editor has no such token, or it was revoked before.
    """
    query = select(Token).where(Token.id == token_id, Token.editor_id == editor.id, col(Token.revoked_at).is_(None))
    token = (await session.exec(query)).one_or_none()
    if token is None:
        raise NotFound(f"You have no token {token_id[:40]}.")
    token.revoked_at = now
    await record_account(session, "revoke_token", editor, {"token": token.id}, None, now=now, by=editor)
