"""F08: more events come than matter, fifteen thousand a second.

The queue stays within its bounds, what matters least is shed first, a hang-up never, and nobody
else in the server waits.

Also shown by `tests/unit/ami_bridge/test_event_queue.py::test_no_hang_up_of_a_flood_is_shed`,
`tests/integration/test_ami_bridge.py::test_a_slow_reader_never_loses_a_hang_up_and_asks_anew`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from calls import events
from calls.call import CallId
from tests.fakes.ami_house import House, a_call
from tests.fakes.asterisk_ami import FakeAmi
from tests.faults.flood import uid

pytestmark = [pytest.mark.integration, pytest.mark.alone]

RATE = 15_000
QUEUE = 1_000
MOST_LAG_S = 0.1


class Lag:
    """How late the loop comes back to whoever waits for 5 ms, and the longest queue seen then."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.late_s: list[float] = []
        self.longest = 0

    async def watch(self) -> None:
        while True:
            due = time.monotonic() + 0.005
            await asyncio.sleep(0.005)
            self.late_s.append(time.monotonic() - due)
            self.longest = max(self.longest, self._house.bridge.figures().events_waiting)

    @property
    def p99_s(self) -> float:
        return sorted(self.late_s)[int(len(self.late_s) * 0.99)]


@asynccontextmanager
async def flooding(
    calls: int, seconds: float
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.flood",
        "--calls", str(calls), "--rate", str(RATE), "--seconds", str(seconds),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 20)


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.long)])
async def test_every_hang_up_is_seen_and_nobody_waits(
    seconds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = seconds * 500
    async with flooding(calls, seconds) as (process, port):
        house = House(FakeAmi(port=port), queue_size=QUEUE)
        for number in range(calls):
            call_id = CallId("pbx", uid(number))
            await house.journal.open_call(a_call(call_id))
            house.bridge.tracker.dialog_started(call_id)
            house.bridge.tracker.dialog_ended(call_id, hung_up=False, queued=True)
        lag = Lag(house)
        async with house.bus, house.bridge:
            watching = asyncio.create_task(lag.watch(), name="lag")
            assert process.stdout is not None
            await asyncio.wait_for(process.stdout.readline(), seconds * 3)
            await house.until(lambda: len(house.ends()) == calls)
            watching.cancel()
        figures = house.bridge.figures()
    assert {end.outcome for end in house.ends().values()} != {None}
    assert not any(end.estimated for end in house.ends().values()), "each end was told"
    assert figures.client.lost == 0
    assert lag.longest <= QUEUE
    with capsys.disabled():
        told = f"{figures.client.events / seconds:.0f} events/s, {figures.events_shed} shed"
        print(f"\nflood: {told}, lag p99 {lag.p99_s * 1000:.0f} ms, {lag.longest} waited at most")
    assert lag.p99_s < MOST_LAG_S
    assert house.of(events.AmiLost) == []
