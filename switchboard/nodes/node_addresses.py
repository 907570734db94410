"""Where the processes that talk with callers are: each has a name, and says in the database how
Asterisk, and so the others, reach it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database
from storage.leases import Lease, LeaseLost, forget_old, held

log = logging.getLogger(__name__)

#: Who did not say for so long that it lives is not asked any more.
TTL_S = 15.0
#: What is found stands for so long.
LOOK_EVERY_S = 2.0
_REMEMBERED = 100
_PREFIX = "calls:"
_AWAY = (SQLAlchemyError, OSError, TimeoutError)


class NodeAddresses:
    """`async with`; our own `node` is a new one with each start. `run` as long as it lives."""

    def __init__(self, *, database: Database, address: str, holder: str) -> None:
        self._database = database
        #: 12 hex digits.
        self.node = secrets.token_hex(6)
        self._lease = Lease(
            database=database,
            name=_PREFIX + self.node,
            holder=holder,
            address=address,
            ttl_s=TTL_S,
        )
        self._found: OrderedDict[str, tuple[float, str | None]] = OrderedDict()

    async def __aenter__(self) -> Self:
        await forget_old(self._database, _PREFIX)
        await self._lease.take()
        return self

    async def __aexit__(self, *exc: object) -> None:
        with suppress(*_AWAY):
            await self._lease.give_back()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(TTL_S / 4)
            try:
                async with asyncio.timeout(TTL_S):
                    await self._lease.renew()
            except LeaseLost:
                with suppress(*_AWAY):
                    await self._lease.take()
            except _AWAY as error:
                log.warning("nodes: our address could not be renewed (%s)", type(error).__name__)

    async def of(self, node: str) -> str | None:
        """None where it is gone, or nobody knows. May raise what the database raises."""
        now = time.monotonic()
        found = self._found.get(node)
        if found is None or now - found[0] > LOOK_EVERY_S:
            there = await held(self._database, _PREFIX + node)
            lives = there is not None and there.left_s > 0
            found = self._found[node] = (now, there.address if there and lives else None)
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return found[1]
