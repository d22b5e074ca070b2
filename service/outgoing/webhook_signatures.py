"""Signatures of webhooks, by the Standard Webhooks specification 1.0 (symmetric, ``v1``).

Pure: a secret, an id, a moment and a body in, headers out. Secrets are ``whsec_`` and the base64 of 32 random bytes;
the key is those bytes. Whoever receives a webhook computes the same over ``id.timestamp.body`` and compares.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature: ``v1,`` and the base64 of HMAC-SHA256 over id, seconds since 1970, and body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(keys: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a delivery; with several secrets, while one replaces another, several signatures."""
    signatures = (sign(secret, message_id=message_id, timestamp=timestamp, body=body) for secret in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
