"""Passwords: which may be chosen, how they are kept (argon2id), and a check that takes the same time for nobody.

Pure but slow on purpose: a hash takes tens of milliseconds of one core, so both run in a thread. Knows no
account and no database. Called by ``auth``.
"""

import asyncio
import secrets
from functools import cache

from pwdlib import PasswordHash

from service.errors import FieldError, Invalid

PASSWORD_MIN, PASSWORD_MAX = 12, 1024


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@cache
def _decoy() -> str:
    # Verified against when there is nothing to verify against, so that the answer takes as long.
    return _hasher().hash(secrets.token_urlsafe(16))


async def hash_password(password: str) -> str:
    """How a chosen password is kept.

    Raises:
        Invalid: it is too short or too long.
    """
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise Invalid(
            "That password cannot be used.",
            errors=[FieldError("password", f"use {PASSWORD_MIN} to {PASSWORD_MAX} characters")],
        )
    return await asyncio.to_thread(_hasher().hash, password)


async def fits(password: str, stored: str | None) -> bool:
    """Whether this is the password that was stored; False, after the same time, where none was."""
    usable = len(password) <= PASSWORD_MAX
    good = await asyncio.to_thread(_hasher().verify, password if usable else "", stored or _decoy())
    return good and usable and stored is not None
