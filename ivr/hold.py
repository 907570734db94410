"""What callers hear while waiting: a programme of their own for each.

Asterisk asks for the list when the queue starts its music (`res_config_curl`), by the music class
made for the call. After a restart of ours the class is unknown, the answer is empty, and the
queue's own music plays.
"""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from calls.bus import EventBus
from calls.call import CallId
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.events import AgentAnswered, CallEnded, CallEvent, OfferMet, QueueGivenUp
from calls.ports import QueuePlaces
from ivr.hold_addresses import HoldTokens
from ivr.hold_caller import WaitingCaller
from ivr.hold_entries import programme_of
from ivr.hold_sounds import HoldSounds

log = logging.getLogger(__name__)

#: Calls whose programme is remembered; the oldest is forgotten first.
LIVE_LIMIT = 5000


@dataclass(frozen=True, slots=True)
class _Seat:
    """Where one waiting caller is found: by the call, the music class, the addresses' token."""

    caller: WaitingCaller
    music_class: str
    token: str


class HoldProgrammes:
    """The programmes of live calls. `subscribe` before the bus is told of any call.

    `base_url` is where Asterisk reaches `/pbx/hold/`; `key` makes the addresses there (see
    `ivr.hold_addresses`). `node` is this process among several: music classes name it.
    """

    def __init__(
        self,
        *,
        sounds: HoldSounds,
        places: QueuePlaces,
        bus: EventBus,
        base_url: str,
        key: bytes,
        node: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sounds = sounds
        self._places = places
        self._bus = bus
        self._base_url = base_url.rstrip("/")
        self._tokens = HoldTokens(key=key)
        self._class = f"hold-{node}-" if node else "hold-"
        self._now = now
        self._seats: OrderedDict[CallId, _Seat] = OrderedDict()
        self._classes: dict[str, _Seat] = {}
        self._addressed: dict[str, _Seat] = {}
        #: Calls that met an offer, wherever.
        self._offered: OrderedDict[CallId, None] = OrderedDict()

    def subscribe(self, *buses: EventBus) -> None:
        """To these too: what Asterisk tells may come on a bus of its own."""
        for bus in (self._bus, *buses):
            bus.subscribe("hold", self.seen, OfferMet, AgentAnswered, QueueGivenUp, CallEnded)

    def __len__(self) -> int:
        return len(self._seats)

    async def prepare(
        self,
        call_id: CallId,
        entries: Sequence[HoldEntryPlanned],
        language: str,
        *,
        deadline: Deadline,
    ) -> str | None:
        """The class to wait with, or None where the programme is empty: then the queue's own
        music plays. Messages not ready by the deadline are heard if they are when their turn
        comes. A call that waits once more begins again, but hears no second offer."""
        self._forget(call_id)
        if not entries:
            return None
        caller = WaitingCaller(
            call_id=call_id,
            programme=programme_of(entries),
            language=language,
            offer_made=call_id in self._offered,
            sounds=self._sounds,
            places=self._places,
            bus=self._bus,
            now=self._now,
        )
        if not await caller.ready(deadline=deadline):
            log.warning("hold: nothing to play in time for %s, the queue's music plays", call_id)
            return None
        return self._seat(caller).music_class

    async def replan(
        self, call_id: CallId, entries: Sequence[HoldEntryPlanned], language: str
    ) -> None:
        """Who waits hears this programme from the next message on; for any other call, and where
        nothing has changed, nothing happens."""
        seat = self._seats.get(call_id)
        if seat is not None:
            await seat.caller.replan(programme_of(entries), language)

    def class_of(self, call_id: CallId) -> str | None:
        seat = self._seats.get(call_id)
        return seat.music_class if seat else None

    def is_live(self, music_class: str) -> bool:
        return music_class in self._classes

    async def playlist(self, music_class: str) -> tuple[str, ...]:
        """Addresses in order; empty for an unknown class."""
        seat = self._classes.get(music_class)
        if seat is None:
            return ()
        # Asterisk 22 never plays what has a shorter address than its own file for it has a path
        # (file.c, seen); the token makes these long enough.
        where = f"{self._base_url}/pbx/hold/{seat.token}"
        return await seat.caller.addresses(lambda number: f"{where}/{number}.wav")

    async def entry(self, token: str, number: int) -> bytes:
        """A WAV for whoever asks; nothing but music for who does not know an address."""
        seat = self._addressed.get(token)
        if seat is None:
            return self._sounds.stray
        return await seat.caller.reached(number)

    async def seen(self, event: CallEvent) -> None:
        seat = self._seats.get(event.call_id)
        if isinstance(event, OfferMet):
            self._offered[event.call_id] = None
            while len(self._offered) > LIVE_LIMIT:
                self._offered.popitem(last=False)
            if seat is not None:
                seat.caller.offer_made = True
        elif isinstance(event, AgentAnswered | QueueGivenUp) and seat is not None:
            seat.caller.over()
        elif isinstance(event, CallEnded):
            self._offered.pop(event.call_id, None)
            self._forget(event.call_id)

    def _seat(self, caller: WaitingCaller) -> _Seat:
        seat = _Seat(caller, self._class + secrets.token_hex(16), self._tokens.take())
        self._seats[caller.call_id] = seat
        self._classes[seat.music_class] = seat
        self._addressed[seat.token] = seat
        while len(self._seats) > LIVE_LIMIT:
            # Its caller may still listen there: the token goes to nobody else.
            self._leave(self._seats.popitem(last=False)[1])
        return seat

    def _forget(self, call_id: CallId) -> None:
        seat = self._seats.pop(call_id, None)
        if seat is not None:
            self._leave(seat)
            self._tokens.give_back(seat.token)

    def _leave(self, seat: _Seat) -> None:
        seat.caller.over()
        self._classes.pop(seat.music_class, None)
        self._addressed.pop(seat.token, None)
