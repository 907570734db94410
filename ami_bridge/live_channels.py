"""Which channels Asterisk has now, by unique id and by the conversation they belong to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Channel:
    uniqueid: str
    linkedid: str
    name: str
    #: What its phone dialled, where it was seen.
    exten: str = ""


def interface_of(channel: str) -> str:
    """`PJSIP/agent1` of `PJSIP/agent1-00000003`, `Local/100@queue` of
    `Local/100@queue-00000002;1` (main/channel.c: the name ends in a dash and a sequence)."""
    return channel.partition(";")[0].rpartition("-")[0] or channel


class LiveChannels:
    """Follows creation, renaming, merging (the linked id changes) and hang-up. Remembers who left
    lately, as news of a channel may come after its end."""

    def __init__(self, *, remember: int = 5_000) -> None:
        self._channels: dict[str, Channel] = {}
        self._of: dict[str, set[str]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._remember = remember

    def __len__(self) -> int:
        return len(self._channels)

    def __contains__(self, uniqueid: str) -> bool:
        return uniqueid in self._channels

    def of(self, linkedid: str) -> set[str]:
        """Unique ids of the conversation's channels."""
        return self._of.get(linkedid, set())

    def get(self, uniqueid: str) -> Channel | None:
        return self._channels.get(uniqueid)

    def contradicts(self, uniqueid: str, name: str) -> bool:
        """Whether this channel is known by another name than the one that an event gives it."""
        known = self._channels.get(uniqueid)
        return known is not None and bool(known.name and name) and known.name != name

    def has_left(self, uniqueid: str) -> bool:
        return uniqueid in self._gone

    def seen(self, uniqueid: str, linkedid: str, name: str = "", exten: str = "") -> None:
        """A channel's name changes by `renamed` alone."""
        known = self._channels.get(uniqueid)
        if known is not None:
            name = known.name or name
            if known.linkedid == linkedid and known.name == name:
                return
            self._drop(known)
        elif not uniqueid or uniqueid in self._gone:
            return
        exten = exten or (known.exten if known else "")
        self._channels[uniqueid] = Channel(uniqueid, linkedid, name, exten)
        self._of.setdefault(linkedid, set()).add(uniqueid)

    def renamed(self, uniqueid: str, name: str) -> None:
        known = self._channels.get(uniqueid)
        if known is not None:
            self._channels[uniqueid] = replace(known, name=name)

    def left(self, uniqueid: str) -> None:
        known = self._channels.get(uniqueid)
        if known is not None:
            self._drop(known)
        self._gone[uniqueid] = None
        if len(self._gone) > self._remember:
            self._gone.popitem(last=False)

    def replace(self, channels: Iterable[Channel]) -> None:
        """What Asterisk says it has, instead of what we believed."""
        self._channels.clear()
        self._of.clear()
        for channel in channels:
            self.seen(channel.uniqueid, channel.linkedid, channel.name, channel.exten)

    def _drop(self, channel: Channel) -> None:
        del self._channels[channel.uniqueid]
        others = self._of[channel.linkedid]
        others.discard(channel.uniqueid)
        if not others:
            del self._of[channel.linkedid]
