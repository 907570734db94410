"""Music on hold of our own making, or from the centre's file, cut to the length asked for."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import numpy as np

from calls.deadlines import Deadline
from calls.errors import Misconfigured
from ivr import sound
from ivr.prompt_store import PromptStore, recipe_name

#: Semitones above A2 (110 Hz): four soft chords, I - vi - IV - V in C.
CHORDS = ((3, 15, 19, 22), (0, 12, 15, 19), (8, 15, 20, 24), (10, 17, 22, 26))
CHORD_S, ROUNDS = 3.5, 2
MUSIC_RMS = 0.05
FADE_S = 0.4
LONGEST_S = 300
#: Raise when the tune changes.
TUNE = "chords-1"


def tune() -> sound.Samples:
    """28 seconds that may follow themselves without a seam; the same on every machine."""
    size = int(CHORD_S * sound.RATE)
    total = np.zeros(size * len(CHORDS) * ROUNDS)
    for place in range(len(CHORDS) * ROUNDS):
        chord = CHORDS[place % len(CHORDS)]
        for number, step in enumerate(chord):
            start = place * size + number * size // 8
            _add_round(total, start, _tone(110 * 2 ** (step / 12), size + size // 2))
    return total * (MUSIC_RMS / float(np.sqrt(np.mean(total**2))))


def _tone(hz: float, size: int) -> sound.Samples:
    """A struck string, softly: partials that die the sooner the higher they are."""
    t = np.arange(size) / sound.RATE
    parts = [
        np.sin(2 * np.pi * hz * k * t) * np.exp(-t * (0.7 + 0.6 * k)) / k**2 for k in (1, 2, 3, 4)
    ]
    tone: sound.Samples = np.sum(parts, axis=0)
    attack, release = int(0.06 * sound.RATE), int(0.5 * sound.RATE)
    tone[:attack] *= np.linspace(0, 1, attack)
    tone[-release:] *= np.linspace(1, 0, release)
    return tone


def _add_round(total: sound.Samples, start: int, tone: sound.Samples) -> None:
    places = (start + np.arange(tone.size)) % total.size
    np.add.at(total, places, tone)


def cut(music: sound.Samples, *, start_s: int, seconds: int) -> sound.Samples:
    """`seconds` of the music from `start_s` on, going round, faded in and out."""
    places = (start_s * sound.RATE + np.arange(seconds * sound.RATE)) % music.size
    piece = music[places].copy()
    fade = min(int(FADE_S * sound.RATE), piece.size // 2)
    piece[:fade] *= np.linspace(0, 1, fade)
    piece[-fade:] *= np.linspace(1, 0, fade)
    return piece


class Music:
    """Addresses of music of a given length. `file` replaces our own tune."""

    def __init__(self, *, store: PromptStore, file: Path | None) -> None:
        self._store = store
        self._file = file
        self._samples: sound.Samples | None = None
        self._source = TUNE

    async def open(self) -> None:
        """Raises Misconfigured where the centre's file cannot be read."""
        if self._file is None:
            self._samples = await asyncio.to_thread(tune)
        else:
            self._samples, self._source = await asyncio.to_thread(_read, self._file)

    async def address(
        self, *, seconds: float, start_s: float = 0, deadline: Deadline
    ) -> str | None:
        """Music of whole seconds, 1 to LONGEST_S; starts where an earlier piece ended when
        `start_s` says so. Equal requests share one file."""
        samples = self._samples
        if samples is None:
            return None
        length = min(max(round(seconds), 1), LONGEST_S)
        start = round(start_s) % max(samples.size // sound.RATE, 1)

        async def make() -> bytes:
            return await asyncio.to_thread(
                lambda: sound.encode_wav(cut(samples, start_s=start, seconds=length))
            )

        name = recipe_name("music", self._source, str(start), str(length))
        return await self._store.address(name, make, deadline=deadline)


def _read(path: Path) -> tuple[sound.Samples, str]:
    try:
        data = path.read_bytes()
        samples = sound.decode_wav(data)
    except (OSError, sound.NotSound) as error:
        raise Misconfigured(f"speech.music: {path} cannot be played: {error}") from error
    if samples.size < sound.RATE:
        raise Misconfigured(f"speech.music: {path} is shorter than a second")
    return samples, hashlib.sha256(data).hexdigest()
