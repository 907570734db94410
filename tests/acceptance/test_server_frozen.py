"""The server freezes under load: the dialplan's own clock takes every caller to the queue."""

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

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]

CALLS = 160
RATE_PER_S = 20.0
#: More patient than the dialplan: 20 s before the dialog has begun, then the backstop.
CALLER = CallerShape(presses=(Press(3000, "0"),), hang_up_after_ms=20_000, audio=False)


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


async def test_frozen_under_load_and_thawed(centre: DemoCentre) -> None:
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
