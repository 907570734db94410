"""How fast is the CRM told what it missed? A day without it, compressed by the clock; then 10,000
writes over 4,000 leads, calls and tasks, delivered to the embedded CRM at the pace that the server
has: on SQLite, and on a PostgreSQL that does not wait for its disk (fsync off).

    python -m benchmarks.outbox [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
from sqlalchemy import func, select

from calls.call import CallId, CallOutcome
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter import outbox
from crm_adapter.adapter import Unavailable
from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.crm_delivery import CrmDelivery
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.outbox_worker import OutboxWorker
from crm_adapter.payloads import lead_to_json, record_to_json, task_to_json
from storage import migrate
from storage.database import Database
from switchboard.demo.private_servers import private_postgres

#: Of ten writes six are about calls (four each), three about leads (two each), one is a task.
ENTRIES, QUICK_ENTRIES = 10_000, 400
OUTAGE_H = 24
AIM_S = 600.0
_CALL_REVISIONS = 4
_SEED = 5
_ARRIVED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class SwitchedCrm(EmbeddedCrm):
    """Away as long as nobody says otherwise; `order` is what it was told, in order."""

    away = True

    def __init__(self, *, database: Database) -> None:
        super().__init__(database=database)
        self.order: dict[str, list[int]] = {}

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        self._refuse_or_not()
        return await super().create_lead(lead, idem)

    async def log_call(self, record: CallRecord, idem: str) -> str:
        self._refuse_or_not()
        kept = await super().log_call(record, idem)
        self.order.setdefault(str(record.call_id), []).append(record.revision)
        return kept

    async def create_task(self, task: NewTask, idem: str) -> str:
        self._refuse_or_not()
        return await super().create_task(task, idem)

    def _refuse_or_not(self) -> None:
        if self.away:
            raise Unavailable("switched off")


def _number(caller: int) -> str:
    return f"+1202{5_550_000 + caller}"


def _entries(count: int) -> Iterator[outbox.NewEntry]:
    """In the order in which a day would bring them: a lead, the answered call, its end."""
    leads, calls, tasks = count * 3 // 20, count * 3 // 20, count // 10
    for one in range(leads):
        call_id = CallId("pbx", str(one))
        lead = NewLead(_number(one), call_id, "+18005550100", None, _ARRIVED)
        key = f"lead-{one}"
        yield outbox.NewEntry(key, outbox.CREATE_LEAD, f"lead/{key}", lead_to_json(lead))
    for revision in range(1, _CALL_REVISIONS + 1):
        for one in range(calls):
            record = _record(CallId("pbx", str(one)), _number(one), revision)
            yield outbox.NewEntry(
                f"call-{one}-{revision}",
                outbox.LOG_CALL,
                outbox.call_entity(record.call_id),
                record_to_json(record),
                f"lead-{one}",
            )
    for one in range(leads):
        key = f"lead-{one}"
        yield outbox.follow_up_entry(outbox.CONFIRM_LEAD, f"lead/{key}", key, {"agent": "anna"})
    for one in range(tasks):
        task = NewTask("missed", CallId("pbx", str(one)), _ARRIVED, _number(one), None, None)
        key = f"task-{one}"
        yield outbox.NewEntry(key, outbox.CREATE_TASK, f"task/{key}", task_to_json(task))


def _record(call_id: CallId, number: str, revision: int) -> CallRecord:
    return CallRecord(
        call_id=call_id,
        arrived_at=_ARRIVED,
        number=number,
        dialled="+18005550100",
        contact=None,
        identity_outcome="none",
        outcome=CallOutcome.ANSWERED,
        ended_at=_ARRIVED + timedelta(minutes=3),
        revision=revision,
    )


async def measure(url: str, count: int) -> dict[str, Any]:
    outage = timedelta()
    async with Database(url) as database:
        await migrate.upgrade(database)
        crm = SwitchedCrm(database=database)
        worker = OutboxWorker(
            database=database,
            delivery=CrmDelivery(database=database, crm=crm, publish=lambda event: None),
            now=lambda: datetime.now(UTC) + outage,
            jitter=random.Random(_SEED),
        )
        owed = list(_entries(count))
        for start in range(0, len(owed), 500):
            some = owed[start : start + 500]
            at = datetime.now(UTC)
            await database.writer.write(
                lambda link, some=some, at=at: outbox.enqueue(link, some, at=at)
            )
        for _ in range(OUTAGE_H * 12):
            outage += timedelta(minutes=5)
            await worker.deliver_due()
        crm.away = False
        outage += timedelta(minutes=10)
        began = time.monotonic()
        await worker.start()
        while await _is_owed(database):
            await asyncio.sleep(0.05)
        seconds = time.monotonic() - began
        await worker.stop()
        await _check(database, crm, count)
        await crm.close()
    return {
        "entries": len(owed),
        "entities": len({entry.entity for entry in owed}),
        "seconds": round(seconds, 1),
        "entries_per_s": round(len(owed) / seconds),
    }


async def _is_owed(database: Database) -> bool:
    unsettled = outbox_table.c.state.in_(("pending", "claimed"))
    async with database.read() as connection:
        owed = await connection.scalar(select(outbox_table.c.seq).where(unsettled).limit(1))
        return owed is not None


async def _check(database: Database, crm: SwitchedCrm, count: int) -> None:
    """Raises AssertionError where anything is missing, doubled or out of order."""
    async with database.read() as connection:
        states = Counter(await connection.scalars(select(outbox_table.c.state)))
        kept = {
            table.name: await connection.scalar(select(func.count()).select_from(table))
            for table in (tables.leads, tables.call_records, tables.tasks)
        }
        unconfirmed = select(func.count()).where(tables.leads.c.unverified)
        assert await connection.scalar(unconfirmed) == 0
    assert states == {"done": count}, states
    in_order = list(range(1, _CALL_REVISIONS + 1))
    assert [order for order in crm.order.values() if order != in_order] == []
    assert sorted(kept.values()) == sorted((count * 3 // 20, count * 3 // 20, count // 10)), kept


async def _both(count: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        sqlite = await measure(f"sqlite:///{folder}/outbox.db", count)
    with private_postgres() as server:
        link = await asyncpg.connect(f"{server}/postgres")
        await link.execute("CREATE DATABASE outbox")
        await link.close()
        postgres = await measure(f"{server}/outbox", count)
    return {
        "benchmark": "outbox",
        "outage_h": OUTAGE_H,
        "aim_s": AIM_S,
        "databases": {"SQLite": sqlite, "PostgreSQL": postgres},
    }


def run(*, quick: bool = False) -> dict[str, Any]:
    return asyncio.run(_both(QUICK_ENTRIES if quick else ENTRIES))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = run(quick=options.quick)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, row in result["databases"].items():
        print(f"{name:>12} {row}")


if __name__ == "__main__":
    main()
