"""A caller's line over FastAGI: the CallChannel that dialogs speak to."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from ami_bridge import agi_routes, dialplan
from ami_bridge.agi_commands import FAILED, AgiCommands, CommandDeadlines
from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_keys import ALL_KEYS, HASH, TypedKeys, key_of
from ami_bridge.agi_protocol import UnsafeCommand
from ami_bridge.prompt_delays import PromptDelays
from calls import crash_points
from calls.call import Call
from calls.clocks import Clock, steady
from calls.ports import Keys, QueueRequest, Recorded

log = logging.getLogger(__name__)

T = TypeVar("T")

#: GET DATA without a sound goes straight to waiting (app.c `ast_app_getdata_full`).
_NO_SOUND = ""
#: Work that is done so soon costs no command.
_SOON_S = 0.02
#: A round of WAIT FOR DIGIT cannot be cut short: work that ends within waits for it.
_ROUND_S = 0.05
#: Samples a second of a recording.
_RATE = 8000
#: The beep before it, and Asterisk's own pauses.
_BEEP_S = 3.0
#: StopMixMonitor ends one recording and does not tell whether there was any (app_mixmonitor.c
#: `stop_mixmonitor_full`); nobody has more of a line.
_MOST_RECORDINGS = 4
#: Of EXEC: there is no such application, so nobody records by it.
_NO_APPLICATION = "-2"


class AgiChannel:
    """One dialog's way to its caller; use from one task.

    `completed` is the route Asterisk was told to take, None while the dialplan's fallback would
    have the caller. `recordings` is the folder, on Asterisk's machine, for what callers say.
    """

    __slots__ = (
        "_agi",
        "_answer_s",
        "_call",
        "_keys",
        "_prompt_delays",
        "_recordings",
        "completed",
        "now",
    )

    def __init__(
        self,
        *,
        call: Call,
        connection: AgiConnection,
        deadlines: CommandDeadlines,
        prompt_delays: PromptDelays | None = None,
        recordings: str | None = None,
        now: Clock | None = None,
    ) -> None:
        self._call = call
        self.now = now or steady()
        self._agi = AgiCommands(connection=connection, deadlines=deadlines)
        self._keys = TypedKeys()
        self._answer_s = 0.0
        #: None once the first sound is on its way, or where nobody counts.
        self._prompt_delays = prompt_delays
        self._recordings = recordings
        self.completed: str | None = None

    @property
    def call(self) -> Call:
        return self._call

    @property
    def hung_up(self) -> bool:
        return self._agi.hung_up

    @property
    def keys_waiting(self) -> bool:
        return bool(self._keys)

    @property
    def backstop_passed(self) -> bool:
        """The dialplan may have taken the caller back by now."""
        return self._agi.backstop_passed

    async def answer(self) -> None:
        """Takes half a second where the caller sends no audio (channel.c `ast_raw_answer`)."""
        if self._prompt_delays is not None:
            self._prompt_delays.commanded(self._agi.age_s)
        began = asyncio.get_running_loop().time()
        reply = await self._agi.send("ANSWER")
        self._answer_s = asyncio.get_running_loop().time() - began
        if reply.result == FAILED:
            await self._agi.require_caller()

    async def begin_dialog(self) -> None:
        await self._agi.move_backstop()

    async def set_language(self, language: str) -> None:
        code = agi_routes.checked(dialplan.LANGUAGE, language, "language")
        await self._agi.set(dialplan.CHANNEL_LANGUAGE, code)

    async def play(self, sounds: Sequence[str]) -> None:
        _require_sounds(sounds)
        for sound in sounds:
            await self._play_one(sound)

    async def ask(self, sounds: Sequence[str], *, max_digits: int, timeout_s: float) -> Keys:
        """Keys typed ahead count first, and then nothing more is played. `#` ends an entry and is
        no part of it, except where one key is asked: there it is that key. A sound that cannot be
        played is left out; the caller still has the time to press."""
        if max_digits > 1:
            return await self.collect(sounds, max_digits=max_digits, timeout_s=timeout_s)
        _require_sounds(sounds)
        await self._play_all_but_last(sounds)
        if self._keys:
            return Keys(self._keys.take_one(), timed_out=False)
        keys = await self._get_data(sounds[-1] if sounds else _NO_SOUND, 1, timeout_s)
        return keys if keys.digits or keys.timed_out else Keys(HASH, timed_out=False)

    async def collect(
        self,
        sounds: Sequence[str],
        *,
        max_digits: int,
        timeout_s: float,
        end_key: str = HASH,
        secret: bool = False,
    ) -> Keys:
        """What is pressed is in no log, repr or exception of ours, `secret` or not; a secret is
        also kept out of AMI (see the event filters in switchboard_manager.conf)."""
        _require_sounds(sounds)
        agi_routes.checked(dialplan.KEY, end_key, "key")
        await self._play_all_but_last(sounds)
        if end_key != HASH and sounds and not self._keys:
            await self._play_one(sounds[-1], until_key=True)
        typed, ended = self._keys.take_entry(max_digits, end_key)
        if ended:
            return Keys(typed, timed_out=False)
        if end_key != HASH:
            return await self._collect_one_by_one(typed, max_digits, timeout_s, end_key)
        last = sounds[-1] if sounds and not typed else _NO_SOUND
        keys = await self._get_data(last, max_digits - len(typed), timeout_s)
        return Keys(typed + keys.digits, keys.timed_out)

    async def listen_during(self, work: Awaitable[T]) -> T:
        """Keys pressed between two AGI commands are lost (res_agi.c `run_agi` reads and drops the
        frames), so a command is always under way while the work takes its time. Cancels the work
        where the caller leaves."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task,), timeout=_SOON_S)
            while not task.done():
                if self._keys.is_full and not self.hung_up:
                    await asyncio.wait((task,), timeout=_ROUND_S)
                else:
                    await self._agi.move_backstop()
                    await self._wait_for_key(_ROUND_S)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return await task

    async def record(self, name: str, *, max_s: float, silence_s: float) -> Recorded:
        """`name` is the file's, in the folder of recordings; `.wav`. A caller who rings off ends
        the recording as `#` does, and only what follows raises CallerHungUp."""
        file = agi_routes.checked(dialplan.RECORDING, name, "name of a recording")
        if self._recordings is None:
            log.error("call %s: the dialplan names no folder for recordings", self._call.id)
            return Recorded(name, 0.0)
        await self._agi.move_backstop(max_s + _BEEP_S)
        reply = await self._agi.send(
            "RECORD FILE",
            f"{self._recordings}/{file}",
            "wav",
            HASH,
            round(max_s * 1000),
            "BEEP",
            f"s={max(1, math.ceil(silence_s))}",
            deadline_s=max_s + _BEEP_S + self._agi.deadlines.quick_s,
        )
        samples = max(0, reply.endpos or 0)
        if reply.result == FAILED and reply.note != "hangup":
            await self._agi.require_caller()
            log.error("call %s: what the caller says could not be recorded", self._call.id)
            samples = 0
        return Recorded(name, samples / _RATE)

    async def start_recording(self, name: str) -> bool:
        """EXEC expands nothing, and no name of ours holds what would begin an option."""
        file = agi_routes.checked(dialplan.RECORDING, name, "name of a recording")
        if self._recordings is None:
            log.error("call %s: the dialplan names no folder for recordings", self._call.id)
            return False
        reply = await self._agi.send("EXEC", dialplan.APP_RECORD, f"{self._recordings}/{file}.wav")
        if reply.result == _NO_APPLICATION:
            log.error("call %s: not recorded: Asterisk has no app_mixmonitor", self._call.id)
        elif reply.result != "0":
            await self._agi.require_caller()
        return reply.result == "0"

    async def stop_recordings(self) -> bool:
        for _ in range(_MOST_RECORDINGS):
            reply = await self._agi.send("EXEC", dialplan.APP_STOP_RECORDING)
            if reply.result == _NO_APPLICATION:
                return True
            if reply.result != "0":
                await self._agi.require_caller()
                return False
        return True

    async def to_queue(self, request: QueueRequest) -> None:
        await self._complete(dialplan.ROUTE_QUEUE, agi_routes.queue(request))

    async def to_voicemail(self, mailbox: str) -> None:
        await self._complete(dialplan.ROUTE_VOICEMAIL, agi_routes.voicemail(mailbox))

    async def to_target(self, target: str) -> None:
        await self._complete(dialplan.ROUTE_TARGET, agi_routes.target(target))

    async def hang_up(self) -> None:
        await self._complete(dialplan.ROUTE_HANGUP, agi_routes.hangup())

    async def _complete(self, route: str, variables: agi_routes.Variables) -> None:
        for name, value in variables:
            await self._agi.set(name, value)
        crash_points.reached("agi.done_due")
        await self._agi.set(dialplan.SWB_DONE, "1")
        crash_points.reached("agi.done_said")
        self.completed = route
        self._agi.close()

    async def _play_all_but_last(self, sounds: Sequence[str]) -> None:
        """FastAGI's GET DATA takes one sound, not a list."""
        for sound in sounds[:-1]:
            if self._keys:
                return
            await self._play_one(sound, until_key=True)

    async def _play_one(self, sound: str, *, until_key: bool = False) -> None:
        """A key stops STREAM FILE, so it is kept and the sound goes on from where it was; with no
        escape keys Asterisk would throw the key away (file.c `ast_waitstream`)."""
        offset = 0
        await self._agi.move_backstop()
        while True:
            self._note_first_sound()
            keys = "" if self._keys.is_full else ALL_KEYS
            reply = await self._agi.send(
                "STREAM FILE", sound, keys, offset, deadline_s=self._agi.deadlines.sound_s
            )
            if reply.result == FAILED:
                await self._sound_failed()
                return
            key = key_of(reply.result)
            if key is None:
                return
            self._keys.add(key)
            if until_key:
                return
            offset = max(offset, reply.endpos or 0)

    async def _collect_one_by_one(
        self, typed: str, max_digits: int, timeout_s: float, end_key: str
    ) -> Keys:
        """For an end key that GET DATA does not know; `typed` came ahead."""
        while len(typed) < max_digits:
            await self._agi.move_backstop(timeout_s)
            if not await self._wait_for_key(timeout_s):
                return Keys(typed, timed_out=True)
            key = self._keys.take_one()
            if key == end_key:
                break
            typed += key
        return Keys(typed, timed_out=False)

    async def _wait_for_key(self, seconds: float) -> bool:
        """True where one was pressed; it is kept."""
        reply = await self._agi.send(
            "WAIT FOR DIGIT",
            max(1, round(seconds * 1000)),
            deadline_s=seconds + self._agi.deadlines.quick_s,
        )
        if reply.result == FAILED:
            await self._agi.require_caller()
        key = key_of(reply.result)
        if key is not None:
            self._keys.add(key)
        return key is not None

    async def _get_data(self, sound: str, max_digits: int, timeout_s: float) -> Keys:
        keys_s = timeout_s * max_digits
        deadlines = self._agi.deadlines
        await self._agi.move_backstop(keys_s)
        if sound:
            self._note_first_sound()
        deadline_s = keys_s + (deadlines.sound_s if sound else deadlines.quick_s)
        reply = await self._agi.send(
            "GET DATA", sound, round(timeout_s * 1000), max_digits, deadline_s=deadline_s
        )
        if reply.result == FAILED:
            if sound == _NO_SOUND:
                await self._agi.require_caller()
                return Keys("", timed_out=True)
            await self._sound_failed()
            return await self._get_data(_NO_SOUND, max_digits, timeout_s)
        return Keys(reply.result, timed_out=reply.note == "timeout")

    async def _sound_failed(self) -> None:
        await self._agi.require_caller()
        log.warning("call %s: a sound could not be played", self._call.id)

    def _note_first_sound(self) -> None:
        if self._prompt_delays is not None:
            self._prompt_delays.observe(whole_s=self._agi.age_s, answer_s=self._answer_s)
            self._prompt_delays = None


def _require_sounds(sounds: Sequence[str]) -> None:
    """`&` parts the sounds of a list elsewhere in Asterisk, so no name of a sound may hold one."""
    if any("&" in sound or not sound for sound in sounds):
        raise UnsafeCommand("a sound that is empty or holds '&'")
