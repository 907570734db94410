"""One waiting caller: what is heard at each place of the list, chosen when it is reached.

Asterisk 22 asks for the list once, as the queue's music starts, and for a sound when it gets there
(res_musiconhold.c; a sound it has stored and may keep is not asked for again). So music stays
where it is in the list, and what is said between is chosen at the moment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from calls.bus import EventBus
from calls.call import CallId
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.events import HoldMessagesReached, OfferMet
from calls.offers import OfferAnswer, OfferPlace
from calls.ports import QueuePlaces
from ivr.hold_entries import Music, Programme, Spoken, Turn, list_of
from ivr.hold_sounds import HoldSounds, Joined, Part
from ivr.hold_turns import TurnOrder

log = logging.getLogger(__name__)


class WaitingCaller:
    """`offer_made`: this call heard one already, and hears no other."""

    def __init__(
        self,
        *,
        call_id: CallId,
        programme: Programme,
        language: str,
        offer_made: bool,
        sounds: HoldSounds,
        places: QueuePlaces,
        bus: EventBus,
        now: Callable[[], datetime],
    ) -> None:
        self.call_id = call_id
        self.offer_made = offer_made
        self._language = language
        self._programme = programme
        self._list = list_of(programme)
        self._gaps = {one.number: one.music for one in self._list if isinstance(one, Spoken)}
        self._order = TurnOrder(programme)
        self._sounds = sounds
        self._places = places
        self._bus = bus
        self._now = now
        #: What was chosen for the place reached last.
        self._parts: tuple[Part, ...] = ()
        self._music: tuple[str, ...] = ()
        self._hearing: asyncio.TimerHandle | None = None
        self._over = False
        # Asterisk may ask again before the first answer is there.
        self._one_at_a_time = asyncio.Lock()

    async def ready(self, *, deadline: Deadline) -> bool:
        """Waits for the music and the first turn, and begins the others. False: there is nothing
        to play."""
        music = [place for place in self._list if isinstance(place, Music)]
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(self._parts_of(self._order.upcoming, deadline))
            ready = [tasks.create_task(self._sounds.music(one, deadline=deadline)) for one in music]
            for turn in self._programme.turns[1:]:
                tasks.create_task(self._begin(turn))
        parts, _ = first.result()
        return bool(parts) or any(task.result() for task in ready)

    async def addresses(self, address_of: Callable[[int], str]) -> tuple[str, ...]:
        """The list as Asterisk gets it: `address_of` a spoken place, by number. For who does not
        wait any more (an agent puts them on hold) it is music alone."""
        found: list[str] = []
        for place in self._list:
            if isinstance(place, Music):
                found += await self._sounds.music(place, deadline=Deadline.after(0))
            elif not self._over:
                found.append(address_of(place.number))
        if not self._over:
            # Only now the caller stands somewhere in the queue.
            await self._begin(self._order.upcoming)
        return tuple(found)

    async def replan(self, programme: Programme, language: str) -> None:
        """From the next spoken place on, from the programme's first message on. The music between
        stays as long as it was planned at first, or gets longer."""
        if (programme, language) == (self._programme, self._language):
            return
        self._programme, self._language = programme, language
        self._order.replan(programme)
        await self._begin(self._order.upcoming, *self._gaps.values())

    async def reached(self, number: int) -> bytes:
        """The sound of a spoken place, without waiting for any that is not ready."""
        async with self._one_at_a_time:
            gap = self._gaps.get(number)
            if gap is None or self._over:
                return self._sounds.stray
            turn, newly = self._order.reached(number)
            if not newly:
                return (await self._sounds.join(self._parts, self._music)).wav
            await self._choose(turn, gap)
            joined = await self._sounds.join(self._parts, self._music)
            if self._over:  # answered, or gone, meanwhile
                return self._sounds.stray
            self._tell(joined)
            await self._begin(self._order.upcoming, self._gaps[(number + 1) % len(self._gaps)])
            return joined.wav

    def over(self) -> None:
        """Answered, or gone: nothing more is said, and what was not heard to its end is not
        heard."""
        self._over = True
        if self._hearing is not None:
            self._hearing.cancel()

    async def _choose(self, turn: Turn, gap: Music) -> None:
        now = Deadline.after(0)
        self._parts, complete = await self._parts_of(turn, now)
        if not self._parts and not complete:
            self._order.not_ready()
        self._music = await self._sounds.music(_more(turn, gap), deadline=now)

    async def _parts_of(self, turn: Turn, deadline: Deadline) -> tuple[tuple[Part, ...], bool]:
        place = self._places.place_of(self.call_id)
        return await self._sounds.parts(
            self._sayable(turn), self._language, place, deadline=deadline
        )

    async def _begin(self, turn: Turn, *gaps: Music) -> None:
        """Renders ahead for a turn that is said before any of these stretches of music."""
        place = self._places.place_of(self.call_id)
        await self._sounds.begin(self._sayable(turn), self._language, place)
        for more in {_more(turn, gap) for gap in gaps}:
            await self._sounds.music(more, deadline=Deadline.after(0))

    def _sayable(self, turn: Turn) -> tuple[HoldEntryPlanned, ...]:
        offers = [message for message in turn.messages if message.kind == "offer"]
        unwanted = offers if self.offer_made else offers[1:]
        return tuple(message for message in turn.messages if message not in unwanted)

    def _tell(self, joined: Joined) -> None:
        if not self._parts:
            return
        kinds = tuple(part.message.kind for part in self._parts)
        self._bus.publish(HoldMessagesReached(self.call_id, self._now(), kinds=kinds))
        for part, end_s in zip(self._parts, joined.ends_s, strict=True):
            if part.message.offer is not None:
                self.offer_made = True
                self._hearing = asyncio.get_running_loop().call_later(
                    end_s, self._heard, part.message.offer
                )

    def _heard(self, offer: str) -> None:
        """The caller still waits, and Asterisk plays a sound as soon as it has fetched it: so this
        one was played to its end."""
        self._bus.publish(
            OfferMet(
                self.call_id,
                self._now(),
                offer=offer,
                place=OfferPlace.HOLD,
                answer=OfferAnswer.HEARD,
            )
        )


def _more(turn: Turn, gap: Music) -> Music:
    """What the list's music is too short by; it ends where that goes on."""
    missing_s = max(0.0, turn.music_s - gap.seconds)
    return Music(gap.start_s - missing_s, missing_s)
