"""Agents' pauses where one desk has several Asterisks, none of which knows of another's calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

from calls import events
from calls.bus import EventBus
from calls.call import CallId
from calls.errors import Unavailable
from calls.ports import QueueControl

log = logging.getLogger(__name__)

#: Why an agent is paused at one Asterisk who is rung or talks at another.
ELSEWHERE = "on_call"

#: A call, and the interface that is rung or talks in it.
Leg = tuple[CallId, str]


class Pauses:
    """Implements `calls.ports.QueueControl` by those of all Asterisks (`controls`, by system): who
    is rung or talks at one of them is paused at the others. Only of agents whose pauses are ours to
    say: of whom `set_paused` was told once. `login_of` says whose an interface is."""

    def __init__(
        self, controls: Mapping[str, QueueControl], *, login_of: Callable[[str], str | None]
    ) -> None:
        self._controls = controls
        self._login_of = login_of
        #: By interface: why it is to be paused; empty: it is not.
        self._wished: dict[str, str] = {}
        #: By login.
        self._busy: dict[str, set[Leg]] = {}
        #: By system and interface: the reason that it was told last.
        self._told: dict[tuple[str, str], str] = {}

    def subscribe(self, bus: EventBus) -> None:
        """Before the bus runs; not needed where there is one Asterisk."""
        bus.subscribe(
            "pauses elsewhere",
            self.handle,
            events.AgentRinging,
            events.AgentAnswered,
            events.AgentMissed,
            events.AgentReleased,
            events.CallEnded,
        )

    async def set_paused(self, interface: str, *, paused: bool, reason: str) -> None:
        self._wished[interface] = (reason or "paused") if paused else ""
        places = [(system, interface) for system in self._controls]
        told = await asyncio.gather(*map(self._tell, places), return_exceptions=True)
        for error in told:
            if isinstance(error, BaseException):
                raise error

    async def handle(self, event: events.CallEvent) -> None:
        """The bus's handler."""
        changed = set(self._changed(event))
        due = [
            (system, interface)
            for interface in self._wished
            if self._login_of(interface) in changed
            for system in self._controls
            if self._told.get((system, interface)) != self._why(system, interface)
        ]
        for error in await asyncio.gather(*map(self._tell, due), return_exceptions=True):
            if isinstance(error, Unavailable):
                log.warning("pauses: an Asterisk could not be told of a call at another: %s", error)
            elif isinstance(error, BaseException):
                raise error

    def _changed(self, event: events.CallEvent) -> Iterator[str]:
        """Logins of whom the event is about."""
        match event:
            case events.AgentRinging() | events.AgentAnswered():
                phone = event.state_interface
                login = self._login_of(event.interface) or (phone and self._login_of(phone))
                if isinstance(event, events.AgentAnswered):
                    # Who else was rung for it is so no more.
                    yield from self._forget(lambda leg: leg[0] == event.call_id)
                if login:
                    self._busy.setdefault(login, set()).add((event.call_id, event.interface))
                    yield login
            case events.AgentMissed() | events.AgentReleased():
                over = (event.call_id, event.interface)
                yield from self._forget(lambda leg: leg == over)
            case events.CallEnded():
                yield from self._forget(lambda leg: leg[0] == event.call_id)

    def _forget(self, is_over: Callable[[Leg], bool]) -> Iterator[str]:
        for login, legs in list(self._busy.items()):
            left = {leg for leg in legs if not is_over(leg)}
            if left != legs:
                if left:
                    self._busy[login] = left
                else:
                    del self._busy[login]
                yield login

    def _why(self, system: str, interface: str) -> str:
        legs = self._busy.get(self._login_of(interface) or "", ())
        elsewhere = any(call_id.system != system for call_id, _ in legs)
        return self._wished[interface] or (ELSEWHERE if elsewhere else "")

    async def _tell(self, place: tuple[str, str]) -> None:
        system, interface = place
        reason = self._why(system, interface)
        self._told[place] = reason
        try:
            await self._controls[system].set_paused(interface, paused=bool(reason), reason=reason)
        except BaseException:
            self._told.pop(place, None)
            raise
