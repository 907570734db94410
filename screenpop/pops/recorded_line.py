"""What is known of the recording of one call, and the pause that is on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from screenpop.desk.protocol import RecordingState


@dataclass(slots=True)
class Pause:
    """An agent's; `pop_id` is of theirs."""

    agent: str
    pop_id: str
    since: datetime
    #: The line is silent.
    is_sure: bool = False
    #: Somebody began to record while it was being muted.
    again: bool = False
    limit: asyncio.TimerHandle | None = None
    anew: asyncio.Task[None] | None = None
    resuming: asyncio.Task[None] | None = None

    def leave_alone(self) -> None:
        """Nothing more happens to it by itself."""
        if self.limit is not None:
            self.limit.cancel()
        if self.anew is not None:
            self.anew.cancel()

    def end(self) -> None:
        """It is forgotten, or another takes its place."""
        self.leave_alone()
        if self.resuming is not None:
            self.resuming.cancel()


@dataclass(slots=True)
class Line:
    """Of one call."""

    recorded: bool = False
    #: Somebody may have begun to record it while nobody heard of it.
    doubtful: bool = False
    pause: Pause | None = None
    #: That it is paused was told to whoever follows the calls.
    told_paused: bool = False
    #: One thing is done to it at a time.
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def state(self) -> RecordingState:
        if self.pause is not None:
            return "paused" if self.pause.is_sure else "unsure"
        if self.recorded:
            return "on"
        return "unsure" if self.doubtful else "off"
