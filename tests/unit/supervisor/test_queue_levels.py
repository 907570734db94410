"""The service level in /metrics: each call once, from its first queue to its first agent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from calls import events
from supervisor.console import queue_levels
from supervisor.console.queue_levels import QueueLevels
from tests.fakes.ringing_call import RingingCall, now

pytestmark = pytest.mark.unit

A = "PJSIP/agent1"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def levels(registry: CollectorRegistry) -> QueueLevels:
    return QueueLevels(registry, within_s=25)


async def tell(levels: QueueLevels, *told: events.CallEvent) -> None:
    for event in told:
        assert isinstance(event, QueueLevels.FOLLOWED)
        await levels.handle(event)


def after(event: events.CallEvent, seconds: float) -> events.CallEvent:
    return replace(event, at=now() + timedelta(seconds=seconds))


def figure(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"switchboard_queue_{name}", {"queue": "support", **labels})


async def test_a_call_is_counted_once_however_it_goes_on(
    registry: CollectorRegistry, levels: QueueLevels
) -> None:
    call = RingingCall()
    await tell(
        levels,
        after(call.queued(), 0),
        # Rung on, to another queue, and after the answer given to a third.
        after(call.queued("support"), 12),
        after(call.answered(A), 22),
        after(call.queued("sales"), 90),
        after(call.answered(A), 95),
        after(call.ended(), 99),
    )
    assert figure(registry, "wait_seconds_count") == 1
    assert figure(registry, "wait_seconds_sum") == pytest.approx(22, abs=0.1)
    assert figure(registry, "wait_seconds_bucket", le="20.0") == 0
    assert figure(registry, "wait_seconds_bucket", le="25.0") == 1
    assert figure(registry, "unanswered_total") is None
    assert (
        registry.get_sample_value("switchboard_queue_unanswered_total", {"queue": "sales"}) is None
    )


async def test_who_gives_up_is_counted_and_who_was_in_no_queue_is_not(
    registry: CollectorRegistry, levels: QueueLevels
) -> None:
    waited, never = RingingCall(), RingingCall()
    await tell(levels, waited.queued(), waited.ended(), waited.ended())
    await tell(levels, never.answered(A), never.ended())
    assert figure(registry, "unanswered_total") == 1
    assert figure(registry, "wait_seconds_count") is None


async def test_calls_whose_end_is_never_told_are_forgotten(
    registry: CollectorRegistry, levels: QueueLevels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_levels, "MAX_CALLS", 2)
    many = [RingingCall() for _ in range(4)]
    await tell(levels, *(call.queued() for call in many))
    await tell(levels, *(call.ended() for call in many))
    assert figure(registry, "unanswered_total") == 2
