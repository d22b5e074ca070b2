"""The provider over the network: what it says of itself, its keys, and a code exchanged for who signed in.

Every request goes through the runtime's guarded client, follows no redirect, and has its limits of time and size; a
provider on a private address is reached only where ``ALLOWED_NETWORKS`` has it. What the provider says of itself is
kept for an hour; its keys until a token names one that is not among them. Touches no database. One is made by ``app``
where the settings name a provider; called by ``routes``.
"""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote_plus, urlsplit

import aiohttp
import httpx
import structlog

from service.errors import NotAuthenticated, SetupError, Unreachable
from service.fetching.body import BadEncoding, Body, TooLarge
from service.fetching.guard import RefusedAddress, check_url
from service.fetching.verdict import describe
from service.runtime import Runtime
from service.settings import Settings
from service.signing_in.person import Person, Refused, UnknownKey, person_of

log = structlog.get_logger(__name__)

METADATA_KEPT = timedelta(hours=1)
KEYS_AGAIN = timedelta(minutes=1)
"""How soon keys may be asked for again because a token named one that is unknown; else anyone could have us ask."""
_DEADLINE = 15.0
_LARGEST = 1_000_000
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_EXPECTED = (RefusedAddress, BadEncoding, TooLarge, httpx.HTTPError, aiohttp.ClientError, OSError)


@dataclass(frozen=True)
class Metadata:
    """What the provider says of itself (OpenID Connect Discovery §3), as far as it is used here."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    secret_in_form: bool
    """Whether the client's secret goes into the form instead of the header."""
    read_at: datetime


@dataclass(frozen=True)
class Configuration:
    """What the newsroom knows of its provider."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str
    domain: str | None
    """Only addresses of this domain may sign in; None for any."""


def configured_provider(settings: Settings) -> "Provider | None":
    """The provider of the settings; None where they name none.

    Raises:
        SetupError: they name one, but the extra that it needs is not installed.
    """
    if not settings.oidc_issuer:
        return None
    if find_spec("joserfc") is None:
        raise SetupError(
            "HUOBAN_OIDC_ISSUER is set, but signing in through a provider needs the extra 'oidc'. "
            "Install it with pip install 'huoban[oidc]', or leave the setting out."
        )
    secret = settings.oidc_client_secret
    return Provider(
        Configuration(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            client_secret=secret.get_secret_value() if secret else None,
            redirect_uri=f"{settings.base_url}/oidc/callback",
            domain=settings.oidc_domain or None,
        )
    )


class Provider:
    """One provider, and what this process remembers of it."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._keys: Sequence[Mapping[str, Any]] = ()
        self._keys_read_at: datetime | None = None

    async def metadata(self, runtime: Runtime, *, now: datetime) -> Metadata:
        """What it says of itself, asked for once an hour.

        Raises:
            Unreachable: it does not answer, or not as a provider does.
        """
        async with self._lock:
            if self._metadata is None or now - self._metadata.read_at >= METADATA_KEPT:
                address = f"{self.configuration.issuer.rstrip('/')}/.well-known/openid-configuration"
                self._metadata = self._understood(await _ask(runtime, address), now)
            return self._metadata

    def _understood(self, said: Mapping[str, Any], now: datetime) -> Metadata:
        issuer = self.configuration.issuer
        if said.get("issuer") != issuer:
            raise _unreachable("it calls itself by another name than HUOBAN_OIDC_ISSUER")
        found = {name: said.get(name) for name in _ENDPOINTS}
        userinfo = said.get("userinfo_endpoint")
        for name, address in (*found.items(), ("userinfo_endpoint", userinfo)):
            optional = name == "userinfo_endpoint" and address is None
            if not optional and not (isinstance(address, str) and _as_safe(address, issuer)):
                raise _unreachable(f"its {name} is missing, or less safe than its issuer")
        methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        in_form = "client_secret_basic" not in methods and "client_secret_post" in methods
        endpoints = {name: str(address) for name, address in found.items()}
        return Metadata(**endpoints, userinfo_endpoint=userinfo, secret_in_form=in_form, read_at=now)

    async def recognise(self, runtime: Runtime, code: str, *, verifier: str, nonce: str, now: datetime) -> Person:
        """Exchange a code for who signed in.

        Raises:
            Unreachable: the provider does not answer, or not as one does.
            NotAuthenticated: it does not know the code, or its token proves nothing.
        """
        metadata = await self.metadata(runtime, now=now)
        answer = await self._exchange(runtime, metadata, code, verifier)
        raw = answer.get("id_token")
        if not isinstance(raw, str):
            raise _unreachable("its answer holds no ID token")
        try:
            person = await self._checked(runtime, metadata, raw, nonce, now)
            if person.email is None and metadata.userinfo_endpoint:
                person = await self._completed(runtime, metadata.userinfo_endpoint, person, answer.get("access_token"))
        except Refused as error:
            log.warning("id_token_refused", reason=str(error))
            raise NotAuthenticated(f"The provider's answer cannot be trusted: {error}. Sign in again.") from error
        return person

    async def _checked(self, runtime: Runtime, metadata: Metadata, raw: str, nonce: str, now: datetime) -> Person:
        from service.signing_in.tokens import read_id_token  # here: it needs the extra

        expected = {"issuer": self.configuration.issuer, "client_id": self.configuration.client_id, "nonce": nonce}
        try:
            keys = await self._known_keys(runtime, metadata, now, again=False)
            return read_id_token(raw, keys, **expected, now=now)
        except UnknownKey:
            keys = await self._known_keys(runtime, metadata, now, again=True)
            return read_id_token(raw, keys, **expected, now=now)

    async def _known_keys(
        self, runtime: Runtime, metadata: Metadata, now: datetime, *, again: bool
    ) -> Sequence[Mapping[str, Any]]:
        """The provider's keys (RFC 7517); ``again``: a token named one that is not among those we have."""
        async with self._lock:
            read_at = self._keys_read_at
            if read_at is None or (again and now - read_at >= KEYS_AGAIN) or now - read_at >= METADATA_KEPT:
                keys = (await _ask(runtime, metadata.jwks_uri)).get("keys")
                if not isinstance(keys, list):
                    raise _unreachable("its keys cannot be read")
                self._keys = [key for key in keys if isinstance(key, dict)]
                self._keys_read_at = now
            return self._keys

    async def _exchange(self, runtime: Runtime, metadata: Metadata, code: str, verifier: str) -> Mapping[str, Any]:
        ours = self.configuration
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": ours.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if ours.client_secret is None:
            form["client_id"] = ours.client_id
        elif metadata.secret_in_form:
            form |= {"client_id": ours.client_id, "client_secret": ours.client_secret}
        else:  # each part encoded as in a form, before the two are joined (RFC 6749 §2.3.1)
            pair = f"{quote_plus(ours.client_id)}:{quote_plus(ours.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return await _ask(runtime, metadata.token_endpoint, form=form, headers=headers)

    async def _completed(self, runtime: Runtime, address: str, person: Person, access_token: object) -> Person:
        # Many providers give the e-mail address only there (§5.4); it must speak of the same person (§5.3.2).
        if not isinstance(access_token, str) or not (access_token.isascii() and access_token.isprintable()):
            return person
        said = person_of(await _ask(runtime, address, headers={"Authorization": f"Bearer {access_token}"}))
        if said.subject != person.subject:
            raise Refused("it speaks of two people")
        return said


def _as_safe(address: str, issuer: str) -> bool:
    schemes = ("https",) if issuer.startswith("https://") else ("http", "https")
    return urlsplit(address).scheme in schemes


def _unreachable(why: str) -> Unreachable:
    return Unreachable(f"The provider cannot be asked who you are: {why}. Try again later, or sign in by password.")


async def _ask(
    runtime: Runtime, address: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """One request and the JSON object that it answers; with ``form`` a POST.

    Raises:
        Unreachable: there is no such answer; what was sent is not in the text.
        NotAuthenticated: the provider refused what was sent in the form or the headers.
    """
    sent = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close", **(headers or {})}
    try:
        check_url(address)
        async with asyncio.timeout(_DEADLINE):
            async with runtime.client.stream(
                "POST" if form is not None else "GET",
                address,
                data=form,
                headers=sent,
                auth=None,
                follow_redirects=False,
            ) as response:
                body = Body(response.headers.get("content-encoding"), _LARGEST)
                async for chunk in response.aiter_raw():
                    body.feed(chunk)
                status, found = response.status_code, json.loads(body.finish())
    except _EXPECTED as error:
        raise _unreachable(describe(error)) from error
    except (ValueError, RecursionError) as error:
        raise _unreachable("its answer is not JSON") from error
    if status in (400, 401) and (form is not None or headers):
        code = found.get("error") if isinstance(found, dict) else None
        log.warning("provider_refused", status=status, error=str(code)[:100])
        raise NotAuthenticated("The provider did not accept this attempt to sign in. Begin again.")
    if status != 200 or not isinstance(found, dict):
        raise _unreachable(f"it answered {status}")
    return found
