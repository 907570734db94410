"""Holds a lease for as long as a process does what only one may do."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from storage.lease_group import LeaseGroup
from storage.leases import Lease, LeaseLost
from storage.transient import is_outage

log = logging.getLogger(__name__)

#: Between two tries to have it.
TRY_EVERY_S = 0.25
_OUTAGES = (SQLAlchemyError, OSError, TimeoutError)


class LeaseKeeper:
    """`certain_again` is called when the lease was ours all the time, and nobody knew for longer
    than it lasts."""

    def __init__(
        self, lease: Lease | LeaseGroup, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lease = lease
        self._clock = clock
        #: Before the question, so never later than the database has it.
        self._renewed_at = 0.0
        self.is_held = False
        self.certain_again: Callable[[], None] = lambda: None

    @property
    def is_certain(self) -> bool:
        """Whether nobody else can have it yet."""
        return self.is_held and self._clock() - self._renewed_at < self._lease.ttl_s

    async def wait(self) -> None:
        """Until the lease is ours."""
        told = False
        while True:
            asked_at = self._clock()
            try:
                if await self._lease.take():
                    self._renewed_at, self.is_held = asked_at, True
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
        """Raises LeaseLost as soon as another has it. Where the database is away for everybody
        nobody takes it, so it is kept on; where it is away for us alone `is_certain` says no in
        time."""
        every_s = self._lease.ttl_s / 4
        while True:
            await asyncio.sleep(every_s)
            try:
                await self._renew()
            except _OUTAGES as error:
                log.warning("nodes: the lease could not be renewed (%s)", type(error).__name__)

    async def prove(self) -> None:
        """Returns once it is certain that the lease was ours until now, however long the database
        is away: until then nothing may be called safe. Raises LeaseLost."""
        while True:
            try:
                await self._renew()
            except _OUTAGES as error:
                log.warning("nodes: the lease could not be proven (%s)", type(error).__name__)
                await asyncio.sleep(TRY_EVERY_S)
            else:
                return

    async def _renew(self) -> None:
        """Raises LeaseLost, and what _OUTAGES has; TimeoutError where nobody answers in time."""
        asked_at = self._clock()
        try:
            async with asyncio.timeout(self._lease.ttl_s):
                await self._lease.renew()
        except LeaseLost:
            self.is_held = False
            raise
        was_certain = self.is_certain
        self._renewed_at = max(self._renewed_at, asked_at)
        if not was_certain and self.is_certain:
            self.certain_again()

    async def give_back(self) -> None:
        """So that whoever stands by need not wait."""
        if self.is_held:
            self.is_held = False
            try:
                await self._lease.give_back()
            except _OUTAGES as error:
                log.warning("nodes: the lease could not be given back (%s)", type(error).__name__)
