"""What one caller hears while waiting: music and messages in the order of the hold programme.

Asterisk asks for the list when the queue starts its music (`res_config_curl`), by the music class
named after the call. After a restart of ours the class is unknown, the answer is empty, and the
queue's own music plays.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from calls.call import CallId
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.events import CallEnded
from calls.ports import SpokenText
from ivr.music import Music
from ivr.prompts import render_all

log = logging.getLogger(__name__)

CLASS_LIMIT = 79
ENTRIES_LIMIT = 50
#: Calls whose programme is remembered; the oldest is forgotten first.
LIVE_LIMIT = 5000
#: Music where a programme does not say how long, and where only messages could be rendered.
MUSIC_S = 30.0


def hold_class(call_id: CallId) -> str:
    """The music class of a call: at most 79 characters (channel.h MAX_MUSICCLASS is 80)."""
    return ("hold-" + re.sub(r"[^A-Za-z0-9_.-]", "_", call_id.linkedid))[:CLASS_LIMIT]


@dataclass(frozen=True, slots=True)
class Programme:
    entries: tuple[HoldEntryPlanned, ...]
    language: str


class HoldProgrammes:
    """The programmes of live calls. Forget a call by feeding `call_ended` from the bus."""

    def __init__(self, *, speech: SpokenText, music: Music) -> None:
        self._speech = speech
        self._music = music
        self._live: OrderedDict[str, Programme] = OrderedDict()

    def __len__(self) -> int:
        return len(self._live)

    async def prepare(
        self,
        call_id: CallId,
        entries: Sequence[HoldEntryPlanned],
        language: str,
        *,
        deadline: Deadline,
    ) -> str | None:
        """The class to wait with, or None where the programme is empty: then the queue's own
        music plays. Sounds not ready by the deadline join the list if they are by the time
        Asterisk asks."""
        programme = Programme(tuple(entries)[:ENTRIES_LIMIT], language)
        if not programme.entries:
            return None
        if not await self._addresses(programme, deadline):
            log.warning("hold: nothing to play in time for %s, the queue's music plays", call_id)
            return None
        name = hold_class(call_id)
        self._live[name] = programme
        self._live.move_to_end(name)
        while len(self._live) > LIVE_LIMIT:
            self._live.popitem(last=False)
        return name

    def is_live(self, name: str) -> bool:
        return name in self._live

    async def playlist(self, name: str) -> tuple[str, ...]:
        """Addresses in order, only of sounds that are ready; empty for an unknown class."""
        programme = self._live.get(name)
        if programme is None:
            return ()
        return await self._addresses(programme, Deadline.after(0))

    async def call_ended(self, event: CallEnded) -> None:
        self._live.pop(hold_class(event.call_id), None)

    async def _addresses(self, programme: Programme, deadline: Deadline) -> tuple[str, ...]:
        played_s = 0.0
        wanted: list[asyncio.Task[tuple[str, ...] | None]] = []
        async with asyncio.TaskGroup() as tasks:
            for entry in programme.entries:
                if entry.kind == "music":
                    seconds = entry.seconds or MUSIC_S
                    wanted.append(tasks.create_task(self._music_of(seconds, played_s, deadline)))
                    played_s += seconds
                elif entry.text:
                    wanted.append(
                        tasks.create_task(
                            render_all(
                                self._speech, [entry.text], programme.language, deadline=deadline
                            )
                        )
                    )
        return tuple(url for task in wanted for url in task.result() or ())

    async def _music_of(
        self, seconds: float, start_s: float, deadline: Deadline
    ) -> tuple[str, ...] | None:
        url = await self._music.address(seconds=seconds, start_s=start_s, deadline=deadline)
        return None if url is None else (url,)
