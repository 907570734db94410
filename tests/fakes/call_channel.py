"""A caller's line in memory: what is pressed is given, what was heard is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import unquote

from calls.call import Call, CallId
from calls.clocks import utc_now
from calls.errors import CallerHungUp, ChannelBroken
from calls.ports import Keys, QueueRequest, Recorded

T = TypeVar("T")

A_CALL = Call(
    id=CallId("pbx", "1700000000.1"),
    channel="PJSIP/trunk-00000001",
    from_raw="+12025550101",
    from_name="",
    withheld=False,
    dialled="+18005550100",
    language="en",
    arrived_at=datetime(2026, 11, 23, 15, 0, tzinfo=UTC),
)

#: Whoever asks with less time for a key only says something.
_QUESTION_S = 0.5


@dataclass(frozen=True)
class Press:
    """Keys pressed while a sound plays whose text holds `during`; until it comes, nothing is
    pressed."""

    keys: str
    during: str


class FakeChannel:
    """Implements `calls.ports.CallChannel`. `presses` holds what is pressed at each question in
    turn, once all is heard (empty: nothing) or during a sound; `ahead` is typed before the dialog
    begins. `hang_up_at` and `break_at` count commands from 0.

    As with Asterisk, a key that comes while no command is listening is lost (`lost`).
    """

    def __init__(
        self,
        presses: Sequence[str | Press] = (),
        *,
        ahead: str = "",
        call: Call = A_CALL,
        hang_up_at: int | None = None,
        break_at: int | None = None,
    ) -> None:
        self._call = call
        self.now = utc_now
        self._presses = list(presses)
        self._typed = ahead
        self._listening = False
        #: A key came last: what is asked next without a sound waits for the rest of an entry.
        self._entry_begun = False
        self._hang_up_at = hang_up_at
        self._break_at = break_at
        self.commands: list[str] = []
        self.played: list[tuple[str, ...]] = []
        #: The sounds of each question that waited for an answer.
        self.asked: list[tuple[str, ...]] = []
        #: What the caller heard: with keys typed ahead nothing is played.
        self.heard: list[str] = []
        self.lost = ""
        self.language: str | None = None
        self.queued: QueueRequest | None = None
        self.mailbox: str | None = None
        self.target: str | None = None
        self.sent_away = False
        self.refuse_queues: frozenset[str] = frozenset()
        #: Seconds that each recording takes, by name once it is made.
        self.recordings: dict[str, float] = {}
        self.recording_s = 4.0
        self.rings_off_recording = False
        self.secrets = 0
        #: False: what records the line cannot be ended.
        self.recordings_end = True
        self.recordings_begin = True
        #: The whole call.
        self.recorded_as: str | None = None
        self.recordings_ended = 0
        #: While closed, `answer` does not come back.
        self.answering = asyncio.Event()
        self.answering.set()
        self._hung_up = False

    @property
    def call(self) -> Call:
        return self._call

    @property
    def hung_up(self) -> bool:
        return self._hung_up

    @property
    def keys_waiting(self) -> bool:
        return bool(self._typed)

    @property
    def completed(self) -> bool:
        return self.sent_away or any(
            end is not None for end in (self.queued, self.mailbox, self.target)
        )

    def type(self, keys: str) -> None:
        if self._listening:
            self._typed += keys
        else:
            self.lost += keys

    async def answer(self) -> None:
        self._command("answer")
        await self.answering.wait()

    async def begin_dialog(self) -> None:
        self._command("begin_dialog")

    async def play(self, sounds: Sequence[str]) -> None:
        self._command("play")
        self.played.append(tuple(sounds))
        self.heard += sounds

    async def ask(self, sounds: Sequence[str], *, max_digits: int, timeout_s: float) -> Keys:
        self._command("ask")
        assert timeout_s > 0
        self._question(sounds, timeout_s)
        keys, self._typed = self._typed[:max_digits], self._typed[max_digits:]
        self._entry_begun = bool(keys)
        return Keys(keys, timed_out=not keys)

    async def collect(
        self,
        sounds: Sequence[str],
        *,
        max_digits: int,
        timeout_s: float,
        end_key: str = "#",
        secret: bool = False,
    ) -> Keys:
        self._command("collect")
        assert timeout_s > 0
        assert max_digits > 0
        self.secrets += secret
        begun = bool(self._typed)
        self._question(sounds, timeout_s)
        if begun and end_key not in self._typed and len(self._typed) < max_digits:
            upcoming = self._presses.pop(0) if self._presses else ""
            self._typed += upcoming if isinstance(upcoming, str) else upcoming.keys
        entry, end, rest = self._typed.partition(end_key)
        if len(entry) >= max_digits:
            self._typed = self._typed[max_digits:]
            return Keys(entry[:max_digits], timed_out=False)
        self._typed = rest
        return Keys(entry, timed_out=not end)

    async def listen_during(self, work: Awaitable[T]) -> T:
        self._command("listen_during")
        self._listening = True
        try:
            return await work
        finally:
            self._listening = False

    async def record(self, name: str, *, max_s: float, silence_s: float) -> Recorded:
        self._command("record")
        assert max_s > 0
        assert silence_s > 0
        self.recordings[name] = min(self.recording_s, max_s)
        self._hung_up = self.rings_off_recording
        return Recorded(name, self.recordings[name])

    async def start_recording(self, name: str) -> bool:
        self._command("start_recording")
        if self.recordings_begin:
            self.recorded_as = name
        return self.recordings_begin

    async def stop_recordings(self) -> bool:
        self._command("stop_recordings")
        self.recordings_ended += self.recordings_end
        return self.recordings_end

    async def set_language(self, language: str) -> None:
        self._command("set_language")
        self.language = language

    async def to_voicemail(self, mailbox: str) -> None:
        self._command("to_voicemail")
        self.mailbox = mailbox

    async def to_target(self, target: str) -> None:
        self._command("to_target")
        self.target = target

    async def to_queue(self, request: QueueRequest) -> None:
        self._command("to_queue")
        if request.queue in self.refuse_queues:
            raise ValueError("not a queue for the dialplan")
        self.queued = request

    async def hang_up(self) -> None:
        self._command("hang_up")
        self.sent_away = True

    def _question(self, sounds: Sequence[str], timeout_s: float) -> None:
        """Fills `_typed` with what is pressed during the sounds or after them."""
        waits = timeout_s >= _QUESTION_S
        if waits and (sounds or not self._entry_begun):
            self.asked.append(tuple(sounds))
        if self._typed:
            return
        for sound in sounds:
            self.heard.append(sound)
            upcoming = self._presses[0] if self._presses else ""
            if isinstance(upcoming, Press) and upcoming.during in unquote(sound):
                self._typed = upcoming.keys
                self._presses.pop(0)
                return
        upcoming = self._presses[0] if self._presses else ""
        if waits and not (self._entry_begun and not sounds) and isinstance(upcoming, str):
            self._typed = upcoming
            self._presses[:1] = []

    def _command(self, name: str) -> None:
        assert not self.completed, f"{name} after the dialog's end"
        if self._hung_up or len(self.commands) == self._hang_up_at:
            self._hung_up = True
            raise CallerHungUp
        if len(self.commands) == self._break_at:
            raise ChannelBroken("broken by the test")
        self.commands.append(name)


def call_from(number: str, *, dialled: str = A_CALL.dialled) -> Call:
    return replace(A_CALL, from_raw=number, dialled=dialled)
