"""What of a call's story is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calls import events
from screenpop.pops.content import PopContent
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
