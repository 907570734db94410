"""Agents give their calls to somebody else: at once, or after asking them; or all three talk."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from calls import events
from calls.call import CallId
from calls.errors import Unavailable
from calls.ports import AskingEnd, Transfers, TransferTarget
from calls.records import LegVia
from screenpop.agents.agents import Agents
from screenpop.desk.protocol import (
    CallConference,
    CallConsult,
    CallTransfer,
    CallTransferCancel,
    CallTransferComplete,
    ConsultState,
)
from screenpop.pops.pops import Pops

#: Asterisk takes an asking by keys, and swallows them while it plays something to the agent: who
#: does not ring by then is not asked.
RINGS_WITHIN_S = 8.0

TransferFrame = CallTransfer | CallTransferComplete | CallTransferCancel | CallConference

_ENDS: dict[type[TransferFrame], AskingEnd] = {
    CallTransferComplete: "complete",
    CallTransferCancel: "cancel",
    CallConference: "conference",
}


class Refused(Exception):
    """Not done; `code` and the text are for the agent."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True)
class _Asking:
    agent: str
    pop_id: str
    interface: str
    target: str
    state: ConsultState = "asking"
    #: Whoever is asked, once their phone rings.
    asked: str | None = None

    def frame(self) -> CallConsult:
        at = time.time() * 1000
        return CallConsult(ts=at, pop_id=self.pop_id, target=self.target, state=self.state)


class CallTransfers:
    """Only agents, and numbers that match `numbers` whole, are reached: whoever holds an agent's
    session cannot telephone at the house's cost. `tell` sends the agent a frame."""

    def __init__(
        self,
        *,
        agents: Agents,
        pops: Pops,
        transfers: Transfers,
        numbers: str,
        tell: Callable[[str, CallConsult], None],
    ) -> None:
        self._agents = agents
        self._pops = pops
        self._transfers = transfers
        self._numbers = re.compile(numbers, re.ASCII)
        self._tell = tell
        self._asking: dict[CallId, _Asking] = {}

    async def receive(self, login: str, frame: TransferFrame) -> None:
        """Raises Refused."""
        mine = self._pops.talks(login, frame.pop_id)
        if mine is None:
            raise Refused("transfer_refused", "You are no longer in this call.")
        call_id, interface = mine
        try:
            if isinstance(frame, CallTransfer):
                await self._move(login, frame, call_id, interface)
            else:
                await self._end(login, _ENDS[type(frame)], call_id, interface)
        except Unavailable:
            text = "The telephone system did not do that. The caller is still with you."
            raise Refused("transfer_failed", text) from None

    async def _move(self, login: str, frame: CallTransfer, call_id: CallId, interface: str) -> None:
        target = self._target(login, frame.target)
        if target is None:
            raise Refused("transfer_target", "Calls go to colleagues and house numbers only.")
        if call_id in self._asking:
            raise Refused("transfer_going_on", "Finish what you began with this call first.")
        if frame.how == "blind":
            await self._transfers.give(call_id, interface, target)
            return
        asking = _Asking(login, frame.pop_id, interface, target.name)
        self._asking[call_id] = asking
        try:
            await self._transfers.ask(call_id, interface, target)
        except Unavailable:
            self._asking.pop(call_id, None)
            raise
        self._tell(login, asking.frame())
        loop = asyncio.get_running_loop()
        loop.call_later(RINGS_WITHIN_S, self._unless_it_rings, call_id, asking)

    def _unless_it_rings(self, call_id: CallId, asking: _Asking) -> None:
        if self._asking.get(call_id) is asking and asking.asked is None:
            self._over(call_id)

    async def _end(self, login: str, how: AskingEnd, call_id: CallId, interface: str) -> None:
        asking = self._asking.get(call_id)
        if asking is None or asking.agent != login:
            raise Refused("transfer_none", "Nobody is being asked about this call.")
        if how == "conference" and asking.state != "talking":
            raise Refused("transfer_not_yet", "They have not answered yet.")
        try:
            await self._transfers.end_asking(call_id, interface, how)
        except Unavailable:
            if how == "cancel":
                self._over(call_id)  # Asterisk knows of nothing to cancel
            raise
        if how == "conference":
            self._now(asking, "conference")
        elif how == "cancel":
            self._over(call_id)

    def _target(self, login: str, text: str) -> TransferTarget | None:
        text = text.strip()
        colleague = self._agents.login_named(text)
        if colleague == login:
            return None
        if colleague is not None:
            interface = self._agents.interface_of(colleague)
            return TransferTarget(colleague, interface=interface) if interface else None
        digits = text.isascii() and text.isdigit()
        if not digits or not self._numbers.fullmatch(text):
            return None
        return TransferTarget(text, extension=text)

    def of(self, login: str) -> tuple[CallConsult, ...]:
        """What goes on now, for `hello`."""
        return tuple(each.frame() for each in self._asking.values() if each.agent == login)

    def handle(self, event: events.CallEvent) -> None:
        """To be told of every event, after the pops."""
        asking = self._asking.get(event.call_id)
        if asking is None:
            return
        match event:
            case events.AgentRinging(via=LegVia.ATTENDED_TRANSFER):
                asking.asked = event.interface
            case events.AgentAnswered() if event.interface == asking.asked:
                self._now(asking, "talking")
            case events.AgentMissed() | events.AgentReleased():
                if event.interface in (asking.asked, asking.interface):
                    self._over(event.call_id)
            case events.CallEnded():
                self._over(event.call_id)
            case _:
                pass

    def _now(self, asking: _Asking, state: ConsultState) -> None:
        asking.state = state
        self._tell(asking.agent, asking.frame())

    def _over(self, call_id: CallId) -> None:
        asking = self._asking.pop(call_id, None)
        if asking is not None:
            self._now(asking, "over")
