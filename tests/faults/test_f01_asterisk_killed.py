"""F01: Asterisk is killed in the middle of calls.

Once it is back each of them is closed as `lost_sync`, its end marked as estimated, none is left on
the live view, and new calls are followed.
"""

from __future__ import annotations

import pytest

from calls import events
from calls.call import CallOutcome
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import PhoneShape
from tests.acceptance.followed import Followed, following
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

SHOP, NEXT = "+18005550100", "+14155550169"
NUMBERS = [f"+1415555016{last}" for last in range(6)]
#: After the connection is back, the settling of what was under way included.
WITHIN_S = 10.0


async def test_every_call_is_closed_as_lost_and_none_is_left(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    async with following(Followed(pbx)) as followed:
        async with phones({"agent1": PhoneShape(ring_ms=100)}):
            up = callers.start([ScriptedCall(number, SHOP) for number in NUMBERS])
            try:
                # One talks, the others wait.
                await followed.until(
                    lambda: (
                        bool(followed.of(events.AgentAnswered))
                        and len(followed.of(events.CallQueued)) == len(NUMBERS)
                    )
                )
                await pbx.kill()
                await followed.until_told(events.AmiLost)
            finally:
                await up.stop()
        assert followed.of_callers(events.CallEnded, NUMBERS) == [], "nobody knows yet"
        await pbx.start()
        await followed.until_in_step()
        await followed.until(
            lambda: len(followed.of_callers(events.CallEnded, NUMBERS)) == len(NUMBERS),
            within_s=WITHIN_S,
        )
        for number in NUMBERS:
            assert followed.outcome_of(number) is CallOutcome.LOST_SYNC
        assert all(ended.estimated for ended in followed.of_callers(events.CallEnded, NUMBERS))
        assert followed.bridge.tracker.calls == {}
        assert len(followed.bridge.tracker.channels) == 0
        assert await followed.journal.open_calls("pbx") == []

        async with phones({"agent1": PhoneShape(ring_ms=100, talk_ms=300)}):
            await callers.run([ScriptedCall(NEXT, SHOP)])
            await followed.until(lambda: followed.outcome_of(NEXT) is not None)
        assert followed.outcome_of(NEXT) is CallOutcome.ANSWERED
