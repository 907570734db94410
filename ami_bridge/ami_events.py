"""The AMI events we act on, typed.

Each class names the Asterisk file that sends the event (as of 22.10.1; names and headers are those
of Asterisk 12 and later). Text fields are cleaned of control characters and cut to length.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar


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
class RecordingSeen(AmiEvent):
    """main/manager_channels.c `MixMonitorStart` and `MixMonitorStop`: one more or one less records
    the channel. A recording that ends with its channel is not told of."""

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
