"""Who becomes a lead, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calls.call import CallOutcome
from calls.caller import IdentityOutcome
from calls.events import CallEnded
from calls.follow_up import FollowUp, LeadPolicy
from crm_adapter.lead_policy import give_policy, wants_lead
from crm_adapter.leads import name_worth_keeping
from crm_adapter.missed_calls import was_missed
from tests.fakes.call_stories import Story, a_call
from tests.unit.crm_adapter.test_call_state import after

pytestmark = pytest.mark.unit

ABANDONED = CallOutcome.ABANDONED_IN_QUEUE


def when(word: str) -> FollowUp:
    return FollowUp(LeadPolicy(when=word))


@pytest.mark.parametrize(
    ("policy", "in_menu", "queued", "answered", "abandoned"),
    [
        ("always", False, True, True, True),
        ("on_answer", False, False, True, False),
        ("on_abandon", False, False, False, True),
        ("never", False, False, False, False),
        ("a word nobody knows", False, False, False, False),
    ],
)
def test_each_policy_has_its_moment(
    policy: str, in_menu: bool, queued: bool, answered: bool, abandoned: bool
) -> None:
    story = Story(a_call())
    known = [story.is_(IdentityOutcome.NONE), story.decided(policy), story.presses("1")]
    assert wants_lead(after(story, known)) is in_menu
    assert wants_lead(after(story, [*known, story.queued()])) is queued
    assert wants_lead(after(story, [*known, story.answered()])) is answered
    assert wants_lead(after(story, [*known, story.ends(ABANDONED)])) is abandoned


@pytest.mark.parametrize(
    ("way", "at_once", "in_the_end"),
    [
        ("callback", ["always"], ["always", "on_abandon"]),
        ("voicemail", ["always"], ["always", "on_abandon"]),
        ("message", [], ["always", "on_abandon"]),
        ("name", [], ["always", "on_abandon"]),
        ("transfer", ["always"], ["always"]),
    ],
)
def test_a_voice_or_a_number_left_counts_like_an_abandoned_call(
    way: str, at_once: list[str], in_the_end: list[str]
) -> None:
    story = Story(a_call())
    left = {
        "callback": story.asks_to_be_called(),
        "voicemail": story.is_sent_to("voicemail", "100"),
        "message": story.leaves("message", "m-1"),
        "name": story.leaves("name", "n-1"),
        "transfer": story.is_sent_to("transfer", "partner"),
    }[way]
    for policy in ("always", "on_answer", "on_abandon", "never"):
        events = [story.is_(IdentityOutcome.NONE), story.decided(policy), left]
        assert wants_lead(after(story, events)) is (policy in at_once)
        end = story.ends(CallOutcome.ABANDONED_IN_MENU)
        assert wants_lead(after(story, [*events, end])) is (policy in in_the_end)


def test_who_leaves_a_message_after_talking_with_us_was_answered() -> None:
    story = Story(a_call())
    talked = [story.is_(IdentityOutcome.NONE), story.decided("on_abandon"), story.answered()]
    left = [story.leaves("message", "m-1"), story.ends(CallOutcome.ANSWERED)]
    assert not wants_lead(after(story, [*talked, *left]))


def test_who_types_a_customer_number_in_the_menu_is_no_stranger_any_more() -> None:
    story = Story(a_call())
    events = [story.is_(IdentityOutcome.NONE), story.decided(), story.types("customer_id", "0042")]
    events += [story.is_(IdentityOutcome.UNIQUE), story.decided(), story.queued(), story.ends()]
    assert not any(wants_lead(after(story, events[:n])) for n in range(len(events) + 1))


def test_a_call_without_a_decision_has_the_policy_of_the_number_dialled() -> None:
    story = Story(a_call())
    state = after(story, [story.arrives(fallback=True), story.is_(IdentityOutcome.NONE, late=True)])
    give_policy(state, {"+18005550100": when("always")}.__getitem__)
    assert wants_lead(state)
    give_policy(state, {"+18005550100": when("never")}.__getitem__)
    assert state.lead_policy == "always"


def test_a_dialog_is_left_to_its_own_decision() -> None:
    story = Story(a_call())
    state = after(story, [story.arrives(), story.is_(IdentityOutcome.NONE)])
    give_policy(state, {"+18005550100": when("always")}.__getitem__)
    assert state.lead_policy is None


def test_the_fallback_s_word_of_an_answer_is_enough() -> None:
    story = Story(a_call())
    events = [story.arrives(fallback=True), story.is_(IdentityOutcome.NONE, late=True)]
    state = after(story, [*events, story.ends(CallOutcome.ANSWERED)])
    give_policy(state, lambda dialled: when("on_answer"))
    assert wants_lead(state)


@pytest.mark.parametrize(
    "outcome", [outcome for outcome in IdentityOutcome if outcome is not IdentityOutcome.NONE]
)
def test_only_a_stranger_becomes_a_lead(outcome: IdentityOutcome) -> None:
    story = Story(a_call())
    assert not wants_lead(after(story, [story.is_(outcome), story.decided(), story.queued()]))


def test_a_late_answer_makes_the_stranger() -> None:
    story = Story(a_call())
    events = [
        story.is_(IdentityOutcome.TIMEOUT),
        story.decided(),
        story.queued(),
        story.is_(IdentityOutcome.NONE, late=True),
    ]
    assert [wants_lead(after(story, events[:n])) for n in (1, 2, 3, 4)] == [False] * 3 + [True]


def test_a_call_that_has_its_lead_wants_no_other() -> None:
    story = Story(a_call())
    state = after(story, [story.is_(IdentityOutcome.NONE), story.decided(), story.queued()])
    state.lead_key = "somebody"
    assert not wants_lead(state)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("", None), ("+1 202 555-0150", None), ("ACME 24", "ACME 24"), (" 王小明 ", "王小明")],
)
def test_a_name_that_is_only_a_number_is_no_name(name: str, kept: str | None) -> None:
    state = after(Story(a_call()), [])
    state.from_name = name
    assert name_worth_keeping(state) == kept


def told(policy: LeadPolicy, *, answered: bool, seconds: float) -> bool:
    """A stranger in the queue who stays so long after arriving, or after the answer."""
    story = Story(a_call())
    events = [story.is_(IdentityOutcome.NONE), story.decided(policy.when), story.queued()]
    if answered:
        events.append(story.answered())
    start = story.at if answered else story.call.arrived_at
    outcome = CallOutcome.ANSWERED if answered else ABANDONED
    ended = CallEnded(story.call.id, start + timedelta(seconds=seconds), outcome)
    state = after(story, [*events, ended])
    state.follow_up = FollowUp(policy).as_json()
    return wants_lead(state)


@pytest.mark.parametrize(("seconds", "is_lead"), [(9.0, False), (10.0, True)])
def test_only_who_waited_or_talked_so_long_is_a_lead(seconds: float, is_lead: bool) -> None:
    assert told(LeadPolicy("on_abandon", after_s=10), answered=False, seconds=seconds) is is_lead
    assert told(LeadPolicy("on_answer", min_talk_s=10), answered=True, seconds=seconds) is is_lead


def test_a_follow_up_survives_being_kept() -> None:
    policy = LeadPolicy("on_answer", "campaign", 1.0, 2.0, 3.0, ("+1900*",), ("queue:sales",))
    assert FollowUp.from_json(FollowUp(policy, 20.0).as_json()) == FollowUp(policy, 20.0)
    assert FollowUp.from_json({}) == FollowUp()


@pytest.mark.parametrize("direction", ["outbound", "internal"])
@pytest.mark.parametrize("outcome", [CallOutcome.ANSWERED, CallOutcome.CANCELLED])
def test_whom_an_agent_called_is_no_lead_and_was_not_missed(
    direction: str, outcome: CallOutcome
) -> None:
    story = Story(a_call())
    happened = [story.is_(IdentityOutcome.NONE), story.rings()]
    if outcome is CallOutcome.ANSWERED:
        happened.append(story.answered())
    call = after(story, [*happened, story.ends(outcome)])
    call.direction = direction
    give_policy(call, lambda _: FollowUp(LeadPolicy(when="always"), missed_task_s=0))
    assert call.lead_policy is None
    assert not wants_lead(call)
    assert not was_missed(call)
