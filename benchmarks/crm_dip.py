"""Whole look-ups through real CRMs: find a number and fetch the contact with its purchases, as a
ringing phone does it, from the embedded CRM (PostgreSQL), a real Tryton 8.2 and a real Odoo 19; one
after the other, and many at once. And the seconds from a stranger's hang-up to the lead in Tryton
and on its owner's desktop.

    python -m benchmarks.crm_dip [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
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
from tests.crm_worlds import embedded_world, odoo_world, tryton_world
from tests.crm_worlds.world import CrmWorld, WorldKind
from tests.fakes.call_stories import Story, a_call
from tests.fakes.desk_server import ANNA, add_agents, desk_server
from tests.integration.crm_adapter.test_leads import with_policy
from tests.private_servers import private_postgres
from tests.servers.odoo.program import OdooMissing
from tests.servers.odoo.server import running_odoo
from tests.servers.tryton.server import running_tryton

CONTACTS = 20
AIM_P95_MS = 300.0
AIM_LEAD_S = 5.0


def number_of(contact: int) -> str:
    return f"+4420794600{contact:02}"


async def _dips(crm: CrmAdapter, asked: int, at_once: int) -> dict[str, float]:
    async def one(number: str) -> float:
        began = time.perf_counter()
        deadline = Deadline.after(30)
        [hit] = await crm.find_by_phone(number, limit=5, deadline=deadline)
        contact = await crm.get(hit.candidate.ref, deadline=deadline)
        assert contact.purchases
        return (time.perf_counter() - began) * 1000

    numbers = [number_of(count % CONTACTS) for count in range(asked)]
    for number in numbers[:CONTACTS]:
        await one(number)
    alone = [await one(number) for number in numbers]
    together = await asyncio.gather(*(one(number) for number in numbers[:at_once]))
    return {
        "p50_ms": round(quantile(alone, 0.5), 1),
        "p95_ms": round(quantile(alone, 0.95), 1),
        "together": at_once,
        "together_p95_ms": round(quantile(together, 0.95), 1),
    }


async def _filled(world: CrmWorld) -> None:
    for contact in range(CONTACTS):
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
    kind: WorldKind, part: Any, *, asked: int, at_once: int, leads: int
) -> tuple[str, dict[str, float], dict[str, float]]:
    """The CRM's version, its look-ups, and the seconds of `leads` leads."""
    async with kind.opened(part) as world:
        await _filled(world)
        version = await world.server_version()
        dips = await _dips(world.crm, asked, at_once)
        with TemporaryDirectory() as folder:
            seconds = await _lead_seconds(world, folder, leads) if leads else {}
    return version, dips, seconds


async def _own_database(cluster: str) -> str:
    link = await asyncpg.connect(f"{cluster}/postgres")
    await link.execute("CREATE DATABASE dips")
    await link.close()
    async with Database(f"{cluster}/dips") as own:
        await migrate.upgrade(own)
    return f"{cluster}/dips"


def measure(asked: int, at_once: int, calls: int) -> dict[str, Any]:
    """The servers are started between loops: each has one of its own."""
    crms: dict[str, Any] = {}
    lead: dict[str, float] = {}
    with ExitStack() as servers:
        cluster = servers.enter_context(private_postgres())
        starts: tuple[tuple[WorldKind, Callable[[], Any]], ...] = (
            (embedded_world.WORLDS[1], lambda: asyncio.run(_own_database(cluster))),
            (tryton_world.WORLDS[0], lambda: servers.enter_context(running_tryton())),
            (odoo_world.WORLDS[0], lambda: servers.enter_context(running_odoo(cluster))),
        )
        for kind, start in starts:
            try:
                part = start()
            except OdooMissing as error:
                print(f"      left out: {error}", file=sys.stderr)
                continue
            leads = calls if kind.name == "tryton" else 0
            version, crms_row, seconds = asyncio.run(
                _measured(kind, part, asked=asked, at_once=at_once, leads=leads)
            )
            crms[version] = crms_row
            lead = lead or seconds
            print(f"      {version}", file=sys.stderr, flush=True)
    return {
        "benchmark": "crm_dip",
        "asked": asked,
        "aim_p95_ms": AIM_P95_MS,
        "aim_lead_s": AIM_LEAD_S,
        "crms": crms,
        "lead": lead,
    }


def run(*, quick: bool = False) -> dict[str, Any]:
    return measure(20, 5, 3) if quick else measure(200, 50, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(json.dumps(run(quick=options.quick), indent=1))


if __name__ == "__main__":
    main()
