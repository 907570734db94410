"""Typed events out of what a real Asterisk 22.10.1 sent (tests/fixtures/ami)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import ami_events as ami
from ami_bridge.ami_reading import _READERS, event_name, read_event
from ami_bridge.ami_wire import MAX_MESSAGE

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parents[2] / "fixtures" / "ami"


def recorded(name: str) -> list[ami.AmiEvent]:
    events = []
    for block in (RECORDED / f"{name}.txt").read_bytes().split(b"\r\n\r\n"):
        kind = event_name(block)
        if kind is not None and (event := read_event(kind, block)) is not None:
            events.append(event)
    return events


def one(name: str, kind: type[ami.AmiEvent]) -> ami.AmiEvent:
    return next(event for event in recorded(name) if type(event) is kind)


def test_an_answered_call_gives_these_events_and_no_others() -> None:
    counted = Counter(type(event).__name__ for event in recorded("answered"))
    assert counted == {
        "ChannelCreated": 6,
        "LocalsPaired": 3,
        "ChannelHungUp": 6,
        "HangupRequested": counted["HangupRequested"],
        "AgentCalled": 2,
        "AgentConnected": 1,
        "AgentCompleted": 1,
        "QueueJoined": 1,
        "QueueLeft": 1,
        "DialBegun": 3,
        "DialEnded": 4,
        "BridgeEntered": 2,
        # QueueMemberStatus: rings, talks, is free again.
        "MemberSeen": 4,
    }
    assert counted["HangupRequested"] >= 4


def test_the_fields_are_those_of_the_event() -> None:
    joined = one("answered", ami.QueueJoined)
    assert isinstance(joined, ami.QueueJoined)
    assert (joined.queue, joined.caller, joined.caller_name) == (
        "default",
        "+12025550150",
        "王小明 José",
    )
    connected = one("answered", ami.AgentConnected)
    assert isinstance(connected, ami.AgentConnected)
    assert connected.interface == "Local/agent1@agents/n"
    assert (connected.ring_s, connected.wait_s) == (1.0, 1.0)
    completed = one("answered", ami.AgentCompleted)
    assert isinstance(completed, ami.AgentCompleted)
    assert (completed.reason, completed.talk_s) == ("agent", 4.0)
    assert completed.uniqueid == completed.linkedid == joined.uniqueid
    fallback = one("fallback", ami.FallbackTook)
    assert isinstance(fallback, ami.FallbackTook)
    assert fallback.dialled == "+18005550100"
    assert fallback.uniqueid == fallback.linkedid
    transfer = one("blind", ami.Transferred)
    assert isinstance(transfer, ami.Transferred)
    assert (transfer.extension, transfer.attended, transfer.succeeded) == ("dial3", False, True)
    assert transfer.from_channel.startswith("Local/agent1@agents-")
    assert transfer.caller_uniqueid == transfer.linkedid


def test_an_attended_transfer_names_both_legs_and_the_target() -> None:
    event = read_event(
        b"AttendedTransfer",
        b"Event: AttendedTransfer\r\nResult: Success\r\n"
        b"OrigTransfererChannel: PJSIP/agent1-00000002\r\nOrigTransfererUniqueid: 1.2\r\n"
        b"OrigTransfererLinkedid: 1.1\r\nSecondTransfererExten: 102\r\n"
        b"TransfereeUniqueid: 1.1\r\nTransferTargetUniqueid: 1.5\r\n"
        b"TransferTargetChannel: PJSIP/agent2-00000004",
    )
    assert event == ami.Transferred(
        "1.2",
        "1.1",
        True,
        True,
        "PJSIP/agent1-00000002",
        "1.1",
        "102",
        "1.5",
        "PJSIP/agent2-00000004",
    )


def test_a_conference_of_three_is_told_as_an_attended_transfer_that_moves_nobody() -> None:
    event = read_event(
        b"AttendedTransfer",
        b"Event: AttendedTransfer\r\nResult: Success\r\nDestType: Threeway\r\n"
        b"OrigTransfererUniqueid: 1.2\r\nOrigTransfererLinkedid: 1.1",
    )
    assert isinstance(event, ami.Transferred)
    assert event.threeway


def test_what_we_do_not_act_on_is_none() -> None:
    for name in (b"VarSet", b"Newexten", b"TestEvent", b"", b"Nonsense"):
        assert read_event(name, b"Event: " + name + b"\r\nA: b") is None
    other = b"Event: UserEvent\r\nUserEvent: Other\r\nNote: SwitchboardFallback"
    assert read_event(b"UserEvent", other) is None
    assert event_name(b"Response: Success\r\nEvent: Hangup") is None


def test_hostile_text_is_cleaned_and_cut() -> None:
    block = (
        "Event: QueueCallerJoin\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\nQueue: sup\x1b[31mport\r\n"
        f"CallerIDNum: 100&PJSIP/evil\r\nCallerIDName: \x01<img src=x>{'z' * 500}\r\nChannel: C"
    ).encode()
    event = read_event(b"QueueCallerJoin", block)
    assert isinstance(event, ami.QueueJoined)
    assert event.queue == "sup[31mport"
    assert event.caller == "100&PJSIP/evil"
    assert event.caller_name.startswith("<img src=x>zzz")
    assert len(event.caller_name) == 80


@given(
    st.sampled_from(sorted(_READERS)),
    st.lists(
        st.tuples(
            st.sampled_from(["Uniqueid", "RingTime", "Queue", "UserEvent", "X"]),
            st.text(max_size=30),
        ),
        max_size=8,
    ),
)
def test_no_headers_break_a_reader(name: bytes, headers: list[tuple[str, str]]) -> None:
    block = (
        b"Event: "
        + name
        + b"".join(f"\r\n{key}: {value}".encode("utf-8", "replace") for key, value in headers)
    )
    assert len(block) < MAX_MESSAGE
    event = read_event(name, block)
    assert event is None or isinstance(event, ami.AmiEvent)


def block(name: str, **headers: str) -> bytes:
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"Event: {name}\r\nChannel: PJSIP/x-1\r\n{lines}Uniqueid: 1.1\r\nLinkedid: 1.1".encode()


def test_a_queue_that_tries_one_agent_counts_as_the_callers() -> None:
    read = read_event(b"QueueCallerJoin", block("QueueCallerJoin", Queue="sales~anna.b"))
    assert isinstance(read, ami.QueueJoined)
    assert (read.queue, read.preferred, read.position) == ("sales", "anna.b", 0)
    called = read_event(b"AgentCalled", block("AgentCalled", Queue="sales~anna.b"))
    assert isinstance(called, ami.AgentCalled)
    assert called.queue == "sales"


@pytest.mark.parametrize(
    ("digit", "direction", "is_event"),
    [("1", "Received", True), ("2", "Received", False), ("1", "Sent", False), ("", "", False)],
)
def test_of_keys_only_the_one_that_leaves_a_queue_is_an_event(
    digit: str, direction: str, is_event: bool
) -> None:
    pressed = block("DTMFEnd", Digit=digit, Direction=direction)
    assert (read_event(b"DTMFEnd", pressed) is not None) is is_event


@pytest.mark.parametrize(
    ("block", "event"),
    [
        (
            b"Event: Pickup\r\nChannel: PJSIP/ben-7\r\nUniqueid: 2.1\r\nLinkedid: 2.1\r\n"
            b"TargetChannel: PJSIP/anna-6\r\nTargetUniqueid: 1.2\r\nTargetLinkedid: 1.1",
            ami.PickedUp("1.2", "1.1", "2.1", "PJSIP/ben-7"),
        ),
        (
            b"Event: ParkedCall\r\nParkeeChannel: PJSIP/trunk-1\r\nParkeeUniqueid: 1.1\r\n"
            b"ParkeeLinkedid: 1.1\r\nParkingSpace: 701",
            ami.Parked("1.1", "1.1", "701"),
        ),
        (
            b"Event: ParkedCallTimeOut\r\nParkeeUniqueid: 1.1\r\nParkeeLinkedid: 1.1",
            ami.ParkedTooLong("1.1", "1.1"),
        ),
        (
            b"Event: UnParkedCall\r\nParkeeUniqueid: 1.1\r\nParkeeLinkedid: 1.1\r\n"
            b"RetrieverChannel: PJSIP/ben-7\r\nRetrieverUniqueid: 2.1",
            ami.Unparked("1.1", "1.1", "2.1", "PJSIP/ben-7"),
        ),
        (
            b"Event: ConfbridgeJoin\r\nConference: 800\r\nChannel: PJSIP/ben-7\r\n"
            b"Uniqueid: 2.1\r\nLinkedid: 2.1",
            ami.ConferenceJoined("2.1", "2.1", "800", "PJSIP/ben-7"),
        ),
        (
            b"Event: ConfbridgeLeave\r\nConference: 800\r\nChannel: PJSIP/ben-7\r\n"
            b"Uniqueid: 2.1\r\nLinkedid: 2.1",
            ami.ConferenceLeft("2.1", "2.1", "800"),
        ),
        (
            b"Event: Hold\r\nChannel: PJSIP/ben-7\r\nUniqueid: 2.1\r\nLinkedid: 1.1",
            ami.Held("2.1", "1.1", on=True),
        ),
        (
            b"Event: Unhold\r\nChannel: PJSIP/ben-7\r\nUniqueid: 2.1\r\nLinkedid: 1.1",
            ami.Held("2.1", "1.1", on=False),
        ),
        (
            b"Event: MixMonitorStart\r\nChannel: PJSIP/trunk-1\r\nUniqueid: 1.1\r\nLinkedid: 1.1",
            ami.RecordingSeen("1.1", "1.1", on=True),
        ),
        (
            b"Event: MixMonitorStop\r\nChannel: PJSIP/trunk-1\r\nUniqueid: 1.1\r\nLinkedid: 1.1",
            ami.RecordingSeen("1.1", "1.1", on=False),
        ),
        (
            b"Event: LocalBridge\r\nLocalOneUniqueid: 1.2\r\nLocalOneLinkedid: 1.1\r\n"
            b"LocalTwoUniqueid: 1.3",
            ami.LocalsPaired("1.2", "1.1", "1.3"),
        ),
    ],
)
def test_what_moves_a_call_to_somebody_else(block: bytes, event: ami.AmiEvent) -> None:
    assert read_event(event_name(block) or b"", block) == event
