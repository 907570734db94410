"""F22: our server is killed with calls in it.

Each caller is in the default queue at once, by the dialplan alone; started again (by the watchdog
where there is one), it takes over what it missed: one call and one record of everybody.

Also shown by `tests/integration/test_watchdog.py::test_a_death_needs_no_rescue_and_is_made_good`,
`tests/integration/test_watchdog.py::test_three_deaths_in_a_minute_end_the_watchdog_with_the_reason`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ami_bridge import fallback_trace
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger, reached
from tests.acceptance.load import (
    assert_all_served,
    no_channels,
    not_queued,
    numbers,
    queues_of,
    strangers,
    traced,
)
from tests.acceptance.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.alone, pytest.mark.smoke]

CALLS = 240
RATE_PER_S = 20.0
#: Asks for a person, twice as people do, and waits five seconds for somebody.
CALLER = CallerShape(
    presses=(Press(1500, "0"), Press(2500, "0")), hang_up_after_ms=5000, audio=False
)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path,
        phone=PhoneShape(ring_ms=100, talk_ms=300, audio=False),
        desktops=False,
        overrides={"ami": {"resync_every_s": 5}},
    ) as centre:
        yield centre


async def test_killed_under_load_and_started_again(centre: DemoCentre) -> None:
    async with Ledger(centre.storage_url) as ledger:
        at_work = centre.callers.start(strangers(CALLER, CALLS), rate_per_s=RATE_PER_S)
        await reached(ledger, 60)
        await centre.server.kill()

        async def served_without() -> bool:
            return len(await traced(centre.pbx, fallback_trace.FALLBACK)) >= 100

        await until(served_without, "100 calls served by the dialplan alone")
        without_us = await traced(centre.pbx, fallback_trace.FALLBACK)
        await centre.server.start()
        result = await at_work.wait()
        assert_all_served(result, CALLS)
        assert not_queued(centre.pbx, numbers(CALLS)) == set()

        entries = await ledger.balanced(numbers(CALLS), deadline_s=90)
        by_id = {entry.call.linkedid: entry.call for entry in entries.values()}
        assert set(without_us) <= set(by_id)
        assert {key for key in without_us if not by_id[key].fallback} == set()
        theirs = {by_id[key].number or by_id[key].from_raw for key in without_us}
        assert queues_of(centre.pbx, theirs) == {"default"}
        assert all(e.records[0].fallback == e.call.fallback for e in entries.values())
        # The end of those served while nobody looked is the one the dialplan wrote down.
        assert {by_id[key].outcome for key in without_us} <= {"answered", "abandoned_in_queue"}

        async def forgotten() -> bool:
            families = (fallback_trace.FALLBACK, fallback_trace.ENDED)
            return not any([await traced(centre.pbx, family) for family in families])

        await until(forgotten, "the dialplan's traces taken over and deleted")
        assert await no_channels(centre.pbx)
