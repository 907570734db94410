"""Callers hang up at every step of a call: before the answer, in the greeting, in the menu, on the
way to the queue, in the queue. Nothing of them stays anywhere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import CallersResult, ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import assert_all_served, no_channels, numbers
from tests.acceptance.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]

STEP_MS = 100
CALLS_PER_SHAPE = 4
KEY_EVERY_MS = 700


def leaving_after(ms: int) -> CallerShape:
    """Asks for a person on the way, again and again."""
    keys, left_ms = divmod(ms, KEY_EVERY_MS)
    return CallerShape(presses=(Press(KEY_EVERY_MS, "0"),) * keys, hang_up_after_ms=left_ms)


#: These try to leave before the answer. Where their CANCEL crosses it, sipp gives the call up.
EARLY = [CallerShape(patience_ms=ms, hang_up_after_ms=0) for ms in (1, 15, 40, 80)]
ANSWERED = [leaving_after(ms) for ms in range(0, 3001, STEP_MS)]


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path, agents=1, phone=PhoneShape(ring_ms=None), desktops=False
    ) as centre:
        await centre.server.wait_for("speech")
        yield centre


def asked_for_us(centre: DemoCentre) -> set[str]:
    """Linked ids of the calls whose AGI() Asterisk ran."""
    log = (centre.pbx.run / "log/full").read_text(errors="replace")
    return set(re.findall(r' AGI\("[^"]+", "agi://[^,"]+,([0-9.]+)[,"]', log))


async def test_hanging_up_at_every_step(centre: DemoCentre) -> None:
    every = iter(numbers((len(EARLY) + len(ANSWERED)) * CALLS_PER_SHAPE))

    async def call(shapes: list[CallerShape]) -> CallersResult:
        calls = [
            ScriptedCall(next(every), cast.SHOP, shape=shape)
            for _ in range(CALLS_PER_SHAPE)
            for shape in shapes
        ]
        return await centre.callers.run(calls, rate_per_s=15, deadline_s=25)

    early = await call(EARLY)
    assert early.offered == len(EARLY) * CALLS_PER_SHAPE
    # Each shape is a sipp of its own: a third of them at a time.
    for third in (ANSWERED[0::3], ANSWERED[1::3], ANSWERED[2::3]):
        assert_all_served(await call(third), len(third) * CALLS_PER_SHAPE)
    await until(lambda: no_channels(centre.pbx), "no channel left in Asterisk")

    async with Ledger(centre.storage_url) as ledger:
        asked = asked_for_us(centre)
        entries = await ledger.balanced(set(await ledger.entries()), deadline_s=20)
    by_id = {entry.call.linkedid: entry.call for entry in entries.values()}
    in_queue = {row[1] for row in centre.pbx.queue_log() if row[4] == "ENTERQUEUE"}
    assert set(by_id) == asked
    assert {i for i, call in by_id.items() if call.outcome == "abandoned_in_queue"} == in_queue
    assert {i for i, call in by_id.items() if call.outcome == "abandoned_in_menu"} == (
        set(by_id) - in_queue
    )
    assert len(in_queue) > len(by_id) // 5
    assert not any(call.end_estimated or call.fallback for call in by_id.values())
    metrics = await centre.server.metrics()
    gauges = ("agi_live", "agi_waiting", "calls_live", "channels_live", "agi_failed_total")
    assert {name: metrics[name] for name in gauges} == dict.fromkeys(gauges, 0)
    # Every one of these dialogs was over soon after its caller.
    assert metrics["agi_left_total"] > len(by_id) // 3
    assert 0 < metrics["agi_worst_leave_seconds"] < 0.2
