"""The calls of now as the bus tells of them: each stage, and nothing kept for ever."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from calls import events
from supervisor.console import generate_types, live_calls
from supervisor.console.day_figures import quantile
from supervisor.console.live_calls import LiveCall, LiveCalls
from tests.fakes.ringing_call import RingingCall, now, victoria

pytestmark = pytest.mark.unit

A, B = "PJSIP/agent1", "PJSIP/agent2"


async def stages(calls: LiveCalls, *told: events.CallEvent) -> list[str]:
    seen = []
    for event in told:
        await calls.handle(event)
        seen += [one.stage for one in calls.live()]
    return seen


def only(calls: LiveCalls) -> LiveCall:
    [one] = calls.live()
    return one


async def test_from_the_menu_to_the_agent_and_away() -> None:
    calls, call = LiveCalls(), RingingCall()
    told: Sequence[events.CallEvent] = (
        call.arrived(),
        call.identified(victoria()),
        events.MenuPresented(call.id, now(), "main"),
        call.pressed("2", "where_is_my_order"),
        call.queued(),
        call.ringing(A),
        call.ringing(B),
        call.missed(B),
        call.answered(A),
    )
    assert await stages(calls, *told) == [
        "menu", "menu", "menu", "menu", "queue", "ringing", "ringing", "ringing", "talking",
    ]  # fmt: skip
    live = only(calls)
    assert (live.name, live.tier) == ("Victoria Stone", "vip")
    assert (live.menu, live.chosen) == ("main", "where_is_my_order")
    assert (list(live.ringing), list(live.talking)) == ([], [A])
    assert not live.waits
    await calls.handle(call.ended())
    assert not len(calls)
    [ended] = calls.ended()
    assert ended.outcome == "answered"


async def test_who_is_rung_in_vain_waits_on_and_who_leaves_the_queue_is_back_in_the_menu() -> None:
    calls, call = LiveCalls(), RingingCall()
    queued = call.queued()
    await stages(calls, call.arrived(), queued, call.ringing(A), call.missed(A))
    live = only(calls)
    assert (live.stage, live.waits, live.queued_at) == ("queue", True, queued.at.timestamp() * 1000)
    assert await stages(calls, events.QueueGivenUp(call.id, now(), "support")) == ["menu"]
    assert not live.waits
    assert await stages(calls, events.CallRouted(call.id, now(), "voicemail", "x")) == ["outside"]


async def test_a_call_of_before_a_restart_keeps_its_place() -> None:
    calls, call = LiveCalls(), RingingCall()
    at = now()
    await calls.handle(
        events.CallRemembered(call.id, now(), call.call, queue="support", queued_at=at)
    )
    live = only(calls)
    assert (live.stage, live.queue, live.since) == ("queue", "support", at.timestamp() * 1000)


async def test_an_agents_pause_of_the_recording_is_told() -> None:
    calls, call = LiveCalls(), RingingCall()
    at = now()
    await stages(calls, call.arrived(), events.RecordingPaused(call.id, at, on=True))
    assert only(calls).paused_at == at.timestamp() * 1000
    await calls.handle(events.RecordingPaused(call.id, now(), on=False))
    assert only(calls).paused_at is None


async def test_what_no_row_shows_is_no_change_and_unknown_calls_are_left_alone() -> None:
    changes = 0

    def changed() -> None:
        nonlocal changes
        changes += 1

    calls, call, other = LiveCalls(on_change=changed), RingingCall(), RingingCall()
    await stages(calls, call.arrived(), call.arrived(), call.decided(), other.queued())
    assert (len(calls), changes) == (1, 2)
    await calls.handle(other.ended())
    assert list(calls.ended()) == []


async def test_live_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_calls, "MAX_LIVE", 3)
    calls, all_of_them = LiveCalls(), [RingingCall() for _ in range(5)]
    await stages(calls, *(call.arrived() for call in all_of_them))
    assert [one.call.id for one in calls.live()] == [call.id for call in all_of_them[2:]]
    for _ in range(2 * live_calls.KEPT_ENDED):
        call = RingingCall()
        await stages(calls, call.arrived(), call.ended())
    assert len(list(calls.ended())) == live_calls.KEPT_ENDED


@pytest.mark.parametrize(
    ("share", "of", "expected"),
    [(0.5, [], None), (0.5, [7.0], 7.0), (0.5, [1.0, 2.0, 3.0, 4.0], 2.0), (0.95, [1.0, 9.0], 9.0)],
)
def test_quantiles(share: float, of: list[float], expected: float | None) -> None:
    assert quantile(of, share) == expected


def test_the_pages_types_are_those_of_the_board() -> None:
    written = generate_types.TARGET.read_text(encoding="utf-8")
    assert written == generate_types.typescript(), "python -m supervisor.console.generate_types"
