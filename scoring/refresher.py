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
    """`async with Refresher(...)`: what was counted is read once before the first call, then every
    `every_s` seconds; leaving writes what was counted. Enter it after the database; a database that
    is away is tried again at the next turn.

    Models are tried in processes of their own, which takes a second or many: nobody waits for that,
    counting answers until they are there."""

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
        self._every_s = every_s
        self.tasks: tuple[asyncio.Task[None], ...] = ()

    async def __aenter__(self) -> Self:
        await self.refresh()
        tasks = [asyncio.create_task(self._run(), name="scoring:refresh")]
        if self._models is not None:
            watch = self._watch(self._models)
            tasks.append(asyncio.create_task(watch, name="scoring:models"))
        self.tasks = tuple(tasks)
        return self

    async def __aexit__(self, *exc: object) -> None:
        tasks, self.tasks = self.tasks, ()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.refresh()

    async def refresh(self) -> None:
        try:
            await self._house.refresh()
            await self._associations.refresh()
            await self._policies.refresh()
        except (SQLAlchemyError, OSError, Unavailable):
            log.warning("scoring: what all callers choose was not refreshed", exc_info=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self.refresh()

    async def _watch(self, models: ModelsInUse) -> None:
        while True:
            await models.refresh()
            await asyncio.sleep(self._every_s)
