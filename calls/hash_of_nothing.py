"""What a guess is compared with where there is nothing to compare with."""

from __future__ import annotations

import secrets
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.low_level import ARGON2_VERSION


def hash_of_nothing(hasher: PasswordHasher) -> str:
    """Takes as long to compare with as those of `hasher`, and fits no guess. It takes no hashing:
    whoever came first would wait for that."""
    salt, digest = (
        b64encode(secrets.token_bytes(size)).decode("ascii").rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"
