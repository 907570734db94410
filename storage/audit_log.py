"""Writes the audit log: beside a change in its transaction, or later where nothing is changed."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.errors import SwitchboardError
from storage.audit_chain import AuditKey, Entry, Head, chained
from storage.audit_tables import audit_entries, audit_heads
from storage.insert_once import insert_once
from storage.transient import is_outage

log = logging.getLogger(__name__)

#: Entries that wait for the database at most.
MOST_WAITING: Final = 2_000
_AT_ONCE: Final = 64
#: How long another's row is waited for: it commits at once, or hangs.
_LOCK_MS: Final = 2_000
#: Until a database that is away is tried again.
_AGAIN_S: Final = 5.0


#: Reads the key, or makes it: asked in a thread when the first entry is written.
KeyOf = Callable[[], AuditKey]


class AuditLog:
    """Without a key nothing is written: so open a database tools that fill or read one.

    `engine` begins its transactions as a writer does.
    """

    def __init__(self, engine: AsyncEngine, key_of: KeyOf | None) -> None:
        self._engine = engine
        self._key_of = key_of
        self._key: AuditKey | None = None
        #: Of entries that name nobody: this process.
        self.actor = "server"
        self.origin = ""
        #: Entries that were not written.
        self.lost = 0
        self.has_written = False
        self._waiting: deque[Entry] = deque()
        self._some = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    async def append(self, link: AsyncConnection, *entries: Entry) -> None:
        """In the transaction of what they tell: both are there, or neither. Whoever appends
        meanwhile, in any process, waits for its end. Raises what the database raises."""
        if self._key_of is None or not entries:
            return
        if self._key is None:
            self._key = await asyncio.to_thread(self._key_of)
        self.has_written = True
        head = await _locked_head(link)
        rows = []
        for entry in entries:
            row = chained(entry, head, self._key, actor=self.actor, origin=self.origin)
            head = Head(row["seq"], row["mac"])
            rows.append(row)
        await link.execute(insert(audit_entries), rows)
        await link.execute(update(audit_heads).values(seq=head.seq, mac=head.mac))

    async def write(self, *entries: Entry) -> None:
        """In a transaction of its own. Raises what the database raises."""
        if self._key_of is not None:
            async with self._engine.begin() as link:
                await self.append(link, *entries)

    def note(self, entry: Entry) -> None:
        """Written soon; nobody waits. What finds no room is counted in `lost`, and the log tells
        it."""
        if self._task is None:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._lose([entry], "too many wait")
            return
        self._waiting.append(entry)
        self._idle.clear()
        self._some.set()

    def start(self) -> None:
        if self._key_of is not None:
            self._task = asyncio.create_task(self._run(), name="storage:audit")

    async def stop(self, *, limit_s: float = 5.0) -> None:
        """Writes what waits, where the database takes it in time."""
        task, self._task = self._task, None
        if task is None:
            return
        try:
            async with asyncio.timeout(limit_s):
                await self._idle.wait()
        except TimeoutError:
            self._lose(self._waiting, "stopped meanwhile")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            some = [self._waiting[i] for i in range(min(_AT_ONCE, len(self._waiting)))]
            if await self._written(some):
                for _ in some:
                    self._waiting.popleft()
            else:
                await asyncio.sleep(_AGAIN_S)
            if not self._waiting:
                self._some.clear()
                self._idle.set()

    async def _written(self, some: Sequence[Entry]) -> bool:
        """False: to be tried again. A commit whose answer was lost may be there twice."""
        try:
            await self.write(*some)
        except (SQLAlchemyError, SwitchboardError, OSError) as error:
            if is_outage(error):
                return False
            self._lose(some, type(error).__name__)
        return True

    def _lose(self, some: Sequence[Entry] | deque[Entry], why: str) -> None:
        self.lost += len(some)
        for entry in some:
            log.error("audit: not written (%s): %s %s", why, entry.action, entry.result)


async def read_head(link: AsyncConnection) -> Head:
    row = (await link.execute(select(audit_heads.c.seq, audit_heads.c.mac))).one_or_none()
    return Head() if row is None else Head(row.seq, row.mac)


async def _locked_head(link: AsyncConnection) -> Head:
    question = select(audit_heads.c.seq, audit_heads.c.mac).with_for_update()
    if link.dialect.name == "postgresql":
        await link.exec_driver_sql(f"SET LOCAL lock_timeout = {_LOCK_MS}")
    row = (await link.execute(question)).one_or_none()
    if link.dialect.name == "postgresql":
        # The transaction has other work behind this.
        await link.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")
    if row is None:
        first = Head()
        await insert_once(link, audit_heads, [{"id": 1, "seq": first.seq, "mac": first.mac}])
        row = (await link.execute(question)).one()
    return Head(row.seq, row.mac)
