"""Speaks on one caller's line and listens all the while: a key cuts everything short, and none is
lost that is typed ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from calls.deadlines import Deadline
from calls.ports import CallChannel, Recorded, SpokenText
from ivr.prompts import render_all

T = TypeVar("T")

Sounds = tuple[str, ...]

#: Between two parts of one prompt; nobody hears it, and a key pressed just then is not lost.
GAP_S = 0.05
#: Ends a number that is typed in; many press it after the last digit even where the length is set.
END_KEY = "#"


class Voice:
    """`language` may change while the caller is on the line. Use from one task."""

    def __init__(
        self, *, channel: CallChannel, speech: SpokenText, language: str, deadline_s: float
    ) -> None:
        self._channel = channel
        self._speech = speech
        self._deadline_s = deadline_s
        self.language = language
        #: Spoken before the next question, so that a key cuts it short too.
        self._lead_in: Sounds = ()
        #: Typed, and found to be meant for a later question; older than what the channel keeps.
        self._kept = ""
        #: The last number was full before its end key: that one may still come.
        self._end_key_may_come = False

    async def use_language(self, language: str) -> None:
        if language != self.language:
            await self._channel.set_language(language)
            self.language = language

    @property
    def has_keys(self) -> bool:
        """The answer to the next question is typed already: it need not be spoken, nor anything
        before it."""
        return not self._end_key_may_come and (bool(self._kept) or self._channel.keys_waiting)

    async def lead_in(self, text: str | None) -> None:
        """Left out where it is not to be had in time."""
        if text is not None and not self.has_keys:
            [sounds] = await self.rendered(text)
            self._lead_in += sounds

    async def question(self, text: str | None) -> Sounds | None:
        """None where it cannot be spoken. Nobody who has answered already waits for it."""
        if self.has_keys:
            return ()
        [sounds] = await self.rendered(text or "")
        return sounds or None

    async def rendered(self, *texts: str) -> list[Sounds]:
        """Of each text, nothing where it is not ready in time."""
        deadline = Deadline.after(self._deadline_s)

        async def all_of_them() -> list[Sounds]:
            return [
                sounds or ()
                for sounds in await asyncio.gather(
                    *(
                        render_all(self._speech, [text], self.language, deadline=deadline)
                        for text in texts
                    )
                )
            ]

        return await self._listening(all_of_them())

    async def set_aside(self) -> str:
        """What is typed by now, so that it does not answer the next question; for `keep`."""
        aside, self._kept = self._kept, ""
        while self._channel.keys_waiting:
            keys = await self._channel.ask((), max_digits=1, timeout_s=GAP_S)
            aside += keys.digits
        return aside

    def keep(self, keys: str) -> None:
        """The next question hears them first."""
        self._kept = keys + self._kept

    async def key(self, parts: Sequence[Sounds], timeout_s: float) -> tuple[str, int]:
        """The lead-in and the parts, then `timeout_s` of silence. The key (empty: none in time),
        and how many parts were played to their end before it."""
        first, *others = parts or [()]
        parts = [self._take_lead_in() + first, *others]
        while True:
            key, heard = await self._next_key(parts, timeout_s)
            may_come, self._end_key_may_come = self._end_key_may_come, False
            if not (may_come and key == END_KEY):
                return key, heard

    async def further_key(self, timeout_s: float) -> str:
        key, _ = await self._next_key([()], timeout_s)
        return key

    async def number(
        self, sounds: Sounds, *, max_digits: int, timeout_s: float, secret: bool = False
    ) -> str:
        """After the lead-in; ended by `#`, by its length, or `timeout_s` after the last key."""
        sounds = self._take_lead_in() + sounds
        while True:
            digits, ended = await self._next_number(sounds, max_digits, timeout_s, secret)
            may_come, self._end_key_may_come = self._end_key_may_come, False
            if not (may_come and ended and not digits):
                self._end_key_may_come = len(digits) == max_digits
                return digits

    async def record(self, name: str, *, max_s: float, silence_s: float) -> Recorded:
        return await self._channel.record(name, max_s=max_s, silence_s=silence_s)

    async def last_words(self) -> str:
        """Plays the lead-in to its end or to a key, which it gives."""
        if not self._lead_in:
            return ""
        key, _ = await self.key([], GAP_S)
        return key

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for `work`; the lead-in is heard meanwhile, for a caller must not hear silence."""
        lead_in = self._take_lead_in()
        return await self._listening(work, lead_in)

    async def meanwhile(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for `work` in silence, which must be short; the lead-in is left for the next
        question."""
        return await self._listening(work)

    async def _listening(self, work: Coroutine[Any, Any, T], sounds: Sounds = ()) -> T:
        task = asyncio.create_task(work, name=f"during:{self._channel.call.id}")
        try:
            if sounds:
                await self._channel.play(sounds)
            return await self._channel.listen_during(task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _next_key(self, parts: Sequence[Sounds], timeout_s: float) -> tuple[str, int]:
        if self._kept:
            key, self._kept = self._kept[0], self._kept[1:]
            return key, 0
        for heard, part in enumerate(parts):
            last = heard == len(parts) - 1
            keys = await self._channel.ask(
                part, max_digits=1, timeout_s=timeout_s if last else GAP_S
            )
            if keys.digits:
                return keys.digits, heard
        return "", len(parts)

    async def _next_number(
        self, sounds: Sounds, max_digits: int, timeout_s: float, secret: bool
    ) -> tuple[str, bool]:
        """The digits, and whether the end key was pressed."""
        entry, end, rest = self._kept.partition(END_KEY)
        if len(entry) >= max_digits:
            self._kept = self._kept[max_digits:]
            return entry[:max_digits], False
        self._kept = rest
        if end:
            return entry, True
        keys = await self._channel.collect(
            () if entry else sounds,
            max_digits=max_digits - len(entry),
            timeout_s=timeout_s,
            end_key=END_KEY,
            secret=secret,
        )
        digits = entry + keys.digits
        return digits, not keys.timed_out and len(digits) < max_digits

    def _take_lead_in(self) -> Sounds:
        sounds, self._lead_in = self._lead_in, ()
        return sounds
