"""One attempt to sign in, as its browser carries it: a secret, and the three values that follow from it.

The secret is the browser's alone, in a cookie; ``state`` goes to the provider and comes back with the browser,
``nonce`` comes back inside the signed ID token, and ``verifier`` shows at the exchange that whoever began holds the
code (PKCE, RFC 7636). So nothing is stored here until somebody has signed in. Pure. Called by ``routes``.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit, urlunsplit

SCOPES = "openid email profile"


@dataclass(frozen=True)
class Attempt:
    """The values of one attempt; none of them gives the secret away."""

    secret: str = field(repr=False)

    @property
    def state(self) -> str:
        """What the provider returns with the browser (RFC 6749 §10.12)."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What the ID token must hold (OpenID Connect Core §3.1.2.1)."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What the code is exchanged with: 64 characters of the allowed ones."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """What the provider is told beforehand: ``S256`` of the verifier."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def began(self, state: str) -> bool:
        """Whether what came back belongs to this attempt."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "surrogatepass"))

    def _derived(self, purpose: str) -> str:
        key = self.secret.encode("utf-8", "surrogatepass")
        return hmac.new(key, purpose.encode(), hashlib.sha256).hexdigest()


def new_attempt() -> Attempt:
    """An attempt that begins."""
    return Attempt(secrets.token_urlsafe(32))


def authorization_url(endpoint: str, attempt: Attempt, *, client_id: str, redirect_uri: str) -> str:
    """Where the browser is sent (OpenID Connect Core §3.1.2.1); what the endpoint's own query says stays."""
    parts = urlsplit(endpoint)
    question = urlencode(
        {
            "response_type": "code",
            "scope": SCOPES,
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
    )
    return urlunsplit(parts._replace(query=f"{parts.query}&{question}" if parts.query else question, fragment=""))
