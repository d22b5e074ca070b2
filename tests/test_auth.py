"""Accounts, tokens, sessions and the table of acts, without HTTP."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from service import auth, passwords
from service.auth import Caller
from service.db import Database
from service.errors import Invalid, NotAllowed, NotAuthenticated, NotFound, PeopleOnly
from service.models import DeskSession, Editor, Token
from service.passwords import hash_password
from service.words import Role, TokenKind
from tests.conftest import NOON, add_account

pytestmark = pytest.mark.anyio

PASSWORD = "a long enough password"


def a_caller(role: Role, kind: TokenKind, scopes: tuple[str, ...]) -> Caller:
    editor = Editor(id="e", email="e@example.org", name="E", pseudonym="editor-1", role=role, created_at=NOON)
    return Caller(editor, kind, frozenset(scopes))


@given(st.sampled_from(Role), st.sampled_from(sorted(auth.PERMISSIONS)), st.sets(st.sampled_from(auth.SCOPES)))
def test_a_service_token_never_decides_whatever_its_owners_role_and_scopes(
    role: Role, act: str, scopes: set[str]
) -> None:
    permission = auth.PERMISSIONS[act]
    caller = a_caller(role, TokenKind.SERVICE, tuple(scopes))
    if not permission.service:
        with pytest.raises(PeopleOnly):
            auth.authorize(caller, act)
    elif permission.scope not in scopes:
        with pytest.raises(NotAllowed):
            auth.authorize(caller, act)
    else:
        assert auth.authorize(caller, act) is caller.editor


def test_only_reading_and_adding_are_for_programs() -> None:
    assert {act for act, permission in auth.PERMISSIONS.items() if permission.service} == {"read", "add_story"}
    assert set(auth.SERVICE_SCOPES) == {"read", "add"}


def test_each_role_may_do_all_that_the_one_before_it_may() -> None:
    allowed = {}
    for role in Role:
        caller = a_caller(role, TokenKind.PERSON, auth.SCOPES)
        allowed[role] = {act for act, p in auth.PERMISSIONS.items() if auth._RANK[role] >= auth._RANK[p.role]}
        for act in auth.PERMISSIONS:
            if act in allowed[role]:
                assert auth.authorize(caller, act)
            else:
                with pytest.raises(NotAllowed):
                    auth.authorize(caller, act)
    assert allowed[Role.EDITOR] < allowed[Role.CHIEF] < allowed[Role.ADMIN]
    assert "reopen_edition" not in allowed[Role.EDITOR]


NO_ADDRESS = [
    "",
    "a",
    "@",
    "a@",
    "@b",
    "a b@c",
    "a\x00@b",
    "x" * 251 + "@b.c",
    "\ud800@b",
    "a@\u202eb",
    "a\t@b",
    "a@b\x00",
]


@pytest.mark.parametrize("email", NO_ADDRESS)
def test_what_is_not_an_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid):
        auth.normal_email(email)


async def test_an_address_has_one_account_however_it_is_spelt(database: Database) -> None:
    async with database.write() as session:
        await auth.add_editor(session, email="A@Example.org", name="A", role=Role.EDITOR, now=NOON, by="operator")
    for email in ("a@example.org", " A@EXAMPLE.ORG "):
        async with database.write() as session:
            with pytest.raises(Invalid):
                await auth.add_editor(session, email=email, name="B", role=Role.EDITOR, now=NOON, by="operator")
    async with database.read() as session:
        assert (await auth.find_editor(session, "a@EXAMPLE.org")).name == "A"
        with pytest.raises(NotFound):
            await auth.find_editor(session, "b@example.org")


async def test_nothing_stored_opens_anything(database: Database) -> None:
    """Secrets are kept as hashes only, and a new password ends every session."""
    async with database.write() as session:
        editor, secret = await auth.add_editor(
            session, email="a@example.org", name="A", role=Role.EDITOR, now=NOON, by="operator"
        )
        await auth.set_up_account(session, secret, password_hash=await hash_password(PASSWORD), now=NOON)
        raw = await auth.issue_token(session, editor, kind=TokenKind.PERSON, now=NOON, by=editor, name="a\x00b\n")
        cookie = await auth.open_session(session, editor, now=NOON)
    async with database.read() as session:
        token = (await session.exec(select(Token))).one()
        kept = (await session.exec(select(DeskSession))).one()
        stored = (await session.exec(select(Editor))).one()
    everything = f"{token} {kept} {stored}"
    for value in (raw, cookie, secret, PASSWORD):
        assert value not in everything
    assert token.name == "ab"
    assert stored.password_hash
    assert stored.password_hash.startswith("$argon2id$")


async def test_a_password_opens_its_account_alone(database: Database) -> None:
    async with database.write() as session:
        _, secret = await auth.add_editor(
            session, email="a@example.org", name="A", role=Role.EDITOR, now=NOON, by="operator"
        )
        await auth.set_up_account(
            session, secret, password_hash=await hash_password("pässwörd with \x00 in it"), now=NOON
        )
    async with database.read() as session:
        assert await auth.check_password(session, email=" A@example.org", password="pässwörd with \x00 in it")
        for email, password in (
            ("a@example.org", "pässwörd with "),
            ("a@example.org", ""),
            ("a@example.org", "x" * 2_000),
            ("b@example.org", PASSWORD),
            ("a@example.org\x00", "pässwörd with \x00 in it"),
        ):
            with pytest.raises(NotAuthenticated):
                await auth.check_password(session, email=email, password=password)


async def test_a_password_that_nobody_stored_never_fits() -> None:
    assert not await passwords.fits("", None)
    stored = await passwords.hash_password(PASSWORD)
    assert await passwords.fits(PASSWORD, stored)
    for wrong in ("x" * (passwords.PASSWORD_MIN - 1), "x" * (passwords.PASSWORD_MAX + 1)):
        with pytest.raises(Invalid):
            await passwords.hash_password(wrong)


async def test_a_token_gets_only_scopes_of_its_kind_and_no_disabled_account_gets_one(database: Database) -> None:
    editor, _ = await add_account(database)
    async with database.write() as session:
        for kind, scope in ((TokenKind.SERVICE, "edit"), (TokenKind.PERSON, "nothing"), (TokenKind.SERVICE, "")):
            with pytest.raises(Invalid) as refused:
                await auth.issue_token(session, editor, kind=kind, scopes=(scope,), now=NOON, by="operator")
            assert refused.value.errors[0].suggestions
        account = await session.get_one(Editor, editor.id)
        await auth.disable_editor(session, account, now=NOON, by="operator")
        with pytest.raises(Invalid):
            await auth.issue_token(session, account, kind=TokenKind.PERSON, now=NOON, by="operator")


async def test_the_first_admin_is_invited_until_somebody_has_an_account(database: Database) -> None:
    async with database.write() as session:
        first = await auth.invite_first_admin(session, now=NOON)
    async with database.write() as session:
        second = await auth.invite_first_admin(session, now=NOON + timedelta(days=30))
    assert first
    assert second
    async with database.write() as session:
        with pytest.raises(NotFound):
            await auth.editor_for_setup(session, first, now=NOON)
        later = NOON + timedelta(days=30)
        for email in (None, "", auth.FIRST_ADMIN):
            with pytest.raises(Invalid):
                await auth.set_up_account(session, second, password_hash="h", email=email, name="H", now=later)
    async with database.write() as session:
        await auth.set_up_account(session, second, password_hash="h", email="h@example.org", name="H", now=later)
        assert await auth.invite_first_admin(session, now=later) is None


async def test_the_first_admin_cannot_take_anothers_address(database: Database) -> None:
    async with database.write() as session:
        link = await auth.invite_first_admin(session, now=NOON)
        assert link
        await auth.add_editor(session, email="h@example.org", name="H", role=Role.ADMIN, now=NOON, by="operator")
    async with database.write() as session:
        with pytest.raises(Invalid):
            await auth.set_up_account(session, link, password_hash="h", email="h@example.org", name="H", now=NOON)


async def test_a_set_up_link_used_twice_at_once_works_once(database: Database) -> None:
    async with database.write() as session:
        editor, secret = await auth.add_editor(
            session, email="a@example.org", name="A", role=Role.EDITOR, now=NOON, by="operator"
        )

    async def use(password_hash: str) -> str:
        async with database.write() as session:
            await auth.set_up_account(session, secret, password_hash=password_hash, now=NOON)
            await asyncio.sleep(0.2)  # the other one asks while this one is not committed yet
        return password_hash

    outcomes = await asyncio.gather(use("first"), use("second"), return_exceptions=True)
    chosen = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, str)] == [NotFound]
    async with database.read() as session:
        assert [(await session.get_one(Editor, editor.id)).password_hash] == chosen
