"""One goal, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.row import Result

#: `unfinished`: nothing is amiss so far, but the goal asks for more of it.
Verdict = Literal["met", "MISSED", "unfinished", "not measured", "–"]


@dataclass(frozen=True, slots=True)
class Line:
    """`stretched`: the harder goal is met too. `when`: date, how long, and how busy it was."""

    what: str
    goal: str
    stretch: str
    measured: str
    verdict: Verdict
    command: str
    when: str
    stretched: bool = False

    def row(self) -> str:
        shown = f"**{self.verdict}**" if self.verdict == "MISSED" else self.verdict
        if self.verdict == "met" and self.stretched:
            shown += ", the stretch too"
        cells = (self.what, self.goal, self.stretch, self.measured, shown, f"`{self.command}`")
        return f"| {' | '.join((*cells, self.when))} |"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so much of each figure, in order; `harder` likewise. Nothing: there is no goal."""

    unit: str
    goal: tuple[float, ...] = ()
    harder: tuple[float, ...] = ()

    def line(
        self,
        what: str,
        values: Sequence[float],
        *,
        command: str,
        when: str,
        holds: bool = True,
        note: str = "",
    ) -> Line:
        """`holds`: it was measured for as long as the goal asks for."""
        told = f"{_figures(values)} {self.unit}".strip()
        return Line(
            what=what,
            goal=self._words(self.goal),
            stretch=self._words(self.harder),
            measured=f"{told}; {note}" if note else told,
            verdict=self._verdict(values, holds=holds),
            command=command,
            when=when,
            stretched=bool(self.harder) and _within(values, self.harder),
        )

    def unmeasured(self, what: str, command: str) -> Line:
        return Line(
            what,
            self._words(self.goal),
            self._words(self.harder),
            "–",
            "not measured",
            command,
            "–",
        )

    def _verdict(self, values: Sequence[float], *, holds: bool) -> Verdict:
        if not self.goal:
            return "–"
        return verdict(met=_within(values, self.goal), holds=holds)

    def _words(self, limits: tuple[float, ...]) -> str:
        if not limits:
            return "–"
        return f"{'≤ ' if any(limits) else ''}{_figures(limits)} {self.unit}".strip()


def _figures(values: Sequence[float]) -> str:
    return ", ".join(f"{value:,g}" for value in values)


def _within(values: Sequence[float], limits: Sequence[float]) -> bool:
    # What is not a number is within nothing.
    return all(value <= limit for value, limit in zip(values, limits, strict=True))


def verdict(*, met: bool, holds: bool) -> Verdict:
    """`holds` as of `Limit.line`: a miss is one however short it was measured."""
    if not met:
        return "MISSED"
    return "met" if holds else "unfinished"


def when(result: Result, length: str = "") -> str:
    """`length`: of what was measured, where that is told in minutes."""
    parts = [str(result["date"])]
    if length:
        parts.append(length)
    elif "took_s" in result:
        parts.append(f"{result['took_s']} s")
    if result.get("broken_off"):
        parts.append("broken off")
    if "load" in result:
        parts.append(f"load {result['load'][1]:g}")
    return ", ".join(parts)
