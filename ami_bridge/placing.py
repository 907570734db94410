"""Which calls do our agents place themselves, and whom do they call? Seen on the AMI alone."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ami_bridge import ami_events as ami
from ami_bridge.live_channels import Channel, LiveChannels, interface_of
from calls.call import Direction

V = TypeVar("V")

#: What a phone dials, and a trunk is told. Letters are names of endpoints.
_NUMBER = re.compile(r"\+?[0-9*#]{2,40}", re.ASCII)
#: So many digits and fewer are an extension, or a service of the house.
_LONGEST_EXTENSION = 6
#: Conversations that were looked at.
_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True)
class Placed:
    """`agent` is the interface that the roster knows, `channel` theirs. `number` is what the trunk
    was told; empty where it was told none, and of a call within the house."""

    agent: str
    login: str
    channel: Channel
    direction: Direction
    number: str
    dialled: str


def number_told(dial_string: str) -> str:
    """The number in a dial string, empty where there is none: `+4930123@trunk`,
    `trunk/sip:+4930123@192.0.2.1`, `g0/030123`."""
    found = ""
    for part in dial_string.partition(",")[0].partition("&")[0].split("/"):
        user = re.split(r"[@;]", part.removeprefix("sip:").removeprefix("sips:"))[0]
        if _NUMBER.fullmatch(user):
            found = user
    return found


def _keep(where: OrderedDict[str, V], linkedid: str, value: V) -> None:
    where[linkedid] = value
    if len(where) > _REMEMBERED:
        where.popitem(last=False)


class Placing:
    """`login_of` says whose an interface is. A call is an agent's where its first channel is a
    phone of theirs, and it is what that one dials first: what rings an agent later, as a queue or a
    consultation does, belongs to the call there is."""

    def __init__(
        self, *, login_of: Callable[[str], str | None], outbound: bool, internal: bool
    ) -> None:
        self._login_of = login_of
        self._wanted = {Direction.OUTBOUND: outbound, Direction.INTERNAL: internal}
        #: By phone: the member that stands for it in queues.
        self._member_of: dict[str, str] = {}
        #: By linked id of calls that a program makes by a Local channel: the agent's own channel.
        self._fetched: OrderedDict[str, Channel] = OrderedDict()
        #: By linked id: the first thing dialled is known, and not to be recorded.
        self._passed: OrderedDict[str, None] = OrderedDict()

    def member_seen(self, interface: str, phone: str) -> None:
        self._member_of[phone] = interface

    def agent_of(self, interface: str) -> str | None:
        """The interface by which the roster knows whoever has this phone."""
        for known in (interface, self._member_of.get(interface)):
            if known is not None and self._login_of(known) is not None:
                return known
        return None

    def login_behind(self, *interfaces: str | None) -> str | None:
        found = (self.agent_of(each) for each in interfaces if each)
        return next((self._login_of(agent) for agent in found if agent), None)

    def answered(self, event: ami.DialEnded, channels: LiveChannels) -> None:
        """In a conversation that is not followed: an agent whom a program has rung, to call
        somebody for them next (click-to-dial by `Local/102@from-internal`)."""
        first, rung = channels.get(event.linkedid), channels.get(event.dest_uniqueid)
        if first is None or rung is None or event.status != "ANSWER":
            return
        if first.name.startswith("Local/") and self.agent_of(interface_of(rung.name)) is not None:
            _keep(self._fetched, event.linkedid, rung)

    def look_at(self, event: ami.DialBegun, channels: LiveChannels) -> Placed | None:
        """Of a conversation that is not followed: None where it is none to be recorded."""
        first = channels.get(event.linkedid)
        if first is None or not event.uniqueid or event.linkedid in self._passed:
            return None
        if event.dest_channel.startswith("Local/"):
            return None  # whom it leads to is dialled next
        by = first
        if first.name.startswith("Local/"):
            fetched = self._fetched.get(event.linkedid)
            if fetched is None:
                return None
            by = fetched
        placed = self._placed(by, event)
        if placed is None or not self._wanted[placed.direction]:
            _keep(self._passed, event.linkedid, None)
            return None
        return placed

    def _placed(self, by: Channel, event: ami.DialBegun) -> Placed | None:
        agent = self.agent_of(interface_of(by.name))
        login = self._login_of(agent) if agent is not None else None
        if agent is None or login is None:
            return None
        number = number_told(event.dial_string)
        # In a subroutine the channel stands at `s`.
        typed = by.exten if _NUMBER.fullmatch(by.exten) else event.exten
        typed = typed if _NUMBER.fullmatch(typed) else number
        direction = self._direction(interface_of(event.dest_channel), number, typed)
        if direction is Direction.INTERNAL:
            number = ""
        elif not number and typed.startswith("+"):
            # Without its country, and with whatever is dialled for a line, it may be another's.
            number = typed
        return Placed(agent, login, by, direction, number, typed)

    def _direction(self, dest: str, number: str, typed: str) -> Direction:
        if self.agent_of(dest) is not None or dest.partition("/")[2] == number:
            return Direction.INTERNAL
        if number:
            return Direction.OUTBOUND
        # An endpoint by its name alone: another phone, or a line that needs no number.
        is_long = len(typed.lstrip("+")) > _LONGEST_EXTENSION
        return Direction.OUTBOUND if is_long else Direction.INTERNAL
