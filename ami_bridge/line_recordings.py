"""Silence in every recording of a caller's line, while they say or type what is to be kept nowhere.

`MixMonitorMute` (apps/app_mixmonitor.c) needs the right to write `call`, and is done when it is
answered. Without an id it is of all MixMonitors of a channel, ours and the PBX's own, since 18.18
and 20.3; before that, of the first one. Asterisk refuses where there is no such channel.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ami_bridge.ami_client import ActionRefused, AmiClient
from calls.call import Call, CallId
from calls.errors import DeadlineExceeded, Unavailable

log = logging.getLogger(__name__)

#: The caller waits for it, and hears nothing.
_MUTE_S = 2.0
#: A recording that could not be heard again is tried again after so long, and so often: an hour.
_AGAIN_S, _TRIES = 2.0, 1800


class AmiLineRecordings:
    """Implements `calls.ports.LineRecordings`. Whoever muted a line is sure to have it recorded
    again: `unmute` goes on by itself while the AMI is away, and gives way to a new `mute`."""

    def __init__(
        self, *, client: AmiClient, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._client = client
        self._pause = pause
        self._unmuting: dict[CallId, asyncio.Task[None]] = {}

    @property
    def waiting(self) -> int:
        """Lines that are still to be recorded again."""
        return len(self._unmuting)

    async def mute(self, call: Call) -> None:
        task = self._unmuting.pop(call.id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        try:
            await self._ask(call, "1")
        except ActionRefused as error:
            raise Unavailable(str(error)) from error

    def unmute(self, call: Call) -> None:
        if call.id not in self._unmuting:
            task = asyncio.create_task(self._unmute(call), name=f"ami:unmute:{call.id}")
            self._unmuting[call.id] = task

    async def close(self) -> None:
        """What can be done at once is done."""
        tasks = list(self._unmuting.values())
        if tasks:
            await asyncio.wait(tasks, timeout=_MUTE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _unmute(self, call: Call) -> None:
        try:
            for _ in range(_TRIES):
                try:
                    await self._ask(call, "0")
                    return
                except ActionRefused:
                    return  # the channel has gone, or nobody records it
                except (Unavailable, DeadlineExceeded) as error:
                    log.warning("call %s: is not recorded again yet: %s", call.id, error)
                await self._pause(_AGAIN_S)
        finally:
            if self._unmuting.get(call.id) is asyncio.current_task():
                del self._unmuting[call.id]

    async def _ask(self, call: Call, state: str) -> None:
        headers = [("Channel", call.channel), ("Direction", "both"), ("State", state)]
        await self._client.ask("MixMonitorMute", headers, deadline_s=_MUTE_S)
