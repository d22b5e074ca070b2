"""An OpenID Connect provider on loopback that keeps the rules, until a test bends one.

    async with ProviderServer(clock) as provider:
        provider.claims = {"email": "amina@example.org"}          # who signs in next
        ... HUOBAN_OIDC_ISSUER = provider.issuer ...
        path = provider.approve(location)                         # the person agrees: the address to come back to

``claims`` go into the next ID token over the true ones; ``sign`` makes the token out of header and claims. Checks the
client, the redirect address and PKCE as a real one does. Built on ``FeedServer``, so every request is kept. Used by
tests only.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwk, jwt

from tests.feed_server import Answer, FeedServer, Request

CLIENT, SECRET = "news desk", "s:e/c+r%t"
METADATA = "/.well-known/openid-configuration"


def json_answer(value: object, status: int = 200) -> Answer:
    """A JSON body."""
    return Answer(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})


def new_key() -> jwk.RSAKey:
    """A signing key."""
    return jwk.RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})


class ProviderServer(FeedServer):
    """The provider; ``clock`` is what it thinks the time is."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.clock = clock
        self.keys = [new_key()]
        self.shown: list[dict[str, Any]] | None = None
        """What its key set shows; None for the public halves of ``keys``."""
        self.claims: dict[str, Any] = {}
        self.without: set[str] = set()
        self.said: dict[str, Any] = {}
        """Changes to what it says of itself."""
        self.userinfo: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] = self.truly_signed
        self.secret: str | None = SECRET
        self._codes: dict[str, Mapping[str, str]] = {}
        self.on(METADATA, lambda _: json_answer(self._metadata()))
        self.restore()

    def restore(self) -> None:
        """Answer truly again."""
        self.on("/keys", lambda _: json_answer({"keys": self._shown()}))
        self.on("/token", self._exchange)
        self.on("/userinfo", lambda _: json_answer(self.userinfo))

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return self.url("")

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.url("/authorize?tenant=1"),
            "token_endpoint": self.url("/token"),
            "jwks_uri": self.url("/keys"),
            **self.said,
        }

    def _shown(self) -> list[Any]:
        return [key.as_dict(private=False) for key in self.keys] if self.shown is None else self.shown

    def approve(self, location: str) -> str:
        """The person at the browser agrees; answers path and query to come back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert (asked["tenant"], asked["response_type"], asked["scope"].split()[0]) == ("1", "code", "openid")
        assert (asked["client_id"], asked["code_challenge_method"]) == (CLIENT, "S256")
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"], "session_state": "x"})
        return f"{urlsplit(asked['redirect_uri']).path}?{back}"

    def _exchange(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or not self._is_client(request, form):
            return json_answer({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return json_answer({"error": "invalid_grant"}, 400)
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": "person-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "abeba@example.org",
            "email_verified": True,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if name not in self.without}
        token = self.sign({"alg": "RS256", "kid": self.keys[-1].kid}, kept)
        return json_answer({"access_token": "access", "token_type": "Bearer", "id_token": token})

    def _is_client(self, request: Request, form: Mapping[str, str]) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT and "authorization" not in request.headers
        given = (form.get("client_id", ""), form.get("client_secret", ""))
        if "authorization" in request.headers:
            pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
            name, _, secret = pair.partition(":")
            given = (unquote_plus(name), unquote_plus(secret))
        return given == (CLIENT, self.secret)

    def truly_signed(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """By the newest of its keys."""
        return jwt.encode(header, claims, self.keys[-1])
