"""A bridge of ours under a manager that floods it: what it saw, and how late its loop was."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from calls import events
from calls.call import CallId
from tests.fakes.ami_house import House, a_call
from tests.fakes.asterisk_ami import FakeAmi
from tests.faults.flood import uid

_EVERY_S = 0.005


@dataclass(slots=True)
class Lag:
    """How late the loop comes back to whoever waits for 5 ms, and the longest queue seen then."""

    late_s: list[float] = field(default_factory=list)
    longest: int = 0

    async def watch(self, house: House) -> None:
        while True:
            due = time.monotonic() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            self.late_s.append(time.monotonic() - due)
            self.longest = max(self.longest, house.bridge.figures().events_waiting)

    @property
    def p99_s(self) -> float:
        return sorted(self.late_s)[int(len(self.late_s) * 0.99)]


@dataclass(frozen=True, slots=True)
class Flooded:
    """`behind_s`: from the last event sent until the last end of a call was told."""

    calls: int
    events: int
    shed: int
    lost: int
    ends: int
    estimated: int
    times_away: int
    behind_s: float
    lag: Lag


async def flooded(*, calls: int, rate: float, seconds: float, queue_size: int) -> Flooded:
    """Raises TimeoutError where ends of calls stay unseen."""
    async with _flooding(calls, rate, seconds) as (process, port):
        house = House(FakeAmi(port=port), queue_size=queue_size)
        for number in range(calls):
            call_id = CallId("pbx", uid(number))
            await house.journal.open_call(a_call(call_id))
            house.bridge.tracker.dialog_started(call_id)
            house.bridge.tracker.dialog_ended(call_id, hung_up=False, queued=True)
        lag = Lag()
        async with house.bus, house.bridge:
            watching = asyncio.create_task(lag.watch(house), name="lag")
            assert process.stdout is not None
            await asyncio.wait_for(process.stdout.readline(), seconds * 3)
            sent_at = time.monotonic()
            await house.until(lambda: len(house.ends()) == calls)
            behind_s = time.monotonic() - sent_at
            watching.cancel()
        figures, ends = house.bridge.figures(), house.ends().values()
    return Flooded(
        calls=calls,
        events=figures.client.events,
        shed=figures.events_shed,
        lost=figures.client.lost,
        ends=sum(end.outcome is not None for end in ends),
        estimated=sum(end.estimated for end in ends),
        times_away=len(house.of(events.AmiLost)),
        behind_s=behind_s,
        lag=lag,
    )


@asynccontextmanager
async def _flooding(
    calls: int, rate: float, seconds: float
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.flood",
        "--calls", str(calls), "--rate", str(rate), "--seconds", str(seconds),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 20)
