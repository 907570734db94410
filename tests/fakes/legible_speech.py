"""Speech that can be read again from its sound, and music that is told from it."""

from __future__ import annotations

import numpy as np

from ivr import sound
from tests.fakes.speech_engine import FakeEngine

#: Letters are below zero, a full stop of our own ends each text, music is above.
_SCALE = 1000
_END = -0.5


class LegibleEngine(FakeEngine):
    async def speak(self, text: str, language: str) -> sound.Samples:
        await super().speak(text, language)
        letters = [-(byte + 1) / _SCALE for byte in text.encode()]
        return np.array([*letters, _END])


def flat_music(seconds: int) -> bytes:
    """A WAV for `speech.music`."""
    return sound.encode_wav(np.full(seconds * sound.RATE, 0.25))


def read_back(wav: bytes) -> list[str]:
    """The texts in order, and `♪` with the seconds of music; nothing for silence."""
    samples = sound.decode_wav(wav)
    found: list[str] = []
    letters: list[int] = []
    music = int(np.count_nonzero(samples > 0))
    for value in samples[samples < 0]:
        if value < _END + 0.01:
            found.append(bytes(letters).decode())
            letters = []
        else:
            letters.append(round(-value * _SCALE) - 1)
    return [*found, f"♪{music / sound.RATE:.0f}"] if music else found
