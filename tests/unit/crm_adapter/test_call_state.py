"""How each event changes a call's row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calls.call import CallOutcome, KeyPress
from calls.caller import Caller, Candidate, Contact, ContactRef, Identity, IdentityOutcome
from calls.events import (
    AgentMissed,
    AgentRinging,
    CallEnded,
    CallerIdentified,
    CallEvent,
    CandidateChosen,
)
from crm_adapter.call_state import NOT_ASKED, CallState, is_same
from tests.fakes.call_stories import AGENT, MARIA, START, Roster, Story, a_call

pytestmark = pytest.mark.unit


def state_of(story: Story) -> CallState:
    call = story.call
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


def after(story: Story, events: list[CallEvent]) -> CallState:
    state = state_of(story)
    for event in events:
        state.apply(event, Roster())
    return state


def test_an_answered_call_becomes_a_record_with_its_agent() -> None:
    story = Story(a_call())
    record = after(story, story.whole(IdentityOutcome.UNIQUE)).record()

    assert record.call_id == story.call.id
    assert record.contact == ContactRef("embedded", MARIA.ref.id)
    assert record.outcome is CallOutcome.ANSWERED
    assert record.queue == "support"
    assert record.menu_path == (KeyPress("main", "1", "match", "support"),)
    assert [(leg.agent, leg.interface) for leg in record.legs] == [("anna", AGENT)]
    assert record.answered_at == record.legs[0].answered_at
    assert record.talk_s == 2
    assert record.rulebook_version == "r1"


def test_events_told_twice_change_nothing() -> None:
    story = Story(a_call())
    events = story.whole(IdentityOutcome.UNIQUE)
    doubled = [event for event in events[:-1] for _ in range(2)]
    assert after(story, [*doubled, events[-1], *events]) == after(story, events)


def test_an_unanswered_agent_keeps_a_leg_and_the_next_one_answers() -> None:
    story = Story(a_call())
    other = "PJSIP/agent2"
    rings = story.rings(other)
    missed = AgentMissed(story.call.id, story._next(), "support", other)
    events = [rings, missed, story.rings(), story.answered(), story.ends()]
    legs = after(story, events).record().legs
    assert [(leg.agent, leg.answered_at is not None) for leg in legs] == [
        (other, False),
        ("anna", True),
    ]
    assert all(leg.ended_at is not None for leg in legs)


def test_the_same_agent_may_be_rung_again() -> None:
    story = Story(a_call())
    first = story.rings()
    missed = AgentMissed(story.call.id, story._next(), "support", AGENT)
    legs = after(story, [first, missed, story.rings(), first]).legs
    assert [leg.position for leg in legs] == [1, 2]


def test_an_agent_is_known_by_what_the_member_stands_for() -> None:
    story = Story(a_call())
    event = AgentRinging(story.call.id, story.at, "support", "Local/1@agents", AGENT)
    assert after(story, [event]).legs[0].agent == "anna"


def test_an_answer_whose_ringing_was_not_seen_still_makes_a_leg() -> None:
    story = Story(a_call())
    answered = story.answered()
    leg = after(story, [answered]).legs[0]
    assert leg.answered_at == answered.at
    assert leg.rang_at == answered.at - timedelta(seconds=1)


def test_an_end_before_the_arrival_is_moved_to_it() -> None:
    story = Story(a_call())
    event = CallEnded(
        story.call.id, START - timedelta(hours=1), CallOutcome.LOST_SYNC, estimated=True
    )
    record = after(story, [event]).record()
    assert record.ended_at == START
    assert record.end_estimated


def test_a_fallback_call_is_recorded_with_the_number_the_network_gave() -> None:
    story = Story(a_call())
    record = after(story, [story.arrives(fallback=True), story.ends()]).record()
    assert (record.fallback, record.identity_outcome) == (True, NOT_ASKED)
    assert record.number == story.call.from_raw


def test_whether_they_are_recorded_makes_no_other_decision() -> None:
    before = {"at": "1", "menu": "main", "recording": None}
    assert is_same(before, before | {"at": "2", "recording": {"answer": "agreed"}})
    assert not is_same(before, before | {"menu": "closed"})


def test_who_is_only_recorded_has_left_no_word() -> None:
    story = Story(a_call())
    recorded = after(story, [story.leaves("call", "call-pbx-1-1")])
    assert [one["name"] for one in recorded.recordings or ()] == ["call-pbx-1-1"]
    assert not recorded.left_word
    assert after(story, [story.leaves("message", "message-pbx-1-2")]).left_word


def test_a_withheld_number_is_not_recorded() -> None:
    story = Story(a_call(withheld=True))
    assert after(story, [story.ends()]).record().number is None


def test_an_endless_menu_is_cut() -> None:
    story = Story(a_call())
    assert len(after(story, [story.presses("9") for _ in range(80)]).menu_steps()) == 50


def test_a_living_call_has_no_record() -> None:
    with pytest.raises(ValueError, match="not ended"):
        state_of(Story(a_call())).record()


def test_what_was_typed_and_said_is_in_the_record() -> None:
    story = Story(a_call())
    events = [
        story.types("order_number", "17"),
        story.types("order_number", "0017"),
        story.leaves("name", "n-1"),
        story.leaves("message", "m-1", "sales"),
        story.is_sent_to("voicemail", "100@sales"),
        story.ends(CallOutcome.ABANDONED_IN_MENU),
    ]
    record = after(story, [event for event in events for _ in range(2)]).record()
    assert record.typed == {"order_number": "0017"}
    assert [(one.what, one.name) for one in record.recordings] == [
        ("name", "n-1"),
        ("message", "m-1"),
    ]
    assert record.routed == ("voicemail", "100@sales")
    assert record.outcome is CallOutcome.VOICEMAIL


@pytest.mark.parametrize(
    ("ended", "routed", "told"),
    [
        (CallOutcome.ABANDONED_IN_QUEUE, None, CallOutcome.CALLBACK),
        (CallOutcome.NOT_ANSWERED, "transfer", CallOutcome.CALLBACK),
        (CallOutcome.ANSWERED, None, CallOutcome.ANSWERED),
        (CallOutcome.LOST_SYNC, None, CallOutcome.LOST_SYNC),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_the_wish_to_be_called_back_is_the_outcome_of_an_unanswered_call(
    ended: CallOutcome, routed: str | None, told: CallOutcome, late: bool
) -> None:
    story = Story(a_call())
    events = [story.is_sent_to(routed)] if routed else []
    asked, end = story.asks_to_be_called(), story.ends(ended)
    assert (
        after(story, [*events, *([end, asked] if late else [asked, end])]).record().outcome is told
    )


def test_each_late_word_raises_the_revision() -> None:
    story = Story(a_call())
    state = after(story, [story.types("order_number", "17"), story.ends(CallOutcome.ANSWERED)])
    late = [
        story.leaves("message", "m-1"),
        story.asks_to_be_called(),
        story.is_sent_to("voicemail", "100"),
        story.types("zip_code", "10001"),
        story.is_(IdentityOutcome.NONE, late=True),
    ]
    seen = [state.revision]
    for event in late:
        for _ in range(2):
            state.apply(event, Roster())
        seen.append(state.revision)
    assert seen == sorted(set(seen))
    assert seen[0] == 1


def test_a_message_cannot_grow_without_bound() -> None:
    story = Story(a_call())
    events = [story.leaves("message", f"m-{n}") for n in range(50)]
    events += [story.types(f"field{n}", "1" * 500) for n in range(50)]
    record = after(story, [*events, story.ends()]).record()
    assert (len(record.recordings), len(record.typed)) == (20, 20)
    assert max(map(len, record.typed.values())) == 40


def test_what_another_process_tells_after_the_end_is_in_a_later_record() -> None:
    story = Story(a_call())
    before = [story.decided("never"), story.presses("1", "billing"), story.queued("billing")]
    state = after(story, [story.rings(), story.answered(), story.ends()])
    assert (state.amended, state.menu_path) == (False, None)
    for event in before:
        state.apply(event, Roster())
    assert state.amended
    assert (state.rulebook_version, state.lead_policy, state.hold_programme) == (
        "r1",
        "never",
        "hold",
    )
    assert [step["intent"] for step in state.menu_path or ()] == ["billing"]
    state.amended = False
    for event in [*before, story.decided("always"), story.presses("2")]:
        state.apply(event, Roster())
    assert not state.amended, "told again, or of what cannot have been"
    assert len(state.menu_path or ()) == 1


def test_the_number_s_late_answer_does_not_undo_a_typed_key() -> None:
    story = Story(a_call())
    typed = story.is_(IdentityOutcome.UNIQUE)
    object.__setattr__(typed.caller.identity, "method", "typed_key")  # type: ignore[attr-defined]
    state = after(story, [typed, story.is_(IdentityOutcome.NONE, late=True)])
    assert (state.identity_outcome, state.identity_method) == ("unique", "typed_key")


def test_a_call_of_the_fallback_is_named_after_its_end() -> None:
    story = Story(a_call())
    end = story.ends(CallOutcome.ABANDONED_IN_QUEUE)
    state = after(story, [story.arrives(fallback=True), end])
    assert not state.amended
    state.apply(story.is_(IdentityOutcome.UNIQUE, late=True), Roster())
    assert state.amended
    assert state.record().contact == MARIA.ref
    state.apply(story.is_(IdentityOutcome.NONE, late=True), Roster())
    assert state.record().contact == MARIA.ref


OLIVIA, NOAH = ContactRef("crm", "Olivia"), ContactRef("crm", "Noah")


def several(
    story: Story,
    outcome: IdentityOutcome = IdentityOutcome.MULTIPLE,
    *,
    method: str = "e164",
    contact: ContactRef | None = None,
) -> CallerIdentified:
    """The number is Olivia's and Noah's."""
    candidates = tuple(Candidate(ref, ref.id) for ref in (OLIVIA, NOAH))
    known = Contact(contact, contact.id, "", owner="Grace") if contact else None
    caller = Caller("+12025550103", Identity(outcome, method, 0.5, candidates), contact=known)
    return CallerIdentified(story.call.id, START, caller)


def chooses(story: Story, contact: ContactRef | None) -> CandidateChosen:
    return CandidateChosen(story.call.id, story._next(), "+12025550103", contact, "anna")


def one_of(outcome: IdentityOutcome, *choices: ContactRef | None) -> ContactRef | None:
    """Whom the record names after an agent's choices among Olivia and Noah."""
    story = Story(a_call())
    events: list[CallEvent] = [several(story, outcome)]
    events += [chooses(story, contact) for contact in choices]
    return after(story, [*events, story.rings(), story.answered(), story.ends()]).record().contact


def test_an_agent_s_choice_among_several_is_on_the_record() -> None:
    multiple, stranger = IdentityOutcome.MULTIPLE, ContactRef("crm", "somebody else")
    assert one_of(multiple) is None
    assert one_of(multiple, NOAH) == NOAH
    assert one_of(multiple, NOAH, OLIVIA) == OLIVIA
    assert one_of(multiple, NOAH, None) is None
    assert one_of(multiple, stranger) is None
    assert one_of(multiple, NOAH, stranger) == NOAH
    assert one_of(IdentityOutcome.NONE, NOAH) is None
    assert one_of(IdentityOutcome.UNIQUE, NOAH) is None, "the CRM named somebody"


def test_a_choice_after_the_end_makes_a_later_record_each_time() -> None:
    story = Story(a_call())
    state = after(story, [several(story), story.rings(), story.answered(), story.ends()])
    seen = [(state.revision, state.contact)]
    told = [chooses(story, contact) for contact in (NOAH, OLIVIA, None)]
    for event in told:
        state.amended = False  # as it is where the row is read anew
        state.apply(event, Roster())
        assert state.amended
        seen.append((state.revision, state.contact))
    assert [contact for _, contact in seen] == [None, NOAH, OLIVIA, None]
    assert [revision for revision, _ in seen] == sorted({revision for revision, _ in seen})
    state.amended = False
    for event in told:
        state.apply(event, Roster())
    assert not state.amended, "told again it changes nothing"
    assert state.contact is None


def test_who_was_remembered_wrongly_is_put_right() -> None:
    story = Story(a_call())
    known = several(story, IdentityOutcome.UNIQUE, method="remembered", contact=OLIVIA)
    state = after(story, [known, chooses(story, NOAH), known])
    assert (state.contact, state.contact_owner) == (NOAH, None)
    state.apply(chooses(story, None), Roster())
    assert state.contact is None
