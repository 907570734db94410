"""The AMI events we act on, typed. Every other event is None, and costs next to nothing.

Each class names the Asterisk file that sends the event (as of 22.10.1; names and headers are those
of Asterisk 12 and later). Text fields are cleaned of control characters and cut to length.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from ami_bridge import dialplan
from ami_bridge.ami_wire import Headers, clean, parse

FALLBACK = "SwitchboardFallback"
#: The key that takes a caller out of the queue, where it was offered.
EXIT_KEY = "1"


class Rank(enum.IntEnum):
    """What may be shed when events come faster than they are read."""

    LOW = 0
    NORMAL = 1
    #: Never shed: without it a call would not end, or would end wrongly.
    VITAL = 2


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """`uniqueid` and `linkedid` are the caller's (or the only) channel's; empty where the event
    has none."""

    uniqueid: str
    linkedid: str
    rank: ClassVar[Rank] = Rank.NORMAL


@dataclass(frozen=True, slots=True)
class ChannelCreated(AmiEvent):
    """main/manager_channels.c `Newchannel`, since 1.0. `exten` is what a phone dialled."""

    channel: str
    exten: str = ""


@dataclass(frozen=True, slots=True)
class ChannelRenamed(AmiEvent):
    """main/manager_channels.c `Rename`: a masquerade, e.g. a transfer or a pickup."""

    channel: str


@dataclass(frozen=True, slots=True)
class HangupRequested(AmiEvent):
    """main/manager_channels.c `HangupRequest` (the far end hung up) and `SoftHangupRequest`
    (Asterisk was told to). Comes before `QueueCallerAbandon` where the caller hung up, and is
    missing before it where the queue gave up: that event alone does not tell the two apart."""

    rank: ClassVar[Rank] = Rank.VITAL


@dataclass(frozen=True, slots=True)
class ChannelHungUp(AmiEvent):
    """main/manager_channels.c `Hangup`."""

    channel: str = ""
    rank: ClassVar[Rank] = Rank.VITAL


@dataclass(frozen=True, slots=True)
class BridgeEntered(AmiEvent):
    """main/manager_bridges.c `BridgeEnter`, since 12. Shows a linked id that has changed."""

    channel: str
    rank: ClassVar[Rank] = Rank.LOW


@dataclass(frozen=True, slots=True)
class LocalsOptimizedAway(AmiEvent):
    """main/core_local.c `LocalOptimizationBegin`: the pair of a Local channel is about to leave;
    `source_uniqueid` takes the place of its outer half."""

    local_uniqueid: str
    source_uniqueid: str


@dataclass(frozen=True, slots=True)
class LocalsPaired(AmiEvent):
    """main/core_local.c `LocalBridge`, since 12: the two halves of a Local channel. The outer one
    is `uniqueid`; `inner_uniqueid` runs the dialplan that dials the phone behind."""

    inner_uniqueid: str


@dataclass(frozen=True, slots=True)
class PickedUp(AmiEvent):
    """main/pickup.c `Pickup`, since 12: `picker_channel` answers in the place of a channel that
    rang. `uniqueid` is that one's. What app_queue says of the call afterwards names the member that
    was rung, and the picker's channel (seen with 22.10.1)."""

    picker_uniqueid: str
    picker_channel: str


@dataclass(frozen=True, slots=True)
class Parked(AmiEvent):
    """res/parking/parking_manager.c `ParkedCall`, since 12; `uniqueid` is of who is parked."""

    space: str


@dataclass(frozen=True, slots=True)
class ParkedTooLong(AmiEvent):
    """res/parking/parking_manager.c `ParkedCallTimeOut`: on its way back to who parked it."""


@dataclass(frozen=True, slots=True)
class Unparked(AmiEvent):
    """res/parking/parking_manager.c `UnParkedCall`, since 12."""

    retriever_uniqueid: str
    retriever_channel: str


@dataclass(frozen=True, slots=True)
class ConferenceJoined(AmiEvent):
    """apps/confbridge/confbridge_manager.c `ConfbridgeJoin`, since 12."""

    conference: str
    channel: str


@dataclass(frozen=True, slots=True)
class ConferenceLeft(AmiEvent):
    """apps/confbridge/confbridge_manager.c `ConfbridgeLeave`, since 12."""

    conference: str


@dataclass(frozen=True, slots=True)
class Held(AmiEvent):
    """main/manager_channels.c `Hold` and `Unhold`, since 12: of the channel that holds."""

    on: bool


@dataclass(frozen=True, slots=True)
class QueueJoined(AmiEvent):
    """apps/app_queue.c `QueueCallerJoin`, since 12. `preferred` is the login of the agent who
    alone is rung first: the caller does not stand in `queue` yet. `position` counts from 1, 0
    where it is not told; whoever stands there or behind moves down."""

    queue: str
    channel: str
    caller: str
    caller_name: str
    preferred: str = ""
    position: int = 0
    rank: ClassVar[Rank] = Rank.VITAL


@dataclass(frozen=True, slots=True)
class QueueLeft(AmiEvent):
    """apps/app_queue.c `QueueCallerLeave`, since 12: with or without an agent."""

    queue: str
    preferred: str = ""
    rank: ClassVar[Rank] = Rank.VITAL


@dataclass(frozen=True, slots=True)
class QueueAbandoned(AmiEvent):
    """apps/app_queue.c `QueueCallerAbandon`: the caller hung up, or (seen with 22.10.1) the
    queue's time was up."""

    queue: str
    rank: ClassVar[Rank] = Rank.VITAL


@dataclass(frozen=True, slots=True)
class AgentEvent(AmiEvent):
    """Base of what apps/app_queue.c says of one member and one caller. `agent_uniqueid` is the
    member's channel."""

    queue: str
    interface: str
    agent_uniqueid: str


@dataclass(frozen=True, slots=True)
class AgentCalled(AgentEvent):
    """apps/app_queue.c `AgentCalled`: rings, or is about to."""


@dataclass(frozen=True, slots=True)
class AgentConnected(AgentEvent):
    """apps/app_queue.c `AgentConnect`. Seconds; whole, as Asterisk counts them. `agent_channel` is
    that of whoever picked the call up, where somebody else than `interface` did."""

    ring_s: float
    wait_s: float
    agent_channel: str = ""
    rank: ClassVar[Rank] = Rank.VITAL


@dataclass(frozen=True, slots=True)
class AgentCompleted(AgentEvent):
    """apps/app_queue.c `AgentComplete`. `reason` is agent, caller or transfer."""

    talk_s: float
    reason: str
    rank: ClassVar[Rank] = Rank.VITAL


@dataclass(frozen=True, slots=True)
class AgentRangOut(AgentEvent):
    """apps/app_queue.c `AgentRingNoAnswer`."""

    rank: ClassVar[Rank] = Rank.VITAL


@dataclass(frozen=True, slots=True)
class AgentDumped(AgentEvent):
    """apps/app_queue.c `AgentDump`: hung up while hearing the announcement."""


@dataclass(frozen=True, slots=True)
class DialBegun(AmiEvent):
    """main/dial.c, apps/app_dial.c and apps/app_queue.c by main/stasis_channels.c `DialBegin`.
    `exten` is where the dialling channel stands in its dialplan; `dial_string` is what follows the
    technology (`+4930123@trunk` of PJSIP/+4930123@trunk; seen with 22.10.1)."""

    dest_uniqueid: str
    dest_channel: str
    dial_string: str = ""
    exten: str = ""
    rank: ClassVar[Rank] = Rank.LOW


@dataclass(frozen=True, slots=True)
class DialEnded(AmiEvent):
    """`DialEnd`, from where `DialBegin` is. `status` is ANSWER, BUSY, NOANSWER, CANCEL, ..."""

    dest_uniqueid: str
    dest_channel: str
    status: str


@dataclass(frozen=True, slots=True)
class Transferred(AmiEvent):
    """main/stasis_bridges.c `BlindTransfer` and `AttendedTransfer`, since 12. `uniqueid` is the
    transferring leg's; `caller_uniqueid` that of the one transferred; `target_*` the leg it now
    talks to, where there is one already."""

    attended: bool
    succeeded: bool
    from_channel: str
    caller_uniqueid: str
    extension: str
    target_uniqueid: str
    target_channel: str
    #: Of the one transferring, the leg to whom it asked.
    second_uniqueid: str = ""
    #: All three talk now: nobody has left (DestType Threeway, 22.10.1).
    threeway: bool = False


@dataclass(frozen=True, slots=True)
class FallbackTook(AmiEvent):
    """apps/app_userevent.c `UserEvent` SwitchboardFallback of our dialplan: the caller is served
    without us."""

    channel: str
    caller: str
    caller_name: str
    dialled: str
    language: str
    rank: ClassVar[Rank] = Rank.VITAL


@dataclass(frozen=True, slots=True)
class MemberSeen(AmiEvent):
    """apps/app_queue.c `QueueMemberAdded`, `QueueMemberPause`, `QueueMemberStatus`, `QueueMember`
    of QueueStatus (Location is the interface). `state_interface` is the phone a Local member stands
    for; not `reachable`: its device state is unavailable (nothing registered) or invalid."""

    interface: str
    state_interface: str
    queue: str = ""
    name: str = ""
    paused: bool = False
    reachable: bool = True
    rank: ClassVar[Rank] = Rank.LOW


@dataclass(frozen=True, slots=True)
class MemberGone(AmiEvent):
    """apps/app_queue.c `QueueMemberRemoved`, since 12."""

    interface: str
    queue: str
    rank: ClassVar[Rank] = Rank.LOW


@dataclass(frozen=True, slots=True)
class ExitKeyPressed(AmiEvent):
    """main/stasis_channels.c `DTMFEnd`, since 12 (needs the right to read `dtmf`), of the one key
    that may mean something in a queue. What else is pressed is no event of ours."""


@dataclass(frozen=True, slots=True)
class Booted(AmiEvent):
    """main/manager.c `FullyBooted`: sent after a login, or when Asterisk has come up."""


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


def _created(h: Headers) -> AmiEvent:
    return ChannelCreated(*_of(h), clean(h.get("Channel", "")), clean(h.get("Exten", ""), 80))


def _renamed(h: Headers) -> AmiEvent:
    return ChannelRenamed(*_of(h), clean(h.get("Newname", "")))


def _bridge_entered(h: Headers) -> AmiEvent:
    return BridgeEntered(*_of(h), clean(h.get("Channel", "")))


def _optimized(h: Headers) -> AmiEvent:
    return LocalsOptimizedAway(
        h.get("SourceUniqueid", ""),
        h.get("LocalOneLinkedid", ""),
        h.get("LocalOneUniqueid", ""),
        h.get("SourceUniqueid", ""),
    )


def _paired(h: Headers) -> AmiEvent:
    return LocalsPaired(
        h.get("LocalOneUniqueid", ""), h.get("LocalOneLinkedid", ""), h.get("LocalTwoUniqueid", "")
    )


def _picked_up(h: Headers) -> AmiEvent:
    return PickedUp(
        h.get("TargetUniqueid", ""),
        h.get("TargetLinkedid", ""),
        h.get("Uniqueid", ""),
        clean(h.get("Channel", "")),
    )


def _parkee(h: Headers) -> tuple[str, str]:
    return h.get("ParkeeUniqueid", ""), h.get("ParkeeLinkedid", "")


def _unparked(h: Headers) -> AmiEvent:
    return Unparked(
        *_parkee(h), h.get("RetrieverUniqueid", ""), clean(h.get("RetrieverChannel", ""))
    )


def _conference_joined(h: Headers) -> AmiEvent:
    return ConferenceJoined(*_of(h), clean(h.get("Conference", "")), clean(h.get("Channel", "")))


def _joined(h: Headers) -> AmiEvent:
    return QueueJoined(
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


def _connected(h: Headers) -> AmiEvent:
    return AgentConnected(
        *_agent(h),
        _seconds(h.get("RingTime")),
        _seconds(h.get("HoldTime")),
        clean(h.get("DestChannel", "")),
    )


def _completed(h: Headers) -> AmiEvent:
    return AgentCompleted(*_agent(h), _seconds(h.get("TalkTime")), h.get("Reason", ""))


def _dial_begun(h: Headers) -> AmiEvent:
    return DialBegun(
        *_of(h),
        h.get("DestUniqueid", ""),
        clean(h.get("DestChannel", "")),
        clean(h.get("DialString", "")),
        clean(h.get("Exten", ""), 80),
    )


def _dial_ended(h: Headers) -> AmiEvent:
    return DialEnded(
        *_of(h),
        h.get("DestUniqueid", ""),
        clean(h.get("DestChannel", "")),
        h.get("DialStatus", ""),
    )


def _blind(h: Headers) -> AmiEvent:
    return Transferred(
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


def _attended(h: Headers) -> AmiEvent:
    return Transferred(
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


def _user_event(h: Headers) -> AmiEvent | None:
    if h.get("UserEvent") != FALLBACK:
        return None
    return FallbackTook(
        *_of(h),
        clean(h.get("Channel", "")),
        _known(h.get("CallerIDNum")),
        _known(h.get("CallerIDName")),
        clean(h.get("Dialled", "")),
        clean(h.get("Language", ""), 10),
    )


def _member(h: Headers) -> AmiEvent:
    interface = clean(h.get("Interface") or h.get("Location", ""))
    return MemberSeen(
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


def _key_pressed(h: Headers) -> AmiEvent | None:
    if h.get("Digit") != EXIT_KEY or h.get("Direction") != "Received":
        return None
    return ExitKeyPressed(*_of(h))


_READERS: dict[bytes, Callable[[Headers], AmiEvent | None]] = {
    b"Newchannel": _created,
    b"Rename": _renamed,
    b"HangupRequest": lambda h: HangupRequested(*_of(h)),
    b"SoftHangupRequest": lambda h: HangupRequested(*_of(h)),
    b"Hangup": lambda h: ChannelHungUp(*_of(h), clean(h.get("Channel", ""))),
    b"BridgeEnter": _bridge_entered,
    b"LocalOptimizationBegin": _optimized,
    b"LocalBridge": _paired,
    b"Pickup": _picked_up,
    b"ParkedCall": lambda h: Parked(*_parkee(h), clean(h.get("ParkingSpace", ""))),
    b"ParkedCallTimeOut": lambda h: ParkedTooLong(*_parkee(h)),
    b"UnParkedCall": _unparked,
    b"ConfbridgeJoin": _conference_joined,
    b"ConfbridgeLeave": lambda h: ConferenceLeft(*_of(h), clean(h.get("Conference", ""))),
    b"Hold": lambda h: Held(*_of(h), on=True),
    b"Unhold": lambda h: Held(*_of(h), on=False),
    b"QueueCallerJoin": _joined,
    b"QueueCallerLeave": lambda h: QueueLeft(*_of(h), _queue(h), _preferred(h)),
    b"QueueCallerAbandon": lambda h: QueueAbandoned(*_of(h), _queue(h)),
    b"AgentCalled": lambda h: AgentCalled(*_agent(h)),
    b"AgentConnect": _connected,
    b"AgentComplete": _completed,
    b"AgentRingNoAnswer": lambda h: AgentRangOut(*_agent(h)),
    b"AgentDump": lambda h: AgentDumped(*_agent(h)),
    b"DialBegin": _dial_begun,
    b"DialEnd": _dial_ended,
    b"BlindTransfer": _blind,
    b"AttendedTransfer": _attended,
    b"UserEvent": _user_event,
    b"QueueMemberAdded": _member,
    b"QueueMemberPause": _member,
    b"QueueMemberStatus": _member,
    b"QueueMemberRemoved": lambda h: MemberGone(
        "", "", clean(h.get("Interface", "")), clean(h.get("Queue", ""))
    ),
    b"DTMFEnd": _key_pressed,
    b"FullyBooted": lambda _: Booted("", ""),
}


#: Of one channel, which they name, with all that belongs to it.
_OF_A_CHANNEL = frozenset(
    {
        *(b"Newchannel", b"HangupRequest", b"SoftHangupRequest", b"Hangup", b"BridgeEnter"),
        *(b"Pickup", b"ConfbridgeJoin", b"ConfbridgeLeave", b"DTMFEnd", b"UserEvent"),
        *(b"Hold", b"Unhold"),
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


def read_event(name: bytes, block: bytes) -> AmiEvent | None:
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


def member_of(headers: Headers) -> AmiEvent:
    """A `QueueMember` out of the answer to QueueStatus."""
    return _member(headers)
