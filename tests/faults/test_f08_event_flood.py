"""F08: more events come than matter, fifteen thousand a second.

The queue stays within its bounds, what matters least is shed first, a hang-up never, and nobody
else in the server waits.

Also shown by `tests/unit/ami_bridge/test_event_queue.py::test_no_hang_up_of_a_flood_is_shed`,
`tests/integration/test_ami_bridge.py::test_a_slow_reader_never_loses_a_hang_up_and_asks_anew`.
"""

from __future__ import annotations

import pytest

from tests.faults.flooded import flooded

pytestmark = [pytest.mark.integration, pytest.mark.alone]

RATE = 15_000
QUEUE = 1_000
MOST_LAG_S = 0.1


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.long)])
async def test_every_hang_up_is_seen_and_nobody_waits(
    seconds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = seconds * 500
    seen = await flooded(calls=calls, rate=RATE, seconds=seconds, queue_size=QUEUE)
    assert seen.ends == calls
    assert seen.estimated == 0, "each end was told"
    assert seen.lost == 0
    assert seen.lag.longest <= QUEUE
    with capsys.disabled():
        told = f"{seen.events / seconds:.0f} events/s, {seen.shed} shed"
        print(
            f"\nflood: {told}, lag p99 {seen.lag.p99_s * 1000:.0f} ms, "
            f"{seen.lag.longest} waited at most"
        )
    assert seen.lag.p99_s < MOST_LAG_S
    assert seen.times_away == 0
