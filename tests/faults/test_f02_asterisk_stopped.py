"""F02: Asterisk is stopped or restarted at once, with calls up.

It hangs up first and says so: each call is ended once, by what it said, and not again after the
restart.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from calls import events
from calls.call import CallOutcome
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import PhoneShape
from tests.acceptance.followed import Followed, following
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

SHOP = "+18005550100"
TALKS, *WAIT = NUMBERS = [f"+1415555015{last}" for last in range(5)]


async def test_each_call_ends_once_and_by_what_asterisk_said(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    async with following(Followed(pbx)) as followed:

        def of(kind: type) -> list[Any]:
            return followed.of_callers(kind, NUMBERS)

        async with phones({"agent1": PhoneShape(ring_ms=100)}):
            up = callers.start([ScriptedCall(TALKS, SHOP)])
            await followed.until(lambda: followed.is_answered(TALKS))
            more = callers.start([ScriptedCall(number, SHOP) for number in WAIT])
            try:
                await followed.until(lambda: len(of(events.CallQueued)) == len(NUMBERS))
                await pbx.rx("core stop now")
                await followed.until_told(events.AmiLost)
                await followed.until(lambda: len(of(events.CallEnded)) == len(NUMBERS))
            finally:
                await up.stop()
                await more.stop()
        lost = [event for event in followed.told if isinstance(event, events.AmiLost)]
        assert lost[0].reason == "Asterisk shuts down"
        assert followed.outcome_of(TALKS) is CallOutcome.ANSWERED
        assert not any(ended.estimated for ended in of(events.CallEnded))
        await pbx.stop()
        await pbx.start()
        await followed.until_told(events.AmiRestored)
        await followed.bus.drain()
        times = Counter(ended.call_id for ended in of(events.CallEnded))
        assert set(times.values()) == {1}
        assert len(times) == len(NUMBERS)
        assert followed.bridge.tracker.calls == {}
