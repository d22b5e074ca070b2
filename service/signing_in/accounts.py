"""Whose account it is: by the provider's name for a person, the first time by a verified e-mail address.

Makes no account, and opens none that is shut. An account is linked to one person of a provider and to no other, so
that an address which the provider gives to somebody else later does not bring the account with it; an admin who shuts
the account and opens it again frees it. Called by ``routes``, inside a write session.
"""

from datetime import datetime

from sqlmodel import col, select

from service.auth import record_account
from service.db import WriteSession
from service.errors import NotAllowed
from service.models import Editor, Identity
from service.signing_in.person import Person

_ASK = "Ask an admin of this newsroom."


async def find_account(
    session: WriteSession, person: Person, *, issuer: str, domain: str | None, now: datetime
) -> Editor:
    """The account of a person whom the provider vouches for, linked to them from now on.

    ``domain``: where the newsroom names one, only its addresses sign in.

    Raises:
        NotAllowed: there is none for this person; the text says why.
    """
    known = await session.get(Identity, (issuer, person.subject))
    if domain and (person.email is not None or known is None):
        _require_domain(person, domain)
    if known is not None:
        return _enabled(await session.get_one(Editor, known.editor_id))
    editor = await _by_address(session, person)
    query = select(Identity.subject).where(Identity.issuer == issuer, Identity.editor_id == editor.id)
    if (await session.exec(query)).first() is not None:
        raise NotAllowed(f"The account {editor.email} belongs to another person at the provider. {_ASK}")
    session.add(Identity(issuer=issuer, subject=person.subject, editor_id=editor.id, linked_at=now))
    await session.flush()
    await record_account(session, "link_identity", editor, None, {"issuer": issuer}, now=now, by=editor)
    return editor


def _require_domain(person: Person, domain: str) -> None:
    if person.email is None or person.email.rpartition("@")[2].lower() != domain.lower():
        raise NotAllowed(f"Only people with an address at {domain} sign in here.")


async def _by_address(session: WriteSession, person: Person) -> Editor:
    # ASCII only: lower() makes plain letters of some others, and so one address of another.
    email = person.email if person.email and person.email.isascii() and person.email.isprintable() else None
    if email is None:
        raise NotAllowed(f"The provider did not say which e-mail address is yours. {_ASK}")
    if not person.email_verified:
        raise NotAllowed(f"The provider has not verified that {email} is yours. Verify it there, then sign in again.")
    found = select(Editor).where(Editor.email == email.strip().lower(), col(Editor.disabled_at).is_(None))
    editor = (await session.exec(found)).one_or_none()
    if editor is None:
        raise NotAllowed(f"{email} has no account here. {_ASK}")
    return editor


def _enabled(editor: Editor) -> Editor:
    if editor.disabled_at is not None:
        raise NotAllowed(f"The account {editor.email} is shut. {_ASK}")
    return editor
