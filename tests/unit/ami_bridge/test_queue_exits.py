"""Who may leave the queue by the key, and when Asterisk is asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from ami_bridge import ami_events as ami
from ami_bridge.ami_client import ActionRefused, AmiClient
from ami_bridge.queue_exits import QueueExits
from ami_bridge.snapshot import Waiting
from calls.call import CallId
from calls.errors import DeadlineExceeded, Unavailable
from calls.ports import QueuePlace

pytestmark = pytest.mark.unit

ID = CallId("pbx", "1.1")
PRESSED = ami.ExitKeyPressed("1.1", "1.1")
LEFT = ami.QueueLeft("1.1", "1.1", "sales")
ANSWERED = ami.AgentConnected("1.1", "1.1", "sales", "PJSIP/agent1", "1.2", 1.0, 5.0)


def joined(preferred: str = "") -> ami.QueueJoined:
    return ami.QueueJoined("1.1", "1.1", "sales", "PJSIP/trunk-1", "", "", preferred, 1)


class Client:
    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.fails: Exception | None = None

    async def ask(self, action: str, headers: Sequence[tuple[str, str]]) -> None:
        self.asked.append((action, dict(headers)))
        if self.fails is not None:
            raise self.fails


class Places:
    place: QueuePlace | None = QueuePlace(4, 60.0)

    def place_of(self, call_id: CallId) -> QueuePlace | None:
        return self.place


class Stage:
    def __init__(self) -> None:
        self.client = Client()
        self.in_step = True
        self.places = Places()
        self.exits = QueueExits(
            client=cast("AmiClient", self.client),
            system="pbx",
            places=self.places,
            in_step=lambda: self.in_step,
        )

    async def play(self, *script: ami.AmiEvent) -> int:
        """How often Asterisk was asked so far."""
        for event in script:
            self.exits.apply(event)
            for _ in range(3):
                await asyncio.sleep(0)
        return len(self.client.asked)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_the_key_works_once_for_each_offer(stage: Stage) -> None:
    assert await stage.play(joined(), PRESSED) == 0
    await stage.exits.allow_exit(ID)
    assert await stage.play(PRESSED, PRESSED) == 1
    wanted = {"Queue": "sales", "Caller": "PJSIP/trunk-1", "WithdrawInfo": "callback"}
    assert stage.client.asked == [("QueueWithdrawCaller", wanted)]
    assert stage.exits.place_given_up(ID) == QueuePlace(4, 60.0)
    await stage.exits.allow_exit(ID)
    assert await stage.play(PRESSED) == 2


async def test_a_place_given_up_before_is_not_the_one_given_up_now(stage: Stage) -> None:
    for place in (QueuePlace(4, 60.0), None):
        stage.places.place = place
        await stage.exits.allow_exit(ID)
        await stage.play(joined(), PRESSED)
        assert stage.exits.place_given_up(ID) == place


async def test_nobody_leaves_whom_an_agent_has_answered_or_who_is_not_there(stage: Stage) -> None:
    for gone in (ANSWERED, LEFT, ami.ChannelHungUp("1.1", "1.1")):
        await stage.exits.allow_exit(ID)
        assert await stage.play(joined(), gone, PRESSED) == 0
    await stage.exits.allow_exit(ID)
    await stage.exits.forbid_exit(ID)
    assert await stage.play(joined(), PRESSED) == 0


async def test_while_one_agent_is_tried_first_the_key_waits_for_the_queue(stage: Stage) -> None:
    await stage.exits.allow_exit(ID)
    assert await stage.play(joined("anna"), PRESSED, LEFT) == 0
    assert await stage.play(joined()) == 1
    assert stage.client.asked[0][1]["Queue"] == "sales"
    assert await stage.play(LEFT, joined()) == 1


async def test_the_agent_tried_first_may_still_answer(stage: Stage) -> None:
    await stage.exits.allow_exit(ID)
    assert await stage.play(joined("anna"), PRESSED, LEFT, ANSWERED, joined()) == 0


@pytest.mark.parametrize("fails", [Unavailable("away"), DeadlineExceeded("late")])
async def test_what_could_not_be_asked_may_be_pressed_again(stage: Stage, fails: Exception) -> None:
    stage.client.fails = fails
    await stage.exits.allow_exit(ID)
    assert await stage.play(joined(), PRESSED, PRESSED) == 2


async def test_a_refusal_is_the_end_of_it(stage: Stage) -> None:
    stage.client.fails = ActionRefused("no such caller")
    await stage.exits.allow_exit(ID)
    assert await stage.play(joined(), PRESSED, PRESSED) == 1


async def test_a_key_that_nobody_would_see_is_not_offered(stage: Stage) -> None:
    stage.in_step = False
    with pytest.raises(Unavailable):
        await stage.exits.allow_exit(ID)


async def test_who_waited_before_we_came_may_leave_too(stage: Stage) -> None:
    entry = Waiting("1.1", "sales", "PJSIP/trunk-9", "", "", 5.0, "", 1)
    stage.exits.replace([entry], lambda uid: uid)
    await stage.exits.allow_exit(ID)
    await stage.play(ami.ChannelRenamed("1.1", "1.1", "PJSIP/trunk-10"), PRESSED)
    assert stage.client.asked[0][1]["Caller"] == "PJSIP/trunk-10"
    await stage.exits.close()
