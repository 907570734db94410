"""Does the caller know the contact's PIN? argon2id, off the loop, under a deadline and a lock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.exc import SQLAlchemyError

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded, SwitchboardError
from calls.hash_of_nothing import hash_of_nothing
from crm_adapter.pin_tries import PinTries
from storage.database import Database
from storage.overtime import Overtime

log = logging.getLogger(__name__)

LONGEST_PIN = 12
#: Each check takes some 64 MiB and tens of milliseconds of a core.
_AT_ONCE = 2
_MOST_WAITING = 32


class PinHashes(Protocol):
    """Where a CRM keeps its contacts' PINs. Implemented by `crm_adapter.embedded`."""

    async def pin_hash_of(self, contact: ContactRef, *, deadline: Deadline) -> str | None:
        """argon2id; None where the contact has none. Raises Unavailable, or DeadlineExceeded."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


def is_pin(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_PIN


def hash_pin(pin: str, *, hasher: PasswordHasher | None = None, salt: bytes | None = None) -> str:
    """For the CRM's tables; takes tens of milliseconds. Without `salt` it is another every time.
    Raises ValueError for what cannot be typed."""
    if not is_pin(pin):
        raise ValueError(f"a PIN has 1 to {LONGEST_PIN} digits")
    return (hasher or PasswordHasher()).hash(pin, salt=salt)


class Pins:
    """Implements `calls.ports.PinCheck`."""

    def __init__(
        self,
        *,
        database: Database,
        hashes: PinHashes,
        hasher: PasswordHasher | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._hashes = hashes
        self._hasher = hasher or PasswordHasher()
        self._tries = PinTries(database=database, now=now)
        self._going_on = Overtime("pins:check")
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._nobodys = hash_of_nothing(self._hasher)

    async def check(self, contact: ContactRef, pin: str, *, deadline: Deadline) -> bool:
        """As the port says. A contact without a PIN is asked, counted and locked like any other:
        the answers do not tell which have one."""
        if not is_pin(pin):
            return False
        try:
            checking = self._check(contact, pin, deadline)
            return await self._going_on.ask("the PIN check", checking, deadline=deadline)
        except DeadlineExceeded:
            log.info("pins: a check took too long and counts as refused")
        except (SwitchboardError, SQLAlchemyError, OSError) as error:
            # By type alone: a driver's words may repeat what it was given.
            log.warning("pins: a check was not possible (%s)", type(error).__name__)
        return False

    async def close(self) -> None:
        """Waits for checks still going on; the database is closed by its owner."""
        await self._going_on.finish()

    async def _check(self, contact: ContactRef, pin: str, deadline: Deadline) -> bool:
        if self._waiting >= _MOST_WAITING:
            log.warning("pins: too many checks at once, one was refused")
            return False
        self._waiting += 1
        try:
            pin_hash = await self._hashes.pin_hash_of(contact, deadline=deadline)
            one = await self._tries.begin(contact)
            if one is None:
                log.info("pins: a contact is locked after too many wrong PINs")
                return False
            right = await self._is_right(pin_hash, pin)
            if right:
                await self._tries.give_back(contact, one)
            return right
        finally:
            self._waiting -= 1

    async def _is_right(self, pin_hash: str | None, pin: str) -> bool:
        async with self._slots:
            matches = await asyncio.to_thread(self._matches, pin_hash or self._nobodys, pin)
        return matches and pin_hash is not None

    def _matches(self, pin_hash: str, pin: str) -> bool:
        try:
            return self._hasher.verify(pin_hash, pin)
        except (VerificationError, InvalidHashError):
            return False
