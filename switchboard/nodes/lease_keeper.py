"""Holds a lease for as long as a process does what only one may do."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy.exc import SQLAlchemyError

from storage.lease_group import LeaseGroup
from storage.leases import Lease, LeaseLost
from storage.transient import is_outage

log = logging.getLogger(__name__)

#: Between two tries to have it.
TRY_EVERY_S = 0.25
_OUTAGES = (SQLAlchemyError, OSError, TimeoutError)


class LeaseKeeper:
    def __init__(self, lease: Lease | LeaseGroup) -> None:
        self._lease = lease
        self.is_held = False

    async def wait(self) -> None:
        """Until the lease is ours."""
        told = False
        while True:
            try:
                if await self._lease.take():
                    self.is_held = True
                    log.info("nodes: the lease %s is ours", self._lease.name)
                    return
            except _OUTAGES as error:
                if not is_outage(error):
                    raise
            if not told:
                told = True
                log.info("nodes: another process has the lease %s: standing by", self._lease.name)
            await asyncio.sleep(TRY_EVERY_S)

    async def keep(self) -> None:
        """Raises LeaseLost as soon as another has it. While the database is away nobody can take
        it, so it is kept on."""
        every_s = self._lease.ttl_s / 4
        while True:
            await asyncio.sleep(every_s)
            try:
                async with asyncio.timeout(self._lease.ttl_s):
                    await self._lease.renew()
            except LeaseLost:
                self.is_held = False
                raise
            except _OUTAGES as error:
                log.warning("nodes: the lease could not be renewed (%s)", type(error).__name__)

    async def prove(self) -> None:
        """Returns once it is certain that the lease was ours until now. Raises LeaseLost."""
        while True:
            try:
                await self._lease.renew()
            except LeaseLost:
                self.is_held = False
                raise
            except _OUTAGES as error:
                log.warning("nodes: the lease could not be proven (%s)", type(error).__name__)
                await asyncio.sleep(TRY_EVERY_S)
            else:
                return

    async def give_back(self) -> None:
        """So that whoever stands by need not wait."""
        if self.is_held:
            self.is_held = False
            try:
                await self._lease.give_back()
            except _OUTAGES as error:
                log.warning("nodes: the lease could not be given back (%s)", type(error).__name__)
