"""Who is made to call, and how what became of it is summed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from switchboard.demo.cluster import CallersOfBoth
from switchboard.demo.sip_callers import CallersResult, ScriptedCall
from switchboard.demo.traffic import Traffic

pytestmark = pytest.mark.unit


@dataclass
class Work:
    """Under way until `over`, or until it is cut off."""

    calls: int
    over: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False

    def progress(self) -> CallersResult:
        failed = self.calls if self.cut else 0
        return CallersResult(None, self.calls, self.calls - failed, failed)

    async def wait(self, *, deadline_s: float = 60.0) -> CallersResult:
        await self.over.wait()
        return self.progress()

    async def stop(self) -> None:
        self.cut = True
        self.over.set()


@dataclass
class Callers:
    begun: list[tuple[Sequence[ScriptedCall], float, Work]] = field(default_factory=list)
    are_quick: bool = True

    def start(self, calls: Sequence[ScriptedCall], *, rate_per_s: float = 10.0) -> Work:
        work = Work(len(calls))
        if self.are_quick:
            work.over.set()
        self.begun.append((calls, rate_per_s, work))
        return work


def told(result: CallersResult) -> tuple[int, int, int]:
    return result.offered, result.successful, result.failed


async def test_for_so_long_means_so_many_calls_once() -> None:
    callers = Callers()
    traffic = Traffic(callers, rate=2.0, stop=asyncio.Event())
    assert told(await traffic.play(10)) == (20, 20, 0)
    assert told(traffic.progress()) == (20, 20, 0)
    assert len(callers.begun) == 1


async def test_without_an_end_it_goes_on_in_rounds_until_told_to_stop() -> None:
    stop = asyncio.Event()
    callers = Callers(are_quick=False)
    traffic = Traffic(callers, rate=0.5, stop=stop)
    playing = asyncio.create_task(traffic.play(None))
    async with asyncio.timeout(10):
        while not callers.begun:
            await asyncio.sleep(0)
        callers.begun[0][2].over.set()
        while len(callers.begun) < 2:
            await asyncio.sleep(0)
        assert told(traffic.progress()) == (30, 30, 0)
        stop.set()
        # Whoever calls just then is cut off, and told as failed.
        assert told(await playing) == (30, 15, 15)
    assert callers.begun[1][2].cut


async def test_every_other_caller_rings_the_other_asterisk_at_half_the_rate() -> None:
    hq, branch = Callers(), Callers()
    both = CallersOfBoth([hq, branch])
    calls = [ScriptedCall(f"+1202555010{n}", "+18005550100") for n in range(5)]
    result = await both.start(calls, rate_per_s=10.0).wait()
    assert told(result) == (5, 5, 0)
    [(at_hq, hq_rate, _)], [(at_branch, branch_rate, _)] = hq.begun, branch.begun
    assert ([*at_hq], [*at_branch]) == (calls[::2], calls[1::2])
    assert (hq_rate, branch_rate) == pytest.approx((6.0, 4.0))


async def test_one_caller_alone_rings_one_of_them() -> None:
    hq, branch = Callers(), Callers()
    work = CallersOfBoth([hq, branch]).start([ScriptedCall("+12025550100", "+18005550100")])
    await work.stop()
    assert told(work.progress()) == (1, 0, 1)
    assert (len(hq.begun), len(branch.begun)) == (1, 0)
