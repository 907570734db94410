"""Samples to telephone sound and back: 8 kHz, mono, 16 bit, even in loudness.

Samples are float arrays between -1 and 1 at `RATE`.
"""

from __future__ import annotations

import io
import math
import wave

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

RATE = 8000
#: The telephone band ends here; what lies above must be gone before resampling to 8 kHz.
PASS_HZ, STOP_HZ = 3400.0, 4000.0
#: Speech is brought to this level over its sounding parts (-20 dBFS), peaks stay below -1 dBFS.
SPEECH_RMS = 0.1
PEAK = 0.89
SILENCE = 0.01
LEAD_S, TAIL_S = 0.03, 0.18


class NotSound(ValueError):
    """Bytes that are no WAV, or one of a kind we cannot read."""


def decode_wav(data: bytes, *, longest_s: float | None = None) -> Samples:
    """Any PCM WAV of 8 or 16 bit as samples at `RATE`. Raises NotSound."""
    try:
        with wave.open(io.BytesIO(data)) as reader:
            rate, width, channels = (
                reader.getframerate(),
                reader.getsampwidth(),
                reader.getnchannels(),
            )
            frames = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError) as error:
        raise NotSound(f"not a readable WAV: {error}") from error
    if width not in (1, 2) or not 4000 <= rate <= 192_000:
        raise NotSound(f"a WAV of {8 * width} bit at {rate} Hz; wanted 8 or 16 bit, 4 to 192 kHz")
    whole = len(frames) // (width * channels) * width * channels
    if width == 2:
        flat = np.frombuffer(frames[:whole], "<i2").astype(np.float64) / 32768
    else:
        flat = (np.frombuffer(frames[:whole], "u1").astype(np.float64) - 128) / 128
    return resample(flat.reshape(-1, channels).mean(axis=1), rate)


def encode_wav(samples: Samples) -> bytes:
    """8 kHz mono 16-bit WAV: what Asterisk's format_wav.c reads as `.wav`."""
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def resample(samples: Samples, rate: int) -> Samples:
    """To `RATE` by way of the spectrum, with a soft edge at the end of the telephone band."""
    if rate == RATE or not samples.size:
        return samples
    shared = math.gcd(rate, RATE)
    block = rate // shared
    # Whole blocks give a whole number of output samples; the silence added also keeps the end of
    # the sound from wrapping round to its start.
    blocks = -(-(samples.size + rate // 20) // block)
    spectrum = np.fft.rfft(np.pad(samples, (0, blocks * block - samples.size)))
    size = blocks * (RATE // shared)
    wanted = size // 2 + 1
    kept = np.zeros(wanted, dtype=np.complex128)
    common = min(wanted, spectrum.size)
    kept[:common] = spectrum[:common]
    hz = np.arange(wanted) * RATE / size
    edge = np.clip((STOP_HZ - hz) / (STOP_HZ - PASS_HZ), 0, 1)
    result: Samples = np.fft.irfft(kept * np.sin(edge * np.pi / 2) ** 2, size)
    result *= size / (blocks * block)
    return result[: round(samples.size * RATE / rate)]


def trim(samples: Samples) -> Samples:
    """Without the silence around the sound, but for a breath before and after."""
    loud = np.flatnonzero(np.abs(samples) > SILENCE)
    if not loud.size:
        return samples[:0]
    start = max(0, int(loud[0]) - int(LEAD_S * RATE))
    sound = samples[start : int(loud[-1]) + 1]
    return np.concatenate([sound, np.zeros(int(TAIL_S * RATE))])


def even_loudness(samples: Samples) -> Samples:
    """At the speech level; pauses do not count, and no peak is clipped."""
    sounding = samples[np.abs(samples) > SILENCE]
    if not sounding.size:
        return samples
    gain = SPEECH_RMS / float(np.sqrt(np.mean(sounding**2)))
    return samples * min(gain, PEAK / float(np.max(np.abs(samples))))
