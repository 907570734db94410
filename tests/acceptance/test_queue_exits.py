"""Out of the queue by a key, on the real Asterisk: once, for who was offered it, never against an
agent who has answered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls import events
from calls.call import CallOutcome
from calls.ports import CallChannel, QueueRequest
from switchboard.demo import free_ports
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance import queue_house
from tests.acceptance.queue_house import House, to
from tests.acceptance.waiting import until
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

AGENTS = ("PJSIP/agent1", "PJSIP/agent2", "PJSIP/agent3")
RINGS_ON = PhoneShape(ring_ms=None)


@pytest.fixture
async def house(pbx: PrivatePbx, tmp_path: Path) -> AsyncIterator[House]:
    async with queue_house.opened(pbx, tmp_path) as house:
        house.dialog = to(QueueRequest("billing"))
        yield house


@pytest.fixture
async def short_rings(tmp_path: Path) -> AsyncIterator[House]:
    """An Asterisk whose phones ring for two seconds at a time."""
    private = PrivatePbx(
        agi_port=free_ports.tcp(),
        web_url=f"http://127.0.0.1:{free_ports.tcp()}",
        ami_secret="only-for-the-tests",
        ring_s=2,
    )
    async with private, queue_house.opened(private, tmp_path) as house:
        house.dialog = to(QueueRequest("billing"))
        yield house


@pytest.fixture
async def nobody_there(house: House) -> AsyncIterator[None]:
    """Nobody is rung."""
    for agent in AGENTS:
        await house.bridge.queue_control.set_paused(agent, paused=True, reason="")
    yield
    for agent in AGENTS:
        await house.bridge.queue_control.set_paused(agent, paused=False, reason="")


class Withdrawn:
    """The second dialog: asks for nothing, promises a call back, and remembers when."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.at: list[float] = []
        house.withdrawn = self.serve

    async def serve(self, channel: CallChannel) -> None:
        self.at.append(time.monotonic())
        call = channel.call
        assert call.dialled == queue_house.DIALLED
        place = self.house.bridge.exits.place_given_up(call.id)
        assert place is not None
        assert place.position == 1
        number = call.from_raw
        event = events.CallbackRequested(call.id, call.arrived_at, number, "billing", 1)
        self.house.bus.publish(event)
        # Known before the channel is gone: else they would have left by themselves.
        await self.house.bus.drain()
        await channel.hang_up()


async def offered(house: House) -> events.CallQueued | events.CallArrived:
    (arrived,) = await house.some(events.CallArrived)

    async def waits() -> bool:
        return house.bridge.places.place_of(arrived.call_id) is not None

    await until(waits, "the caller in the queue", every_s=0.01)
    await house.bridge.exits.allow_exit(arrived.call_id)
    return arrived  # type: ignore[no-any-return]


@pytest.mark.usefixtures("nobody_there")
async def test_the_key_leads_out_of_the_queue(house: House) -> None:
    withdrawn = Withdrawn(house)
    began = time.monotonic()
    work = house.ring(CallerShape(presses=(Press(1000, "1"),)))
    await offered(house)
    assert await house.outcome() is CallOutcome.CALLBACK
    await work.stop()
    assert withdrawn.at[0] - began < 4
    (row,) = house.queue_log("WITHDRAW")
    assert row[0] == "billing"
    assert row[-1] == "callback"
    assert len(house.of(events.CallArrived)) == len(house.of(events.CallEnded)) == 1


@pytest.mark.parametrize("answers", [True, False])
async def test_who_rings_already_may_still_answer(
    short_rings: House, tmp_path: Path, answers: bool
) -> None:
    """Asterisk takes nobody out of a queue while an agent rings for them."""
    house, withdrawn = short_rings, Withdrawn(short_rings)
    phone = PhoneShape(ring_ms=1500 if answers else None, talk_ms=300)
    async with SipPhones(agents=house.pbx.agents, shapes={"agent1": phone}, folder=tmp_path):
        work = house.ring(CallerShape(presses=(Press(800, "1"),)))
        await offered(house)
        outcome = await house.outcome()
        await work.stop()
    assert outcome is (CallOutcome.ANSWERED if answers else CallOutcome.CALLBACK)
    assert len(withdrawn.at) == (0 if answers else 1)
    assert len(house.of(events.AgentRinging)) == 1
    assert len(house.of(events.AgentMissed)) == (0 if answers else 1)


async def test_the_key_counts_while_one_agent_is_tried_first(
    short_rings: House, tmp_path: Path
) -> None:
    house, withdrawn = short_rings, Withdrawn(short_rings)
    house.dialog = to(QueueRequest("billing", prefer="anna", prefer_s=2))
    async with SipPhones(agents=house.pbx.agents, shapes={"agent1": RINGS_ON}, folder=tmp_path):
        work = house.ring(CallerShape(presses=(Press(1000, "1"),)))
        (arrived,) = await house.some(events.CallArrived)
        await house.bridge.exits.allow_exit(arrived.call_id)
        assert await house.outcome() is CallOutcome.CALLBACK
        await work.stop()
    assert len(withdrawn.at) == 1


@pytest.mark.usefixtures("nobody_there")
async def test_the_key_counts_also_in_the_queue_that_comes_after(house: House) -> None:
    """Nobody there answered in time, so the dialplan has put the caller into the default queue."""
    withdrawn = Withdrawn(house)
    house.dialog = to(QueueRequest("billing", timeout_s=2))
    work = house.ring(CallerShape(presses=(Press(4500, "1"),)))
    await offered(house)
    assert await house.outcome() is CallOutcome.CALLBACK
    await work.stop()
    assert len(withdrawn.at) == 1
    assert [row[0] for row in house.queue_log("WITHDRAW")] == ["default"]


@pytest.mark.usefixtures("nobody_there")
async def test_who_was_not_offered_it_stays(house: House) -> None:
    withdrawn = Withdrawn(house)
    work = house.ring(
        CallerShape(presses=(Press(300, "1"), Press(300, "1")), hang_up_after_ms=1500)
    )
    assert await house.outcome() is CallOutcome.ABANDONED_IN_QUEUE
    await work.stop()
    assert withdrawn.at == []


@pytest.mark.usefixtures("nobody_there")
async def test_an_offer_can_be_taken_back(house: House) -> None:
    withdrawn = Withdrawn(house)
    work = house.ring(CallerShape(presses=(Press(1000, "1"),), hang_up_after_ms=1500))
    arrived = await offered(house)
    await house.bridge.exits.forbid_exit(arrived.call_id)
    assert await house.outcome() is CallOutcome.ABANDONED_IN_QUEUE
    await work.stop()
    assert withdrawn.at == []


@pytest.mark.parametrize("press_ms", [880, 960, 1000, 1040, 1120])
async def test_an_agent_who_answers_at_that_moment_wins_cleanly(
    house: House, phones: PhonesFor, press_ms: int
) -> None:
    withdrawn = Withdrawn(house)
    async with phones({"agent1": PhoneShape(ring_ms=1000, talk_ms=500)}):
        work = house.ring(CallerShape(presses=(Press(press_ms, "1"),)))
        await offered(house)
        outcome = await house.outcome()
        await work.stop()
    answered = len(house.of(events.AgentAnswered))
    assert (answered, len(withdrawn.at)) in {(1, 0), (0, 1)}
    assert outcome is (CallOutcome.ANSWERED if answered else CallOutcome.CALLBACK)
    assert len(house.of(events.CallEnded)) == 1


@pytest.mark.usefixtures("nobody_there")
async def test_what_is_typed_in_a_dialog_is_no_event(house: House) -> None:
    seen: list[bytes] = []
    take = house.bridge.client._on_event

    def note(name: bytes, block: bytes) -> None:
        seen.append(name)
        take(name, block)

    house.bridge.client._on_event = note

    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        pin = await channel.collect([], max_digits=4, timeout_s=3, secret=True)
        assert pin.digits == "1121"
        await to(QueueRequest("billing"))(channel)

    house.dialog = dialog
    keys = (*(Press(250, digit) for digit in "1121"), Press(600, "1"), Press(250, "4"))
    work = house.ring(CallerShape(presses=keys, hang_up_after_ms=300))
    assert await house.outcome() is CallOutcome.ABANDONED_IN_QUEUE
    await work.stop()
    assert seen.count(b"DTMFEnd") == 1
    assert b"DTMFBegin" not in seen
