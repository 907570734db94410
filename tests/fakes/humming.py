"""A sound to tell apart from others by its length; nothing but the standard library."""

from __future__ import annotations

import array
import io
import math
import wave


def hum(seconds: float = 1.0, rate: int = 24_000) -> bytes:
    """A 16-bit WAV of 200 Hz."""
    places = range(round(rate * seconds))
    samples = array.array("h", (round(9830 * math.sin(400 * math.pi * n / rate)) for n in places))
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    return out.getvalue()
