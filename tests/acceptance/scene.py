"""Agents, somebody who moves their calls, and what comes of it in the CRM."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from calls import events
from crm_adapter.call_tables import outbox
from crm_adapter.embedded.tables import call_records
from crm_adapter.records import Records
from storage.database import Database
from switchboard.demo.sip_callers import CallersAtWork
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance.queue_house import House
from tests.acceptance.transfer_house import Operator, TransferHouse
from tests.acceptance.waiting import until

AGENTS = {"anna": "PJSIP/agent1", "ben": "PJSIP/agent2", "chen": "PJSIP/agent3"}


@dataclass
class Scene:
    """One caller, the agents, and somebody who moves the call."""

    house: House
    hall: TransferHouse
    operator: Operator
    records: Records
    database: Database
    folder: Path
    playing: list[CallersAtWork] = field(default_factory=list)

    def phones(self, **shapes: PhoneShape) -> SipPhones:
        agents = (*self.hall.pbx.agents, self.hall.outside)
        return SipPhones(agents=agents, shapes=shapes, folder=self.folder)

    def ring(self) -> None:
        self.playing.append(self.house.ring(CallerShape()))

    def dial(self, agent: str, extension: str, *, talk_ms: int = 600) -> CallersAtWork:
        shape = CallerShape(hang_up_after_ms=talk_ms)
        self.playing.append(self.hall.dial(agent, extension, folder=self.folder, shape=shape))
        return self.playing[-1]

    async def answered(self, count: int = 1) -> None:
        await self.house.some(events.AgentAnswered, count)

    async def ring_until_answered(self) -> None:
        self.ring()
        await self.answered()

    async def transfer(self, extension: str, *, by: str = "agent1") -> None:
        await self.operator.act(
            "BlindTransfer",
            Channel=await self.operator.channel(by),
            Context="from-agents",
            Exten=extension,
        )

    async def hang_up(self, endpoint: str) -> None:
        await self.operator.act("Hangup", Channel=await self.operator.channel(endpoint))

    async def record(self) -> Row[Any]:
        """The call's one record in the CRM, once it is over and all is delivered."""

        async def finished() -> Row[Any] | None:
            async with self.database.read() as connection:
                rows = (await connection.execute(select(call_records))).all()
                states = (await connection.scalars(select(outbox.c.state))).all()
            assert len(rows) <= 1
            over = rows and rows[0].ended_at is not None and set(states) == {"done"}
            return rows[0] if over else None

        record = await until(finished, "the finished record")
        assert record is not None
        return record
