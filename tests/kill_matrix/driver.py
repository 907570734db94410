"""The process that is killed: journal, recorder, outbox and CRM as `switchboard run` has them.

    python -m tests.kill_matrix.driver DATABASE_URL ASTERISK_FILE LIFE [SETTINGS]

SETTINGS are JSON, of a CRM other than our own. LIFE counts from 1; each begins an hour after the
one before, so that leases are over. Ends by itself once every call is over and the CRM is owed
nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from calls import crash_points
from calls.bus import EventBus
from calls.events import AgentAnswered, CallArrived, CallEnded, CallEvent, WrapUpDone
from config.settings import CrmSettings, Settings
from crm_adapter.adapter import CrmAdapter
from crm_adapter.adapters.choice import adapter_named
from crm_adapter.call_tables import outbox
from crm_adapter.late_identity import LateIdentifier
from crm_adapter.records import Records
from crm_adapter.remembered_calls import remembered_calls, unknown_calls
from storage.database import Database
from tests.fakes.call_stories import START, Roster
from tests.fakes.in_memory_directory import InMemoryDirectory
from tests.kill_matrix.asterisk import Asterisk
from tests.kill_matrix.stories import CALLS, CONTACTS, FOLLOW_UP, WAVE

SYSTEM = "pbx"
SETTLED_S = 180.0
#: After these the recorder has written before anything else happens.
_PAUSES = (AgentAnswered, CallEnded, WrapUpDone)


class House:
    def __init__(self, *, database: Database, crm: CrmAdapter, asterisk: Asterisk, life: int):
        self.database, self.asterisk = database, asterisk
        self.bus = EventBus()
        self.records = Records(
            database=database,
            bus=self.bus,
            crm=crm,
            roster=Roster(),
            adapter=crm.name,
            now=lambda: datetime.now(UTC) + timedelta(hours=life),
            follow_up_of=lambda dialled: FOLLOW_UP,
        )
        LateIdentifier(
            bus=self.bus, directory=InMemoryDirectory(CONTACTS), settings=CrmSettings()
        ).subscribe()

    async def live(self) -> None:
        async with self.records, self.bus:
            for event in await remembered_calls(self.database, system=SYSTEM):
                self.bus.publish(event)
            for unknown in await unknown_calls(self.database, system=SYSTEM, now=START):
                self.bus.publish(unknown)
            self.asterisk.serve_by_the_dialplan()
            await self._resync()
            names = list(CALLS)
            for first in range(0, len(names), WAVE):
                await self._wave(names[first : first + WAVE])
            await self._settled()

    async def _resync(self) -> None:
        """As `ami_bridge.traced_calls` and `ami_bridge.resync` do it."""
        journal = self.records.journal
        open_before = await journal.open_calls(SYSTEM)
        traces = self.asterisk.traces()
        for trace in traces:
            await journal.open_call(trace.call, fallback=True)
        open_now = await journal.open_calls(SYSTEM)
        for trace in traces:
            if trace.call_id in open_now and trace.call_id not in open_before:
                self.bus.publish(trace)
        for event in self.asterisk.resync(open_now):
            self.bus.publish(event)
        await self._written()

    async def _wave(self, names: list[str]) -> None:
        """Several calls at once, each a step at a time."""
        while True:
            going_on = [
                name for name in names if self.asterisk.told[name] < len(self.asterisk.steps(name))
            ]
            if not going_on:
                return
            steps = [self.asterisk.steps(name)[self.asterisk.told[name]] for name in going_on]
            for name, step in zip(going_on, steps, strict=True):
                self.asterisk.tell(name)
                await self._happens(step)
            if any(isinstance(step, _PAUSES) for step in steps):
                await self._written()

    async def _happens(self, step: CallEvent) -> None:
        if isinstance(step, CallArrived):
            await self.records.journal.open_call(step.call, fallback=step.fallback)
        self.bus.publish(step)

    async def _written(self) -> None:
        await self.bus.drain()
        await self.records.settled()

    async def _settled(self) -> None:
        owed = select(outbox.c.seq).where(outbox.c.state.in_(("pending", "claimed"))).limit(1)
        async with asyncio.timeout(SETTLED_S):
            while True:
                async with self.database.read() as connection:
                    if await connection.scalar(owed) is None:
                        return
                await asyncio.sleep(0.02)


def _crm(database: Database, settings: str | None) -> CrmAdapter:
    given = Settings.model_validate(json.loads(settings or "{}"))
    return adapter_named(given.crm.adapter, settings=given, database=database)


async def main(database_url: str, file: str, life: str, settings: str | None = None) -> None:
    crash_points.check()
    asterisk = Asterisk(Path(file))
    async with Database(database_url) as database:
        crm = _crm(database, settings)
        await crm.open()
        await House(database=database, crm=crm, asterisk=asterisk, life=int(life)).live()
        await crm.close()
    asterisk.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
