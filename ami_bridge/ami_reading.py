"""Reading the AMI's messages as events of ours. Every other event is None, and costs next to
nothing."""

from __future__ import annotations

from collections.abc import Callable

from ami_bridge import ami_events as ami
from ami_bridge import dialplan
from ami_bridge.ami_wire import Headers, clean, parse

FALLBACK = "SwitchboardFallback"
#: The key that takes a caller out of the queue, where it was offered.
EXIT_KEY = "1"


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdecimal() and len(text) < 9 else 0.0


def _count(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 else 0


def _queue(h: Headers) -> str:
    return dialplan.real_queue(clean(h.get("Queue", "")))


def _preferred(h: Headers) -> str:
    return clean(h.get("Queue", "")).partition(dialplan.TRIES)[2]


def _of(h: Headers) -> tuple[str, str]:
    return h.get("Uniqueid", ""), h.get("Linkedid", "")


def _created(h: Headers) -> ami.AmiEvent:
    return ami.ChannelCreated(*_of(h), clean(h.get("Channel", "")), clean(h.get("Exten", ""), 80))


def _renamed(h: Headers) -> ami.AmiEvent:
    return ami.ChannelRenamed(*_of(h), clean(h.get("Newname", "")))


def _bridge_entered(h: Headers) -> ami.AmiEvent:
    return ami.BridgeEntered(*_of(h), clean(h.get("Channel", "")))


def _optimized(h: Headers) -> ami.AmiEvent:
    return ami.LocalsOptimizedAway(
        h.get("SourceUniqueid", ""),
        h.get("LocalOneLinkedid", ""),
        h.get("LocalOneUniqueid", ""),
        h.get("SourceUniqueid", ""),
    )


def _paired(h: Headers) -> ami.AmiEvent:
    return ami.LocalsPaired(
        h.get("LocalOneUniqueid", ""), h.get("LocalOneLinkedid", ""), h.get("LocalTwoUniqueid", "")
    )


def _picked_up(h: Headers) -> ami.AmiEvent:
    return ami.PickedUp(
        h.get("TargetUniqueid", ""),
        h.get("TargetLinkedid", ""),
        h.get("Uniqueid", ""),
        clean(h.get("Channel", "")),
    )


def _parkee(h: Headers) -> tuple[str, str]:
    return h.get("ParkeeUniqueid", ""), h.get("ParkeeLinkedid", "")


def _unparked(h: Headers) -> ami.AmiEvent:
    return ami.Unparked(
        *_parkee(h), h.get("RetrieverUniqueid", ""), clean(h.get("RetrieverChannel", ""))
    )


def _conference_joined(h: Headers) -> ami.AmiEvent:
    return ami.ConferenceJoined(
        *_of(h), clean(h.get("Conference", "")), clean(h.get("Channel", ""))
    )


def _joined(h: Headers) -> ami.AmiEvent:
    return ami.QueueJoined(
        *_of(h),
        _queue(h),
        clean(h.get("Channel", "")),
        _known(h.get("CallerIDNum")),
        _known(h.get("CallerIDName")),
        _preferred(h),
        _count(h.get("Position")),
    )


def _known(text: str | None) -> str:
    """Asterisk writes `<unknown>` for a name or number it has none of."""
    return "" if text is None or text == "<unknown>" else clean(text)


def _agent(h: Headers) -> tuple[str, str, str, str, str]:
    return (
        h.get("Uniqueid", ""),
        h.get("Linkedid", ""),
        _queue(h),
        clean(h.get("Interface", "")),
        h.get("DestUniqueid", ""),
    )


def _connected(h: Headers) -> ami.AmiEvent:
    return ami.AgentConnected(
        *_agent(h),
        _seconds(h.get("RingTime")),
        _seconds(h.get("HoldTime")),
        clean(h.get("DestChannel", "")),
    )


def _completed(h: Headers) -> ami.AmiEvent:
    return ami.AgentCompleted(*_agent(h), _seconds(h.get("TalkTime")), h.get("Reason", ""))


def _dial_begun(h: Headers) -> ami.AmiEvent:
    return ami.DialBegun(
        *_of(h),
        h.get("DestUniqueid", ""),
        clean(h.get("DestChannel", "")),
        clean(h.get("DialString", "")),
        clean(h.get("Exten", ""), 80),
    )


def _dial_ended(h: Headers) -> ami.AmiEvent:
    return ami.DialEnded(
        *_of(h),
        h.get("DestUniqueid", ""),
        clean(h.get("DestChannel", "")),
        h.get("DialStatus", ""),
    )


def _blind(h: Headers) -> ami.AmiEvent:
    return ami.Transferred(
        h.get("TransfererUniqueid", ""),
        h.get("TransfererLinkedid", ""),
        False,
        h.get("Result") == "Success",
        clean(h.get("TransfererChannel", "")),
        h.get("TransfereeUniqueid", ""),
        clean(h.get("Extension", "")),
        "",
        "",
    )


def _attended(h: Headers) -> ami.AmiEvent:
    return ami.Transferred(
        h.get("OrigTransfererUniqueid", ""),
        h.get("OrigTransfererLinkedid", ""),
        True,
        h.get("Result") == "Success",
        clean(h.get("OrigTransfererChannel", "")),
        h.get("TransfereeUniqueid", ""),
        clean(h.get("SecondTransfererExten", "")),
        h.get("TransferTargetUniqueid", ""),
        clean(h.get("TransferTargetChannel", "")),
        h.get("SecondTransfererUniqueid", ""),
        h.get("DestType") == "Threeway",
    )


def _user_event(h: Headers) -> ami.AmiEvent | None:
    if h.get("UserEvent") != FALLBACK:
        return None
    return ami.FallbackTook(
        *_of(h),
        clean(h.get("Channel", "")),
        _known(h.get("CallerIDNum")),
        _known(h.get("CallerIDName")),
        clean(h.get("Dialled", "")),
        clean(h.get("Language", ""), 10),
    )


def _member(h: Headers) -> ami.AmiEvent:
    interface = clean(h.get("Interface") or h.get("Location", ""))
    return ami.MemberSeen(
        "",
        "",
        interface,
        clean(h.get("StateInterface", "")),
        clean(h.get("Queue", "")),
        clean(h.get("MemberName") or h.get("Name", "")),
        h.get("Paused") == "1",
        # include/asterisk/devicestate.h: AST_DEVICE_INVALID, AST_DEVICE_UNAVAILABLE.
        h.get("Status") not in ("4", "5"),
    )


def _key_pressed(h: Headers) -> ami.AmiEvent | None:
    if h.get("Digit") != EXIT_KEY or h.get("Direction") != "Received":
        return None
    return ami.ExitKeyPressed(*_of(h))


_READERS: dict[bytes, Callable[[Headers], ami.AmiEvent | None]] = {
    b"Newchannel": _created,
    b"Rename": _renamed,
    b"HangupRequest": lambda h: ami.HangupRequested(*_of(h)),
    b"SoftHangupRequest": lambda h: ami.HangupRequested(*_of(h)),
    b"Hangup": lambda h: ami.ChannelHungUp(*_of(h), clean(h.get("Channel", ""))),
    b"BridgeEnter": _bridge_entered,
    b"LocalOptimizationBegin": _optimized,
    b"LocalBridge": _paired,
    b"Pickup": _picked_up,
    b"ParkedCall": lambda h: ami.Parked(*_parkee(h), clean(h.get("ParkingSpace", ""))),
    b"ParkedCallTimeOut": lambda h: ami.ParkedTooLong(*_parkee(h)),
    b"UnParkedCall": _unparked,
    b"ConfbridgeJoin": _conference_joined,
    b"ConfbridgeLeave": lambda h: ami.ConferenceLeft(*_of(h), clean(h.get("Conference", ""))),
    b"Hold": lambda h: ami.Held(*_of(h), on=True),
    b"Unhold": lambda h: ami.Held(*_of(h), on=False),
    b"MixMonitorStart": lambda h: ami.RecordingSeen(*_of(h), on=True),
    b"MixMonitorStop": lambda h: ami.RecordingSeen(*_of(h), on=False),
    b"QueueCallerJoin": _joined,
    b"QueueCallerLeave": lambda h: ami.QueueLeft(*_of(h), _queue(h), _preferred(h)),
    b"QueueCallerAbandon": lambda h: ami.QueueAbandoned(*_of(h), _queue(h)),
    b"AgentCalled": lambda h: ami.AgentCalled(*_agent(h)),
    b"AgentConnect": _connected,
    b"AgentComplete": _completed,
    b"AgentRingNoAnswer": lambda h: ami.AgentRangOut(*_agent(h)),
    b"AgentDump": lambda h: ami.AgentDumped(*_agent(h)),
    b"DialBegin": _dial_begun,
    b"DialEnd": _dial_ended,
    b"BlindTransfer": _blind,
    b"AttendedTransfer": _attended,
    b"UserEvent": _user_event,
    b"QueueMemberAdded": _member,
    b"QueueMemberPause": _member,
    b"QueueMemberStatus": _member,
    b"QueueMemberRemoved": lambda h: ami.MemberGone(
        "", "", clean(h.get("Interface", "")), clean(h.get("Queue", ""))
    ),
    b"DTMFEnd": _key_pressed,
    b"FullyBooted": lambda _: ami.Booted("", ""),
}


#: Of one channel, which they name, with all that belongs to it.
_OF_A_CHANNEL = frozenset(
    {
        *(b"Newchannel", b"HangupRequest", b"SoftHangupRequest", b"Hangup", b"BridgeEnter"),
        *(b"Pickup", b"ConfbridgeJoin", b"ConfbridgeLeave", b"DTMFEnd", b"UserEvent"),
        *(b"Hold", b"Unhold", b"MixMonitorStart", b"MixMonitorStop"),
        *(b"QueueCallerJoin", b"QueueCallerLeave", b"QueueCallerAbandon"),
        *(b"AgentCalled", b"AgentConnect", b"AgentRingNoAnswer", b"AgentDump"),
    }
)


def event_name(block: bytes) -> bytes | None:
    """The event's name, or None where the message is no event. Asterisk writes it first."""
    if not block.startswith(b"Event: "):
        return None
    end = block.find(b"\r\n")
    return block[7:end] if end > 0 else block[7:]


def read_event(name: bytes, block: bytes) -> ami.AmiEvent | None:
    """The typed event, or None where we do not act on it (its headers are not even read then)."""
    reader = _READERS.get(name)
    if reader is None:
        return None
    if name == b"UserEvent" and FALLBACK.encode() not in block:
        return None
    headers = parse(block)
    return reader(headers) if _is_sound(name, headers) else None


def _is_sound(name: bytes, headers: Headers) -> bool:
    """A header twice and not the same is a line that a caller's text holds (`ami_seams`): nobody
    can say which of them is Asterisk's. Variables of channels may come as often as they like
    (manager.conf `channelvars`)."""
    repeated = headers.repeated
    if repeated and any(headers[k] != v and not k.endswith("Variable") for k, v in repeated):
        return False
    if name not in _OF_A_CHANNEL:
        return True
    return bool(headers.get("Channel") and headers.get("Uniqueid") and headers.get("Linkedid"))


def member_of(headers: Headers) -> ami.AmiEvent:
    """A `QueueMember` out of the answer to QueueStatus."""
    return _member(headers)
