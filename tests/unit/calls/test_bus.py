"""The bus: order, isolation, bounds."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

import pytest

from calls.bus import EventBus

pytestmark = pytest.mark.unit


async def test_each_subscriber_sees_its_types_in_order() -> None:
    seen: list[object] = []

    async def take(event: object) -> None:
        await asyncio.sleep(0)
        seen.append(event)

    bus = EventBus()
    bus.subscribe("ints", take, int)
    async with bus:
        for event in (1, "text", 2, 3):
            bus.publish(event)
        await bus.drain()
    assert seen == [1, 2, 3]


async def test_one_failing_handler_stops_nobody() -> None:
    seen: list[int] = []

    async def fail(event: int) -> None:
        raise RuntimeError("bad event")

    async def take(event: int) -> None:
        seen.append(event)

    bus = EventBus()
    failing = bus.subscribe("fails", fail, int)
    bus.subscribe("takes", take, int)
    async with bus:
        bus.publish(1)
        bus.publish(2)
        await bus.drain()
    assert (failing.failed, seen) == (2, [1, 2])


async def test_a_slow_subscriber_is_bounded_and_says_what_it_missed() -> None:
    gate = asyncio.Event()
    seen: list[int] = []

    async def slow(event: int) -> None:
        await gate.wait()
        seen.append(event)

    bus = EventBus(queue_size=3)
    subscription = bus.subscribe("slow", slow, int)
    async with bus:
        for event in range(10):
            bus.publish(event)
        assert subscription.shed == 7
        gate.set()
        await bus.drain()
    assert seen == [0, 1, 2]


@dataclass(frozen=True)
class Heard:
    call_id: str
    number: int


async def test_calls_side_by_side_each_in_its_order() -> None:
    """Nobody's call waits for another's, and none of a call's news for what came after it."""
    at_once: set[str] = set()
    most = 0
    let_go = asyncio.Event()
    seen: dict[str, list[int]] = defaultdict(list)

    async def slow(event: Heard) -> None:
        nonlocal most
        assert event.call_id not in at_once
        at_once.add(event.call_id)
        most = max(most, len(at_once))
        await let_go.wait()
        at_once.discard(event.call_id)
        seen[event.call_id].append(event.number)

    bus = EventBus(queue_size=100)
    subscription = bus.subscribe("slow", slow, Heard, lanes=8)
    async with bus:
        for number in range(3):
            for call in range(40):
                bus.publish(Heard(f"call {call}", number))
        assert subscription.shed == 20
        await asyncio.sleep(0)
        let_go.set()
        await bus.drain()
    assert 2 <= most <= 8
    assert len(seen) == 40
    assert all(numbers in ([0, 1], [0, 1, 2]) for numbers in seen.values())


async def test_drain_waits_for_what_handlers_publish() -> None:
    seen: list[object] = []
    bus = EventBus()

    async def first(event: int) -> None:
        bus.publish(str(event))

    async def second(event: str) -> None:
        seen.append(event)

    bus.subscribe("second", second, str)
    bus.subscribe("first", first, int)
    async with bus:
        bus.publish(7)
        await bus.drain()
    assert seen == ["7"]


async def test_leaving_hands_over_what_was_published_before() -> None:
    seen: list[int] = []

    async def take(event: int) -> None:
        await asyncio.sleep(0)
        seen.append(event)

    bus = EventBus()
    bus.subscribe("takes", take, int)
    async with bus:
        bus.publish(1)
        bus.publish(2)
    assert seen == [1, 2]


async def test_leaving_does_not_wait_for_ever() -> None:
    async def hang(event: int) -> None:
        await asyncio.Event().wait()

    bus = EventBus(drain_s=0.01)
    hanging = bus.subscribe("hangs", hang, int)
    async with asyncio.timeout(30):
        async with bus:
            bus.publish(1)
            bus.publish(2)
    assert hanging.pending == 1


async def test_a_subscriber_far_behind_does_not_flood_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def take(event: int) -> None:
        pass

    bus = EventBus(queue_size=1)
    subscription = bus.subscribe("slow", take, int)
    for event in range(900):
        bus.publish(event)
    assert subscription.shed == 899
    assert len(caplog.records) == 1
