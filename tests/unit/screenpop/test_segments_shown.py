"""What a pop tells of the segments, the supervisors' own among them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from calls.call import CallId
from calls.decision import ChurnOutlook, Decision, Route, SegmentMet
from calls.segments import Behaviour, Loyalty, PriceBand
from screenpop.pops.call_story import MAX_OWN_SEGMENTS, CallStory
from screenpop.pops.content import PopContent, SegmentsShown
from tests.fakes import ringing_call

pytestmark = pytest.mark.unit


def shown(*own: SegmentMet) -> SegmentsShown:
    caller = ringing_call.victoria()
    assert caller.segments is not None
    segments = replace(
        caller.segments,
        behaviour=Behaviour.MIDDLE_GAPS,
        price_band=PriceBand.HIGH,
        main_category="beans\u202e",
        loyalty=Loyalty.DRIFTING,
        churn_warning="was loyal, now at risk: last order 96 days ago, usual gap 31",
    )
    decision = Decision("v", "en", Route("menu", "main"), "main", None, segments=own)
    story = CallStory(CallId("pbx", "1.1"), caller=replace(caller, segments=segments))
    story.decision = decision
    found = story.as_content(date(2026, 11, 23)).segments
    assert found is not None
    return found


def test_own_segments_with_their_titles_and_the_warning() -> None:
    found = shown(SegmentMet("win_back", {"en": "Win\nback", "zh": "挽回"}), SegmentMet("bare", {}))
    assert [one.name for one in found.own] == ["win_back", "bare"]
    titles = [(title.language, title.text) for title in found.own[0].titles]
    assert titles == [("en", "Winback"), ("zh", "挽回")]
    assert found.own[1].titles == ()
    assert (found.behaviour, found.price_band, found.loyalty) == ("middle_gaps", "high", "drifting")
    assert found.main_category == "beans"
    assert found.churn_warning == "was loyal, now at risk: last order 96 days ago, usual gap 31"


def test_no_more_than_fit_on_a_card() -> None:
    many = [SegmentMet(f"s{n}", {}) for n in range(50)]
    assert len(shown(*many).own) == MAX_OWN_SEGMENTS


def test_a_pop_that_was_stored_before_there_were_any() -> None:
    caller = ringing_call.victoria()
    content = CallStory(CallId("pbx", "1.1"), caller=caller).as_content(date(2026, 11, 23))
    raw = content.model_dump(mode="json")
    new = ("behaviour", "price_band", "main_category", "loyalty", "churn_warning", "own")
    for name in new:
        del raw["segments"][name]
    stored = PopContent.model_validate(raw)
    assert stored.segments is not None
    assert stored.segments.own == ()


def test_the_churn_risk_with_its_reasons_in_both_languages() -> None:
    told = {"en": ("last order 96\n days ago",), "zh": ("上次购买在96天前",)}
    churn = ChurnOutlook(0.62, "high", 30, told)
    story = CallStory(CallId("pbx", "1.1"), caller=ringing_call.victoria())
    story.decision = Decision("v", "en", Route("menu", "main"), "main", None, churn=churn)
    found = story.as_content(date(2026, 11, 23)).churn
    assert found is not None
    assert (found.risk, found.level, found.horizon_days) == (0.62, "high", 30)
    assert found.reasons == ("last order 96 days ago",)
    assert found.reasons_zh == ("上次购买在96天前",)


@pytest.mark.parametrize("risk", [float("nan"), -0.1, 1.1])
def test_a_risk_that_is_none_is_not_shown(risk: float) -> None:
    story = CallStory(CallId("pbx", "1.1"), caller=ringing_call.victoria())
    churn = ChurnOutlook(risk, "high", 30)
    story.decision = Decision("v", "en", Route("menu", "main"), "main", None, churn=churn)
    assert story.as_content(date(2026, 11, 23)).churn is None
