"""What agents plan on the cards of their calls: first on disk, then in the CRM."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.bus import EventBus
from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.events import FollowUpPlanned
from calls.ports import FollowUpTold, PlannedFollowUp
from crm_adapter import outbox
from crm_adapter.call_tables import calls
from crm_adapter.call_tables import outbox as entries
from crm_adapter.tasks import follow_up_key, owed_follow_up
from storage.database import Database

T = TypeVar("T")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DatabaseFollowUps:
    """Implements `calls.ports.FollowUps`. `wake` tells the outbox that something new is owed; it
    is asked once FollowUpPlanned is on the bus, when the agent has seen it planned."""

    def __init__(
        self,
        *,
        database: Database,
        adapter: str = "embedded",
        tenant: str = "default",
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._database = database
        self._adapter = adapter
        self._tenant = tenant
        self._now = now

    def subscribe(self, bus: EventBus, wake: Callable[[], None]) -> None:
        async def planned(event: FollowUpPlanned) -> None:
            wake()

        bus.subscribe("follow-ups", planned, FollowUpPlanned)

    async def plan(self, planned: FollowUpPlanned, *, deadline: Deadline) -> None:
        async def work(connection: AsyncConnection) -> None:
            lead_key = await connection.scalar(
                select(calls.c.lead_key).where(
                    calls.c.system == planned.call_id.system,
                    calls.c.linkedid == planned.call_id.linkedid,
                )
            )
            entry = owed_follow_up(
                planned, tenant=self._tenant, adapter=self._adapter, lead_key=lead_key
            )
            await outbox.enqueue(connection, [entry], at=self._now())

        await self._in_time(deadline, self._database.writer.write(work))

    async def cancel(self, which: PlannedFollowUp, *, deadline: Deadline) -> bool:
        key = self._key(which)
        work = self._database.writer.write(
            lambda link: outbox.take_back_one(link, key, at=self._now())
        )
        return await self._in_time(deadline, work)

    async def told(
        self, which: Sequence[PlannedFollowUp], *, deadline: Deadline
    ) -> Mapping[PlannedFollowUp, FollowUpTold | None]:
        by_key = {self._key(one): one for one in which}

        async def work() -> dict[PlannedFollowUp, FollowUpTold | None]:
            asked = select(entries.c.key, entries.c.state, entries.c.result).where(
                entries.c.key.in_(by_key), entries.c.state.in_(("done", "dead"))
            )
            async with self._database.read() as connection:
                rows = (await connection.execute(asked)).all()
            return {
                by_key[row.key]: None
                if row.state == "done" and row.result is None
                else FollowUpTold(row.result if row.state == "done" else None)
                for row in rows
            }

        return await self._in_time(deadline, work())

    def _key(self, which: PlannedFollowUp) -> str:
        return follow_up_key(which, tenant=self._tenant, adapter=self._adapter)

    async def _in_time(self, deadline: Deadline, work: Awaitable[T]) -> T:
        try:
            return await deadline.bound("the book of follow-ups", work)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the follow-ups cannot be written") from error
