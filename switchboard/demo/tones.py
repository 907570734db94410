"""Sounds made of sine waves: something to hear in the demo without shipping a recording."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

RATE_HZ = 8000


def chord(frequencies_hz: tuple[float, ...], seconds: float, level: float = 0.15) -> list[int]:
    """16-bit samples at RATE_HZ; swells and fades, so that two chords meet without a click."""
    count = int(RATE_HZ * seconds)
    share = 32767 * level / len(frequencies_hz)
    return [
        int(
            math.sin(math.pi * at / count)
            * share
            * sum(math.sin(2 * math.pi * hz * at / RATE_HZ) for hz in frequencies_hz)
        )
        for at in range(count)
    ]


def write_wav(path: Path, samples: list[int]) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def to_ulaw(samples: list[int]) -> bytes:
    """ITU-T G.711 mu-law: sign, segment and four bits of the biased magnitude, inverted."""
    return bytes(_ulaw_byte(sample) for sample in samples)


def _ulaw_byte(sample: int) -> int:
    magnitude = min(abs(sample), 32635) + 132
    segment = magnitude.bit_length() - 8
    mantissa = (magnitude >> (segment + 3)) & 0x0F
    return ~((0x80 if sample < 0 else 0) | (segment << 4) | mantissa) & 0xFF
