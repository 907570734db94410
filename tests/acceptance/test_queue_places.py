"""Our count of a queue beside Asterisk's own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls import events
from calls.call import CallId
from calls.ports import CallChannel, QueueRequest
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_scenarios import CallerShape
from tests.acceptance import queue_house
from tests.acceptance.queue_house import House
from tests.acceptance.waiting import until

pytestmark = pytest.mark.acceptance

WAITING, STAYING = 20, 14


@pytest.fixture
async def house(pbx: PrivatePbx, tmp_path: Path) -> AsyncIterator[House]:
    async with queue_house.opened(pbx, tmp_path) as house:
        for agent in pbx.agents:
            await house.bridge.queue_control.set_paused(
                f"PJSIP/{agent.endpoint}", paused=True, reason=""
            )
        yield house
        for agent in pbx.agents:
            await house.bridge.queue_control.set_paused(
                f"PJSIP/{agent.endpoint}", paused=False, reason=""
            )


async def asterisks(house: House) -> dict[str, int]:
    """Position by unique id, as QueueStatus says."""
    rows = await house.bridge.client.ask_list("QueueStatus")
    waiting = [r for r in rows if r.get("Event") == "QueueEntry" and r["Queue"] == "billing"]
    return {r["Uniqueid"]: int(r["Position"]) for r in waiting}


def ours(house: House) -> dict[str, int]:
    places = {
        event.call_id.linkedid: house.bridge.places.place_of(event.call_id)
        for event in house.of(events.CallArrived)
    }
    return {linkedid: place.position for linkedid, place in places.items() if place is not None}


async def test_positions_are_asterisks_own(house: House) -> None:
    priorities = itertools.cycle((0, 5, 0, 1, 5))

    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        await channel.to_queue(QueueRequest("billing", priority=next(priorities)))

    async def agreed(count: int) -> dict[str, int]:
        theirs = await asterisks(house)
        return theirs if len(theirs) == count and theirs == ours(house) else {}

    house.dialog = dialog
    shapes = [
        CallerShape(hang_up_after_ms=8000 if n % 10 in (1, 4, 7) else 16_000)
        for n in range(WAITING)
    ]
    work = house.ring(*shapes, rate_per_s=20)
    full = await until(lambda: agreed(WAITING), "twenty places alike", deadline_s=20)
    joined = [event.call_id.linkedid for event in house.of(events.CallArrived)]
    assert sorted(full.values()) == list(range(1, WAITING + 1))
    assert sorted(joined, key=lambda linkedid: full[linkedid]) != joined
    await until(lambda: agreed(STAYING), "the others moving up", deadline_s=20)
    # What a resync reads is the same.
    await house.bridge._resync.run()
    assert await asterisks(house) == ours(house)
    await house.some(events.CallEnded, WAITING)
    await work.stop()
    assert ours(house) == {}
    assert house.bridge.places.place_of(CallId("pbx", joined[0])) is None
