"""F15: transfers, pickups, parking, conferences and Local channels change a call's ids.

One record with a leg for each agent, over at the true end, as Asterisk's own CEL and an independent
manager client have it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row

from ami_bridge.placing import Placing
from calls import events
from calls.ports import QueueRequest
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.records import Records
from storage.database import Database
from switchboard.demo.sip_scenarios import PhoneShape
from tests.acceptance import queue_house
from tests.acceptance.queue_house import Roster, to
from tests.acceptance.scene import AGENTS, Scene
from tests.acceptance.transfer_house import Operator, TransferHouse
from tests.acceptance.waiting import until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:asterisk.manager"),
]

STAYS = PhoneShape(ring_ms=100)
TALKS = PhoneShape(ring_ms=100, talk_ms=600)
RINGS_ON = PhoneShape(ring_ms=None)
#: What our clock and Asterisk's log may be apart, the AMI's way included.
NEAR = timedelta(seconds=0.5)


@pytest.fixture
async def scene(hall: TransferHouse, tmp_path: Path, database: Database) -> AsyncIterator[Scene]:
    placing = Placing(login_of=Roster(AGENTS).login_of, outbound=True, internal=True)
    async with queue_house.opened(hall.pbx, tmp_path, placing=placing) as house:
        house.dialog = to(QueueRequest("anna_only"))
        records = Records(
            database=database,
            bus=house.bus,
            crm=EmbeddedCrm(database=database),
            roster=Roster(AGENTS),
        )
        operator = Operator(hall.pbx)
        try:
            async with records:
                scene = Scene(house, hall, operator, records, database, tmp_path)
                yield scene
                for one in scene.playing:
                    await one.stop()
        finally:
            operator.close()


async def ask_ben(scene: Scene) -> str:
    """Anna's channel; the caller waits while she calls Ben."""
    await scene.ring_until_answered()
    anna = await scene.operator.channel("agent1")
    await scene.operator.act("Atxfer", Channel=anna, Context="from-agents", Exten="102")
    return anna


async def blind(scene: Scene) -> None:
    async with scene.phones(agent1=STAYS, agent2=TALKS):
        await scene.ring_until_answered()
        await scene.transfer("102")
        await scene.record()


async def attended(scene: Scene) -> None:
    """Anna asks Ben first, then hangs up."""
    async with scene.phones(agent1=STAYS, agent2=STAYS):
        await ask_ben(scene)
        await scene.answered(2)
        await scene.hang_up("agent1")
        await scene.house.some(events.CallTransferred)
        await scene.hang_up("agent2")
        await scene.record()


async def attended_while_it_rings(scene: Scene) -> None:
    """Anna does not wait for Ben's answer."""
    async with scene.phones(agent1=STAYS, agent2=PhoneShape(ring_ms=1500, talk_ms=600)):
        await ask_ben(scene)
        await scene.house.some(events.AgentRinging, 2)
        await scene.hang_up("agent1")
        await scene.record()


async def three_talk(scene: Scene) -> None:
    """Anna asks Ben, brings him to the caller, and leaves the two later."""
    async with scene.phones(agent1=STAYS, agent2=STAYS):
        anna = await ask_ben(scene)
        await scene.answered(2)
        for digit in "*3":
            await scene.operator.act("PlayDTMF", Channel=anna, Digit=digit, Receive="true")
        await scene.operator.some("AttendedTransfer")
        await scene.hang_up("agent1")
        [left] = await scene.house.some(events.AgentReleased)
        assert (left.interface, left.transferred) == ("PJSIP/agent1", False)
        assert not scene.house.of(events.CallTransferred)
        await scene.hang_up("agent2")
        await scene.record()


async def pickup(scene: Scene) -> None:
    async with scene.phones(agent1=RINGS_ON):
        scene.ring()
        await scene.house.some(events.AgentRinging)
        scene.dial("agent3", "*8")
        await scene.record()


async def park(scene: Scene) -> None:
    """Anna parks the caller; her own line stays open while Chen talks with them."""
    async with scene.phones(agent1=STAYS):
        await scene.ring_until_answered()
        anna, caller = await scene.operator.channel("agent1"), await scene.operator.channel("trunk")
        await scene.operator.act("Park", Channel=caller, TimeoutChannel=anna, AnnounceChannel=anna)
        await scene.operator.some("ParkedCall")
        scene.dial("agent3", "701")
        await scene.record()


async def gone_while_parked(scene: Scene) -> None:
    async with scene.phones(agent1=STAYS):
        await scene.ring_until_answered()
        await scene.transfer("700")
        await scene.operator.some("ParkedCall")
        await scene.hang_up("trunk")
        await scene.record()


async def ring_all(scene: Scene) -> None:
    scene.house.dialog = to(QueueRequest("ring_all"))
    async with scene.phones(agent1=RINGS_ON, agent2=PhoneShape(700, 600), agent3=RINGS_ON):
        scene.ring()
        await scene.record()


async def conference(scene: Scene) -> None:
    """Caller and Anna go to a conference, Chen comes too; the caller leaves last."""
    async with scene.phones(agent1=STAYS):
        await scene.ring_until_answered()
        channels = {
            "Channel": await scene.operator.channel("trunk"),
            "ExtraChannel": await scene.operator.channel("agent1"),
        }
        place = {"Context": "from-agents", "Exten": "800", "Priority": "1"}
        extra = {f"Extra{name}": value for name, value in place.items()}
        await scene.operator.act("Redirect", **channels, **place, **extra)
        chen = scene.dial("agent3", "800", talk_ms=1500)
        await scene.operator.some("ConfbridgeJoin", 3)
        await scene.hang_up("agent1")
        await scene.operator.some("ConfbridgeLeave", 2)
        await chen.wait(deadline_s=30)
        await scene.hang_up("trunk")
        await scene.record()


async def local_member(scene: Scene) -> None:
    """As FreePBX has them: app_queue knows a Local channel and a hint, and no phone."""
    scene.house.dialog = to(QueueRequest("locals"))
    async with scene.phones(agent2=TALKS):
        scene.ring()
        await scene.record()


async def local_member_optimised_away(scene: Scene) -> None:
    scene.house.dialog = to(QueueRequest("optimised"))
    async with scene.phones(agent2=TALKS):
        scene.ring()
        await scene.record()


async def local_member_transfers(scene: Scene) -> None:
    scene.house.dialog = to(QueueRequest("locals"))
    async with scene.phones(agent2=STAYS, agent3=TALKS):
        await scene.ring_until_answered()
        await scene.transfer("103", by="agent2")
        await scene.record()


async def to_nowhere(scene: Scene) -> None:
    async with scene.phones(agent1=STAYS):
        await scene.ring_until_answered()
        await scene.transfer("101999")
        await scene.record()


async def to_the_outside(scene: Scene) -> None:
    async with scene.phones(agent1=STAYS, outside=TALKS):
        await scene.ring_until_answered()
        await scene.transfer("049301234")
        await scene.record()


async def back_and_forth(scene: Scene) -> None:
    """Anna to Ben, and back to Anna: her second part is a leg of its own."""
    async with scene.phones(agent1=STAYS, agent2=STAYS):
        await scene.ring_until_answered()
        await scene.transfer("102")
        await scene.answered(2)
        await scene.transfer("101", by="agent2")
        await scene.answered(3)
        await scene.hang_up("agent1")
        await scene.record()


Legs = list[tuple[str, str, bool]]
ANNA, BEN, CHEN = ("anna", "queue", True), ("ben", "queue", True), ("chen", "queue", True)
GOLDEN: dict[Callable[[Scene], Awaitable[None]], tuple[Legs, tuple[str, str] | None]] = {
    blind: ([ANNA, ("ben", "blind_transfer", True)], None),
    attended: ([ANNA, ("ben", "attended_transfer", True)], None),
    attended_while_it_rings: ([ANNA, ("ben", "attended_transfer", True)], None),
    three_talk: ([ANNA, ("ben", "attended_transfer", True)], None),
    pickup: ([("anna", "queue", False), ("chen", "pickup", True)], None),
    park: ([ANNA, ("chen", "park", True)], None),
    gone_while_parked: ([ANNA], ("parked", "701")),
    ring_all: ([("anna", "queue", False), BEN, ("chen", "queue", False)], None),
    conference: ([ANNA, ("chen", "conference", True)], None),
    local_member: ([BEN], None),
    local_member_optimised_away: ([BEN], None),
    local_member_transfers: ([BEN, ("chen", "blind_transfer", True)], None),
    to_nowhere: ([ANNA], ("transfer_failed", "101999")),
    to_the_outside: (
        [ANNA, ("PJSIP/outside", "blind_transfer", True)],
        ("transfer", "049301234"),
    ),
    back_and_forth: (
        [ANNA, ("ben", "blind_transfer", True), ("anna", "blind_transfer", True)],
        None,
    ),
}


@pytest.mark.parametrize("scenario", GOLDEN, ids=lambda scenario: scenario.__name__)
async def test_one_record_with_a_leg_for_each_agent(
    scene: Scene, scenario: Callable[[Scene], Awaitable[None]]
) -> None:
    legs, routed = GOLDEN[scenario]
    await scenario(scene)
    record = await scene.record()
    found = [(leg["agent"], leg["via"], leg["answered_at"] is not None) for leg in record.legs]
    if scenario is ring_all:
        found.sort()  # app_queue rings them all at once, in whatever order
    assert found == legs
    assert record.outcome == "answered"
    assert record.title == f"Call from {record.number}"
    told = record.routed and (record.routed["kind"], record.routed["target"])
    assert told == routed
    answers = sum(answered for _, _, answered in legs)
    assert record.revision == answers + 1
    assert len(scene.house.of(events.CallEnded)) == 1
    check_times(record)
    await check_with_asterisk(scene, record)


def check_times(record: Row[Any]) -> None:
    assert record.arrived_at <= record.answered_at <= record.ended_at
    assert record.talk_s == round((record.ended_at - record.answered_at).total_seconds())
    assert not record.end_estimated
    for leg in record.legs:
        rang, ended = (datetime.fromisoformat(leg[name]) for name in ("rang_at", "ended_at"))
        answered = datetime.fromisoformat(leg["answered_at"]) if leg["answered_at"] else rang
        assert record.arrived_at <= rang <= answered <= ended <= record.ended_at


async def check_with_asterisk(scene: Scene, record: Row[Any]) -> None:
    """CEL says when it was over, the witness who was in a bridge."""

    async def ends() -> list[datetime]:
        return [
            datetime.fromisoformat(row[1]).astimezone(UTC)
            for row in scene.hall.pbx.cel()
            if row[0] == "LINKEDID_END" and row[2] == record.linkedid
        ]

    [end] = await until(ends, "the end in CEL")
    assert abs(end - record.ended_at) < NEAR
    in_bridges = {
        event["Channel"].rpartition("-")[0]
        for event in scene.operator.of("BridgeEnter")
        if event["Channel"].startswith(("PJSIP/agent", "PJSIP/outside"))
    }
    talked = {
        AGENTS.get(leg["agent"], leg["agent"])
        for leg in record.legs
        if leg["answered_at"] is not None
    }
    assert talked == in_bridges
