"""F04: the manager's connection is half open: no byte comes, and no end.

A ping of our own finds it within 8 s; once the network is back we log in anew, and who rang off
meanwhile is closed. A connection that ends is seen at once.

Also shown by `tests/integration/test_ami_client.py::
test_the_shipped_times_find_a_half_open_connection_within_8_s`.
"""

from __future__ import annotations

import pytest

from calls import events
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance.followed import Followed, following
from tests.faults.proxy import Blackhole, Direction, FaultProxy
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

SHOP = "+18005550100"


@pytest.mark.parametrize(
    ("direction", "leaves_as", "stays_as"),
    [
        (Direction.BOTH, "+14155550141", "+14155550142"),
        (Direction.DOWN, "+14155550143", "+14155550144"),
    ],
)
async def test_it_is_found_within_8_s_and_what_was_missed_is_mended(
    direction: Direction,
    leaves_as: str,
    stays_as: str,
    pbx: PrivatePbx,
    callers: SipCallers,
    phones: PhonesFor,
) -> None:
    async with (
        FaultProxy(("127.0.0.1", pbx.ami_port)) as proxy,
        following(Followed(pbx, port=proxy.port)) as followed,
    ):
        async with phones({"agent1": PhoneShape(ring_ms=None)}):
            leaves = CallerShape(hang_up_after_ms=1500)
            up = callers.start(
                [ScriptedCall(leaves_as, SHOP, shape=leaves), ScriptedCall(stays_as, SHOP)]
            )
            await followed.until(
                lambda: len(followed.of_callers(events.CallQueued, (leaves_as, stays_as))) == 2
            )
            proxy.add(Blackhole(), direction)
            await followed.until_told(events.AmiLost, within_s=8)
            assert followed.outcome_of(leaves_as) is None, "nobody knows yet"
            proxy.let_pass()
            await followed.until_told(events.AmiRestored, within_s=10)
            await followed.until(lambda: followed.outcome_of(leaves_as) is not None)
            assert followed.outcome_of(stays_as) is None

            proxy.cut()
            await followed.until_told(events.AmiLost, 2, within_s=2)
            await followed.until_told(events.AmiRestored, 2, within_s=10)
            await up.stop()
            await pbx.rx("channel request hangup all")
            await followed.until(lambda: followed.outcome_of(stays_as) is not None)
        assert followed.bridge.client.counters.logins == proxy.connections == 3
