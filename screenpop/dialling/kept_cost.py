"""The day's cost in the database: after a restart, and at the desk that takes over, it goes on."""

from __future__ import annotations

import asyncio
import logging
from datetime import date
from typing import Self

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import SwitchboardError
from screenpop.dialling.cost_tables import dialling_costs
from screenpop.dialling.day_cost import DayCost
from storage.database import Database

log = logging.getLogger(__name__)

#: What a process that is killed forgets.
KEEP_EVERY_S = 10.0


class KeptCost:
    """Enter it before anything is dialled."""

    def __init__(self, cost: DayCost, database: Database) -> None:
        self._cost = cost
        self._database = database
        self._kept: tuple[date, float] | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        async with self._database.read() as link:
            for day, cost in await link.execute(select(dialling_costs)):
                self._cost.restore(day, cost)
        self._kept = self._cost.counted()
        self._task = asyncio.create_task(self._go_on(), name="dialling:cost")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.keep()

    async def keep(self) -> None:
        """What cannot be written now is written with what comes later."""
        counted = self._cost.counted()
        if counted == self._kept:
            return

        async def write(link: AsyncConnection) -> None:
            await link.execute(delete(dialling_costs))
            await link.execute(insert(dialling_costs).values(counted))

        try:
            await self._database.writer.write(write)
        except (SwitchboardError, SQLAlchemyError, OSError) as error:
            log.warning("dialling: the day's cost is not kept (%s)", type(error).__name__)
        else:
            self._kept = counted

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            await self.keep()
