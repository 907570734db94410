"""What people read of a call, a lead and a task in their CRM."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from calls.call import CallId, CallOutcome, Direction, KeyPress
from calls.caller import ContactRef
from calls.offers import OfferAnswer, OfferPlace
from calls.records import (
    CallRecord,
    KeptRecording,
    Leg,
    LegVia,
    NewLead,
    NewTask,
    OfferGiven,
)
from config.record_titles import DEFAULT_TITLES, KINDS, PLACEHOLDERS
from crm_adapter import wording

pytestmark = pytest.mark.unit

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MISSED = CallRecord(
    call_id=CallId("pbx", "1700000000.1"),
    arrived_at=AT,
    number="+12025550101",
    dialled="+18005550100",
    contact=ContactRef("embedded", "maria"),
    identity_outcome="unique",
    outcome=CallOutcome.ABANDONED_IN_QUEUE,
    queue="support",
    ended_at=AT + timedelta(seconds=60),
    menu_path=(KeyPress("main", "1", "match", "support"), KeyPress("main", "", "timeout")),
    caller_name="Maria Garcia",
    wait_s=50,
)
ANSWERED = replace(
    MISSED,
    outcome=CallOutcome.ANSWERED,
    answered_at=AT + timedelta(seconds=60),
    ended_at=AT + timedelta(seconds=260),
    legs=(
        Leg(
            "anna",
            "PJSIP/agent1",
            AT + timedelta(seconds=50),
            AT + timedelta(seconds=60),
            AT + timedelta(seconds=100),
            "resolved",
            "wants a new pump",
        ),
        Leg(
            "ben",
            "PJSIP/agent2",
            AT + timedelta(seconds=100),
            AT + timedelta(seconds=110),
            AT + timedelta(seconds=260),
            via=LegVia.BLIND_TRANSFER,
        ),
        Leg("chen", "PJSIP/agent3", AT, None, AT, via=LegVia.DIAL),
    ),
    offers=(
        OfferGiven("descaler", OfferPlace.HOLD, OfferAnswer.HEARD),
        OfferGiven("descaler", OfferPlace.AGENT, OfferAnswer.NOT_RAISED, "in a hurry"),
    ),
    typed={"customer_id": "4711"},
    recordings=(KeptRecording("name", "name-1", 2.4),),
    rulebook_version="r1",
    arm="control",
)


@pytest.mark.parametrize(
    ("record", "title"),
    [
        (ANSWERED, "Call from Maria Garcia (+12025550101)"),
        (MISSED, "Missed call from Maria Garcia (+12025550101)"),
        (replace(MISSED, caller_name=None, number=None), "Missed call from a withheld number"),
        (
            replace(MISSED, outcome=CallOutcome.VOICEMAIL),
            "Voicemail from Maria Garcia (+12025550101)",
        ),
        (
            replace(MISSED, outcome=CallOutcome.CALLBACK, caller_name=None),
            "+12025550101 wants to be called back",
        ),
        (
            replace(MISSED, outcome=CallOutcome.TRANSFERRED),
            "Call from Maria Garcia (+12025550101), passed on",
        ),
        (
            replace(ANSWERED, outcome=CallOutcome.LOST_SYNC),
            "Call from Maria Garcia (+12025550101)",
        ),
        (
            replace(ANSWERED, direction=Direction.OUTBOUND),
            "Call to Maria Garcia (+12025550101)",
        ),
        (
            replace(ANSWERED, direction=Direction.INTERNAL),
            "Internal call from Maria Garcia (+12025550101) to +18005550100",
        ),
        (replace(ANSWERED, title="As the company likes it"), "As the company likes it"),
    ],
)
def test_titles(record: CallRecord, title: str) -> None:
    assert wording.call_title(record) == title


def test_a_company_has_its_own_titles() -> None:
    templates = {
        "inbound_answered": "{intent}/{queue}: {agent} mit {caller} {{{outcome}}}",
        "inbound_missed": "Verpasst: {agent} {number} {dialled}",
    }
    assert (
        wording.title_by(templates, ANSWERED)
        == "support/support: ben mit Maria Garcia (+12025550101) {answered}"
    )
    assert wording.title_by(templates, MISSED) == "Verpasst: +12025550101 +18005550100"
    voicemail = replace(MISSED, outcome=CallOutcome.VOICEMAIL)
    assert wording.title_by(templates, voicemail).startswith("Voicemail from")


def test_a_name_full_of_braces_is_only_a_name() -> None:
    assert "{agent.__class__}" in wording.call_title(
        replace(MISSED, caller_name="{agent.__class__}")
    )


def test_a_title_is_one_line_of_bearable_length() -> None:
    title = wording.call_title(replace(MISSED, caller_name="Eve\n" + "x" * 500))
    assert title.startswith("Missed call from Eve x")
    assert len(title) == wording.LONGEST_TITLE


def test_every_outcome_in_every_direction_has_its_words() -> None:
    assert set(DEFAULT_TITLES) == set(KINDS)
    all_of_them = "".join(f"{{{name}}}" for name in PLACEHOLDERS)
    for outcome in CallOutcome:
        for direction in Direction:
            record = replace(MISSED, outcome=outcome, direction=direction)
            assert wording.title_kind(record) in KINDS
            assert wording.title_by(dict.fromkeys(KINDS, all_of_them), record)
            assert wording.call_description(record)
    for via in LegVia:
        leg = Leg("anna", "PJSIP/agent1", AT, AT, AT, via=via)
        assert "anna (" in wording.call_description(replace(MISSED, legs=(leg,)))


def test_the_story_of_an_answered_call() -> None:
    assert wording.call_description(ANSWERED).splitlines() == [
        "Inbound call, answered",
        "From +12025550101 to +18005550100 on 2026-03-02 09:30:00 UTC",
        "Queue: support, waited 50 s",
        "Talked: 3:20 min",
        "Menu: main 1 (support), main - (timeout)",
        "Typed: customer_id 4711",
        "Offers: descaler (hold): heard; descaler (agent): not raised, in a hurry",
        "anna (by the queue): talked 40 s; wrap-up resolved; note: wants a new pump",
        "ben (by a transfer): talked 2:30 min",
        "chen (dialled): rang, did not answer",
        "Recording of a name: name-1 (2 s)",
        "Rulebook: r1, arm control",
        "Call: pbx/1700000000.1",
    ]


CALLED = replace(
    MISSED,
    direction=Direction.OUTBOUND,
    outcome=CallOutcome.BUSY,
    dialled="9002025550101",
    queue=None,
    menu_path=(),
    legs=(Leg("anna", "PJSIP/agent1", AT, via=LegVia.DIAL),),
)


def test_the_story_of_a_call_that_an_agent_made() -> None:
    told = wording.call_description(CALLED).splitlines()
    assert told[:3] == [
        "Outbound call, busy",
        "From anna to +12025550101 on 2026-03-02 09:30:00 UTC",
        "anna (dialled): called in vain",
    ]
    templates = {"outbound": "{agent} > {number}, {outcome}"}
    assert wording.title_by(templates, CALLED) == "anna > +12025550101, busy"
    inside = replace(CALLED, direction=Direction.INTERNAL, number=None, dialled="102")
    assert wording.call_description(inside).splitlines()[1].startswith("From anna to 102 on")
    assert wording.title_by({}, replace(inside, caller_name="anna")).endswith("from anna to 102")


def test_the_story_while_the_call_lives() -> None:
    leg = Leg("anna", "PJSIP/agent1", AT, AT)
    told = wording.call_description(replace(ANSWERED, ended_at=None, legs=(leg,)))
    assert told.startswith("Inbound call, under way\n")
    assert "anna (by the queue): talks since 2026-03-02 09:30:00 UTC" in told


def test_the_story_of_a_call_that_left_us() -> None:
    record = replace(
        MISSED, routed=("transfer_failed", "+4930"), fallback=True, end_estimated=True, queue=None
    )
    told = wording.call_description(record).splitlines()
    assert told[3:6] == [
        "Nobody answered the transfer to +4930",
        "Served by the dialplan's fallback",
        "Nobody saw the end: its time is an estimate",
    ]


def test_leads_and_tasks() -> None:
    lead = NewLead(
        number="+12025550150",
        call_id=MISSED.call_id,
        dialled="+18005550100",
        network_name="J. Doe",
        created_at=AT,
        menu_path=MISSED.menu_path,
        rulebook_version="r1",
        name_recording="name-1",
    )
    assert wording.lead_title(lead) == "New caller: J. Doe (+12025550150)"
    assert "recording name-1" in wording.lead_description(lead)
    task = NewTask("callback", MISSED.call_id, AT, "+12025550150", queue="support")
    assert wording.task_title(task) == "Call back +12025550150"
    assert "Queue: support" in wording.task_description(task)
    message = replace(task, kind="message", number=None, recording="m-1")
    assert (
        wording.task_title(message) == "Listen to the message of a caller who withheld the number"
    )
    assert "Recording: m-1" in wording.task_description(message)
    assert wording.task_title(replace(task, kind="other_work")) == "Other work: +12025550150"


def test_what_an_agent_plans() -> None:
    task = NewTask(
        "follow_up", MISSED.call_id, AT, "+12025550150", owner="anna", name="Ann", note="Two\nlines"
    )
    assert wording.task_title(task) == "Follow up with Ann (+12025550150)"
    assert wording.task_description(task).startswith("Two\nlines\nPlanned by anna on ")
    # 17:30 on the west coast: the day is the house's, not UTC's.
    due = datetime(2026, 3, 9, 17, 30, tzinfo=timezone(timedelta(hours=-8)))
    later = replace(task, due=due, name=None, number=None)
    assert wording.task_title(later) == "Call back a withheld number"
    assert "\nDue: 2026-03-09 17:30 UTC-08:00\n" in wording.task_description(later)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (200, "3:20 min"), (3800, "1:03:20 h")]
)
def test_durations(seconds: int, said: str) -> None:
    assert wording.duration(seconds) == said
