"""A speech engine without a program: its sounds last as long as the text, and it can be held up."""

from __future__ import annotations

import asyncio

import numpy as np

from ivr import sound, speech


class FakeEngine:
    """Implements `ivr.speech.SpeechEngine`. While `gate` is closed nothing is finished."""

    def __init__(self, name: str = "fake") -> None:
        self._name = name
        self.gate = asyncio.Event()
        self.gate.set()
        self.spoken: list[tuple[str, str]] = []
        self.speaking = 0
        self.most_at_once = 0
        self.broken = False

    def voice_for(self, language: str) -> speech.Voice:
        return speech.Voice(self._name, speech.base_language(language))

    async def speak(self, text: str, language: str) -> sound.Samples:
        self.spoken.append((text, language))
        self.speaking += 1
        self.most_at_once = max(self.most_at_once, self.speaking)
        try:
            await self.gate.wait()
        finally:
            self.speaking -= 1
        if self.broken:
            raise speech.SpeechFailed("broken by the test")
        return np.full(100 * len(text), 0.1)

    async def close(self) -> None:
        return
