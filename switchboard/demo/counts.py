"""What became of a run's calls: read from the database, compared with what sipp offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.call_tables import calls
from crm_adapter.embedded.tables import call_records, leads
from screenpop.pops.pop_tables import pop_deliveries, pops
from storage.database import Database
from switchboard.demo.sip_callers import CallersResult


@dataclass(frozen=True, slots=True)
class DemoCounts:
    """`lost`: offered by sipp, and either failed there or unknown here."""

    calls_offered: int
    calls_served: int
    menus_completed: int
    queued: int
    pops_offered: int
    pops_acknowledged: int
    call_records: int
    leads: int
    fallback: int
    lost: int
    #: Sentences that callers' dialogs asked for, and those that lay ready.
    prompts_asked: int
    prompts_ready: int


@dataclass(frozen=True, slots=True)
class PromptUse:
    """As the server counts it, since its start."""

    asked: int = 0
    ready: int = 0

    @classmethod
    def of(cls, metrics: Mapping[str, float]) -> Self:
        """`metrics` as `ServerProcess.metrics` gives them."""
        asked, ready = (metrics.get(f"prompts_{n}_total", 0.0) for n in ("asked", "ready"))
        return cls(int(asked), int(ready))

    def since(self, before: PromptUse) -> PromptUse:
        return PromptUse(self.asked - before.asked, self.ready - before.ready)


async def count(storage_url: str, callers: CallersResult, prompts: PromptUse) -> DemoCounts:
    """To be asked once the calls are over and the outbox is empty."""
    async with Database(storage_url) as database, database.read() as connection:
        seen = await _number(connection, select(func.count()).select_from(calls))
        return DemoCounts(
            calls_offered=callers.offered,
            calls_served=callers.successful,
            menus_completed=await _menus_completed(connection),
            queued=await _number(
                connection, select(func.count()).where(calls.c.queue.is_not(None))
            ),
            pops_offered=await _number(connection, select(func.count()).select_from(pops)),
            pops_acknowledged=await _number(
                connection,
                select(func.count(func.distinct(pop_deliveries.c.pop_id))).where(
                    pop_deliveries.c.kind == "pop.offer", pop_deliveries.c.acked_at.is_not(None)
                ),
            ),
            call_records=await _number(connection, select(func.count()).select_from(call_records)),
            leads=await _number(connection, select(func.count()).select_from(leads)),
            fallback=await _number(connection, select(func.count()).where(calls.c.fallback)),
            lost=callers.failed + max(0, callers.offered - seen),
            prompts_asked=prompts.asked,
            prompts_ready=prompts.ready,
        )


async def _number(connection: AsyncConnection, query: Select[Any]) -> int:
    number: int = (await connection.execute(query)).scalar_one()
    return number


async def _menus_completed(connection: AsyncConnection) -> int:
    """Calls in which a key led on."""
    paths = await connection.execute(select(calls.c.menu_path).where(calls.c.queue.is_not(None)))
    return sum(any(step.get("outcome") == "match" for step in path or []) for (path,) in paths)
