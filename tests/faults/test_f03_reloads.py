"""F03: Asterisk is reloaded twenty times while calls are up and members come and go.

No call is lost or ended, and who is a member of which queue is what `queue show` says.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from calls import events
from calls.call import CallOutcome
from switchboard.demo.private_pbx import QUEUES, PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance.followed import Followed, following
from tests.acceptance.waiting import until
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

SHOP, TALKS, WAITS = "+18005550100", "+14155550145", "+14155550146"
RELOADS = 20


async def shown(pbx: PrivatePbx) -> dict[str, set[str]]:
    """Members' interfaces by queue, as Asterisk's console has it."""
    return {
        queue: set(re.findall(r"PJSIP/agent\d+", await pbx.rx(f"queue show {queue}")))
        for queue in QUEUES
    }


def followed_as(followed: Followed) -> dict[str, set[str]]:
    members = followed.bridge.members
    return {queue: {m.interface for m in members.in_queue(queue)} for queue in QUEUES}


async def test_twenty_reloads_change_no_call_and_every_member_is_known(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    async with following(Followed(pbx)) as followed:

        def of(kind: type) -> list[Any]:
            return followed.of_callers(kind, (TALKS, WAITS))

        async with phones({"agent1": PhoneShape(ring_ms=100)}):
            up = [callers.start([ScriptedCall(TALKS, SHOP)])]
            await followed.until(lambda: followed.is_answered(TALKS))
            waits = CallerShape(hang_up_after_ms=None)
            up.append(callers.start([ScriptedCall(WAITS, SHOP, shape=waits)]))
            await followed.until(lambda: len(of(events.CallQueued)) == 2)
            seen = []
            for turn in range(RELOADS):
                queue, member = QUEUES[turn % len(QUEUES)], f"PJSIP/agent9{turn % 7}"
                await pbx.rx(f"queue add member {member} to {queue}")
                await pbx.rx("core reload" if turn % 2 else "queue reload all")
                if turn % 3 == 2:
                    await pbx.rx(f"queue remove member {member} from {queue}")
                seen.append(await shown(pbx))

            async def the_same() -> bool:
                return followed_as(followed) == await shown(pbx)

            await until(the_same, "the members that `queue show` has")
            assert len({str(sorted(each["default"])) for each in seen}) > 1, "they did change"
            assert of(events.CallEnded) == []
            assert followed.count(events.AmiLost) == 0
            for one in up:
                await one.stop()
            await pbx.rx("channel request hangup all")
            await followed.until(lambda: len(of(events.CallEnded)) == 2)
        for turn in range(RELOADS):
            for queue in QUEUES:
                await pbx.rx(f"queue remove member PJSIP/agent9{turn % 7} from {queue}")
        assert followed.outcome_of(TALKS) is CallOutcome.ANSWERED
        assert not any(ended.estimated for ended in of(events.CallEnded))
