"""The gates that are measured here."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.gates import arrivals, flood, live
from benchmarks.gates.databases import DATABASES
from benchmarks.gates.kept import today
from benchmarks.row import Result
from tests.faults import soak

#: So long and so fast where nobody says otherwise.
ARRIVALS = arrivals.Load()
LIVE = live.Load()
SOAK_MINUTES, SOAK_RATE, SOAK_SEED = 120.0, 5.0, 1
FLOOD_MINUTES = 2.0

Enough = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was said on the command line; None: each gate's own."""

    minutes: float | None = None
    rate: float | None = None
    calls: int | None = None
    agents: int | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """`about_s`: how long it takes by default."""

    name: str
    about_s: float
    run: Callable[[Wanted, Enough], Result]

    def key(self, wanted: Wanted) -> str:
        """Runs with another load than the goal's are kept beside it, under a name of their own."""
        if self.name.startswith("arrivals") and wanted.rate not in (None, ARRIVALS.rate):
            return f"{self.name}@{wanted.rate:g}"
        if self.name.startswith("live") and wanted.calls not in (None, LIVE.calls):
            return f"{self.name}@{wanted.calls}"
        return self.name


def _arrivals(kind: str) -> Callable[[Wanted, Enough], Result]:
    def run(wanted: Wanted, enough: Enough) -> Result:
        load = arrivals.Load(
            minutes=wanted.minutes or ARRIVALS.minutes,
            rate=wanted.rate or ARRIVALS.rate,
            agents=wanted.agents or ARRIVALS.agents,
        )
        with _folder() as folder:
            return asyncio.run(arrivals.measure(kind, load, enough, Path(folder)))

    return run


def _live(kind: str) -> Callable[[Wanted, Enough], Result]:
    def run(wanted: Wanted, enough: Enough) -> Result:
        load = live.Load(calls=wanted.calls or LIVE.calls, rate=wanted.rate or LIVE.rate)
        with _folder() as folder:
            return asyncio.run(live.measure(kind, load, enough, Path(folder)))

    return run


def _flood(wanted: Wanted, enough: Enough) -> Result:
    minutes = wanted.minutes or FLOOD_MINUTES
    return flood.measure(flood.floods(minutes, min(flood.BURST_S, minutes * 60)), enough)


def _soak(wanted: Wanted, enough: Enough) -> Result:
    minutes, rate = wanted.minutes or SOAK_MINUTES, wanted.rate or SOAK_RATE
    with _folder() as folder:
        seen = asyncio.run(
            soak.soak(Path(folder), minutes=minutes, rate=rate, seed=SOAK_SEED, enough=enough)
        )
    return {
        "planned_minutes": minutes,
        "rate": rate,
        "minutes": round(seen.minutes, 1),
        "calls": seen.calls,
        "amiss": list(seen.amiss),
        "mib_per_hour": round(seen.mb_per_hour, 2),
        "files": round(seen.files),
        "tasks": round(seen.tasks),
    }


def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="swb-gates-")


GATES = (
    Gate("flood", 6 * 60, _flood),
    *(Gate(f"live-{kind}", 6 * 60, _live(kind)) for kind in DATABASES),
    *(Gate(f"arrivals-{kind}", 34 * 60, _arrivals(kind)) for kind in DATABASES),
    Gate("soak", 125 * 60, _soak),
)


def measured(gate: Gate, wanted: Wanted, enough: Enough) -> Result:
    began, load = time.monotonic(), os.getloadavg()
    seen = gate.run(wanted, enough)
    return {
        "date": today(),
        "cores": os.cpu_count(),
        "load": [round(one, 1) for one in load],
        "took_s": round(time.monotonic() - began),
        "broken_off": enough(),
        **seen,
    }


def told(key: str, result: Result) -> None:
    print(f"      {key}: {json.dumps(result)}", file=sys.stderr, flush=True)
