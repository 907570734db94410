"""A slow reader loses what matters least, and never a hang-up."""

from __future__ import annotations

import asyncio

import pytest

from ami_bridge.ami_events import AgentCalled, AmiEvent, BridgeEntered, ChannelHungUp
from ami_bridge.event_queue import EventQueue

pytestmark = pytest.mark.unit


def low(n: int) -> AmiEvent:
    return BridgeEntered(str(n), "1", "PJSIP/a-1")


def normal(n: int) -> AmiEvent:
    return AgentCalled(str(n), "1", "q", "PJSIP/a", "2")


def vital(n: int) -> AmiEvent:
    return ChannelHungUp(str(n), "1")


def drained(queue: EventQueue) -> list[AmiEvent]:
    events = []
    while (event := queue.pop()) is not None:
        events.append(event)
    return events


def test_order_is_kept() -> None:
    queue = EventQueue(10)
    events = [low(1), vital(2), normal(3)]
    assert all(queue.put(event) for event in events)
    assert drained(queue) == events
    assert queue.shed == 0


def test_low_events_go_first_then_normal_ones_and_vital_ones_stay() -> None:
    queue = EventQueue(6)
    for event in (low(1), normal(2), vital(3), low(4), normal(5), vital(6)):
        queue.put(event)
    assert queue.put(vital(7))
    assert queue.shed == 2
    assert queue.put(vital(8))
    assert queue.put(low(9))
    assert queue.shed == 3, "a low event finds no room among better ones"
    assert queue.put(vital(10))
    assert drained(queue) == [vital(3), vital(6), vital(7), vital(8), vital(10)]
    assert queue.shed == 5


def test_no_hang_up_of_a_flood_is_shed() -> None:
    queue = EventQueue(100)
    for n in range(10_000):
        assert queue.put(low(n))
        if n % 50 == 0:
            assert queue.put(vital(n))
    kept = drained(queue)
    assert [e for e in kept if isinstance(e, ChannelHungUp)] == [
        vital(n) for n in range(0, 10_000, 50)
    ]
    assert len(kept) + queue.shed == 10_200


def test_memory_is_bounded_even_by_what_must_not_be_shed() -> None:
    queue = EventQueue(10)
    taken = [queue.put(vital(n)) for n in range(50)]
    assert taken == [True] * 40 + [False] * 10
    assert len(queue) == 40


async def test_wait_returns_when_something_is_there() -> None:
    queue = EventQueue()
    waiter = asyncio.create_task(queue.wait())
    await asyncio.sleep(0)
    assert not waiter.done()
    queue.put(low(1))
    await asyncio.wait_for(waiter, 30)
    assert queue.pop() == low(1)
    assert queue.pop() is None
