"""What Asterisk says it has now: channels, waiting callers, queue members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ami_bridge import dialplan
from ami_bridge.ami_client import AmiClient
from ami_bridge.ami_events import AmiEvent, DialBegun, MemberSeen
from ami_bridge.ami_reading import member_of
from ami_bridge.ami_wire import Headers, clean
from ami_bridge.live_channels import Channel, interface_of


@dataclass(frozen=True, slots=True)
class Talk:
    """A caller in a bridge with somebody. `queue` is empty where no queue connected them."""

    queue: str
    interface: str
    uniqueid: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller standing in a queue, or (`preferred`: a login) waiting for one agent before that.
    `position` counts from 1, 0 where it is not told."""

    uniqueid: str
    queue: str
    channel: str
    caller: str
    caller_name: str
    waited_s: float
    preferred: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class Dialling:
    """A channel that a Dial() runs on, and the channel it rang or rings; for so many seconds the
    first of the two has been there."""

    begun: DialBegun
    for_s: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`talks` by the caller's unique id: every channel that a Queue() or Dial() runs on and that
    is bridged with another one."""

    channels: tuple[Channel, ...]
    waiting: tuple[Waiting, ...]
    talks: dict[str, Talk]
    members: tuple[MemberSeen, ...]
    dialling: tuple[Dialling, ...] = ()

    def linkedid_of(self, uniqueid: str) -> str | None:
        return next((c.linkedid for c in self.channels if c.uniqueid == uniqueid), None)


async def take(client: AmiClient) -> Snapshot:
    """Asks CoreShowChannels (main/manager.c; needs the right to write `reporting`) and QueueStatus
    (apps/app_queue.c; needs none). Raises what `AmiClient.ask_list` raises."""
    channels = await client.ask_list("CoreShowChannels")
    return read(channels, await client.ask_list("QueueStatus"))


def read(channels: Sequence[Headers], queues: Sequence[Headers]) -> Snapshot:
    waiting: list[Waiting] = []
    members: list[AmiEvent] = []
    for headers in queues:
        match headers.get("Event"):
            case "QueueEntry":
                waiting.append(_waiting(headers))
            case "QueueMember":
                members.append(member_of(headers))
    return Snapshot(
        channels=tuple(
            Channel(h.get("Uniqueid", ""), h.get("Linkedid", ""), clean(h.get("Channel", "")))
            for h in channels
        ),
        waiting=tuple(waiting),
        talks=_talks(channels),
        members=tuple(member for member in members if isinstance(member, MemberSeen)),
        dialling=tuple(_dialling(channels)),
    )


def _waiting(h: Headers) -> Waiting:
    waited = h.get("Wait", "")
    number, name = h.get("CallerIDNum", ""), h.get("CallerIDName", "")
    position = h.get("Position", "")
    queue, _, preferred = clean(h.get("Queue", "")).partition(dialplan.TRIES)
    return Waiting(
        uniqueid=h.get("Uniqueid", ""),
        queue=queue,
        channel=clean(h.get("Channel", "")),
        caller="" if number == "unknown" else clean(number),
        caller_name="" if name == "unknown" else clean(name),
        waited_s=float(waited) if waited.isdecimal() and len(waited) < 9 else 0.0,
        preferred=preferred,
        position=int(position) if position.isdecimal() and len(position) < 9 else 0,
    )


def _dialling(channels: Sequence[Headers]) -> Iterator[Dialling]:
    for h in channels:
        uniqueid, linkedid = h.get("Uniqueid", ""), h.get("Linkedid", "")
        if h.get("Application") != "Dial" or uniqueid != linkedid:
            continue
        for other in channels:
            dest = clean(other.get("Channel", ""))
            if other.get("Linkedid") != linkedid or other is h or dest.startswith("Local/"):
                continue
            dial_string = clean(h.get("ApplicationData", ""))
            exten = clean(h.get("Exten", ""), 80)
            dest_uniqueid = other.get("Uniqueid", "")
            begun = DialBegun(uniqueid, linkedid, dest_uniqueid, dest, dial_string, exten)
            yield Dialling(begun, _duration(h.get("Duration", "")))
            break


def _duration(text: str) -> float:
    """`00:01:20`; hours have as many digits as they need."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 6 for part in parts):
        return 0.0
    hours, minutes, seconds = map(int, parts)
    return hours * 3600.0 + minutes * 60 + seconds


def _talks(channels: Sequence[Headers]) -> dict[str, Talk]:
    in_bridge: dict[str, list[Headers]] = {}
    for headers in channels:
        if bridge := headers.get("BridgeId"):
            in_bridge.setdefault(bridge, []).append(headers)
    talks = {}
    for headers in channels:
        if headers.get("Application") not in ("Queue", "Dial"):
            continue
        for other in in_bridge.get(headers.get("BridgeId", ""), ()):
            if other is not headers:
                queue = headers.get("ApplicationData", "").partition(",")[0]
                talks[headers.get("Uniqueid", "")] = Talk(
                    queue=dialplan.real_queue(clean(queue))
                    if headers.get("Application") == "Queue"
                    else "",
                    interface=interface_of(clean(other.get("Channel", ""))),
                    uniqueid=other.get("Uniqueid", ""),
                )
    return talks
