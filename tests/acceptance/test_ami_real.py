"""The AMI side on a real Asterisk, with the least rights, beside an independent witness (pyst2)."""

from __future__ import annotations

import re

import pytest

from ami_bridge import fallback_trace, self_check, snapshot
from ami_bridge.ami_client import ActionRefused
from calls import events
from calls.call import CallOutcome
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance.ami_witness import Witness
from tests.acceptance.followed import Followed, following
from tests.real_asterisk import HASTY, PhonesFor
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:asterisk.manager"),
]

SHOP = "+18005550100"
BRISK = {"agent1": PhoneShape(ring_ms=100, talk_ms=300)}


@pytest.mark.usefixtures("other_actions")
async def test_the_rights_of_the_shipped_user_suffice_and_are_not_more(pbx: PrivatePbx) -> None:
    async with following(Followed(pbx)) as followed:
        client = followed.bridge.client
        seen = await snapshot.take(client)
        assert {member.interface for member in seen.members} >= {"PJSIP/agent1", "PJSIP/agent2"}
        await fallback_trace.read(client)
        assert client.version is not None
        for action, headers in (
            ("Command", [("Command", "core show version")]),
            ("Getvar", [("Variable", "SHELL(id)")]),
            ("DBDel", [("Family", "x"), ("Key", "y")]),
            ("GetConfig", [("Filename", "manager.conf")]),
            ("Filter", [("Operation", "Add"), ("Filter", "x")]),
            ("Originate", [("Channel", "Local/8500@from-agents"), ("Application", "Wait")]),
        ):
            with pytest.raises(ActionRefused):
                await client.ask(action, headers)
        assert await self_check.look(client) == ()
        told = await client.ask("CoreSettings")
        assert re.match(r"[0-9]+\.[0-9]+\.[0-9]+", told["AsteriskVersion"])
    async with following(Followed(pbx, username=HASTY)) as followed:
        # No event of a call tells of them.
        await wait_until(lambda: followed.bridge.doubts)
        [doubt] = followed.bridge.doubts
        assert doubt.startswith("our AMI user may originate, which it does not need")


async def test_pausing_shows_in_the_queues(pbx: PrivatePbx) -> None:
    async with following(Followed(pbx)) as followed:
        control = followed.bridge.queue_control
        await control.set_paused("PJSIP/agent2", paused=True, reason="Lunch")
        assert "paused:Lunch" in await pbx.rx("queue show default")
        await control.set_paused("PJSIP/agent2", paused=False, reason="")
        assert "paused:Lunch" not in await pbx.rx("queue show default")


async def test_calls_are_followed_as_an_independent_witness_saw_them(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    witness = Witness(pbx, "QueueCallerJoin", "AgentConnect", "Hangup")
    async with following(Followed(pbx)) as followed:
        async with phones(BRISK):
            await callers.run(
                [
                    ScriptedCall(f"+1202555017{n}", SHOP, "王小明 José" if n % 2 else "Ann")
                    for n in range(6)
                ]
            )
        await followed.until(lambda: len(followed.of(events.CallEnded)) == 6)
    seen = witness.close()
    assert {e.call_id.linkedid for e in followed.of(events.CallArrived)} == {
        event["Linkedid"] for event in seen if event["Event"] == "QueueCallerJoin"
    }
    answered = [
        (e.call_id.linkedid, e.queue, e.interface)  # type: ignore[attr-defined]
        for e in followed.of(events.AgentAnswered)
    ]
    assert sorted(answered) == sorted(
        (event["Linkedid"], event["Queue"], event["Interface"])
        for event in seen
        if event["Event"] == "AgentConnect"
    )
    ended = {e.call_id.linkedid: e.outcome for e in followed.of(events.CallEnded)}  # type: ignore[attr-defined]
    assert set(ended) == {event["Linkedid"] for event in seen if event["Event"] == "Hangup"}
    assert set(ended.values()) == {CallOutcome.ANSWERED}
    names = {call.from_name for call in followed.journal.opened.values()}
    assert names == {"王小明 José", "Ann"}
    assert followed.bridge.tracker.calls == {}
    assert len(followed.bridge.tracker.channels) == 0


async def test_a_caller_who_gives_up_and_one_who_is_given_up(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    async with following(Followed(pbx)) as followed:
        async with phones({"agent1": PhoneShape(ring_ms=None)}):
            await callers.run(
                [ScriptedCall("+12025550161", SHOP, shape=CallerShape(hang_up_after_ms=700))]
            )
        await followed.until(lambda: bool(followed.of(events.CallEnded)))
    assert followed.outcome_of("+12025550161") is CallOutcome.ABANDONED_IN_QUEUE
    assert followed.of(events.AgentMissed)


async def test_calls_served_without_us_get_their_records_later(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    async with phones(BRISK):
        await callers.run([ScriptedCall("+12025550162", SHOP)])
    async with phones({"agent1": PhoneShape(ring_ms=None)}):
        await callers.run(
            [ScriptedCall("+12025550163", SHOP, shape=CallerShape(hang_up_after_ms=700))]
        )
    async with following(Followed(pbx)) as followed:
        await followed.until(lambda: len(followed.journal.closed) == len(followed.journal.opened))
        assert followed.outcome_of("+12025550162") is CallOutcome.ANSWERED
        assert followed.outcome_of("+12025550163") is CallOutcome.ABANDONED_IN_QUEUE
        for family in (fallback_trace.FALLBACK, fallback_trace.ENDED):
            assert "0 results found" in await pbx.rx(f"database show {family}")
    async with following(Followed(pbx, followed.journal)) as again:
        assert again.of(events.CallEnded) == []
