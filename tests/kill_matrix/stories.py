"""Twenty callers, and what Asterisk does with each of them, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from calls.call import CallOutcome
from calls.caller import Contact, IdentityOutcome
from calls.events import (
    AgentAnswered,
    AgentReleased,
    AgentRinging,
    CallArrived,
    CallEnded,
    CallEvent,
    CallQueued,
    CallRouted,
    DecisionMade,
    WrapUpDone,
)
from calls.follow_up import FollowUp, LeadPolicy
from tests.fakes.call_stories import AGENT, MARIA, START, STRANGER, Story, a_call

FOLLOW_UP: Final = FollowUp(LeadPolicy("always"), missed_task_s=0.0)
MARIAS_NUMBER = "+12025550101"
CONTACTS: dict[str, list[Contact]] = {MARIAS_NUMBER: [MARIA]}
WAVE = 5

Steps = list[CallEvent]


def stranger(number: int) -> str:
    return f"+120255502{number:02}"


def _answered(story: Story) -> Steps:
    return [
        story.presses("1"),
        story.queued(),
        story.rings(),
        story.answered(),
        story.released(),
        story.ends(),
    ]


def _wrapped_up(story: Story) -> Steps:
    steps = _answered(story)
    at = steps[-1].at + timedelta(seconds=20)
    return [*steps, WrapUpDone(story.call.id, at, "anna", AGENT, "sale", "wants two")]


def _abandoned(story: Story) -> Steps:
    return [story.queued(), story.rings(), story.ends(CallOutcome.ABANDONED_IN_QUEUE)]


def _hung_up(story: Story) -> Steps:
    return [story.hears("main"), story.ends(CallOutcome.ABANDONED_IN_MENU)]


def _left_message(story: Story) -> Steps:
    return [
        story.leaves("message", f"message-{story.call.id.linkedid}"),
        story.is_sent_to("hangup"),
        story.ends(CallOutcome.VOICEMAIL),
    ]


def _wants_callback(story: Story) -> Steps:
    return [
        story.asks_to_be_called(story.call.from_raw),
        story.is_sent_to("hangup"),
        story.ends(CallOutcome.CALLBACK),
    ]


Ending = Callable[[Story], Steps]
#: In the order of their calls; waves of five ring at once.
_CALLERS: tuple[tuple[str, Ending], ...] = (
    (stranger(1), _answered),
    (stranger(2), _wrapped_up),
    (stranger(3), _abandoned),
    (MARIAS_NUMBER, _wrapped_up),
    (stranger(4), _abandoned),
    # The second wave.
    (stranger(5), _answered),
    ("", _abandoned),
    (stranger(6), _left_message),
    (stranger(7), _hung_up),
    (MARIAS_NUMBER, _abandoned),
    # Two who rang before: missed again, and served at last.
    (stranger(3), _abandoned),
    (stranger(4), _answered),
    (stranger(8), _wants_callback),
    (stranger(9), _abandoned),
    (stranger(10), _wrapped_up),
    # Called before, and a lead since.
    (stranger(1), _wrapped_up),
    (stranger(11), _abandoned),
    (stranger(12), _answered),
    (stranger(13), _hung_up),
    (stranger(14), _wrapped_up),
)

STRANGERS = sorted({number for number, _ in _CALLERS if number not in ("", MARIAS_NUMBER)})


def _story(place: int, number: str, ending: Ending) -> Steps:
    call = replace(
        a_call(f"1700000000.{place}", number=number or STRANGER, withheld=not number),
        arrived_at=START + timedelta(minutes=place),
    )
    story = Story(call)
    outcome = IdentityOutcome.NONE
    if not number:
        outcome = IdentityOutcome.WITHHELD
    elif number == MARIAS_NUMBER:
        outcome = IdentityOutcome.UNIQUE
    decided = story.decided()
    assert isinstance(decided, DecisionMade)
    decided = replace(decided, decision=replace(decided.decision, follow_up=FOLLOW_UP))
    return [story.arrives(), story.is_(outcome), decided, *ending(story)]


#: By linkedid: all that happens to the call.
CALLS: dict[str, Steps] = {
    f"1700000000.{place}": _story(place, number, ending)
    for place, (number, ending) in enumerate(_CALLERS, 1)
}

_AFTER_THE_DIALOG = (AgentRinging, AgentAnswered, AgentReleased, CallEnded, WrapUpDone)


def is_past_the_dialog(told: Steps) -> bool:
    return any(isinstance(step, CallQueued | CallRouted | CallEnded) for step in told)


def has_ended(told: Steps) -> bool:
    return any(isinstance(step, CallEnded) for step in told)


def outcome_of(linkedid: str, *, fallback: bool) -> CallOutcome:
    steps = CALLS[linkedid]
    if fallback:
        answered = any(isinstance(step, AgentAnswered) for step in steps)
        return CallOutcome.ANSWERED if answered else CallOutcome.ABANDONED_IN_QUEUE
    return next(step.outcome for step in steps if isinstance(step, CallEnded))


def by_the_dialplan(linkedid: str, told: int) -> Steps:
    """How the call goes on whose dialog died: in the default queue, and then as it would have."""
    steps = CALLS[linkedid]
    arrived, last = steps[0], steps[max(0, told - 1)]
    assert isinstance(arrived, CallArrived)
    outcome = outcome_of(linkedid, fallback=True)
    return [
        replace(arrived, fallback=True),
        CallQueued(arrived.call_id, last.at, "default"),
        *(
            replace(step, outcome=outcome) if isinstance(step, CallEnded) else step
            for step in steps[told:]
            if isinstance(step, _AFTER_THE_DIALOG)
        ),
    ]
