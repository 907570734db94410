"""How a call went that was explained, for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text


def render_course(call: dict[str, Any], console: Console) -> None:
    """`call` as `supervisor.explain.explain_call` gives it."""
    console.print(Text(f"call {call['id']} of {call['arrived_at']}", style="bold"))
    for line in _lines(call):
        console.print(Text(f"  {line}"))


def _lines(call: dict[str, Any]) -> Iterator[str]:
    for one in call["earlier_decisions"]:
        if one["changes"]:
            yield f"first decided{_at(one)} otherwise; before the above: {_all(one)}"
    for key in call["keys"]:
        meant = key["intent"] or key["outcome"]
        yield f"in {key['menu']} pressed {key['digits'] or 'nothing'}: {meant}"
    for field, digits in call["typed"].items():
        yield f"typed {field}: {digits}"
    for one in call["later_decisions"]:
        if one["changes"]:
            yield f"decided anew{_at(one)}: {_all(one)}"
    yield from _endings(call)


def _all(kept: dict[str, Any]) -> str:
    return "; ".join(kept["changes"])


def _at(kept: dict[str, Any]) -> str:
    at = (kept["decision"] or {}).get("at")
    return f" at {datetime.fromisoformat(at):%H:%M:%S %Z}" if at else ""


def _endings(call: dict[str, Any]) -> Iterator[str]:
    if call["fallback"]:
        yield "was served by the dialplan's fallback"
    if call["queue"]:
        yield f"waited in the queue {call['queue']}"
    if call["routed"]:
        yield f"left for {call['routed']['kind']} {call['routed']['target'] or ''}".strip()
    if call["callback"]:
        yield f"asked to be called back by {call['callback']['queue']}"
    yield from (f"was rung to {agent}" for agent in call["agents"])
    yield (call["outcome"] or "goes on").replace("_", " ")
