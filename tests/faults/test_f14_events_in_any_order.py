"""F14: events come out of order, or twice.

The call has the same talks and the same end, whatever the order and however often it is told.

Also shown by `tests/unit/ami_bridge/test_call_tracker.py::
test_any_order_and_any_repetition_ends_once_and_answered`,
`tests/unit/crm_adapter/test_record_any_order.py::
test_any_order_and_any_repetition_make_the_same_record`.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import ami_events as ami
from ami_bridge.call_state import LiveCall
from calls import events
from calls.call import CallId
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.unit

ANNA, BEN = "PJSIP/anna", "PJSIP/ben"
CALLED = ami.AgentCalled("1.1", "1.1", "support", ANNA, "1.2")
LEFT = ami.QueueLeft("1.1", "1.1", "support")
CONNECTED = ami.AgentConnected("1.1", "1.1", "support", ANNA, "1.2", 3.0, 9.0)
COMPLETED = ami.AgentCompleted("1.1", "1.1", "support", ANNA, "1.2", 42.0, "agent")
GONE = ami.ChannelHungUp("1.2", "1.1")
#: A call that Anna gives to Ben.
GIVEN_ON: tuple[ami.AmiEvent, ...] = (
    CALLED,
    LEFT,
    CONNECTED,
    ami.Transferred("1.2", "1.1", False, True, "PJSIP/anna-2", "1.1", "102", "", ""),
    COMPLETED,
    GONE,
    ami.DialBegun("1.1", "1.1", "1.3", "PJSIP/ben-00000003"),
    ami.DialEnded("1.1", "1.1", "1.3", "PJSIP/ben-00000003", "ANSWER"),
    ami.ChannelHungUp("1.3", "1.1"),
)


def played(script: list[ami.AmiEvent], clock: FakeClock) -> list[events.CallEvent]:
    """Everything that follows, to the call's end; time goes on with news only."""
    call = LiveCall(CallId("pbx", "1.1"), "1.1", {"1.1"})
    news = call.joined("support", clock(), say=False)
    known: set[ami.AmiEvent] = set()
    for event in script:
        if event not in known:
            clock.advance(seconds=1)
        known.add(event)
        at = clock()
        match event:
            case ami.AgentCalled():
                news += call.rings(event.queue, event.interface, event.agent_uniqueid, at, None)
            case ami.QueueLeft():
                call.left()
            case ami.AgentConnected():
                news += call.connected(event, at)
            case ami.AgentCompleted():
                news += call.completed(event, at)
            case ami.Transferred():
                news += call.transferred(event, at)
            case ami.DialBegun():
                news += call.dials(event, at)
            case ami.DialEnded():
                news += call.dialled(event, at)
            case ami.ChannelHungUp():
                news += call.hung_up(event.uniqueid, at)
    clock.advance(seconds=1)
    return news + call.ended(clock())


def test_all_orders_of_one_talk_end_the_same() -> None:
    """Not to the second: who was told of late talks until the end."""
    found = set()
    for order in itertools.permutations([CALLED, LEFT, CONNECTED, COMPLETED, GONE]):
        news = played(list(order), FakeClock())
        answers = tuple(
            (event.interface, event.via)
            for event in news
            if isinstance(event, events.AgentAnswered)
        )
        vain = any(isinstance(event, events.AgentMissed) for event in news)
        ended = news[-1]
        assert isinstance(ended, events.CallEnded)
        found.add((answers, vain, ended.outcome))
    assert len(found) == 1


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12))
def test_whatever_is_told_again_later_changes_nothing(again: list[tuple[int, int]]) -> None:
    script = list(GIVEN_ON)
    places = sorted((max(first, later), first) for first, later in again)
    for later, first in reversed(places):
        script.insert(later + 1, GIVEN_ON[first])
    told = played(script, FakeClock())
    assert told == played(list(GIVEN_ON), FakeClock())
