"""Several ways by turns, each timed by the clock and by this process's own time. One thread."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scoring.goals import Row, made
from scoring.models.metrics import Interval

TURNS, WARM_TURNS = 3_000, 200
#: By whether the core was ours.
ORDERS = {True: "first in line for its core", False: "beside all that runs"}

Milliseconds = NDArray[np.float64]


def by_turns(
    steps: Mapping[str, Callable[[int], object]], *, turns: int = TURNS, warm: int = WARM_TURNS
) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of each turn: `wall` and `cpu`, by step. Steps are told the turn."""
    wall: dict[str, list[float]] = {name: [] for name in steps}
    cpu: dict[str, list[float]] = {name: [] for name in steps}
    gc.collect()
    for turn in range(turns + warm):
        for name, step in steps.items():
            began, used = time.perf_counter_ns(), time.process_time_ns()
            step(turn)
            used, began = time.process_time_ns() - used, time.perf_counter_ns() - began
            if turn >= warm:
                wall[name].append(began / 1e6)
                cpu[name].append(used / 1e6)
    return {"wall": wall, "cpu": cpu}


def first_in_line() -> bool:
    """Before all other programs on one core, where that is allowed: what is measured is what the
    answer takes, not who else is at work. No server of ours does this."""
    try:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        return False
    return True


def of_process(module: str, part: str) -> dict[str, Any]:
    """What `python -m MODULE PART` prints: JSON, in a process of one thread."""
    found = subprocess.run(
        [sys.executable, "-m", module, part],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return dict(json.loads(found.stdout))


def read_ways(found: Mapping[str, Any]) -> dict[str, dict[str, Milliseconds]]:
    """By what the figures are of, by step."""
    order = ORDERS[bool(found["first_in_line"])]
    keys = {f"ms, {order}": "wall", "ms of processor time": "cpu"}
    return {
        way: {name: np.array(each) for name, each in found[key].items()}
        for way, key in keys.items()
    }


def timed_row(
    goal: str,
    what: str,
    times: Milliseconds,
    percentile: float,
    measured: str,
    aim: float | None,
    beside: str = "",
) -> Row:
    """The interval is of a bootstrap of the turns."""
    random = np.random.default_rng(7)
    draws = [
        np.percentile(times[random.integers(len(times), size=len(times))], percentile)
        for _ in range(300)
    ]
    found = Interval(
        float(np.percentile(times, percentile)),
        float(np.percentile(draws, 2.5)),
        float(np.percentile(draws, 97.5)),
    )
    return made(goal, what, found, measured=measured, aim=aim, higher=False, others=beside)


def said(times: Milliseconds) -> str:
    middle, late, latest = np.percentile(times, (50, 99, 99.9))
    return f"p50 {middle:.3f}, p99 {late:.3f}, p99.9 {latest:.3f}"
