"""The way out of a queue by a key, open only for who heard of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from calls.bus import EventBus
from calls.call import CallId, CallOutcome
from calls.events import AgentAnswered, CallEnded, HoldMessagesReached
from ivr import hold_keys
from ivr.hold_keys import CallbackKeys
from tests.fakes.queue_state import FakeExits

pytestmark = pytest.mark.unit

CALL = CallId("pbx", "1.1")
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OFFERED = HoldMessagesReached(CALL, NOW, kinds=("say", "callback"))
ANSWERED = AgentAnswered(CALL, NOW, "sales", "PJSIP/agent1")


@pytest.fixture
def exits() -> FakeExits:
    return FakeExits()


@pytest.fixture
async def bus(exits: FakeExits) -> AsyncIterator[EventBus]:
    async with EventBus() as bus:
        CallbackKeys(exits=exits, bus=bus).subscribe()
        yield bus


async def tell(bus: EventBus, *events: object) -> None:
    for event in events:
        bus.publish(event)
    await bus.drain()


async def test_the_key_works_from_the_offer_to_the_answer(bus: EventBus, exits: FakeExits) -> None:
    await tell(bus, HoldMessagesReached(CALL, NOW, kinds=("say", "position")))
    assert exits.allowed == set()
    await tell(bus, OFFERED)
    assert exits.allowed == {CALL}
    await tell(bus, ANSWERED, CallEnded(CALL, NOW, outcome=CallOutcome.ANSWERED))
    assert exits.allowed == set()


async def test_an_absent_ami_is_asked_again_at_the_next_round(
    bus: EventBus, exits: FakeExits
) -> None:
    exits.away = True
    await tell(bus, OFFERED)
    exits.away = False
    assert exits.allowed == set()
    await tell(bus, OFFERED)
    assert exits.allowed == {CALL}


async def test_a_silent_ami_holds_nobody_up(
    bus: EventBus, exits: FakeExits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_keys, "DEADLINE_S", 0.01)
    exits.silent = True
    await tell(bus, OFFERED)
    exits.silent = False
    other = CallId("pbx", "2.2")
    await tell(bus, HoldMessagesReached(other, NOW, kinds=("callback",)))
    assert exits.allowed == {other}


async def test_calls_without_an_end_do_not_pile_up(
    bus: EventBus, exits: FakeExits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_keys, "OPEN_LIMIT", 1)
    other = CallId("pbx", "2.2")
    await tell(bus, OFFERED, HoldMessagesReached(other, NOW, kinds=("callback",)), ANSWERED)
    # Forgotten, so nobody closes it; Asterisk has closed it with the call.
    assert exits.allowed == {CALL, other}
