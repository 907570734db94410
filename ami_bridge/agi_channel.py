"""A caller's line over FastAGI: the CallChannel that dialogs speak to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ami_bridge import dialplan
from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_protocol import (
    CODE_SUCCESS,
    Reply,
    UnsafeCommand,
    encode_command,
)
from ami_bridge.prompt_delays import PromptDelays
from calls.call import Call
from calls.errors import CallerHungUp, ChannelBroken
from calls.ports import Keys, QueueRequest

log = logging.getLogger(__name__)

_ALL_KEYS = "0123456789*#"
#: Keys pressed during `play` that are kept; nobody types more ahead.
_KEYS_KEPT = 32
_ENDS_ENTRY = "#"
_FAILED = "-1"
#: GET DATA without a sound goes straight to waiting (app.c `ast_app_getdata_full`).
_NO_SOUND = ""


@dataclass(frozen=True, slots=True)
class CommandDeadlines:
    """Seconds until a silent Asterisk is given up. A sound's length is not known here."""

    quick_s: float = 10.0
    sound_s: float = 120.0
    #: After so long without news of us the dialplan takes the caller back; a sound may last half.
    backstop_s: float = 60.0


class AgiChannel:
    """One dialog's way to its caller; use from one task.

    `completed` is the route Asterisk was told to take, None while the dialplan's fallback would
    have the caller.
    """

    __slots__ = (
        "_answer_s",
        "_backstop_at",
        "_call",
        "_connection",
        "_deadlines",
        "_keys",
        "_prompt_delays",
        "completed",
    )

    def __init__(
        self,
        *,
        call: Call,
        connection: AgiConnection,
        deadlines: CommandDeadlines,
        prompt_delays: PromptDelays | None = None,
    ) -> None:
        self._call = call
        self._connection = connection
        self._deadlines = deadlines
        self._keys = ""
        self._answer_s = 0.0
        #: None once the first sound is on its way, or where nobody counts.
        self._prompt_delays = prompt_delays
        #: On the loop's clock, when the dialplan would take the caller back. Who has left before
        #: the first command may have waited for us, frozen, for as long.
        self._backstop_at = 0.0
        if not connection.hung_up:
            self._backstop_at = asyncio.get_running_loop().time() + dialplan.FIRST_BACKSTOP_S
        self.completed: str | None = None

    @property
    def call(self) -> Call:
        return self._call

    @property
    def hung_up(self) -> bool:
        return self._connection.hung_up

    @property
    def backstop_passed(self) -> bool:
        """The dialplan may have taken the caller back by now."""
        return asyncio.get_running_loop().time() >= self._backstop_at

    async def answer(self) -> None:
        """Takes half a second where the caller sends no audio (channel.c `ast_raw_answer`)."""
        began = asyncio.get_running_loop().time()
        reply = await self._send("ANSWER")
        self._answer_s = asyncio.get_running_loop().time() - began
        if reply.result == _FAILED:
            await self._require_caller()

    async def begin_dialog(self) -> None:
        await self._move_backstop()

    async def set_language(self, language: str) -> None:
        _require(dialplan.LANGUAGE.fullmatch(language), "language")
        await self._set(dialplan.CHANNEL_LANGUAGE, language)

    async def play(self, sounds: Sequence[str]) -> None:
        _require_sounds(sounds)
        for sound in sounds:
            await self._play_one(sound)

    async def ask(self, sounds: Sequence[str], *, max_digits: int, timeout_s: float) -> Keys:
        """Keys typed ahead count first, and then nothing more is played. `#` ends an entry and is
        no part of it, except where one key is asked: there it is that key. A sound that cannot be
        played is left out; the caller still has the time to press."""
        _require_sounds(sounds)
        for sound in sounds[:-1]:  # FastAGI's GET DATA takes one sound, not a list
            if self._keys:
                break
            await self._play_one(sound, until_key=True)
        typed, ended = self._take_typed(max_digits)
        if ended:
            return Keys(typed, timed_out=False)
        last = sounds[-1] if sounds and not typed else _NO_SOUND
        keys = await self._get_data(last, max_digits - len(typed), timeout_s)
        if max_digits == 1 and not keys.digits and not keys.timed_out:
            return Keys(_ENDS_ENTRY, timed_out=False)
        return Keys(typed + keys.digits, keys.timed_out)

    async def to_queue(self, request: QueueRequest) -> None:
        _require(dialplan.QUEUE_NAME.fullmatch(request.queue), "queue")
        hold = request.hold_class
        _require(hold is None or dialplan.MUSIC_CLASS.fullmatch(hold), "hold class")
        await self._set(dialplan.SWB_QUEUE, request.queue)
        await self._set(dialplan.SWB_QUEUE_TIMEOUT, str(max(1, request.timeout_s)))
        await self._set(dialplan.QUEUE_PRIO, str(request.priority))
        if hold is not None:
            await self._set(dialplan.CHANNEL_MUSICCLASS, hold)
        await self._complete(dialplan.ROUTE_QUEUE)

    async def hang_up(self) -> None:
        await self._complete(dialplan.ROUTE_HANGUP)

    async def _complete(self, route: str) -> None:
        await self._set(dialplan.SWB_ROUTE, route)
        await self._set(dialplan.SWB_DONE, "1")
        self.completed = route
        self._connection.close()

    async def _play_one(self, sound: str, *, until_key: bool = False) -> None:
        """A key stops STREAM FILE, so it is kept and the sound goes on from where it was; with no
        escape keys Asterisk would throw the key away (file.c `ast_waitstream`)."""
        offset = 0
        await self._move_backstop()
        while True:
            self._note_first_sound()
            keys = _ALL_KEYS if len(self._keys) < _KEYS_KEPT else ""
            reply = await self._send(
                "STREAM FILE", sound, keys, offset, deadline_s=self._deadlines.sound_s
            )
            if reply.result == _FAILED:
                await self._require_caller()
                log.warning("call %s: a sound could not be played", self._call.id)
                return
            key = _key(reply.result)
            if key is None:
                return
            self._keys += key
            if until_key:
                return
            offset = max(offset, reply.endpos or 0)

    def _take_typed(self, max_digits: int) -> tuple[str, bool]:
        """What was typed ahead, and whether that is a whole answer already."""
        if max_digits == 1:
            typed, self._keys = self._keys[:1], self._keys[1:]
            return typed, bool(typed)
        entry, end, rest = self._keys.partition(_ENDS_ENTRY)
        if len(entry) >= max_digits:
            typed, self._keys = self._keys[:max_digits], self._keys[max_digits:]
            return typed, True
        self._keys = rest
        return entry, bool(end)

    async def _get_data(self, sound: str, max_digits: int, timeout_s: float) -> Keys:
        keys_s = timeout_s * max_digits
        deadlines = self._deadlines
        await self._move_backstop(keys_s)
        if sound:
            self._note_first_sound()
        deadline_s = keys_s + (deadlines.sound_s if sound else deadlines.quick_s)
        reply = await self._send(
            "GET DATA", sound, round(timeout_s * 1000), max_digits, deadline_s=deadline_s
        )
        if reply.result == _FAILED:
            await self._require_caller()
            if sound == _NO_SOUND:
                return Keys("", timed_out=True)
            log.warning("call %s: a sound could not be played", self._call.id)
            return await self._get_data(_NO_SOUND, max_digits, timeout_s)
        return Keys(reply.result, timed_out=reply.note == "timeout")

    def _note_first_sound(self) -> None:
        if self._prompt_delays is not None:
            whole_s = asyncio.get_running_loop().time() - self._connection.connected_at
            self._prompt_delays.observe(whole_s=whole_s, answer_s=self._answer_s)
            self._prompt_delays = None

    async def _require_caller(self) -> None:
        """`-1` is a failed sound or a caller who left; only the channel's state tells which."""
        try:
            status = await self._send("CHANNEL STATUS")
        except ChannelBroken as error:
            # Asterisk closed after the -1: our question overtook its HANGUP.
            self._connection.hung_up = True
            raise CallerHungUp from error
        if self.hung_up or status.result == _FAILED:
            raise CallerHungUp

    async def _move_backstop(self, keys_s: float = 0.0) -> None:
        """Never lifted: a server that freezes in the middle of a dialog keeps nobody. Moved on
        only when half of it has gone, so that few commands cost a second one."""
        now = asyncio.get_running_loop().time()
        whole_s = self._deadlines.backstop_s + keys_s
        if self._backstop_at - now < whole_s - self._deadlines.backstop_s / 2:
            await self._set(dialplan.TIMEOUT_ABSOLUTE, f"{whole_s:.3f}")
            self._backstop_at = now + whole_s

    async def _set(self, variable: str, value: str) -> None:
        await self._send("SET VARIABLE", variable, value)

    async def _send(
        self, verb: str, *arguments: str | int, deadline_s: float | None = None
    ) -> Reply:
        reply = await self._connection.command(
            encode_command(verb, *arguments), deadline_s=deadline_s or self._deadlines.quick_s
        )
        if reply.code != CODE_SUCCESS:
            # 510 or 520 to a command of ours: the line is out of step, or we are wrong.
            self._connection.fail(f"{verb} was refused")
            raise ChannelBroken(f"{verb} was refused with {reply.code}")
        return reply


def _key(result: str) -> str | None:
    """STREAM FILE answers the key's ASCII code, 0 for none."""
    if not (result.isascii() and result.isdigit()) or len(result) > 3:
        return None
    key = chr(int(result))
    return key if key in _ALL_KEYS else None


def _require(valid: object, what: str) -> None:
    if not valid:
        raise UnsafeCommand(f"not a {what} for the dialplan")


def _require_sounds(sounds: Sequence[str]) -> None:
    """`&` parts the sounds of a list elsewhere in Asterisk, so no name of a sound may hold one."""
    if any("&" in sound or not sound for sound in sounds):
        raise UnsafeCommand("a sound that is empty or holds '&'")
