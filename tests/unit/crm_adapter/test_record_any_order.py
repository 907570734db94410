"""The record of a call, whatever its events' order and however often they are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.caller import IdentityOutcome
from calls.events import AgentAnswered, AgentReleased, CallEvent, WrapUpDone
from calls.offers import OfferAnswer, OfferPlace
from calls.records import LegVia
from crm_adapter.call_state import CallState
from tests.fakes.call_stories import AGENT, Roster, Story, a_call

pytestmark = pytest.mark.unit

STORY = Story(a_call())
BEN = "PJSIP/agent2"
#: What is learnt of the caller, each independent of the others.
LEARNT: list[CallEvent] = [
    STORY.is_(IdentityOutcome.UNIQUE),
    STORY.decided(),
    STORY.presses("1"),
    STORY.types("customer_id", "4711"),
    STORY.queued(),
    STORY.leaves("name", "name-1"),
    STORY.meets("descaler", OfferPlace.HOLD, OfferAnswer.HEARD),
    STORY.meets("descaler", OfferPlace.HOLD, OfferAnswer.ACCEPTED),
]
#: From hand to hand, and back to Anna.
HANDS: list[CallEvent] = [
    STORY.rings(),
    STORY.answered(),
    STORY.is_sent_to("transfer", "102"),
    STORY.released(),
    STORY.rings(BEN, via=LegVia.BLIND_TRANSFER),
    STORY.answered(BEN, via=LegVia.BLIND_TRANSFER),
    STORY.released(BEN),
    STORY.answered(via=LegVia.BLIND_TRANSFER),
    STORY.released(),
]
END = STORY.ends()
WRAPPED = WrapUpDone(STORY.call.id, END.at + timedelta(seconds=5), "anna", AGENT, "sale", "well")
WHOLE = [*LEARNT, *HANDS, END, WRAPPED]


def fresh() -> CallState:
    call = STORY.call
    return CallState(
        system=call.id.system,
        linkedid=call.id.linkedid,
        arrived_at=call.arrived_at,
        from_raw=call.from_raw,
        from_name=call.from_name,
        withheld=call.withheld,
        dialled=call.dialled,
        fallback=False,
    )


def after(told: list[CallEvent]) -> CallState:
    state = fresh()
    revision = 0
    for event in told:
        state.apply(event, Roster())
        assert state.revision >= revision, "a record never goes back"
        revision = state.revision
    return state


def test_the_story_has_three_parts() -> None:
    record = after(WHOLE).record()
    assert [(leg.agent, leg.via) for leg in record.legs] == [
        ("anna", LegVia.QUEUE),
        (BEN, LegVia.BLIND_TRANSFER),
        ("anna", LegVia.BLIND_TRANSFER),
    ]
    assert all(leg.talk_s for leg in record.legs)
    assert record.legs[-1].disposition == "sale"
    assert record.routed is None, "our own agents took the transfers"
    answered = [event.at for event in HANDS if isinstance(event, AgentAnswered)]
    assert [leg.answered_at for leg in record.legs] == answered
    assert [leg.ended_at for leg in record.legs] == [
        event.at for event in HANDS if isinstance(event, AgentReleased)
    ]


@given(
    places=st.lists(st.integers(0, len(HANDS)), min_size=len(LEARNT), max_size=len(LEARNT)),
    order=st.permutations(range(len(LEARNT))),
    again=st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, len(WHOLE) - 1)), max_size=15
    ),
)
def test_any_order_and_any_repetition_make_the_same_record(
    places: list[int], order: list[int], again: list[tuple[int, int]]
) -> None:
    """What is learnt comes in any order and anywhere between; everything may be told again at any
    later time, the end included."""
    told: list[CallEvent] = list(HANDS)
    for place, learnt in sorted(zip(places, order, strict=True), reverse=True):
        told.insert(place, LEARNT[learnt])
    told += [END, WRAPPED]
    repeated = list(told)
    for first, later in sorted(again, key=max, reverse=True):
        repeated.insert(max(first, later) + 1, told[first])
    assert after(repeated).record() == after(WHOLE).record()
