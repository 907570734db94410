"""What a caller says or types in secret is in no recording of the line, whoever records it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from calls.errors import DeadlineExceeded, Unavailable
from calls.ports import CallChannel, LineRecordings
from ivr.voice import Voice

log = logging.getLogger(__name__)


class Quiet:
    """Of one line."""

    def __init__(self, *, channel: CallChannel, recordings: LineRecordings) -> None:
        self._channel = channel
        self._recordings = recordings

    @asynccontextmanager
    async def secret(self, voice: Voice) -> AsyncIterator[bool]:
        """Silence is recorded from here to the end of the block. Where that cannot be had, the
        recording ends for good; False where that fails too: then nothing secret may be asked."""
        try:
            yield await voice.during(self._mute()) or await self._stop()
        finally:
            if not self._channel.hung_up:
                self._recordings.unmute(self._channel.call)

    async def _mute(self) -> bool:
        try:
            await self._recordings.mute(self._channel.call)
        except (Unavailable, DeadlineExceeded) as error:
            log.info("call %s: recordings cannot be muted: %s", self._channel.call.id, error)
            return False
        return True

    async def _stop(self) -> bool:
        stopped = await self._channel.stop_recordings()
        if not stopped:
            log.error("call %s: maybe it is recorded: no secret is asked", self._channel.call.id)
        return stopped
