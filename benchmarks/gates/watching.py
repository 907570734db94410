"""The server's own figures, looked at four times a minute while a gate is measured."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.measuring import Metrics, children_cpu_s, cpu_s, machine_busy_s, resident_kib
from switchboard.demo.centre import DemoCentre

EVERY_S = 15.0
_MINUTE_S = 60.0
#: Where memory, files and tasks are still on their way up after a start.
_SETTLING_S = 120.0


@dataclass(frozen=True, slots=True)
class Look:
    at_s: float
    mib: float
    files: int
    tasks: float
    lag_p99_s: float
    lag_worst_s: float
    metrics: Metrics

    def words(self) -> str:
        return (
            f"{self.mib:.0f} MiB, {self.files} files, {self.tasks:.0f} tasks, "
            f"loop late by {self.lag_p99_s * 1000:.0f} ms (p99 of a minute), "
            f"{self.lag_worst_s * 1000:.0f} ms (worst)"
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor seconds so far."""

    ours: float
    speech: float
    asterisk: float
    machine: tuple[float, float]

    @classmethod
    def so_far(cls, centre: DemoCentre) -> Spent:
        pid = centre.server.pid
        return cls(cpu_s(pid), children_cpu_s(pid), cpu_s(centre.pbx.pid), machine_busy_s())

    def busy_since(self, before: Spent) -> float:
        """Of all processors, by everybody."""
        (busy, had), (was_busy, had_had) = self.machine, before.machine
        return (busy - was_busy) / (had - had_had) if had > had_had else 0.0


def _open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@dataclass(slots=True)
class Watch:
    centre: DemoCentre
    began: float = field(default_factory=time.monotonic)
    looks: list[Look] = field(default_factory=list)

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """A server that is away is looked at the next time."""
        try:
            pid = self.centre.server.pid
            metrics = await Metrics.scrape(self.centre.server.base_url)
            values = metrics.values
            self.looks.append(
                Look(
                    at_s=time.monotonic() - self.began,
                    mib=resident_kib(pid) / 1024,
                    files=_open_files(pid),
                    tasks=values["switchboard_tasks"],
                    lag_p99_s=values["switchboard_loop_lag_p99_seconds"],
                    lag_worst_s=values["switchboard_loop_lag_worst_seconds"],
                    metrics=metrics,
                )
            )
        except (aiohttp.ClientError, OSError, TimeoutError, StopIteration):
            return

    @property
    def last(self) -> Look:
        return self.looks[-1]

    def lag_ms(self) -> tuple[float, float]:
        """p99 of the minute in which it was worst, and the worst of all: each look tells of the
        minute before it, the first ones of the time before the first call."""
        looks = [look for look in self.looks if look.at_s >= _MINUTE_S] or self.looks
        return (
            max(look.lag_p99_s for look in looks) * 1000,
            max(look.lag_worst_s for look in looks) * 1000,
        )

    def mib_per_hour(self) -> float | None:
        """By a line through all looks but those of the first minutes; None of too few."""
        looks = [look for look in self.looks if look.at_s >= _SETTLING_S]
        if len(looks) < 2 * 60 / EVERY_S:
            return None
        middle = sum(look.at_s for look in looks) / len(looks)
        mean = sum(look.mib for look in looks) / len(looks)
        spread = sum((look.at_s - middle) ** 2 for look in looks)
        rise = sum((look.at_s - middle) * (look.mib - mean) for look in looks)
        return rise / spread * 3600
