"""What `switchboard explain-pop` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from supervisor.pop_advice import advice
from supervisor.told_pops import ToldPops


def lines(told: ToldPops) -> Iterator[str]:
    for step in told.steps:
        yield step.sentence()
    for stop in told.stops:
        happened, do = advice(stop)
        yield f"stopped ({stop.code}): {happened}"
        yield f"  what to do: {do}"


def as_json(told: ToldPops) -> dict[str, Any]:
    """Times as datetime."""
    return {
        "steps": [{**asdict(step), "sentence": step.sentence()} for step in told.steps],
        "stops": [{**asdict(stop), **advice(stop)._asdict()} for stop in told.stops],
    }
