"""Calls through the whole house on a real Asterisk: looked up, a menu, a key, a queue, an agent
who answers, a record in the CRM and a pop that the agent's desktop acknowledges.

Ours beside Asterisk's own processor time in the same run. Callers and phones send no audio, so that
Asterisk has as little to do as it can. Who called whom is read from Asterisk's queue_log.

    python -m benchmarks.calls [--seconds 60] [--rate 20] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from benchmarks.measuring import Metrics, children_cpu_s, cpu_s, machine_busy_s
from crm_adapter.embedded.tables import call_records, contact_numbers
from screenpop.pops.pop_tables import pop_deliveries, pops
from storage.database import Database
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import CallersResult, ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press

#: Presses for a person as soon as the menu is on; VIPs are in the queue by then.
CALLER = CallerShape(presses=(Press(1500, "0"),), audio=False)
PHONE = PhoneShape(ring_ms=200, talk_ms=1000, audio=False)
#: Longest from a call's first packet to its last, when all goes well.
DRAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    seconds: float = 60.0
    rate: float = 20.0
    agents: int = 80

    @property
    def calls(self) -> int:
        return max(1, round(self.seconds * self.rate))


QUICK = Load(seconds=4, rate=5, agents=12)


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor seconds so far, and what the server says of itself."""

    ours: float
    #: By the programs that speak, children of ours.
    speech: float
    asterisk: float
    machine: tuple[float, float]
    metrics: Metrics

    @classmethod
    async def so_far(cls, centre: DemoCentre) -> Spent:
        pid, metrics = centre.server.pid, await Metrics.scrape(centre.server.base_url)
        return cls(
            cpu_s(pid), children_cpu_s(pid), cpu_s(centre.pbx.pid), machine_busy_s(), metrics
        )


async def measure(load: Load, folder: Path) -> dict[str, Any]:
    centre = DemoCentre(
        folder=folder,
        agents=load.agents,
        phone_bank=True,
        phone=PHONE,
    )
    async with centre:
        numbers = await contact_phones(centre.storage_url)
        script = [
            ScriptedCall(number=number, dialled=cast.SHOP, shape=CALLER)
            for number in itertools.islice(itertools.cycle(numbers), load.calls)
        ]
        before = await Spent.so_far(centre)
        began = time.monotonic()
        at_work = centre.callers.start(script, rate_per_s=load.rate)
        callers = await at_work.wait(deadline_s=load.seconds + DRAIN_S)
        after = await Spent.so_far(centre)
        took_s = time.monotonic() - began
        await settle(centre)
        rung = _rung(centre)
        worst_lag_s = after.metrics.values["switchboard_loop_lag_worst_seconds"]
    # The server has stopped: everything it owed is written.
    return {
        "benchmark": "calls",
        **asdict(load),
        "took_s": round(took_s, 1),
        **await _kept(centre.storage_url, callers, rung),
        **_costs(before, after, callers.offered),
        "loop_lag_worst_ms": round(worst_lag_s * 1000, 1),
    }


async def contact_phones(url: str) -> list[str]:
    async with Database(url) as database, database.read() as connection:
        query = select(contact_numbers.c.e164).order_by(contact_numbers.c.contact_id)
        return list(await connection.scalars(query))


async def settle(centre: DemoCentre, limit_s: float = 20.0) -> None:
    """Asterisk's last words reach the server, and the last pops are acknowledged."""
    async with asyncio.timeout(limit_s):
        while not (await centre.pbx.rx("core show channels count")).startswith("0 active"):
            await asyncio.sleep(0.2)
    await asyncio.sleep(1.0)


def _rung(centre: DemoCentre) -> set[tuple[str, str]]:
    """(call, agent) of every phone that Asterisk rang to an end, by its own queue_log."""
    login_of = {agent.name: agent.login for agent in centre.agents}
    return {
        (row[1], login_of[row[3]])
        for row in centre.pbx.queue_log()
        if row[4] in ("CONNECT", "RINGNOANSWER")
    }


async def _kept(
    url: str, callers: CallersResult, rung: set[tuple[str, str]]
) -> dict[str, int | str]:
    """What is in the database, against what sipp offered and what Asterisk rang."""
    acknowledged = select(pops.c.call_id, pops.c.agent).join(
        pop_deliveries, pop_deliveries.c.pop_id == pops.c.pop_id
    )
    acknowledged = acknowledged.where(
        pop_deliveries.c.kind == "pop.offer", pop_deliveries.c.acked_at.is_not(None)
    )
    async with Database(url) as database, database.read() as connection:
        records = list(await connection.execute(select(call_records)))
        shown = {
            (row.call_id.partition("/")[2], row.agent)
            for row in await connection.execute(acknowledged)
        }
    distinct = {row.linkedid for row in records}
    return {
        "calls_offered": callers.offered,
        "calls_failed": callers.failed,
        "calls_identified": sum(row.identity in ("unique", "multiple") for row in records),
        "keys_pressed": sum(bool(row.menu_path) for row in records),
        "calls_by_fallback": sum(row.fallback for row in records),
        "records_missing": callers.offered - len(distinct),
        "records_doubled": len(records) - len(distinct),
        "phones_rung": len(rung),
        "pops_missing": len(rung - shown),
        "sipp_errors": callers.errors[:500],
    }


def _costs(before: Spent, after: Spent, calls: int) -> dict[str, float]:
    ours = (after.ours - before.ours) / max(1, calls) * 1000
    speech = (after.speech - before.speech) / max(1, calls) * 1000
    asterisk = (after.asterisk - before.asterisk) / max(1, calls) * 1000
    busy, had = (now - then for now, then in zip(after.machine, before.machine, strict=True))

    def prompt_ms(which: str, share: float) -> float:
        seconds = after.metrics.quantile(which, share, since=before.metrics)
        return round(seconds * 1000, 1)

    whole, less = "switchboard_first_prompt_seconds", "switchboard_first_prompt_less_answer_seconds"
    return {
        "ours_cpu_ms_per_call": round(ours, 2),
        "speech_programs_cpu_ms_per_call": round(speech, 2),
        "asterisk_cpu_ms_per_call": round(asterisk, 2),
        "ratio": round(ours / asterisk, 2) if asterisk else 0.0,
        "machine_busy": round(busy / had, 2),
        "first_prompt_ms_p50": prompt_ms(whole, 0.5),
        "first_prompt_ms_p99": prompt_ms(whole, 0.99),
        "first_prompt_less_answer_ms_p50": prompt_ms(less, 0.5),
        "first_prompt_less_answer_ms_p99": prompt_ms(less, 0.99),
    }


def run(*, quick: bool, load: Load | None = None) -> dict[str, Any]:
    load = load or (QUICK if quick else Load())
    with TemporaryDirectory(prefix="swb-bench-") as folder:
        return asyncio.run(measure(load, Path(folder)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rate", type=float, help="calls a second")
    parser.add_argument("--agents", type=int)
    parser.add_argument("--quick", action="store_true", help="seconds; only shows that it works")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    load = QUICK if options.quick else Load()
    told = {n: v for n in ("seconds", "rate", "agents") if (v := getattr(options, n)) is not None}
    result = run(quick=options.quick, load=replace(load, **told))
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:34} {value:>12}")


if __name__ == "__main__":
    main()
