"""Hundreds of calls at once, each with an agent, their desktops connected; then the server is
killed, and its next life is to know all of them again.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import pops
from benchmarks.gates import books, goals, numbers
from benchmarks.gates.arrivals import delivered, settled
from benchmarks.gates.databases import empty
from benchmarks.gates.service import AS_A_SERVICE
from benchmarks.gates.slow_crm import SlowCrmProcess, slow_crm
from benchmarks.gates.watching import Spent, Watch
from benchmarks.row import Result
from calls.errors import Unavailable
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.server_process import ServerProcess
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger
from tests.acceptance.waiting import until

#: They talk until the caller hangs up.
PHONE = PhoneShape(ring_ms=250, talk_ms=None, audio=False)
MOST_BACK_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    #: As many agents are there, with phone and desktop.
    calls: int = goals.CALLS
    rate: float = goals.RATE
    #: After the last call has come: to be answered, and known again after the death.
    stay_s: float = 100.0


@dataclass(frozen=True, slots=True)
class Back:
    """Seconds since the server was killed: it serves calls; its live view has every call again;
    every desktop is connected again."""

    serving_s: float
    in_step_s: float
    desktops_s: float


async def measure(kind: str, load: Load, enough: Callable[[], bool], folder: Path) -> Result:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(empty(kind, folder))
        crm = await stack.enter_async_context(slow_crm())
        centre = DemoCentre(
            folder=folder,
            storage_url=url,
            agents=load.calls,
            phone_bank=True,
            phone=PHONE,
            desktops=False,
            watchdog=True,
            rtp_timeout_s=3600,
            under=AS_A_SERVICE,
            overrides=crm.settings,
        )
        print(f"      {load.calls} agents are made", file=sys.stderr, flush=True)
        async with centre:
            print(f"      {load.calls} desktops log in", file=sys.stderr, flush=True)
            await pops.open_desktops(centre, [agent.login for agent in centre.agents])
            return await _measured(centre, crm, load, enough)


async def _measured(
    centre: DemoCentre, crm: SlowCrmProcess, load: Load, enough: Callable[[], bool]
) -> Result:
    server, ramp_s = centre.server, load.calls / load.rate
    stay_ms = round((ramp_s + load.stay_s) * 1000)
    shape = CallerShape(
        presses=(Press(1500, "0"), Press(2500, "0")), hang_up_after_ms=stay_ms, audio=False
    )
    calls = [
        ScriptedCall(numbers.caller(2 * number), cast.SHOP, shape=shape)
        for number in range(load.calls)
    ]
    watch, before = Watch(centre), Spent.so_far(centre)

    async def all_live() -> bool:
        answered = sum(row[4] == "CONNECT" for row in centre.pbx.queue_log())
        return answered == load.calls and (await server.metrics())["calls_live"] == load.calls

    at_work = centre.callers.start(calls, rate_per_s=load.rate)
    try:
        await until(all_live, "every call with an agent", deadline_s=ramp_s + 60, every_s=0.5)
    except AssertionError as error:
        print(f"      {error}", file=sys.stderr)
    await watch.look()
    _, ramp_lag_worst = watch.lag_ms()
    at_once = int(watch.last.metrics.values["switchboard_calls_live"])
    print(f"      {at_once} calls are live; {watch.last.words()}", file=sys.stderr, flush=True)
    spent = Spent.so_far(centre)
    back = None if enough() else await _killed(server, at_once, desktops=load.calls)
    if back is not None:
        print(f"      {back}", file=sys.stderr, flush=True)
    result = await at_work.wait(deadline_s=2 * (ramp_s + load.stay_s))
    await settled(centre)
    async with Ledger(centre.storage_url) as ledger:
        await delivered(ledger)
    kept = await books.compared(
        centre.storage_url,
        offered=Counter(call.number for call in calls),
        failed=result.offered - result.successful,
        asterisk=books.asterisks(centre),
        crm=await crm.told(),
    )
    if kept.lost.total:
        print(f"      {kept.lost.words()}\n{result.errors[:1000]}", file=sys.stderr)
    return {
        "calls": load.calls,
        "at_once": at_once,
        "rate": load.rate,
        "lost": asdict(kept.lost),
        "pop_ms_p95": round(kept.pop_p95_ms, 1),
        "pop_ms_p99": round(kept.pop_p99_ms, 1),
        "lag_ms_worst": round(ramp_lag_worst, 1),
        "mib": round(watch.last.mib),
        "machine_busy": round(spent.busy_since(before), 2),
        "back": None if back is None else asdict(back),
    }


def is_well(ready: Mapping[str, Any], part: str) -> bool:
    """A server that is starting does not know all its parts yet."""
    return bool(ready["parts"].get(part, {"ok": False})["ok"])


async def _killed(server: ServerProcess, calls: int, *, desktops: int) -> Back:
    """With the next server waiting already, as it does 5 s after a start. What does not come back
    has taken `MOST_BACK_S`."""

    async def has_standby() -> bool:
        return server.has_standby

    await until(has_standby, "the next server waits")
    before, began = server.pid, time.monotonic()
    os.kill(before, signal.SIGKILL)
    took: dict[str, float] = {}

    async def all_back() -> bool:
        try:
            if server.pid == before:
                return False
            ready, figures = await server.readyz(), await server.metrics()
        except (Unavailable, aiohttp.ClientError, OSError, ValueError, TimeoutError):
            return False
        in_step = is_well(ready, "ami") and figures.get("calls_live") == calls
        for name, is_so in (
            ("serving_s", ready["ready"] and is_well(ready, "agi")),
            ("in_step_s", in_step),
            ("desktops_s", figures.get("desktops") == desktops),
        ):
            if is_so:
                took.setdefault(name, round(time.monotonic() - began, 2))
        return len(took) == 3

    try:
        await until(all_back, "everything known again", deadline_s=MOST_BACK_S, every_s=0.02)
    except AssertionError as error:
        print(f"      {error}", file=sys.stderr)
    return Back(**(dict.fromkeys(("serving_s", "in_step_s", "desktops_s"), MOST_BACK_S) | took))
