"""F07: the manager's user may not do an action.

Whoever asked is told so by name, once; nothing is tried again, and everything else goes on.

Also shown by `tests/acceptance/test_ami_real.py::
test_the_rights_of_the_shipped_user_suffice_and_are_not_more`.
"""

from __future__ import annotations

from collections import Counter

import pytest

from calls import events
from calls.agents import QueueMember
from calls.errors import Unavailable
from tests.fakes.ami_house import House
from tests.fakes.asterisk_ami import FakeAmi

pytestmark = pytest.mark.integration

ANNA = "PJSIP/agent1"
#: What each feature does.
DENIED = {"QueuePause", "QueueAdd", "QueueRemove", "CoreShowChannels"}


async def test_a_feature_without_rights_is_off_and_the_others_are_not() -> None:
    async with FakeAmi(members=[("support", ANNA, ANNA)], denied=DENIED) as fake:
        house = House(fake)
        async with house.bus, house.bridge:
            await fake.wait_for(lambda: bool(fake.sent("CoreShowChannels")))
            with pytest.raises(Unavailable, match="Permission denied"):
                await house.bridge.queue_control.set_paused(ANNA, paused=True, reason="Lunch")
            member = QueueMember("support", "PJSIP/agent2", "Ben")
            with pytest.raises(Unavailable, match="Permission denied"):
                await house.bridge.membership.add(member, paused=False, reason="")
            # The live view cannot be asked for; what is told is followed all the same.
            await house.call("1.1")
            house.join("1.1")
            fake.event(
                "AgentCalled", Uniqueid="1.1", Linkedid="1.1", Queue="support", Interface=ANNA
            )
            await house.until(lambda: bool(house.of(events.AgentRinging)))
            fake.hang_up("1.1")
            await house.until(lambda: bool(house.ends()))
            # Many pings later.
            pings = len(fake.sent("Ping"))
            await fake.wait_for(lambda: len(fake.sent("Ping")) >= pings + 5)
        tries = Counter(action["Action"] for action in fake.actions)
        assert (tries["QueuePause"], tries["QueueAdd"], tries["Login"]) == (1, 1, 1)
        # Once after the login, and once as Asterisk says that it is booted.
        assert tries["CoreShowChannels"] <= 2
        assert house.bridge.client.counters.lost == 0
