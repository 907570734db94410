"""Writing so that a repetition changes nothing, where the CRM cannot say "insert or update"."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from calls.records import CallRecord
from crm_adapter.adapter import AmbiguousWrite, Conflict, Invalid

_OURS = uuid.UUID("6f1f3a51-2f4e-5b0a-9d7c-0b8d6a1f7c11")


def call_key(record: CallRecord) -> str:
    """What all records of one call have in common, whatever their `idem`: a UUID."""
    return record_key("call", str(record.call_id))


def record_key(kind: str, text: str) -> str:
    """A UUID that is always the same for the same `text`."""
    return str(uuid.uuid5(_OURS, f"{kind}:{text}"))


class Turns:
    """Those with one key take turns. Only in this process: the CRM's own unique field is for the
    others."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[None]:
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks.pop(key)
            if waiting > 1:
                self._locks[key] = (lock, waiting - 1)


async def written_once(
    *,
    find: Callable[[], Awaitable[str | None]],
    create: Callable[[], Awaitable[str]],
) -> tuple[str, bool]:
    """The id of the one record, and whether it was there before. After an answer that leaves it
    open whether it was written, it is looked for at once."""
    found = await find()
    if found is not None:
        return found, True
    try:
        return await create(), False
    except (Conflict, AmbiguousWrite, Invalid) as error:
        found = await find()
        if found is None and isinstance(error, Conflict):
            found = error.existing
        if found is None:
            raise
        return found, True
