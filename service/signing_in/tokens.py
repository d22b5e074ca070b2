"""Checks an ID token (OpenID Connect Core §3.1.3.7): its signature, for whom it is, how old, for which attempt.

Only signatures by asymmetric keys count: no ``none``, and no HMAC, for which a public key could be passed off as the
secret. The only module that knows joserfc, which is the extra ``oidc``; it is imported when the first token comes.
Pure: the keys and the moment are handed in. Called by ``provider``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import InvalidKeyIdError, JoseError

from service.signing_in.person import Person, Refused, UnknownKey, person_of

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
LEEWAY = 60
"""Seconds that two clocks may differ."""
LARGEST = 16_384
_ASYMMETRIC = frozenset({"RSA", "EC", "OKP"})


def read_id_token(
    raw: str, keys: Sequence[Mapping[str, Any]], *, issuer: str, client_id: str, nonce: str, now: datetime
) -> Person:
    """Who signed in.

    Raises:
        UnknownKey: none of these keys is the one that it names.
        Refused: it is damaged, forged, too old, or meant for somebody else or another attempt.
    """
    claims = _verified(raw, keys)
    if claims.get("iss") != issuer:
        raise Refused("its issuer is not the provider that was asked")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise Refused("it is meant for another service")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise Refused("it was issued to another service")
    if claims.get("nonce") != nonce:
        raise Refused("it belongs to another attempt to sign in")
    _require_current(claims, now.timestamp())
    return person_of(claims)


def _verified(raw: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    usable = jwk.KeySet([key for entry in keys if (key := _signing_key(entry)) is not None])
    if len(raw) > LARGEST or not raw.isascii():
        raise Refused("it is not a signed token")
    if not usable:
        raise UnknownKey("the provider shows no key that it could be checked with")
    try:
        return jwt.decode(raw, usable, algorithms=ALGORITHMS).claims
    except InvalidKeyIdError as error:
        raise UnknownKey("it names a key that the provider does not show") from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Refused(f"it is not a token with a sound signature ({type(error).__name__})") from error


def _signing_key(entry: Mapping[str, Any]) -> Any:
    if entry.get("kty") not in _ASYMMETRIC or entry.get("use", "sig") != "sig":
        return None
    try:
        return jwk.import_key(dict(entry))
    except (JoseError, ValueError, TypeError, KeyError):
        return None  # one that cannot be read signs nothing here; the others still do


def _require_current(claims: Mapping[str, Any], now: float) -> None:
    issued = _moment(claims, "iat")
    if now >= _moment(claims, "exp") + LEEWAY:
        raise Refused("it has expired")
    if now < max(issued, _moment(claims, "nbf") if "nbf" in claims else issued) - LEEWAY:
        raise Refused("it holds only later: compare the clocks")


def _moment(claims: Mapping[str, Any], name: str) -> float:
    moment = claims.get(name)
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        raise Refused("it does not say from when until when it holds")
    return moment
