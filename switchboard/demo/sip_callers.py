"""Callers with a script, on a real SIP trunk: who calls, what they press, when they hang up."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from switchboard.demo import free_ports, sip_scenarios
from switchboard.demo.pbx_files import CALLERS_HOST
from switchboard.demo.sip_scenarios import CallerShape
from switchboard.demo.sipp import SippProcess

#: `;` parts the fields of sipp's injection file, a line end its lines.
_PLAIN = re.compile(r"[^;\r\n]*")


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """`number` and `name` go into From as they are: tests may send what a hostile network would."""

    number: str
    dialled: str
    name: str = ""
    shape: CallerShape = field(default_factory=CallerShape)

    def __post_init__(self) -> None:
        for text in (self.number, self.dialled, self.name):
            if not _PLAIN.fullmatch(text):
                raise ValueError("a scripted call holds no semicolon and no line end")

    @property
    def line(self) -> str:
        name = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return (
            f'"{name}";{self.number};{self.dialled}' if name else f";{self.number};{self.dialled}"
        )


@dataclass(frozen=True, slots=True)
class CallersResult:
    """`successful` calls went by their script to the end, whoever hung up."""

    shape: CallerShape | None
    offered: int
    successful: int
    failed: int
    #: Numbers that were answered, in order of the answer.
    answered: tuple[str, ...] = ()
    #: sipp's own words on what went wrong.
    errors: str = ""


class CallersAtWork:
    """Calls under way: one sipp process for each shape."""

    def __init__(self, processes: dict[CallerShape, SippProcess]) -> None:
        self._processes = processes

    def progress(self) -> CallersResult:
        """All shapes together; sipp's counts are up to a second old."""
        return _sum(self.by_shape())

    def by_shape(self) -> list[CallersResult]:
        return [_result(shape, process) for shape, process in self._processes.items()]

    async def wait(self, *, deadline_s: float = 60.0) -> CallersResult:
        """Until the last call is over; calls that are not by then are cut off and have failed."""
        ends = time.monotonic() + deadline_s
        try:
            for process in self._processes.values():
                await asyncio.to_thread(process.wait, max(0.0, ends - time.monotonic()))
        finally:
            await self.stop()
        return self.progress()

    async def stop(self) -> None:
        for process in self._processes.values():
            await asyncio.to_thread(process.stop)


class SipCallers:
    """`trunk` is the HOST:PORT of the PBX; files are written below `folder`."""

    def __init__(self, *, trunk: str, folder: Path) -> None:
        self._trunk = trunk
        self._folder = folder

    def start(self, calls: Sequence[ScriptedCall], *, rate_per_s: float = 10.0) -> CallersAtWork:
        """Each shape starts its calls evenly at its share of `rate_per_s`."""
        groups: dict[CallerShape, list[ScriptedCall]] = {}
        for call in calls:
            groups.setdefault(call.shape, []).append(call)
        return CallersAtWork(
            {
                shape: self._start_group(shape, group, rate_per_s * len(group) / len(calls))
                for shape, group in groups.items()
            }
        )

    async def run(
        self,
        calls: Sequence[ScriptedCall],
        *,
        rate_per_s: float = 10.0,
        deadline_s: float = 60.0,
    ) -> CallersResult:
        return await self.start(calls, rate_per_s=rate_per_s).wait(deadline_s=deadline_s)

    def _start_group(
        self, shape: CallerShape, calls: list[ScriptedCall], rate_per_s: float
    ) -> SippProcess:
        process = SippProcess(
            scenario=sip_scenarios.caller(shape),
            host=CALLERS_HOST,
            port=free_ports.udp(CALLERS_HOST),
            folder=self._folder,
        )
        lines = ["SEQUENTIAL", *(call.line for call in calls), ""]
        (process.folder / "callers.csv").write_text("\n".join(lines), "utf-8")
        count = str(len(calls))
        # Calls per ten seconds: sipp takes whole numbers.
        rate = str(max(1, round(rate_per_s * 10)))
        process.start(
            self._trunk, "-inf", "callers.csv", "-m", count, "-l", count, "-r", rate, "-rp", "10000"
        )
        return process


def _result(shape: CallerShape, process: SippProcess) -> CallersResult:
    counts = process.counts()
    answered = tuple(event[2] for event in process.events() if event[0] == "answered")
    return CallersResult(
        shape, counts.offered, counts.successful, counts.failed, answered, process.errors()
    )


def _sum(parts: list[CallersResult]) -> CallersResult:
    return CallersResult(
        shape=None,
        offered=sum(part.offered for part in parts),
        successful=sum(part.successful for part in parts),
        failed=sum(part.failed for part in parts),
        answered=tuple(number for part in parts for number in part.answered),
        errors="".join(part.errors for part in parts),
    )
