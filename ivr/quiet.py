"""What a caller says or types in secret is in no recording of the line, whoever records it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from calls.ports import CallChannel
from calls.recordings import LineRecordings, silence
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
        call = self._channel.call
        may_be_muted = True
        try:
            mute = voice.meanwhile(self._recordings.mute(call, "dialog"))
            quiet = await silence(call.id, mute=mute, stop=self._stop)
            may_be_muted = quiet.may_be_muted
            yield quiet.is_sure
        finally:
            # Also after a hang-up: what AGI tells as one may be a call that was sent elsewhere.
            if may_be_muted:
                self._recordings.unmute(call, "dialog")

    async def _stop(self) -> bool:
        stopped = await self._channel.stop_recordings()
        if not stopped:
            log.error("call %s: maybe it is recorded: no secret is asked", self._channel.call.id)
        return stopped
