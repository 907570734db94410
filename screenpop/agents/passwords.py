"""Password hashes: argon2id, off the loop, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from calls.errors import Unavailable
from calls.hash_of_nothing import hash_of_nothing

#: Each check takes some 64 MiB and tens of milliseconds.
_AT_ONCE = 2
_MAX_WAITING = 32


class Passwords:
    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._nobody = hash_of_nothing(self._hasher)

    async def hash(self, password: str) -> str:
        """Raises Unavailable when too many wait."""
        async with self._slot():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def check(self, password_hash: str | None, password: str) -> bool:
        """Takes as long for an agent that does not exist (None) as for one that does. Raises
        Unavailable when too many wait."""
        async with self._slot():
            known = password_hash is not None
            return (
                await asyncio.to_thread(self._matches, password_hash or self._nobody, password)
                and known
            )

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._waiting >= _MAX_WAITING:
            raise Unavailable("too many log-ins at once; try again")
        self._waiting += 1
        try:
            async with self._slots:
                yield
        finally:
            self._waiting -= 1

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
