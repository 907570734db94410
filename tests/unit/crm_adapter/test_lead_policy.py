"""Who becomes a lead, and when."""

from __future__ import annotations

import pytest

from calls.call import CallOutcome
from calls.caller import IdentityOutcome
from crm_adapter.leads import _name_worth_keeping, wants_lead
from tests.fakes.call_stories import Story, a_call
from tests.unit.crm_adapter.test_call_state import after

pytestmark = pytest.mark.unit

ABANDONED = CallOutcome.ABANDONED_IN_QUEUE


@pytest.mark.parametrize(
    ("policy", "when_decided", "when_answered", "when_abandoned"),
    [
        ("always", True, True, True),
        ("on_answer", False, True, False),
        ("on_abandon", False, False, True),
        ("never", False, False, False),
        ("a word nobody knows", False, False, False),
    ],
)
def test_each_policy_has_its_moment(
    policy: str, when_decided: bool, when_answered: bool, when_abandoned: bool
) -> None:
    story = Story(a_call())
    known = [story.is_(IdentityOutcome.NONE), story.decided(policy)]
    assert wants_lead(after(story, known)) is when_decided
    assert wants_lead(after(story, [*known, story.answered()])) is when_answered
    assert wants_lead(after(story, [*known, story.ends(ABANDONED)])) is when_abandoned


@pytest.mark.parametrize(
    "outcome", [outcome for outcome in IdentityOutcome if outcome is not IdentityOutcome.NONE]
)
def test_only_a_stranger_becomes_a_lead(outcome: IdentityOutcome) -> None:
    story = Story(a_call())
    assert not wants_lead(after(story, [story.is_(outcome), story.decided()]))


def test_a_late_answer_makes_the_stranger() -> None:
    story = Story(a_call())
    events = [
        story.is_(IdentityOutcome.TIMEOUT),
        story.decided(),
        story.is_(IdentityOutcome.NONE, late=True),
    ]
    assert [wants_lead(after(story, events[:n])) for n in (1, 2, 3)] == [False, False, True]


def test_a_call_that_has_its_lead_wants_no_other() -> None:
    story = Story(a_call())
    state = after(story, [story.is_(IdentityOutcome.NONE), story.decided()])
    state.lead_key = "somebody"
    assert not wants_lead(state)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("", None), ("+1 202 555-0150", None), ("ACME 24", "ACME 24"), (" 王小明 ", "王小明")],
)
def test_a_name_that_is_only_a_number_is_no_name(name: str, kept: str | None) -> None:
    state = after(Story(a_call()), [])
    state.from_name = name
    assert _name_worth_keeping(state) == kept
