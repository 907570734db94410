"""What one process hears of the others, by whichever way it came; see
`switchboard.nodes.event_stream`."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from calls.events import CallEvent
from switchboard.nodes.event_stream import SILENT_S
from switchboard.nodes.event_wire import NotAnEvent, decode

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """`number` 0: a sign of life, whose `last` is the last number told. `first`: the first that
    can still be had; 0 where nobody says."""

    who: str
    number: int
    data: bytes = b""
    first: int = 0
    last: int = 0


class EventIntake:
    """Hands each event to `take` once, in each teller's order; `gone(who)` where one has fallen
    silent. `settled` returns when what was taken is safe."""

    def __init__(
        self,
        *,
        take: Callable[[str, CallEvent], None],
        gone: Callable[[str], None],
        settled: Callable[[], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._take = take
        self._gone = gone
        self._settled = settled
        self._clock = clock
        #: By teller: the number of its last event, and when it last told anything.
        self._numbers: dict[str, int] = {}
        self._heard: dict[str, float] = {}
        #: By teller: the number up to which all is safe, and the one it is to begin again with.
        self.safe: dict[str, int] = {}
        self.wanted: dict[str, int] = {}
        #: Messages that were no events; events that nobody has any more.
        self.strange = 0
        self.missed = 0

    def remember(self, who: str, number: int) -> None:
        """So far somebody before us has heard this teller."""
        self._numbers[who] = number
        self._heard[who] = self._clock()

    def hear(self, message: Message) -> None:
        who, number = message.who, message.number
        self._heard[who] = self._clock()
        if message.first > 0:
            self._catch_up(who, message.first - 1)
        have = self._numbers.get(who, 0)
        if max(number, message.last) > have + (number > 0):
            self.wanted[who] = have + 1
        elif number > have:
            self.wanted.pop(who, None)
            self._numbers[who] = number
            self._event(who, message.data)

    def not_understood(self, why: str) -> None:
        if self.strange % 1000 == 0:
            log.error("nodes: a message of another process is not understood: %s", why)
        self.strange += 1

    async def settle(self) -> None:
        """What was heard until now is safe, on return."""
        numbers = dict(self._numbers)
        await self._settled()
        self.safe = numbers

    @property
    def is_settled(self) -> bool:
        """Whether nothing was heard since `settle`."""
        return self._numbers == self.safe

    def nobody_could_be_heard(self) -> None:
        """Until now: so nobody has fallen silent."""
        self._heard = dict.fromkeys(self._heard, self._clock())

    def miss(self) -> list[str]:
        """Who has fallen silent since this was asked last."""
        now = self._clock()
        silent = [who for who, at in self._heard.items() if now - at > SILENT_S]
        for who in silent:
            del self._heard[who]
            self._numbers.pop(who, None)
            self.safe.pop(who, None)
            self.wanted.pop(who, None)
            self._gone(who)
        return silent

    def _catch_up(self, who: str, number: int) -> None:
        """What came before nobody can tell any more."""
        have = self._numbers.setdefault(who, number)
        if number > have:
            self.missed += number - have
            log.error("nodes: %d events of %s are lost", number - have, who)
            self._numbers[who] = number
            self.wanted.pop(who, None)

    def _event(self, who: str, data: bytes) -> None:
        try:
            event = decode(data)
        except NotAnEvent as error:
            self.not_understood(str(error))
            return
        self._take(who, event)
