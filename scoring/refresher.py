"""Keeps what scoring holds in memory up to date, behind every call's back."""

from __future__ import annotations

import asyncio
import logging
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from calls.errors import Unavailable
from scoring.associations import Associations
from scoring.house_choices import HouseChoices
from scoring.policy.learned import LearnedPolicies
from scoring.serving.models_in_use import ModelsInUse

log = logging.getLogger(__name__)

REFRESH_S = 60.0


class Refresher:
    """`async with Refresher(...)`: read once before the first call, then every `every_s` seconds;
    leaving writes what was counted. Enter it after the database; a database that is away is tried
    again at the next turn."""

    def __init__(
        self,
        *,
        house: HouseChoices,
        associations: Associations,
        policies: LearnedPolicies,
        models: ModelsInUse | None = None,
        every_s: float = REFRESH_S,
    ) -> None:
        self._house = house
        self._associations = associations
        self._policies = policies
        self._models = models
        self._ends = False
        self._every_s = every_s
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.refresh()
        self.task = asyncio.create_task(self._run(), name="scoring:refresh")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._ends = True
        task, self.task = self.task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.refresh()

    async def refresh(self) -> None:
        try:
            await self._house.refresh()
            await self._associations.refresh()
            await self._policies.refresh()
        except (SQLAlchemyError, OSError, Unavailable):
            log.warning("scoring: what all callers choose was not refreshed", exc_info=True)
        if self._models is not None and not self._ends:
            await self._models.refresh()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self.refresh()
