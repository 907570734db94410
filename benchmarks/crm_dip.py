"""Whole look-ups through every adapter that is proven on a real server here: find a number and
fetch the contact with its purchases, as a ringing phone does it, from our own tables on SQLite and
PostgreSQL, a real Tryton and a real Odoo, by their adapters and by YAML alone; one after the other,
and many at once. And the seconds from a stranger's hang-up to the lead in Tryton and on its owner's
desktop.

    python -m benchmarks.crm_dip [--quick] [--only WORLD ...]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from benchmarks.measuring import quantile
from calls.call import CallOutcome
from calls.caller import IdentityOutcome
from calls.deadlines import Deadline
from calls.events import CallEnded
from calls.follow_up import LeadPolicy
from crm_adapter.adapter import CrmAdapter
from crm_adapter.records import Records
from storage import migrate
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from switchboard.demo.private_servers import private_postgres
from tests.crm_worlds.found import all_worlds
from tests.crm_worlds.world import CrmWorld, WorldKind
from tests.fakes.call_stories import Story, a_call
from tests.fakes.desk_server import ANNA, add_agents, desk_server
from tests.integration.crm_adapter.test_leads import with_policy
from tests.servers.odoo.program import OdooMissing
from tests.servers.odoo.server import running_odoo
from tests.servers.tryton.server import running_tryton

PROVEN_BY = "real server"
LEADS_IN = "tryton"
AIM_P95_MS = 300.0
AIM_LEAD_S = 5.0


def number_of(contact: int) -> str:
    return f"+4420794600{contact:02}"


@dataclass(frozen=True, slots=True)
class Size:
    contacts: int
    asked: int
    at_once: int
    leads: int


WHOLE, QUICK = Size(20, 200, 50, 20), Size(4, 20, 5, 3)


async def _dips(crm: CrmAdapter, size: Size) -> dict[str, float]:
    async def one(number: str) -> float:
        began = time.perf_counter()
        deadline = Deadline.after(60)
        [hit] = await crm.find_by_phone(number, limit=5, deadline=deadline)
        contact = await crm.get(hit.candidate.ref, deadline=deadline)
        assert contact.purchases
        return (time.perf_counter() - began) * 1000

    numbers = [number_of(count % size.contacts) for count in range(size.asked)]
    for number in numbers[: size.contacts]:
        await one(number)
    alone = [await one(number) for number in numbers]
    together = await asyncio.gather(*(one(number) for number in numbers[: size.at_once]))
    return {
        "p50_ms": round(quantile(alone, 0.5), 1),
        "p95_ms": round(quantile(alone, 0.95), 1),
        "together": size.at_once,
        "together_p95_ms": round(quantile(together, 0.95), 1),
    }


async def _filled(world: CrmWorld, contacts: int) -> None:
    for contact in range(contacts):
        ref = await world.add_contact(number_of(contact), last_name=f"Caller {contact}")
        for day in range(3):
            at = datetime(2026, 3, 1 + day, 9, tzinfo=UTC)
            await world.add_purchase(ref, product=f"P{day}", at=at, amount=Decimal("20.50"))


async def _lead_seconds(world: CrmWorld, folder: str, calls: int) -> dict[str, float]:
    """From the hang-up to the owner's websocket; the CRM has the lead by then."""
    policy = LeadPolicy("on_abandon", "campaign", owner=("agent:anna",))
    seconds = []
    async with Database(f"sqlite:///{Path(folder) / 'leads.db'}") as database:
        await migrate.upgrade(database)
        await add_agents(database)
        async with desk_server(database) as server:
            records = Records(
                database=database,
                bus=server.bus,
                crm=world.crm,
                adapter=world.crm.name,
                roster=server.desk.agents,
                agents=server.desk.agents,
            )
            async with records, server.client(ANNA) as anna:
                for count in range(calls):
                    story = Story(a_call(str(count), number=f"+120255501{count:02}"))
                    story.at = datetime.now(UTC) - timedelta(seconds=30)
                    known = story.is_(IdentityOutcome.NONE)
                    await server.publish(
                        story.arrives(), known, with_policy(story, policy), story.queued()
                    )
                    hung_up = time.monotonic()
                    server.bus.publish(
                        CallEnded(story.call.id, datetime.now(UTC), CallOutcome.ABANDONED_IN_QUEUE)
                    )
                    await anna.wait_for(lambda known=count: _leads(anna) > known)
                    seconds.append(time.monotonic() - hung_up)
    there = {lead.number for lead in await world.leads()}
    assert len(there) == calls, there
    return {"median_s": round(quantile(seconds, 0.5), 2), "worst_s": round(max(seconds), 2)}


def _leads(desktop: DesktopClient) -> int:
    return sum(frame["kind"] == "lead.new" for frame in desktop.frames)


async def _measured(
    kind: WorldKind, parts: Sequence[Any], size: Size
) -> tuple[dict[str, Any], dict[str, float]]:
    """The CRM's version with its look-ups, and the seconds of leads where they are wanted."""
    async with kind.opened(*parts) as world:
        await _filled(world, size.contacts)
        row = {"version": await world.server_version()} | await _dips(world.crm, size)
        with TemporaryDirectory() as folder:
            leads = size.leads if kind.name == LEADS_IN else 0
            return row, await _lead_seconds(world, folder, leads) if leads else {}


async def _migrated(url: str) -> str:
    async with Database(url) as own:
        await migrate.upgrade(own)
    return url


async def _own_database(cluster: str, name: str) -> str:
    link = await asyncpg.connect(f"{cluster}/postgres")
    await link.execute(f"CREATE DATABASE {name}")
    await link.close()
    return await _migrated(f"{cluster}/{name}")


class Parts:
    """What worlds need, by the names of the tests' fixtures. Servers are started when first asked
    for, between loops: each has one of its own."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._cluster = stack.enter_context(private_postgres())
        self._servers: dict[str, Any] = {}
        self._databases = 0

    def of(self, kind: WorldKind) -> list[Any]:
        """Raises OdooMissing."""
        folder = Path(self._stack.enter_context(TemporaryDirectory()))
        fresh: dict[str, Callable[[], Any]] = {
            "tmp_path": lambda: folder,
            "sqlite_url": lambda: asyncio.run(_migrated(f"sqlite:///{folder}/switchboard.db")),
            "postgres_url": self._postgres_url,
            "tryton_server": lambda: self._server("tryton", running_tryton),
            "odoo_server": lambda: self._server("odoo", lambda: running_odoo(self._cluster)),
        }
        return [fresh[name]() for name in kind.needs]

    def _postgres_url(self) -> str:
        self._databases += 1
        return asyncio.run(_own_database(self._cluster, f"dips_{self._databases}"))

    def _server(self, name: str, start: Callable[[], AbstractContextManager[Any]]) -> Any:
        if name not in self._servers:
            self._servers[name] = self._stack.enter_context(start())
        return self._servers[name]


def real_worlds() -> dict[str, WorldKind]:
    return {kind.name: kind for kind in all_worlds() if kind.proven_by == PROVEN_BY}


def measure(kinds: Sequence[WorldKind], size: Size) -> dict[str, Any]:
    crms: dict[str, Any] = {}
    lead: dict[str, float] = {}
    with ExitStack() as stack:
        parts = Parts(stack)
        for kind in kinds:
            try:
                given = parts.of(kind)
            except OdooMissing as error:
                print(f"      {kind.name} is left out: {error}", file=sys.stderr)
                continue
            crms[kind.name], seconds = asyncio.run(_measured(kind, given, size))
            lead = lead or seconds
            print(f"      {kind.name}", file=sys.stderr, flush=True)
    return {
        "benchmark": "crm_dip",
        "asked": size.asked,
        "aim_p95_ms": AIM_P95_MS,
        "aim_lead_s": AIM_LEAD_S,
        "crms": crms,
        "lead": lead,
    }


def run(*, quick: bool = False) -> dict[str, Any]:
    return measure(tuple(real_worlds().values()), QUICK if quick else WHOLE)


def main() -> None:
    worlds = real_worlds()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=tuple(worlds), default=tuple(worlds))
    options = parser.parse_args()
    kinds = [worlds[name] for name in options.only]
    print(json.dumps(measure(kinds, QUICK if options.quick else WHOLE), indent=1))


if __name__ == "__main__":
    main()
