"""Where a dialog may send its caller, on the real Asterisk: mailbox, target, one agent first."""

from __future__ import annotations

import asyncio
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls import events
from calls.call import CallOutcome
from calls.ports import CallChannel, QueueRequest, Recorded
from switchboard.demo.pbx_files import MAILBOX
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance import queue_house
from tests.acceptance.queue_house import House, to
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

ANNA, BEN = "PJSIP/agent1", "PJSIP/agent2"
PICKS_UP = PhoneShape(ring_ms=200, talk_ms=400)


@pytest.fixture
async def house(pbx: PrivatePbx, tmp_path: Path) -> AsyncIterator[House]:
    async with queue_house.opened(pbx, tmp_path) as house:
        yield house


async def test_a_mailbox_takes_a_message(house: House) -> None:
    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        await channel.to_voicemail(MAILBOX)

    house.dialog = dialog
    # `#` cuts the greeting short; then a second is said, and the caller rings off.
    work = house.ring(CallerShape(presses=(Press(1000, "#"),), hang_up_after_ms=2500))
    assert await house.outcome() is CallOutcome.VOICEMAIL
    await work.stop()
    assert list((house.pbx.run / "spool/voicemail/default" / MAILBOX / "INBOX").glob("msg*.wav"))


@pytest.mark.parametrize("route", ["mailbox", "target"])
async def test_what_is_not_there_leads_to_the_default_queue(
    house: House, phones: PhonesFor, route: str
) -> None:
    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        await (channel.to_voicemail("nobody@x") if route == "mailbox" else channel.to_target("x"))

    house.dialog = dialog
    async with phones({"agent1": PICKS_UP}):
        work = house.ring(CallerShape())
        assert await house.outcome() is CallOutcome.ANSWERED
        await work.stop()
    assert [event.queue for event in house.of(events.CallQueued)] == ["default"]


async def test_a_target_is_an_extension_of_the_administrators(house: House) -> None:
    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        await channel.to_target("reception")

    house.dialog = dialog
    work = house.ring(CallerShape(hang_up_after_ms=700))
    assert await house.outcome() is CallOutcome.TRANSFERRED
    await work.stop()


async def test_the_preferred_agent_alone_is_rung_first(house: House, phones: PhonesFor) -> None:
    house.dialog = to(QueueRequest("sales", prefer="ben", prefer_s=5))
    async with phones({"agent1": PICKS_UP, "agent2": PICKS_UP, "agent3": PICKS_UP}):
        work = house.ring(CallerShape())
        assert await house.outcome() is CallOutcome.ANSWERED
        await work.stop()
    rung = [(event.queue, event.interface) for event in house.of(events.AgentRinging)]
    assert rung == [("sales", BEN)]
    (answered,) = house.of(events.AgentAnswered)
    assert (answered.queue, answered.interface) == ("sales", BEN)


async def test_who_does_not_pick_up_is_followed_by_all(house: House, phones: PhonesFor) -> None:
    house.dialog = to(QueueRequest("sales", prefer="ben", prefer_s=1))
    async with phones({"agent1": PICKS_UP, "agent2": PhoneShape(ring_ms=None)}):
        work = house.ring(CallerShape())
        (answered,) = await house.some(events.AgentAnswered)
        assert await house.outcome() is CallOutcome.ANSWERED
        await work.stop()
    first = house.of(events.AgentRinging)[0]
    assert (first.queue, first.interface) == ("sales", BEN)
    assert (answered.queue, answered.interface) == ("sales", ANNA)
    assert answered.wait_s >= 1
    assert len(house.of(events.CallEnded)) == 1


@pytest.mark.parametrize("why", ["paused", "unknown", "busy"])
async def test_who_cannot_take_it_costs_no_waiting(
    house: House, phones: PhonesFor, why: str
) -> None:
    login = "nobody" if why == "unknown" else "ben"
    house.dialog = to(QueueRequest("sales", prefer=login, prefer_s=30))
    if why == "paused":
        await house.bridge.queue_control.set_paused(BEN, paused=True, reason="lunch")
    # Ben would let it ring. Where he is not the one who is preferred, the queue, which rings one
    # after the other, may come to him first: then he refuses.
    shapes = {"agent1": PICKS_UP, "agent2": PhoneShape(busy=why != "paused", ring_ms=None)}
    async with phones(shapes):
        began = time.monotonic()
        work = house.ring(CallerShape())
        (answered,) = await house.some(events.AgentAnswered)
        waited_s = time.monotonic() - began
        await house.outcome()
        await work.stop()
    if why == "paused":
        await house.bridge.queue_control.set_paused(BEN, paused=False, reason="")
        assert BEN not in [event.interface for event in house.of(events.AgentRinging)]
    assert answered.interface == ANNA
    # Of the 30 s that they would be rung alone; a phone may be long in starting.
    assert waited_s < 15


async def test_what_a_caller_says_is_recorded(house: House) -> None:
    said: list[Recorded] = []

    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        said.append(await channel.record("message-1", max_s=10, silence_s=5))
        said.append(await channel.record("message-2", max_s=1, silence_s=5))
        said.append(await channel.record("message-3", max_s=10, silence_s=5))
        await asyncio.Event().wait()

    house.dialog = dialog
    work = house.ring(CallerShape(presses=(Press(1500, "#"),), hang_up_after_ms=3000))
    await house.outcome()
    await work.stop()
    by_key, by_limit, by_hang_up = said
    assert [r.name for r in said] == ["message-1", "message-2", "message-3"]
    assert 0.3 < by_key.seconds < 1.5
    assert 0.8 < by_limit.seconds < 1.3
    assert by_hang_up.seconds > 0.2
    for recorded in said:
        with wave.open(str(house.pbx.run / f"spool/monitor/{recorded.name}.wav")) as file:
            assert file.getnframes() / 8000 == pytest.approx(recorded.seconds, abs=0.1)


@pytest.mark.usefixtures("other_actions")
async def test_only_agents_within_the_penalties_are_rung(house: House, phones: PhonesFor) -> None:
    async def penalty(points: str) -> None:
        headers = [("Interface", ANNA), ("Penalty", points), ("Queue", "sales")]
        await house.bridge.client.ask("QueuePenalty", headers)

    house.dialog = to(QueueRequest("sales", max_penalty=1))
    await penalty("5")
    try:
        async with phones(
            {"agent1": PICKS_UP, "agent2": PICKS_UP, "agent3": PhoneShape(busy=True)}
        ):
            work = house.ring(CallerShape())
            assert await house.outcome() is CallOutcome.ANSWERED
            await work.stop()
    finally:
        await penalty("0")
    assert ANNA not in [event.interface for event in house.of(events.AgentRinging)]
    assert house.of(events.AgentAnswered)[0].interface == BEN


async def test_the_penalties_do_not_follow_into_the_default_queue(
    house: House, phones: PhonesFor
) -> None:
    house.dialog = to(QueueRequest("sales", min_penalty=3, timeout_s=1))
    async with phones({"agent1": PICKS_UP, "agent2": PICKS_UP, "agent3": PICKS_UP}):
        work = house.ring(CallerShape())
        assert await house.outcome() is CallOutcome.ANSWERED
        await work.stop()
    assert {event.queue for event in house.of(events.AgentRinging)} == {"default"}
