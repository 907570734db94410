"""What an uploaded recording must be: WAV of a common kind, not too long, and not silent."""

from __future__ import annotations

import numpy as np

from config.wav_reading import NotSound, Numbers, read_wav

LONGEST_S = 60.0
#: Below this nothing is heard.
SILENCE = 0.001


def read_recording(data: bytes) -> tuple[Numbers, int]:
    """Samples between -1 and 1, and their rate in Hz. Raises NotSound."""
    samples, rate = read_wav(data)
    if samples.size > LONGEST_S * rate:
        seconds = samples.size / rate
        raise NotSound(f"it lasts {seconds:.0f} s; at most {LONGEST_S:g} s are taken")
    if not samples.size:
        raise NotSound("it is empty")
    if np.max(np.abs(samples)) <= SILENCE:
        raise NotSound("it is silent from beginning to end")
    return samples, rate


def inspect_recording(data: bytes) -> str | None:
    """What is wrong with an uploaded file, as a sentence; None: it can be played."""
    try:
        read_recording(data)
    except NotSound as error:
        return f"the recording cannot be played: {error}"
    return None
