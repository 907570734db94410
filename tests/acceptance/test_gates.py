"""The gates whose calls go through a real Asterisk work, on both databases; their figures are for
`make gates`, not for here."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gates import arrivals, live
from benchmarks.gates.databases import DATABASES
from benchmarks.gates.loaded import lines
from benchmarks.row import Result

pytestmark = [pytest.mark.acceptance, pytest.mark.alone, pytest.mark.long]

RUN: Result = {"date": "2026-03-02", "load": [0.0, 0.0, 0.0], "broken_off": False, "took_s": 1}


@pytest.mark.parametrize("kind", DATABASES)
async def test_no_call_of_a_few_that_arrive_is_lost(kind: str, tmp_path: Path) -> None:
    load = arrivals.Load(minutes=0.2, rate=3, agents=6)
    seen = await arrivals.measure(kind, load, lambda: False, tmp_path)
    assert seen["calls"] == seen["phones_rung"] == 36
    assert sum(seen["lost"].values()) == 0, seen["lost"]
    assert all("nan" not in line.measured for line in lines({f"arrivals-{kind}": RUN | seen}))


async def test_who_has_enough_gets_what_was_measured_so_far(tmp_path: Path) -> None:
    asked = iter([False, True])
    load = arrivals.Load(minutes=30, rate=3, agents=6)
    seen = await arrivals.measure("sqlite", load, lambda: next(asked), tmp_path)
    assert (seen["minutes"], seen["planned_minutes"], seen["calls"]) == (0.25, 30, 45)
    assert sum(seen["lost"].values()) == 0, seen["lost"]


@pytest.mark.parametrize("kind", DATABASES)
async def test_all_live_calls_are_known_after_a_death(kind: str, tmp_path: Path) -> None:
    load = live.Load(calls=6, rate=3, stay_s=80)
    seen = await live.measure(kind, load, lambda: False, tmp_path)
    assert sum(seen["lost"].values()) == 0, seen["lost"]
    assert 0 < seen["back"]["serving_s"] < 80
    found = list(lines({f"live-{kind}": RUN | seen}))
    assert all("nan" not in line.measured for line in found)
