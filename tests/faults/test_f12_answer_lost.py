"""F12: the answer to an action is lost, or comes without its ActionID.

Whoever asked is told so at the action's own deadline, nothing waits for ever, and what has effects
is not sent again.
"""

from __future__ import annotations

import asyncio

import pytest

from calls.errors import DeadlineExceeded
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.watched_ami import Watched, running
from tests.punctual import in_time

pytestmark = pytest.mark.integration

#: As Asterisk says it of more than 128 headers.
NAMELESS = b"Response: Error\r\nMessage: Too many lines in message\r\n\r\n"
PLACE = [("Channel", "PJSIP/agent1"), ("Exten", "4930123456"), ("ChannelId", "place-1")]


@pytest.mark.usefixtures("other_actions")
@pytest.mark.parametrize("answer", [b"", NAMELESS], ids=["lost", "without ActionID"])
async def test_an_action_ends_at_its_deadline_and_is_sent_once(answer: bytes) -> None:
    async with FakeAmi(mute={"Originate"}) as fake:
        watched = Watched(fake)
        async with running(watched):
            await watched.until_connected()
            asking = watched.client.ask("Originate", PLACE, deadline_s=0.5)
            asked = asyncio.create_task(in_time(asking, 0.5), name="asked")
            await fake.wait_for(lambda: bool(fake.sent("Originate")))
            fake.raw(answer)
            with pytest.raises(DeadlineExceeded):
                await asked
            assert watched.client.counters.timeouts == 1
            assert watched.client._protocol is not None
            waiting = watched.client._protocol.responses.values()
            assert "Originate" not in {pending.name for pending in waiting}
            # The connection lives, and the answer may come after all.
            fake.raw(
                b"Response: Success\r\nActionID: %s\r\n\r\n"
                % fake.sent("Originate")[0]["ActionID"].encode()
            )
            await watched.client.ask("Ping")
            assert watched.downs == []
        assert len(fake.sent("Originate")) == 1
