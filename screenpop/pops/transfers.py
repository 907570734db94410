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
    Notice,
    ServerMessage,
)
from screenpop.dialling.guard import DiallingGuard, NotDialled
from screenpop.pops.pops import Pops
from storage.audit_chain import Entry

#: Asterisk takes an asking by keys, and swallows them while it plays something to the agent: who
#: does not ring by then is not asked.
RINGS_WITHIN_S = 8.0
LOOK_EVERY_S = 1.0
#: So long after an asking that failed or was taken back it plays a tone (22.10.1: half a second).
TONE_S = 1.0

TransferFrame = CallTransfer | CallTransferComplete | CallTransferCancel | CallConference

_ENDS: dict[type[TransferFrame], AskingEnd] = {
    CallTransferComplete: "complete",
    CallTransferCancel: "cancel",
    CallConference: "conference",
}

_WHY_OVER = {
    "transfer_not_reached": "Nobody was reached. The caller is with you.",
    "transfer_no_answer": "They did not answer. The caller is with you.",
    "transfer_they_left": "They hung up. The caller is with you.",
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
    #: What people call it.
    name: str
    state: ConsultState = "asking"
    #: Asterisk was told.
    begun: bool = False
    #: Asterisk calls, or called, whom it should.
    reached: bool = False
    #: The phone that rings or is talked on.
    asked: str | None = None

    def frame(self) -> CallConsult:
        return CallConsult(
            ts=_now_ms(),
            pop_id=self.pop_id,
            target=self.target,
            name=self.name,
            state=self.state,
        )


class CallTransfers:
    """Only agents, their queues, and numbers that match `numbers` whole, are reached: whoever holds
    an agent's session cannot telephone at the house's cost; of those numbers `guard` is asked.
    `tell` sends the agent a frame."""

    def __init__(
        self,
        *,
        agents: Agents,
        pops: Pops,
        transfers: Transfers,
        numbers: str,
        guard: DiallingGuard,
        tell: Callable[[str, ServerMessage], None],
        audit: Callable[[Entry], None] = lambda entry: None,
    ) -> None:
        self._audit = audit
        self._agents = agents
        self._pops = pops
        self._transfers = transfers
        self._numbers = re.compile(numbers, re.ASCII)
        self._guard = guard
        self._tell = tell
        self._asking: dict[CallId, _Asking] = {}
        self._looks: set[asyncio.Task[None]] = set()
        #: By the loop's clock, of calls whose asking came to nothing.
        self._tone_ends: dict[CallId, float] = {}

    async def close(self) -> None:
        for look in self._looks:
            look.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)

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
        target = self._target(login, frame)
        if target is None:
            raise Refused("transfer_target", "Calls go to colleagues and house numbers only.")
        if target.queue and frame.how == "attended":
            raise Refused("transfer_queue", "A queue cannot be asked: give it the call at once.")
        if call_id in self._asking:
            raise Refused("transfer_going_on", "Finish what you began with this call first.")
        if target.extension:
            await self._ask_guard(login, target.extension, call_id)
        if frame.how == "blind":
            try:
                await self._transfers.give(call_id, interface, target)
            except Unavailable:
                self._guard.ended(_key(call_id))
                raise
            self._placed(login, frame, call_id, target)
            return
        colleague = self._agents.find(target.name) if target.interface is not None else None
        name = colleague.name if colleague is not None else target.name
        asking = _Asking(login, frame.pop_id, interface, target.name, name)
        self._asking[call_id] = asking
        self._tell(login, asking.frame())
        await asyncio.sleep(self._tone_ends.get(call_id, 0.0) - asyncio.get_running_loop().time())
        if self._asking.get(call_id) is not asking:
            return
        asking.begun = True
        try:
            await self._transfers.ask(call_id, interface, target)
        except BaseException:
            # Also what nobody foresaw, and the desk's end: the card must not go on asking.
            self._over(call_id)
            raise
        self._placed(login, frame, call_id, target)
        look = asyncio.create_task(self._look(call_id, asking), name=f"desk:asking:{call_id}")
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)

    def _placed(
        self, login: str, frame: CallTransfer, call_id: CallId, target: TransferTarget
    ) -> None:
        to = {"to": target.queue or target.name}
        if target.extension:
            to = self._guard.told_of(target.extension)
        told = {"how": frame.how, **to}
        entry = Entry(action="transfer", actor=login, subject=str(call_id), details=told)
        self._audit(entry)

    async def _ask_guard(self, login: str, number: str, call_id: CallId) -> None:
        try:
            await self._guard.ask(login, number, _key(call_id))
        except NotDialled as why:
            raise Refused(why.code, str(why)) from None

    async def _look(self, call_id: CallId, asking: _Asking) -> None:
        """While no phone rings, of which events tell: an extension may also be a mailbox or a room,
        or lead nowhere."""
        waited_s = 0.0
        while self._asking.get(call_id) is asking and asking.state != "conference":
            await asyncio.sleep(LOOK_EVERY_S)
            waited_s += LOOK_EVERY_S
            try:
                found = await self._transfers.asked(call_id)
            except Unavailable:
                continue
            asking.reached = asking.reached or found != "nobody"
            if asking.asked is not None or self._asking.get(call_id) is not asking:
                continue
            if asking.state == "asking" and found == "answered":
                self._now(asking, "talking")
            elif asking.state == "talking" and found == "nobody":
                self._over(call_id, "transfer_they_left")
            elif found == "nobody" and (asking.reached or waited_s >= RINGS_WITHIN_S):
                why = "transfer_no_answer" if asking.reached else "transfer_not_reached"
                self._over(call_id, why)

    async def _end(self, login: str, how: AskingEnd, call_id: CallId, interface: str) -> None:
        asking = self._asking.get(call_id)
        if asking is None or asking.agent != login:
            raise Refused("transfer_none", "Nobody is being asked about this call.")
        if how == "cancel" and not asking.begun:
            return self._over(call_id)
        if not asking.begun or (how == "conference" and asking.state != "talking"):
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
        return None

    def _target(self, login: str, frame: CallTransfer) -> TransferTarget | None:
        text = frame.target.strip()
        if frame.to == "queue":
            return TransferTarget(text, queue=text) if text in self._agents.queues() else None
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
        if isinstance(event, events.CallEnded):
            self._over(event.call_id)
            self._guard.ended(_key(event.call_id))
            self._tone_ends.pop(event.call_id, None)
            return
        asking = self._asking.get(event.call_id)
        if asking is None:
            return
        match event:
            case events.AgentRinging(via=LegVia.ATTENDED_TRANSFER):
                asking.asked, asking.reached = event.interface, True
            case events.AgentAnswered() if event.interface == asking.asked:
                self._now(asking, "talking")
            case events.AgentMissed() if event.interface == asking.asked:
                asking.asked = None  # something else may answer now
            case events.AgentReleased() if event.interface == asking.asked:
                left = "transfer_they_left" if asking.state == "talking" else None
                self._over(event.call_id, left)
            case events.AgentReleased() if event.interface == asking.interface:
                self._over(event.call_id, handed_over=True)
            case _:
                pass

    def _now(self, asking: _Asking, state: ConsultState) -> None:
        asking.state = state
        self._tell(asking.agent, asking.frame())

    def _over(self, call_id: CallId, why: str | None = None, *, handed_over: bool = False) -> None:
        """`why`: a code of what the agent did not do themselves."""
        asking = self._asking.pop(call_id, None)
        if asking is None:
            return
        if not handed_over:
            self._guard.ended(_key(call_id))
        self._tone_ends[call_id] = asyncio.get_running_loop().time() + TONE_S
        self._now(asking, "over")
        if why is not None:
            notice = Notice(ts=_now_ms(), level="info", code=why, text=_WHY_OVER[why])
            self._tell(asking.agent, notice)


def _key(call_id: CallId) -> str:
    """The guard's."""
    return f"transfer {call_id}"


def _now_ms() -> float:
    return time.time() * 1000
