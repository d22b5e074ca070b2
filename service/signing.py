"""Ed25519 signatures (RFC 8032) under short texts, and their keys as PEM (RFC 8410); the only module that makes any.

Pure: knows no database, setting or clock, and not what it signs. Used by ``checkpoints`` and, to check what an
operator set, by ``settings``.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

_PUBLIC_BLOCK = re.compile(r"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----")


@dataclass(frozen=True)
class PublicKey:
    """What a signature is checked with."""

    id: str
    """SHA-256 of the key's DER form, as ``openssl pkey -pubin -outform DER | sha256sum`` gives it."""
    pem: str
    _key: Ed25519PublicKey = field(repr=False, compare=False)

    def verifies(self, signature: str, text: str) -> bool:
        """Whether this is the key's signature under this text."""
        try:
            self._key.verify(base64.b64decode(signature, validate=True), text.encode("utf-8", "surrogatepass"))
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key and the public one that belongs to it."""

    public: PublicKey
    _key: Ed25519PrivateKey = field(repr=False, compare=False)

    def sign(self, text: str) -> str:
        """The signature under a text in UTF-8, in Base64."""
        return base64.b64encode(self._key.sign(text.encode("utf-8", "surrogatepass"))).decode()

    def private_pem(self) -> str:
        """The private key itself, in PKCS #8: a secret."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def new_signing_key() -> SigningKey:
    """A key that nobody had before."""
    return _with_public(Ed25519PrivateKey.generate())


def read_signing_key(pem: str) -> SigningKey:
    """A private key from its PEM, as ``openssl genpkey -algorithm ed25519`` writes it.

    Raises:
        ValueError: it is none, or needs a passphrase; the text says nothing of what was given.
    """
    try:
        key = load_pem_private_key(pem.encode("utf-8", "replace"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 private key in PEM; make one with `openssl genpkey -algorithm ed25519`")
    return _with_public(key)


def read_public_keys(text: str) -> Mapping[str, PublicKey]:
    """Every public key in a file of PEM blocks, by its id; whatever stands between the blocks is left out.

    Raises:
        ValueError: there is none, or one that is no Ed25519 key.
    """
    found = {}
    for block in _PUBLIC_BLOCK.findall(text):
        try:
            key = load_pem_public_key(block.encode())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("one of its keys is no Ed25519 key")
        public = _described(key)
        found[public.id] = public
    if not found:
        raise ValueError("it holds no public key in PEM")
    return MappingProxyType(found)


def _with_public(key: Ed25519PrivateKey) -> SigningKey:
    return SigningKey(_described(key.public_key()), key)


def _described(key: Ed25519PublicKey) -> PublicKey:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return PublicKey(hashlib.sha256(der).hexdigest(), pem, key)
