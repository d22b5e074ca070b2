"""Signing in through a provider, in a browser, against one on loopback that tries every way to be believed."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from joserfc import jwk, jwt
from pydantic import SecretStr
from sqlmodel import select

from service import auth
from service.db import Database
from service.desk.people import invite_again
from service.errors import SetupError
from service.models import DeskSession, Editor, Identity, JournalRecord
from service.settings import load_settings
from service.signing_in import provider as provider_module
from service.signing_in.attempt import new_attempt
from service.signing_in.person import Person, Refused
from service.signing_in.provider import configured_provider
from service.signing_in.tokens import read_id_token
from service.words import Role
from tests.conftest import NOON, SettableClock, add_account, serving, settings_for
from tests.signing_in.provider_server import CLIENT, METADATA, SECRET, ProviderServer, json_answer, new_key

pytestmark = pytest.mark.anyio
START = "/oidc/start"
PAGE = {"Accept": "text/html"}


@dataclass
class Newsroom:
    """The app with its provider, and a browser that has not begun."""

    base: str
    provider: ProviderServer
    browser: httpx.AsyncClient
    database: Database
    editor: Editor

    async def go(self) -> str:
        """Leave for the provider and agree there; answers the address to come back to."""
        left = await self.browser.get(START)
        assert left.status_code == 303, left.text
        return self.provider.approve(left.headers["Location"])

    async def sign_in(self) -> httpx.Response:
        """The whole way."""
        return await self.browser.get(await self.go(), headers=PAGE)

    async def refused(self, status: int, *words: str) -> None:
        """The whole way ends at a page that says why, without a session."""
        answer = await self.sign_in()
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), answer.text
        for word in words:
            assert word in answer.text, answer.text
        assert (await self.browser.get("/api/v1/me")).status_code == 401
        async with self.database.read() as session:
            assert (await session.exec(select(DeskSession))).all() == []


@asynccontextmanager
async def a_newsroom(url: str, clock: SettableClock, provider: ProviderServer, **more: Any) -> AsyncIterator[Newsroom]:
    """The app on loopback with one account, set up for this provider."""
    given = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SecretStr(SECRET)}
    database = Database(url)
    async with database.write() as session:
        editor, _ = await auth.add_editor(
            session, email="abeba@example.org", name="Abeba", role=Role.EDITOR, now=NOON, by="operator"
        )
    async with (
        serving(settings_for(url, **(given | more)), clock=clock) as base,
        httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as browser,
    ):
        yield Newsroom(base, provider, browser, database, editor)
    await database.close()


@pytest.fixture
async def newsroom(sqlite_url: str, clock: SettableClock) -> AsyncIterator[Newsroom]:
    """A newsroom whose provider is on loopback; the kinds of database are told apart elsewhere."""
    async with ProviderServer(clock) as provider, a_newsroom(sqlite_url, clock, provider) as made:
        yield made


async def test_a_person_signs_in_and_is_known_by_the_providers_name_from_then_on(
    database_url: str, clock: SettableClock
) -> None:
    async with ProviderServer(clock) as provider, a_newsroom(database_url, clock, provider) as newsroom:
        answer = await newsroom.sign_in()
        assert (answer.status_code, answer.headers["Location"]) == (303, "http://127.0.0.1:8000/desk")
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await newsroom.browser.get("/api/v1/me")).json()["email"] == "abeba@example.org"
        assert list(newsroom.browser.cookies) == ["huoban"]
        provider.claims = {"email": "married@example.org", "email_verified": False}
        newsroom.browser.cookies.clear()
        assert (await newsroom.sign_in()).status_code == 303
        assert (await newsroom.browser.get("/api/v1/me")).json()["email"] == "abeba@example.org"
        async with newsroom.database.read() as session:
            linked = (await session.exec(select(Identity))).one()
            acts = [(record.act, record.public) for record in await session.exec(select(JournalRecord))]
        assert (linked.issuer, linked.subject) == (provider.issuer, "person-1")
        assert acts == [("add_editor", False), ("link_identity", False)]


async def test_the_provider_is_asked_for_its_keys_once_and_again_for_a_new_one(
    newsroom: Newsroom, clock: SettableClock
) -> None:
    provider = newsroom.provider
    for _ in range(2):
        assert (await newsroom.sign_in()).status_code == 303
    assert (provider.count(METADATA), provider.count("/keys")) == (1, 1)
    provider.keys.append(new_key())
    assert (await newsroom.sign_in()).status_code == 401, "they were asked for a moment ago"
    clock.move(minutes=2)
    assert (await newsroom.sign_in()).status_code == 303
    assert provider.count("/keys") == 2
    del provider.keys[0]
    clock.move(hours=1)
    assert (await newsroom.sign_in()).status_code == 303
    assert (provider.count(METADATA), provider.count("/keys")) == (2, 3)


WHO = [
    ("nobody's address", {"email": "stranger@example.org"}, "has no account"),
    ("not verified", {"email_verified": False}, "has not verified"),
    ("verified is not said", {"email_verified": None}, "has not verified"),
    ("no address", {"email": None}, "did not say which"),
    ("an address that only looks alike", {"email": "abeba@example.org".replace("e", "\u212f", 1)}, "did not say which"),
    ("the first admin's", {"email": auth.FIRST_ADMIN}, "has no account"),
    ("a list", {"email": ["abeba@example.org"]}, "did not say which"),
    ("a NUL", {"email": "abeba@example.org\x00"}, "did not say which"),
]


@pytest.mark.parametrize(("what", "claims", "said"), WHO, ids=[what for what, *_ in WHO])
async def test_whoever_has_no_account_gets_none(
    newsroom: Newsroom, what: str, claims: dict[str, Any], said: str
) -> None:
    newsroom.provider.claims = claims
    await newsroom.refused(403, said)
    async with newsroom.database.read() as session:
        assert await auth.count_editors(session) == 1, what


async def test_an_address_whose_small_letters_are_anothers_is_not_that_one(newsroom: Newsroom) -> None:
    async with newsroom.database.write() as session:
        await auth.add_editor(session, email="kate@example.org", name="Kate", role=Role.ADMIN, now=NOON, by="operator")
    newsroom.provider.claims = {"email": "\u212aate@example.org"}  # the sign for kelvin, whose lower case is a plain k
    await newsroom.refused(403, "did not say which")


FORGED: list[tuple[str, dict[str, Any], set[str], str]] = [
    ("another issuer", {"iss": "https://evil.example"}, set(), "issuer"),
    ("another client", {"aud": "other"}, set(), "another service"),
    ("no client", {}, {"aud"}, "another service"),
    ("for us among others", {"aud": [CLIENT, "other"]}, set(), "another service"),
    ("issued to another", {"azp": "other"}, set(), "another service"),
    ("another attempt", {"nonce": "x"}, set(), "another attempt"),
    ("no attempt", {}, {"nonce"}, "another attempt"),
    ("expired", {"exp": NOON.timestamp() - 61}, set(), "expired"),
    ("never expires", {}, {"exp"}, "until when"),
    ("issued at no time", {}, {"iat"}, "until when"),
    ("expires some day", {"exp": "tomorrow"}, set(), "until when"),
    ("from tomorrow", {"iat": NOON.timestamp() + 86_400, "exp": NOON.timestamp() + 90_000}, set(), "clocks"),
    ("not before tomorrow", {"nbf": NOON.timestamp() + 86_400}, set(), "clocks"),
    ("nobody", {}, {"sub"}, "nobody"),
    ("a number", {"sub": 5}, set(), "nobody"),
    ("a name without end", {"sub": "x" * 256}, set(), "nobody"),
]


def test_a_token_that_is_not_for_this_attempt_proves_nothing() -> None:
    key = new_key()
    true = {"iss": "https://id.example", "sub": "person-1", "aud": CLIENT, "nonce": "n", "iat": NOON.timestamp()}
    true["exp"] = NOON.timestamp() + 300

    def read(claims: dict[str, Any]) -> Person:
        raw = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
        shown: list[Mapping[str, Any]] = [key.as_dict(private=False)]
        return read_id_token(raw, shown, issuer="https://id.example", client_id=CLIENT, nonce="n", now=NOON)

    for changes in (
        {},
        {"azp": CLIENT, "aud": [CLIENT]},
        {"exp": NOON.timestamp() - 59},
        {"nbf": NOON.timestamp() + 59},
    ):
        assert read(true | changes).subject == "person-1"
    for what, changes, without, said in FORGED:
        with pytest.raises(Refused) as refused:
            read({name: value for name, value in (true | changes).items() if name not in without})
        assert said in str(refused.value), what


async def test_a_refused_token_opens_no_session(newsroom: Newsroom) -> None:
    newsroom.provider.claims = {"nonce": "another"}
    await newsroom.refused(401, "cannot be trusted", "another attempt")


async def test_no_signature_and_no_secret_stand_in_for_the_providers_key(newsroom: Newsroom) -> None:
    provider = newsroom.provider

    def unsigned(_header: dict[str, Any], claims: dict[str, Any]) -> str:
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."

    def by_a_shared_one(header: dict[str, Any], claims: dict[str, Any]) -> str:
        key = jwk.OctKey.import_key(SECRET.encode() * 8)
        return jwt.encode({"alg": "HS256", "kid": header["kid"]}, claims, key)

    def by_a_stranger(header: dict[str, Any], claims: dict[str, Any]) -> str:
        return jwt.encode(header, claims, new_key())

    def cut(header: dict[str, Any], claims: dict[str, Any]) -> str:
        return provider.truly_signed(header, claims)[:-6]

    tricks = [unsigned, by_a_shared_one, by_a_stranger, cut]
    for sign in (*tricks, lambda *_: "é", lambda *_: "a.b.c", lambda *_: "x" * 20_000):
        provider.sign = sign
        await newsroom.refused(401, "cannot be trusted")
    provider.sign = provider.truly_signed
    assert (await newsroom.sign_in()).status_code == 303


async def test_keys_for_other_uses_and_secrets_among_the_keys_sign_nothing(newsroom: Newsroom) -> None:
    provider = newsroom.provider
    secret = jwk.OctKey.generate_key(256, {"kid": "shared"})
    hidden = provider.keys[0].as_dict(private=False)
    provider.shown = [secret.as_dict(private=True), hidden | {"use": "enc"}, {"kty": "RSA"}, {"kty": "MAYO"}]
    await newsroom.refused(401, "no key")
    provider.sign = lambda _header, claims: jwt.encode({"alg": "HS256", "kid": "shared"}, claims, secret)
    await newsroom.refused(401)


async def test_only_the_browser_that_began_can_end_and_only_once(newsroom: Newsroom) -> None:
    back = await newsroom.go()
    async with httpx.AsyncClient(base_url=newsroom.base, trust_env=False) as victim:
        answer = await victim.get(back, headers=PAGE)
        assert (answer.status_code, "Begin again" in answer.text) == (403, True)
        await victim.get(START)
        assert (await victim.get(back)).status_code == 403, "its own attempt is another one"
    assert (await newsroom.browser.get(back.replace("state=", "state=x"))).status_code == 403
    assert (await newsroom.browser.get(f"{back}&iss=https%3A%2F%2Fevil.example")).status_code == 403
    assert (await newsroom.browser.get(f"{back}&iss={newsroom.provider.issuer}")).status_code == 303
    assert (await newsroom.browser.get(back)).status_code == 403, "the attempt is over"


async def test_whoever_declines_or_holds_no_good_code_is_told_so(newsroom: Newsroom) -> None:
    back = await newsroom.go()
    state = back.partition("state=")[2].partition("&")[0]
    for question in (f"state={state}&error=access_denied", f"state={state}", f"state={state}&code=guessed"):
        answer = await newsroom.browser.get(f"/oidc/callback?{question}", headers=PAGE)
        assert (answer.status_code, "egin again" in answer.text) == (401, True), answer.text
    too_long = await newsroom.browser.get(f"/oidc/callback?state={state}&code={'x' * 5_000}", headers=PAGE)
    assert too_long.status_code == 422


async def test_many_attempts_from_one_address_wait(newsroom: Newsroom) -> None:
    codes = [(await newsroom.browser.get(START)).status_code for _ in range(25)]
    assert set(codes) == {303, 429}
    assert newsroom.provider.count(METADATA) == 1


async def test_a_shut_account_stays_shut_and_opened_again_it_belongs_to_nobody_yet(newsroom: Newsroom) -> None:
    assert (await newsroom.sign_in()).status_code == 303
    async with newsroom.database.write() as session:
        account = await session.get_one(Editor, newsroom.editor.id)
        await auth.disable_editor(session, account, now=NOON, by="operator")
    await newsroom.refused(403, "is shut")
    admin, _ = await add_account(newsroom.database, role=Role.ADMIN)
    async with newsroom.database.write() as session:
        account = await session.get_one(Editor, newsroom.editor.id)
        await invite_again(session, account, now=NOON, by=admin)
    newsroom.provider.claims = {"sub": "person-2"}
    assert (await newsroom.sign_in()).status_code == 303


async def test_an_address_that_the_provider_gives_to_somebody_else_brings_no_account(newsroom: Newsroom) -> None:
    assert (await newsroom.sign_in()).status_code == 303
    newsroom.browser.cookies.clear()
    newsroom.provider.claims = {"sub": "person-2"}
    answer = await newsroom.sign_in()
    assert (answer.status_code, "belongs to another person" in answer.text) == (403, True)


async def test_the_address_may_come_from_userinfo_of_the_same_person(newsroom: Newsroom) -> None:
    provider = newsroom.provider
    provider.said = {"userinfo_endpoint": provider.url("/userinfo")}
    provider.without = {"email", "email_verified"}
    provider.userinfo = {"sub": "person-2", "email": "abeba@example.org", "email_verified": True}
    await newsroom.refused(401, "two people")
    provider.userinfo["sub"] = "person-1"
    assert (await newsroom.sign_in()).status_code == 303
    assert provider.requests[-1].headers["authorization"] == "Bearer access"


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("calls itself otherwise", {"issuer": "https://evil.example"}, "another name"),
    ("has no endpoint", {"token_endpoint": None}, "token_endpoint"),
    ("leads the browser to a script", {"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
    ("has keys in a file", {"jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
]


async def test_a_provider_that_misdescribes_itself_is_not_followed(newsroom: Newsroom) -> None:
    for what, said, word in BROKEN:
        newsroom.provider.said = said
        answer = await newsroom.browser.get(START, headers=PAGE)
        assert (answer.status_code, word in answer.text) == (502, True), what
    newsroom.provider.said = {}
    assert (await newsroom.browser.get(START)).status_code == 303, "a failure is not remembered"


async def test_a_provider_that_answers_nonsense_is_told_from_one_that_is_away(newsroom: Newsroom) -> None:
    provider = newsroom.provider
    for path, answer in (
        ("/keys", json_answer({"keys": "none"})),
        ("/keys", json_answer([1])),
        ("/token", json_answer({"id_token": 5})),
        ("/token", json_answer({}, 503)),
        ("/token", json_answer("x" * 1_100_000)),
    ):
        provider.on(path, answer)
        await newsroom.refused(502, "Another service does not answer")
        provider.restore()
    provider.on(METADATA, json_answer({}, 302))
    assert (await newsroom.sign_in()).status_code == 303, "what it says of itself holds for an hour"


async def test_a_provider_on_a_private_address_obeys_the_guard(sqlite_url: str, clock: SettableClock) -> None:
    async with ProviderServer(clock) as provider, a_newsroom(sqlite_url, clock, provider, allowed_networks=()) as made:
        answer = await made.browser.get(START, headers=PAGE)
        assert (answer.status_code, provider.connections) == (502, 0), answer.text


async def test_a_domain_and_a_secret_in_the_form(sqlite_url: str, clock: SettableClock) -> None:
    async with ProviderServer(clock) as provider:
        provider.said = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        async with a_newsroom(sqlite_url, clock, provider, oidc_domain="Example.ORG") as made:
            provider.claims = {"email": "abeba@example.org.evil.example"}
            await made.refused(403, "Example.ORG")
            provider.claims = {}
            assert (await made.sign_in()).status_code == 303
            assert not any("authorization" in request.headers for request in provider.requests)


async def test_the_desk_offers_the_provider_where_there_is_one(newsroom: Newsroom) -> None:
    page = await newsroom.browser.get("/desk/sign-in")
    assert 'href="/oidc/start"' in page.text
    wrong = {"email": "abeba@example.org", "password": "wrong"}
    answer = await newsroom.browser.post("/desk/sign-in", data=wrong, headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, 'href="/oidc/start"' in answer.text) == (401, True)


async def test_a_client_without_a_secret(sqlite_url: str, clock: SettableClock) -> None:
    async with ProviderServer(clock) as provider:
        provider.secret = None
        async with a_newsroom(sqlite_url, clock, provider, oidc_client_secret=None) as made:
            assert (await made.sign_in()).status_code == 303


async def test_without_its_settings_there_is_no_provider_and_without_the_extra_no_start(
    sqlite_url: str, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        serving(settings_for(sqlite_url), clock=clock) as base,
        httpx.AsyncClient(base_url=base, trust_env=False) as browser,
    ):
        for path in (START, "/oidc/callback"):
            answer = await browser.get(path, headers=PAGE)
            assert (answer.status_code, "by password" in answer.text) == (404, True)
    named = settings_for(sqlite_url, oidc_issuer="https://id.example.org", oidc_client_id="x")
    assert configured_provider(named)
    monkeypatch.setattr(provider_module, "find_spec", lambda _name: None)
    with pytest.raises(SetupError, match=r"pip install 'huoban\[oidc\]'"):
        configured_provider(named)
    assert configured_provider(settings_for(sqlite_url)) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"OIDC_ISSUER": "https://id.example.org"}, "HUOBAN_OIDC_CLIENT_ID"),
        ({"OIDC_ISSUER": "id.example.org", "OIDC_CLIENT_ID": "x"}, "HUOBAN_OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://id.example.org/?a=1", "OIDC_CLIENT_ID": "x"}, "HUOBAN_OIDC_ISSUER"),
        (
            {"OIDC_ISSUER": "http://id.example.org", "OIDC_CLIENT_ID": "x", "BASE_URL": "https://desk.example"},
            "HUOBAN_OIDC_ISSUER",
        ),
    ],
)
def test_half_a_provider_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"HUOBAN_{name}", value)
    with pytest.raises(SetupError, match=said):
        load_settings()


def test_the_values_of_an_attempt_differ_and_give_its_secret_away_to_nobody() -> None:
    attempt, other = new_attempt(), new_attempt()
    values = {attempt.state, attempt.nonce, attempt.verifier, attempt.challenge, attempt.secret, other.state}
    assert len(values) == 6
    assert 43 <= len(attempt.verifier) <= 128
    assert attempt.secret not in repr(attempt)
    assert attempt.began(attempt.state)
    assert not attempt.began("é\ud800")
