"""More AMI events than anybody wants to know: for minutes, and in bursts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from benchmarks.row import Result
from tests.faults.flooded import Flooded, flooded

#: As large as the server's own (`ami_bridge.bridge.AmiBridge`).
QUEUE = 10_000
#: Of so many events one is a hang-up that must be told.
_EVENTS_A_CALL = 30


@dataclass(frozen=True, slots=True)
class Flood:
    name: str
    rate: int
    seconds: float


def floods(minutes: float, burst_s: float) -> tuple[Flood, ...]:
    return (
        Flood("sustained", 2_000, minutes * 60),
        Flood("burst", 10_000, burst_s),
        Flood("sustained_stretch", 4_000, minutes * 60),
        Flood("burst_stretch", 15_000, burst_s),
    )


def measure(wanted: tuple[Flood, ...], enough: Callable[[], bool]) -> Result:
    """By the name of each flood that was tried."""
    seen: Result = {}
    for flood in wanted:
        if enough():
            break
        # The server's own kind of loop.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seen[flood.name] = runner.run(_tried(flood))
        print(f"      {flood.name}: {seen[flood.name]}", file=sys.stderr, flush=True)
    return seen


async def _tried(flood: Flood) -> dict[str, Any]:
    calls = max(1, int(flood.rate * flood.seconds) // _EVENTS_A_CALL)
    try:
        seen = await flooded(calls=calls, rate=flood.rate, seconds=flood.seconds, queue_size=QUEUE)
    except TimeoutError:
        return asdict(flood) | {"stuck": True}
    return asdict(flood) | {"stuck": False} | _figures(seen)


def _figures(seen: Flooded) -> dict[str, Any]:
    return {
        "calls": seen.calls,
        "events": seen.events,
        "untold": seen.calls - seen.ends + seen.estimated,
        "connections_lost": seen.times_away,
        "shed": seen.shed,
        "longest_queue": seen.lag.longest,
        "behind_s": round(seen.behind_s, 2),
        "lag_ms_p99": round(seen.lag.p99_s * 1000, 1),
        "lag_ms_worst": round(max(seen.lag.late_s) * 1000, 1),
    }
