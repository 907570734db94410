"""Silence in every recording of a caller's line, while they say or type what is to be kept nowhere.

`MixMonitorMute` (apps/app_mixmonitor.c) needs the right to write `call`, and is done when it is
answered. Without an id it is of all MixMonitors of a channel, ours and the PBX's own, since 18.18
and 20.3; before that, of the first one. Asterisk refuses where there is no such channel, and mostly
where nobody records it. `StopMixMonitor` (the same) ends one of a channel and is refused where none
is left.

A PBX may record the phone that was rung and not the caller (FreePBX: an extension's recording, on
the inner half of a Local channel): the other channels of the call are muted and stopped with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ami_bridge.ami_client import ActionRefused, AmiClient
from calls.call import Call, CallId
from calls.errors import DeadlineExceeded, Unavailable
from calls.recordings import Silencer

log = logging.getLogger(__name__)

#: The caller waits for it, and hears nothing; past it the recording ends for good.
_MUTE_S = 1.0
#: Nobody waits for it.
_UNMUTE_S = 2.0
#: Of all that is stopped; whoever waits is told then that it may go on.
_STOP_S = 2.0
#: Nobody has more of a channel.
_MOST_RECORDINGS = 4
#: A recording that could not be heard again is tried again after so long, and so often: an hour.
_AGAIN_S, _TRIES = 2.0, 1800
#: Lines for which that is done at once, and that are silent.
_MOST = 1000
#: What Asterisk says of a channel that nobody records (22.10.1): to the one, and to the other.
_NONE_MUTED = "Cannot set mute flag"
_NONE_LEFT = ("Could not stop monitoring channel", "Invalid/unknown command")


@dataclass(slots=True)
class _Silent:
    """Who wants it of a line, and the channels that were muted: one that leaves the call meanwhile
    is to be recorded again as well."""

    by: set[Silencer] = field(default_factory=set)
    channels: dict[str, None] = field(default_factory=dict)


class AmiLineRecordings:
    """Implements `calls.recordings.LineRecordings`. Whoever muted a line is sure to have it
    recorded again: `unmute` goes on by itself while the AMI is away, and gives way to a new `mute`.
    `others`: the names of a call's channels, the caller's may be among them. A line is silent until
    nobody wants it to be any more."""

    def __init__(
        self,
        *,
        client: AmiClient,
        others: Callable[[CallId], Sequence[str]] = lambda _: (),
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._others = others
        self._pause = pause
        self._unmuting: dict[CallId, asyncio.Task[None]] = {}
        self._silent: dict[CallId, _Silent] = {}

    @property
    def waiting(self) -> int:
        """Lines that are still to be recorded again."""
        return len(self._unmuting)

    async def mute(self, call: Call, by: Silencer) -> None:
        silent = self._silent_line(call.id)
        silent.by.add(by)
        try:
            await self._mute(call, silent)
        except DeadlineExceeded:
            raise  # it may be silent
        except Unavailable:
            silent.by.discard(by)
            raise

    async def _mute(self, call: Call, silent: _Silent) -> None:
        task = self._unmuting.pop(call.id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        channels = self._channels(call)
        silent.channels.update(dict.fromkeys(channels))
        line, *others = await self._each(channels, "1", _MUTE_S)
        # Only what is known to be silent, or recorded by nobody, is silence.
        for told in (line, *others):
            if isinstance(told, Unavailable):
                raise told
        phone_is = any(told is None for told in others) and str(line).endswith(_NONE_MUTED)
        if isinstance(line, ActionRefused) and not phone_is:
            raise Unavailable(str(line)) from line

    def unmute(self, call: Call, by: Silencer) -> None:
        silent = self._silent.get(call.id)
        if silent is not None:
            silent.by.discard(by)
        if call.id in self._unmuting or (silent is not None and silent.by):
            return
        if len(self._unmuting) >= _MOST:
            log.error("call %s: is not recorded again: %d others wait for it", call.id, _MOST)
            return
        task = asyncio.create_task(self._unmute(call), name=f"ami:unmute:{call.id}")
        self._unmuting[call.id] = task

    async def unmuted(self, call_id: CallId) -> None:
        task = self._unmuting.get(call_id)
        if task is not None:
            await asyncio.wait((task,))

    async def stop(self, call: Call) -> None:
        try:
            async with asyncio.timeout(_STOP_S):
                for channel in self._channels(call):
                    await self._stop(channel, line=call.channel)
        except TimeoutError as error:
            raise DeadlineExceeded("the recordings were not ended in time") from error

    def over(self, call_id: CallId) -> None:
        """The call has ended."""
        self._silent.pop(call_id, None)
        task = self._unmuting.pop(call_id, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """What can be done at once is done."""
        tasks = list(self._unmuting.values())
        if tasks:
            await asyncio.wait(tasks, timeout=_UNMUTE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _unmute(self, call: Call) -> None:
        try:
            for number in range(_TRIES):
                silent = self._silent.get(call.id)
                gone = silent.channels if silent is not None else {}
                channels = dict.fromkeys((*self._channels(call), *gone))
                told = await self._each(channels, "0", _UNMUTE_S)
                # Where it is refused the channel has gone, or nobody records it.
                away = [one for one in told if isinstance(one, Unavailable)]
                if not away:
                    return
                if number == 0:
                    log.warning("call %s: is not recorded again yet: %s", call.id, away[0])
                await self._pause(_AGAIN_S)
            log.error("call %s: is not recorded again: tried in vain for an hour", call.id)
        finally:
            if self._unmuting.get(call.id) is asyncio.current_task():
                del self._unmuting[call.id]
                self._silent.pop(call.id, None)

    def _silent_line(self, call_id: CallId) -> _Silent:
        silent = self._silent.get(call_id)
        if silent is None:
            if len(self._silent) >= _MOST:
                del self._silent[next(iter(self._silent))]
            silent = self._silent[call_id] = _Silent()
        return silent

    def _channels(self, call: Call) -> list[str]:
        """The caller's first."""
        others = [name for name in self._others(call.id) if name != call.channel]
        return [call.channel, *others]

    async def _each(
        self, channels: Iterable[str], state: str, deadline_s: float
    ) -> list[Exception | None]:
        """What came of it on each channel, all asked at once; None: it is done."""

        async def ask(channel: str) -> Exception | None:
            headers = [("Channel", channel), ("Direction", "both"), ("State", state)]
            try:
                await self._client.ask("MixMonitorMute", headers, deadline_s=deadline_s)
            except (ActionRefused, Unavailable) as error:
                return error
            return None

        return list(await asyncio.gather(*map(ask, channels)))

    async def _stop(self, channel: str, *, line: str) -> None:
        """Raises Unavailable, but not where some other channel than the caller's has gone."""
        for _ in range(_MOST_RECORDINGS):
            try:
                headers = [("Channel", channel)]
                await self._client.ask("StopMixMonitor", headers, deadline_s=_STOP_S)
            except ActionRefused as error:
                if channel == line and not any(one in str(error) for one in _NONE_LEFT):
                    raise Unavailable(str(error)) from error
                return
