"""F13: the connection breaks while an action that places a call is under way.

Whoever asked is told that nobody knows; it is never sent again; what came of it is seen by its
channel's id once we are back: one call, recorded once.

Also shown by `tests/faults/test_f16_missed_events.py::
test_every_call_of_asterisks_is_there_after_a_black_hole_under_load`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ami_bridge.placing import Placing
from calls import events
from calls.call import Direction as CallDirection
from calls.errors import Unavailable
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import PhoneShape
from tests.acceptance.followed import Followed, following
from tests.acceptance.queue_house import Roster
from tests.acceptance.scene import AGENTS
from tests.acceptance.transfer_house import PLACER, TransferHouse
from tests.acceptance.waiting import until
from tests.faults.proxy import Blackhole, Direction, FaultProxy

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:asterisk.manager"),
]

CHANNEL = "f13-place-1"
#: Anna's phone first; as she answers, a number outside.
PLACE = [
    ("Channel", "PJSIP/agent1"),
    ("ChannelId", CHANNEL),
    ("Context", "from-agents"),
    ("Exten", "9004930123456"),
    ("Priority", "1"),
    ("Async", "true"),
]


@pytest.mark.usefixtures("other_actions")
async def test_a_call_placed_as_the_line_breaks_is_one_call(
    hall: TransferHouse, tmp_path: Path
) -> None:
    sent: list[bytes] = []

    def seen(_connection: int, direction: Direction, piece: bytes) -> None:
        if direction is Direction.UP and b"Action: Originate" in piece:
            sent.append(piece)
            # It arrives; its answer does not.
            proxy.add(Blackhole(), Direction.DOWN)

    placing = Placing(login_of=Roster(AGENTS).login_of, outbound=True, internal=False)
    phones = SipPhones(
        agents=(*hall.pbx.agents, hall.outside),
        shapes={
            "agent1": PhoneShape(ring_ms=1000),
            "outside": PhoneShape(ring_ms=1000),
        },
        folder=tmp_path,
    )
    async with (
        FaultProxy(("127.0.0.1", hall.pbx.ami_port), seen=seen) as proxy,
        phones,
        following(
            Followed(hall.pbx, port=proxy.port, username=PLACER, placing=placing)
        ) as followed,
    ):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ask_in_vain(followed))
            await until(lambda: has_begun(hall), "the call that was asked for")
            proxy.let_pass()
            proxy.cut(rst=True)
        await followed.until_told(events.AmiRestored)
        # However long that took, they are talking still.
        await followed.until(lambda: bool(followed.of(events.AgentAnswered)))
        await until(lambda: both_talk(hall), "the two in talk")
        await hall.pbx.rx("channel request hangup all")
        await followed.until(lambda: bool(followed.of(events.CallEnded)))
        await followed.bus.drain()
        [arrived] = followed.of(events.CallArrived)
        assert arrived.call_id.linkedid == CHANNEL
        assert arrived.call.direction is CallDirection.OUTBOUND  # type: ignore[attr-defined]
        assert arrived.call.from_raw == "004930123456"  # type: ignore[attr-defined]
        assert [e.interface for e in followed.of(events.AgentAnswered)] == ["PJSIP/agent1"]  # type: ignore[attr-defined]
        assert len(followed.of(events.CallEnded)) == 1
    assert len(sent) == 1
    begun = [row for row in hall.pbx.cel() if row[0] == "CHAN_START" and row[3] == CHANNEL]
    assert len(begun) == 1


async def ask_in_vain(followed: Followed) -> None:
    with pytest.raises(Unavailable):
        await followed.bridge.client.ask("Originate", PLACE, deadline_s=30)


async def has_begun(hall: TransferHouse) -> bool:
    return CHANNEL in await hall.pbx.rx("core show channels concise")


async def both_talk(hall: TransferHouse) -> bool:
    lines = (await hall.pbx.rx("core show channels concise")).splitlines()
    return sum("!Up!" in line for line in lines) == 2
