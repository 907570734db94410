"""F52: a call changes hands while it is on a screen: rung in vain, page closed, transferred.

Whoever loses it is told by a `pop.close`, whoever gets it by a `pop.offer`, each agent's frames in
their order; who was away is told on coming back. In the end it is with whom Asterisk has it.

Also shown by `tests/acceptance/desktop/test_ringing_desks.py::
test_who_lets_it_ring_is_passed_over_for_one_with_two_tabs`,
`tests/acceptance/desktop/test_ringing_desks.py::test_three_are_rung_and_one_is_faster`,
`tests/acceptance/test_agent_transfers.py::
test_the_colleague_is_asked_with_pop_and_note_and_gets_the_call`,
`tests/unit/screenpop/test_pops.py::test_a_pop_stays_while_another_phone_of_the_agent_rings`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from calls.ports import QueueRequest
from screenpop.desk import protocol
from storage.database import Database
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance.queue_house import to
from tests.acceptance.test_agent_transfers import RINGS_ON, Screen, opened
from tests.acceptance.transfer_house import TransferHouse

pytestmark = pytest.mark.acceptance

SHAPES = {
    "agent1": RINGS_ON,
    "agent2": PhoneShape(ring_ms=2500),
    "agent3": PhoneShape(ring_ms=1000),
}


ELSEWHERE = "answered_elsewhere"


def held(screen: Screen) -> str:
    """What became of the last pop, by the frames in their order."""
    frames = [frame for frame in screen.frames if "pop_id" in frame and "seq" in frame]
    order = [frame["seq"] for frame in frames]
    assert order == sorted(set(order))
    told = frames[-1]
    return str(told.get("reason", told["kind"]))


async def test_whoever_has_the_call_has_its_pop(
    hall: TransferHouse, tmp_path: Path, database: Database
) -> None:
    async with opened(hall, tmp_path, database, shapes=SHAPES) as floor:
        anna, ben, chen = floor.anna, floor.ben, floor.chen
        floor.house.dialog = to(QueueRequest("ring_all"))
        floor.house.ring(CallerShape())
        rung = await anna.some("pop.offer")
        anna.desk.hub.detach("anna", anna)
        chens = (await chen.some("pop.claim"))["pop_id"]
        await ben.some("pop.close")
        back = Screen(anna.desk, "anna")
        anna.desk.attach("anna", back, rung["seq"])
        assert [held(one) for one in (back, ben, chen)] == [ELSEWHERE, ELSEWHERE, "pop.claim"]
        chen.say(protocol.CallTransfer(pop_id=chens, target="ben"))
        await chen.some("pop.wrapup")
        mine = await ben.some("pop.claim")
        assert mine["pop_id"] not in (chens, rung["pop_id"])
        assert [held(one) for one in (back, ben, chen)] == [ELSEWHERE, "pop.claim", "pop.wrapup"]
        assert await floor.talking_on() == {"PJSIP/agent2"}
