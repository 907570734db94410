"""F09: our reader stands still for seconds, and Asterisk cuts us off.

We log in again and ask for what was missed: no end is missing, and no call that lives is closed.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from calls import events
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance.followed import Followed, following
from tests.real_asterisk import HASTY, PhonesFor

pytestmark = pytest.mark.acceptance

SHOP, STAYS = "+18005550100", "+14155550149"
LEAVE = [f"+1415555013{last}" for last in range(5)]
STALL_S = 5.0
FLOOD = [
    ("Channel", "Local/8501@from-agents"),
    ("Application", "Wait"),
    ("Data", "20"),
    ("Async", "true"),
]


@pytest.mark.usefixtures("other_actions")
async def test_who_is_cut_off_misses_no_end(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    async with following(Followed(pbx, username=HASTY)) as followed:

        def of(kind: type) -> list[Any]:
            return followed.of_callers(kind, [STAYS, *LEAVE])

        async with phones({"agent1": PhoneShape(ring_ms=None)}):
            leaves = CallerShape(hang_up_after_ms=3000)
            up = callers.start(
                [
                    ScriptedCall(STAYS, SHOP),
                    *(ScriptedCall(number, SHOP, shape=leaves) for number in LEAVE),
                ],
                rate_per_s=20,
            )
            await followed.until(
                lambda: (
                    len(followed.of_callers(events.CallQueued, [STAYS, *LEAVE])) == 1 + len(LEAVE)
                )
            )
            await followed.bridge.client.ask("Originate", FLOOD)
            # The whole loop, and with it whatever would have read.
            time.sleep(STALL_S)
            await followed.until_told(events.AmiLost, within_s=10)
            await followed.until_told(events.AmiRestored, within_s=20)
            await followed.until(
                lambda: len(followed.of_callers(events.CallEnded, LEAVE)) == len(LEAVE)
            )
            assert all(followed.outcome_of(number) is not None for number in LEAVE)
            assert followed.outcome_of(STAYS) is None
            await up.stop()
            await pbx.rx("channel request hangup all")
            await followed.until(lambda: followed.outcome_of(STAYS) is not None)
        assert followed.bridge.client.counters.lost >= 1
