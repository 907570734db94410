"""Who becomes a lead, and when: the policy of the number dialled, asked of one call. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from calls.call import CallOutcome
from calls.caller import IdentityOutcome
from calls.follow_up import FollowUp, LeadPolicy
from crm_adapter.call_state import CallState
from storage.storable import storable

FollowUpOf = Callable[[str], FollowUp]

_HUNG_UP = (CallOutcome.ABANDONED_IN_MENU.value, CallOutcome.ABANDONED_IN_QUEUE.value)
#: Nobody of ours has talked with them, but they left their voice or number.
_LEFT_WORD = (CallOutcome.VOICEMAIL.value, CallOutcome.CALLBACK.value)


def nobody(dialled: str) -> FollowUp:
    """The policy where no rulebook says one."""
    return FollowUp(LeadPolicy(when="never"))


def give_policy(call: CallState, follow_up_of: FollowUpOf) -> None:
    """Where no dialog decided, as in the fallback, the number dialled says it."""
    if call.direction is None and call.lead_policy is None and _is_past_the_menus(call):
        follow_up = follow_up_of(call.dialled)
        call.lead_policy = storable(follow_up.lead.when, 20)
        call.follow_up = follow_up.as_json()


def follow_up(call: CallState) -> FollowUp:
    """As it was decided; by its word alone where an older version decided."""
    if call.follow_up is not None:
        return FollowUp.from_json(call.follow_up)
    return FollowUp(replace(LeadPolicy(), when=call.lead_policy or "never"))


def wants_lead(call: CallState) -> bool:
    """Whether this caller is a stranger whose lead is due now. Only a look-up that answered "nobody
    has this number" makes a stranger: an error, a timeout or a withheld number does not."""
    if call.lead_key is not None or call.number is None or call.direction is not None:
        return False
    if call.identity_outcome != IdentityOutcome.NONE.value:
        return False
    policy = follow_up(call).lead
    is_due = _MOMENTS.get(policy.when)
    return is_due is not None and is_due(call, policy) and not policy.denies(call.number)


def was_answered(call: CallState) -> bool:
    """By an agent, also where the fallback's trace alone says so. What became of a transfer
    nobody told us."""
    return call.answered_at is not None or call.outcome == CallOutcome.ANSWERED.value


def went_unseen(call: CallState) -> bool:
    """Nobody answered as far as we know, and nobody saw the end: we died, or Asterisk was away."""
    lost = call.outcome == CallOutcome.LOST_SYNC.value
    return lost and call.direction is None and not was_answered(call)


def rang_off(call: CallState, after_s: float) -> bool:
    """Unanswered, no sooner than so many seconds after arriving, and without leaving a word. Who
    was gone when nobody looked counts too: when they rang off is not known."""
    if went_unseen(call):
        return not (call.callback or call.routed or _left_message(call))
    if call.ended_at is None or call.outcome not in _HUNG_UP or _left_message(call):
        return False
    return (call.ended_at - call.arrived_at).total_seconds() >= after_s


def _is_past_the_menus(call: CallState) -> bool:
    """Until then a stranger may still type who they are, or say their name."""
    ways_out = (call.queued_at, call.answered_at, call.callback, call.routed, call.outcome)
    return call.fallback or any(way is not None for way in ways_out)


def _always(call: CallState, policy: LeadPolicy) -> bool:
    return _is_past_the_menus(call)


def _on_answer(call: CallState, policy: LeadPolicy) -> bool:
    if not policy.min_talk_s:
        return was_answered(call)
    if call.answered_at is None or call.ended_at is None:
        return False
    return (call.ended_at - call.answered_at).total_seconds() >= policy.min_talk_s


def _on_abandon(call: CallState, policy: LeadPolicy) -> bool:
    """Whoever leaves a word instead of ringing off has waited long enough."""
    unanswered = call.outcome is not None and not was_answered(call)
    left_word = call.outcome in _LEFT_WORD or (_left_message(call) and unanswered)
    return left_word or rang_off(call, policy.after_s)


def _left_message(call: CallState) -> bool:
    return any(one["what"] == "message" for one in call.recordings or ())


#: By the word in the rulebook; any other word means never.
_MOMENTS: dict[str, Callable[[CallState, LeadPolicy], bool]] = {
    "always": _always,
    "on_answer": _on_answer,
    "on_abandon": _on_abandon,
}
