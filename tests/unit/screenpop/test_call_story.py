"""What of a call's story is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calls import events
from screenpop.pops.content import OfferCapShown, PopContent
from screenpop.pops.stories import Stories
from tests.fakes.ringing_call import RingingCall, now, withheld_caller

pytestmark = pytest.mark.unit


def shown(call: RingingCall, *happened: events.CallEvent) -> PopContent:
    stories = Stories()
    for event in happened:
        stories.learn(event)
    return stories.of(call.id).as_content(now().date())


def decided_in(call: RingingCall, language: str) -> events.DecisionMade:
    made = call.decided()
    return replace(made, decision=replace(made.decision, language=language))


def test_a_withheld_caller_speaks_the_language_of_the_number_that_was_called() -> None:
    """Asterisk's channel says English for every number, and nobody is known who might say else."""
    call = RingingCall(withheld=True)
    so_far = [call.arrived(), call.identified(withheld_caller())]
    assert shown(call, *so_far).call.language == "en"
    assert shown(call, *so_far, decided_in(call, "zh")).call.language == "zh"


def test_the_language_outlives_a_restart() -> None:
    call = RingingCall()
    remembered = events.CallRemembered(call.id, now(), call.call, language="zh")
    assert shown(call, remembered).call.language == "zh"
    assert shown(call, replace(remembered, language=None)).call.language == "en"


def test_what_earlier_calls_heard_of_the_offer_and_how_often_it_may_still_be_made() -> None:
    call = RingingCall()
    offer = shown(call, call.arrived(), call.decided("kettle")).offer
    assert offer is not None
    assert [(one.place, one.answer, one.days_ago) for one in offer.before] == [
        ("hold", "heard", 12),
        ("agent", "refused", 120),
    ]
    assert offer.cap == OfferCapShown(left=2, most=3, days=30)
    assert offer.heard == ()


def test_of_an_offer_whose_past_could_not_be_read_nothing_is_claimed() -> None:
    call = RingingCall()
    made = call.decided("kettle")
    [kettle] = made.decision.offers
    unread = replace(made.decision, offers=(replace(kettle, standing=None),))
    offer = shown(call, call.arrived(), replace(made, decision=unread)).offer
    assert offer is not None
    assert (offer.before, offer.cap) == ((), None)
