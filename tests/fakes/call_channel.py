"""A caller's line in memory: presses what the script says, hangs up where it says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from calls.call import Call, CallId
from calls.errors import CallerHungUp, ChannelBroken
from calls.ports import Keys, QueueRequest

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


class FakeChannel:
    """Implements `calls.ports.CallChannel`. `presses` holds what is pressed at each `ask` in turn
    (empty: nothing); `ahead` is typed before the dialog begins. `hang_up_at` and `break_at` count
    commands from 0."""

    def __init__(
        self,
        presses: Sequence[str] = (),
        *,
        ahead: str = "",
        call: Call = A_CALL,
        hang_up_at: int | None = None,
        break_at: int | None = None,
    ) -> None:
        self._call = call
        self._presses = list(presses)
        self._typed = ahead
        self._hang_up_at = hang_up_at
        self._break_at = break_at
        self.commands: list[str] = []
        self.played: list[tuple[str, ...]] = []
        self.asked: list[tuple[str, ...]] = []
        #: What the caller heard: with keys typed ahead nothing is played.
        self.heard: list[str] = []
        self.language: str | None = None
        self.queued: QueueRequest | None = None
        self.sent_away = False
        self.refuse_queues: frozenset[str] = frozenset()
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
    def completed(self) -> bool:
        return self.queued is not None or self.sent_away

    def type(self, keys: str) -> None:
        self._typed += keys

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
        self.asked.append(tuple(sounds))
        if not self._typed:
            self.heard += sounds
            self._typed = self._presses.pop(0) if self._presses else ""
        keys, self._typed = self._typed[:max_digits], self._typed[max_digits:]
        return Keys(keys, timed_out=not keys)

    async def set_language(self, language: str) -> None:
        self._command("set_language")
        self.language = language

    async def to_queue(self, request: QueueRequest) -> None:
        self._command("to_queue")
        if request.queue in self.refuse_queues:
            raise ValueError("not a queue for the dialplan")
        self.queued = request

    async def hang_up(self) -> None:
        self._command("hang_up")
        self.sent_away = True

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
