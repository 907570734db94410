"""Calls that keep coming, on a real Asterisk with everything on: a CRM over HTTP that takes its
time, menus, speech, queues, agents' phones and desktops. At the end five books are compared.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.calls import settle
from benchmarks.gates import books, goals, numbers
from benchmarks.gates.databases import empty
from benchmarks.gates.service import AS_A_SERVICE
from benchmarks.gates.slow_crm import SlowCrmProcess, slow_crm
from benchmarks.gates.watching import Spent, Watch
from benchmarks.row import Result
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import CallersAtWork, CallersResult
from switchboard.demo.sip_scenarios import PhoneShape
from tests.acceptance.ledger import Ledger
from tests.acceptance.waiting import until

PHONE = PhoneShape(ring_ms=200, talk_ms=1000, audio=False)
#: One sipp after the other, so that a run that is broken off ends soon and with whole calls.
SLICE_S = 15.0
#: Longest from a call's first packet to its last.
DRAIN_S = 60.0
#: Until the CRM has what it is owed after the last call.
DELIVERED_S = 120.0


@dataclass(frozen=True, slots=True)
class Load:
    minutes: float = goals.MINUTES
    rate: float = goals.RATE
    agents: int = goals.AGENTS


@dataclass(slots=True)
class Calling:
    """The slices of one run."""

    centre: DemoCentre
    rate: float
    offered: Counter[str] = field(default_factory=Counter)
    results: list[CallersResult] = field(default_factory=list)
    _draining: set[asyncio.Task[None]] = field(default_factory=set)
    _first: int = 0

    def begin_slice(self, seconds: float) -> None:
        count = max(1, round(seconds * self.rate))
        calls = list(numbers.script(self._first, count))
        self._first += count
        self.offered.update(call.number for call in calls)
        at_work = self.centre.callers.start(calls, rate_per_s=self.rate)
        task = asyncio.create_task(self._over(at_work, seconds), name="gates:slice")
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def _over(self, at_work: CallersAtWork, seconds: float) -> None:
        self.results.append(await at_work.wait(deadline_s=seconds + DRAIN_S))

    async def drain(self) -> None:
        await asyncio.gather(*self._draining)

    @property
    def failed(self) -> int:
        """Of the slices that are over."""
        return sum(result.offered - result.successful for result in self.results)


async def measure(kind: str, load: Load, enough: Callable[[], bool], folder: Path) -> Result:
    """`enough`: no more calls begin; what was measured counts."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(empty(kind, folder))
        crm = await stack.enter_async_context(slow_crm())
        centre = DemoCentre(
            folder=folder,
            storage_url=url,
            agents=load.agents,
            phone_bank=True,
            phone=PHONE,
            under=AS_A_SERVICE,
            overrides=crm.settings,
        )
        async with centre:
            return await _measured(centre, crm, load, enough)


async def _measured(
    centre: DemoCentre, crm: SlowCrmProcess, load: Load, enough: Callable[[], bool]
) -> Result:
    watch, calling = Watch(centre), Calling(centre, load.rate)
    await watch.look()
    before = Spent.so_far(centre)
    watching = asyncio.create_task(watch.run(), name="gates:watch")
    began = time.monotonic()
    slices = max(1, math.ceil(load.minutes * 60 / SLICE_S))
    whole_s = load.minutes * 60 / slices
    for number in range(slices):
        await asyncio.sleep(max(0.0, began + number * whole_s - time.monotonic()))
        if enough():
            break
        calling.begin_slice(whole_s)
        if number % 4 == 0:
            _tell(number * whole_s, calling, watch)
    await calling.drain()
    spent = Spent.so_far(centre)
    await settled(centre)
    watching.cancel()
    await watch.look()
    async with Ledger(centre.storage_url) as ledger:
        await delivered(ledger)
    kept = await books.compared(
        centre.storage_url,
        offered=calling.offered,
        failed=calling.failed,
        asterisk=books.asterisks(centre),
        crm=await crm.told(),
    )
    if kept.lost.total:
        print(f"      {kept.lost.words()}", file=sys.stderr)
        print(
            "\n".join(r.errors[:300] for r in calling.results if r.errors)[:2000], file=sys.stderr
        )
    return {
        "rate": load.rate,
        "agents": load.agents,
        "minutes": round(calling.offered.total() / load.rate / 60, 2),
        "planned_minutes": load.minutes,
        "calls": calling.offered.total(),
        "lost": asdict(kept.lost),
        **_figures(kept, watch),
        **_costs(before, spent, calling.offered.total()),
    }


def _tell(at_s: float, calling: Calling, watch: Watch) -> None:
    done = sum(result.offered for result in calling.results)
    print(
        f"      {at_s / 60:.0f} min: {calling.offered.total()} calls begun, {done} over, "
        f"{calling.failed} failed; {watch.last.words()}",
        file=sys.stderr,
        flush=True,
    )


async def settled(centre: DemoCentre) -> None:
    """Or not: the books say what is open."""
    try:
        await settle(centre, limit_s=60)
    except TimeoutError:
        print("      Asterisk still has channels", file=sys.stderr)


async def delivered(ledger: Ledger) -> None:
    """Or not: the books say what is missing."""

    async def are_done() -> bool:
        return await ledger.open_or_owed() == (0, 0)

    try:
        await until(are_done, "all calls closed and delivered", deadline_s=DELIVERED_S)
    except AssertionError as error:
        print(f"      {error}", file=sys.stderr)


def _figures(kept: books.Books, watch: Watch) -> dict[str, Any]:
    first, last = watch.looks[0].metrics, watch.last.metrics

    def ms(which: str, share: float) -> float:
        return round(last.quantile(f"switchboard_{which}_seconds", share, since=first) * 1000, 1)

    p99, worst = watch.lag_ms()
    growth = watch.mib_per_hour()
    return {
        "phones_rung": kept.phones_rung,
        "leads": kept.leads,
        "first_command_ms_p99": ms("first_command", 0.99),
        "added_ms_p95": ms("first_prompt_less_answer", 0.95),
        "added_ms_p99": ms("first_prompt_less_answer", 0.99),
        "first_prompt_ms_p99": ms("first_prompt", 0.99),
        "pop_ms_p95": round(kept.pop_p95_ms, 1),
        "pop_ms_p99": round(kept.pop_p99_ms, 1),
        "lag_ms_p99": round(p99, 1),
        "lag_ms_worst": round(worst, 1),
        "crm_lag_s_p95": round(kept.write_lag_p95_s, 2),
        "crm_lag_s_worst": round(kept.write_lag_worst_s, 2),
        "mib": round(watch.last.mib),
        "mib_per_hour": None if growth is None else round(growth, 2),
        "files": [watch.looks[0].files, watch.last.files],
        "tasks": [watch.looks[0].tasks, watch.last.tasks],
    }


def _costs(before: Spent, after: Spent, calls: int) -> dict[str, float]:
    def ms(seconds: float) -> float:
        return round(seconds / max(1, calls) * 1000, 2)

    return {
        "ours_cpu_ms": ms(after.ours - before.ours),
        "speech_cpu_ms": ms(after.speech - before.speech),
        "asterisk_cpu_ms": ms(after.asterisk - before.asterisk),
        "machine_busy": round(after.busy_since(before), 2),
    }
