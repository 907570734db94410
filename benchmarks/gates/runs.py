"""The gates that are measured here."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from benchmarks.gates import arrivals, flood, goals, live
from benchmarks.gates.databases import DATABASES
from benchmarks.gates.kept import today
from benchmarks.row import Result
from tests.faults import soak

_SOAK_SEED = 1

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
    """`about_s`: how long it takes by default; `goal`: what it asks for; `stretch`: of what there
    may be more."""

    name: str
    about_s: float
    run: Callable[[Wanted, Enough], Result]
    goal: Wanted = field(default_factory=Wanted)
    stretch: Literal["rate", "calls"] | None = None

    def key(self, wanted: Wanted) -> str:
        """Runs with more load than the goal's are kept beside it, under a name of their own, and
        however short they are; so are runs with less of anything, which no goal is met by."""
        asked, goal = _said(wanted), _said(self.goal)
        more = asked.get(self.stretch or "", 0)
        is_more = self.stretch is not None and more > goal[self.stretch]
        less = {
            name: asked[name]
            for name in goal
            if name in asked and asked[name] < goal[name] and not (is_more and name == "minutes")
        }
        if less:
            return f"{self.name}#" + ",".join(f"{name}={value:g}" for name, value in less.items())
        return f"{self.name}@{more:g}" if is_more else self.name


def _said(wanted: Wanted) -> dict[str, float]:
    return {name: value for name, value in asdict(wanted).items() if value is not None}


def _arrivals(kind: str) -> Callable[[Wanted, Enough], Result]:
    def run(wanted: Wanted, enough: Enough) -> Result:
        load = arrivals.Load(
            minutes=wanted.minutes or goals.MINUTES,
            rate=wanted.rate or goals.RATE,
            agents=wanted.agents or goals.AGENTS,
        )
        with _folder() as folder:
            return asyncio.run(arrivals.measure(kind, load, enough, Path(folder)))

    return run


def _live(kind: str) -> Callable[[Wanted, Enough], Result]:
    def run(wanted: Wanted, enough: Enough) -> Result:
        load = live.Load(calls=wanted.calls or goals.CALLS, rate=wanted.rate or goals.RATE)
        with _folder() as folder:
            return asyncio.run(live.measure(kind, load, enough, Path(folder)))

    return run


def _flood(wanted: Wanted, enough: Enough) -> Result:
    minutes = wanted.minutes or goals.FLOOD_MINUTES
    return flood.measure(flood.floods(minutes, min(goals.BURST_S, minutes * 60)), enough)


def _soak(wanted: Wanted, enough: Enough) -> Result:
    minutes, rate = wanted.minutes or goals.SOAK_MINUTES, wanted.rate or goals.SOAK_RATE
    with _folder() as folder:
        seen = asyncio.run(
            soak.soak(Path(folder), minutes=minutes, rate=rate, seed=_SOAK_SEED, enough=enough)
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


_ARRIVALS = Wanted(goals.MINUTES, goals.RATE, None, goals.AGENTS)
_LIVE = Wanted(None, goals.RATE, goals.CALLS)
GATES = (
    Gate("flood", 6 * 60, _flood, Wanted(goals.FLOOD_MINUTES)),
    *(Gate(f"live-{kind}", 6 * 60, _live(kind), _LIVE, "calls") for kind in DATABASES),
    *(Gate(f"arrivals-{kind}", 34 * 60, _arrivals(kind), _ARRIVALS, "rate") for kind in DATABASES),
    Gate("soak", 125 * 60, _soak, Wanted(goals.SOAK_MINUTES, goals.SOAK_RATE)),
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
