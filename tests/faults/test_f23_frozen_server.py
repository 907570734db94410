"""F23: our server is frozen.

The watchdog has every caller in the default queue within 8 s and starts the server again; without
it the dialplan's own clock takes them back, within the backstop. A loop that stands still for 2 s
is left alone.

Also shown by `tests/integration/test_watchdog.py::
test_what_blocks_the_loop_is_said_and_ended_after_its_callers_are_safe`,
`tests/integration/test_watchdog.py::test_who_is_only_slow_is_left_alone`,
`tests/integration/test_rescue.py::test_whoever_is_with_us_and_nobody_else_is_sent_on`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ami_bridge import fallback_trace
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
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

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]

#: Of those who are in a menu when the server freezes, and those who call afterwards.
WAITING, LATER = 40, 10
RESCUED_WITHIN_S = 8.0
LISTENER = CallerShape(hang_up_after_ms=18_000, audio=False)
IN_QUEUE = CallerShape(presses=(Press(1500, "0"),), hang_up_after_ms=4_000, audio=False)
CALLS = 160
RATE_PER_S = 20.0
#: More patient than the dialplan: 20 s before the dialog has begun, then the backstop.
CALLER = CallerShape(presses=(Press(3000, "0"),), hang_up_after_ms=20_000, audio=False)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path,
        agents=1,
        phone=PhoneShape(ring_ms=100, talk_ms=300, audio=False),
        desktops=False,
        watchdog=True,
    ) as centre:
        yield centre


async def test_the_watchdog_rescues_every_caller_and_new_ones_are_served(
    watched: DemoCentre,
) -> None:
    server, pbx = watched.server, watched.pbx
    waiting, later = numbers(WAITING), numbers(WAITING + LATER)[WAITING:]
    at_work = watched.callers.start(strangers(LISTENER, WAITING), rate_per_s=RATE_PER_S)

    async def all_in_a_menu() -> bool:
        return (await server.metrics())["agi_live"] == WAITING

    await until(all_in_a_menu, "every caller in a menu")
    first = server.pid
    server.freeze()
    await asyncio.sleep(2)  # as long as a collection of a huge heap; the watchdog's limit is 4 s
    server.thaw()
    await server.wait_for("agi")
    assert server.pid == first
    # Whoever was just being written down may be in the queue: that has a deadline of 2 s.
    assert len(not_queued(pbx, waiting)) > WAITING - 5

    server.freeze()
    frozen_at = time.monotonic()

    async def all_queued() -> bool:
        return not not_queued(pbx, waiting)

    await until(all_queued, "every caller in a queue", deadline_s=30)
    assert time.monotonic() - frozen_at < RESCUED_WITHIN_S
    assert queues_of(pbx, waiting) == {"default"}
    assert len(await traced(pbx, fallback_trace.FALLBACK)) == WAITING

    await server.wait_for("agi", "storage", "ami")
    assert server.pid != first
    calls = [ScriptedCall(number, cast.SHOP, shape=IN_QUEUE) for number in later]
    assert_all_served(await watched.callers.start(calls, rate_per_s=10).wait(), LATER)
    assert_all_served(await at_work.wait(), WAITING)
    assert not_queued(pbx, later) == set()
    async with Ledger(watched.storage_url) as ledger:
        entries = await ledger.balanced([*waiting, *later], deadline_s=60)
    assert {n for n, entry in entries.items() if entry.call.fallback} == set(waiting)
    # Without its watchdog nobody would end it when it freezes: it stops by itself.
    last = server.kill_watchdog()

    async def gone() -> bool:
        return not Path(f"/proc/{last}").exists()

    await until(gone, "a server without its watchdog has stopped")


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path,
        agents=5,
        phone=PhoneShape(ring_ms=100, talk_ms=300, audio=False),
        desktops=False,
        overrides={"ami": {"resync_every_s": 5}, "agi": {"backstop_s": 8}},
    ) as centre:
        yield centre


@pytest.mark.long
async def test_the_dialplan_s_clock_rescues_them_without_a_watchdog(centre: DemoCentre) -> None:
    async with Ledger(centre.storage_url) as ledger:
        at_work = centre.callers.start(strangers(CALLER, CALLS), rate_per_s=RATE_PER_S)
        await reached(ledger, 60)
        centre.server.freeze()
        try:

            async def all_queued() -> bool:
                return not not_queued(centre.pbx, numbers(CALLS))

            await until(all_queued, "every caller in a queue while the server is frozen")
            frozen = await traced(centre.pbx, fallback_trace.FALLBACK)
        finally:
            centre.server.thaw()
        assert_all_served(await at_work.wait(), CALLS)

        entries = await ledger.balanced(numbers(CALLS), deadline_s=90)
        by_id = {entry.call.linkedid: entry.call for entry in entries.values()}
        # Those in the middle of a dialog as well as those who never had one.
        assert len(frozen) > CALLS - 60
        assert {key for key in frozen if not by_id[key].fallback} == set()
        theirs = {by_id[key].number or by_id[key].from_raw for key in frozen}
        assert queues_of(centre.pbx, theirs) == {"default"}
        assert all(e.records[0].fallback == e.call.fallback for e in entries.values())
        assert all(e.call.arrived_at <= e.call.ended_at for e in entries.values())
        # No frozen caller gave up in a menu: they were all in the queue.
        assert {by_id[key].outcome for key in frozen} <= {"answered", "abandoned_in_queue"}

        async def forgotten() -> bool:
            families = (fallback_trace.FALLBACK, fallback_trace.ENDED)
            return not any([await traced(centre.pbx, family) for family in families])

        await until(forgotten, "the dialplan's traces taken over and deleted")
        assert (await centre.server.metrics())["agi_live"] == 0
        assert await no_channels(centre.pbx)
