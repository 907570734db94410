"""Samples to telephone sound and back: 8 kHz, mono, 16 bit, even in loudness.

Samples are float arrays between -1 and 1 at `RATE`.
"""

from __future__ import annotations

import io
import math
import wave

import numpy as np
import numpy.typing as npt

from config import wav_reading

Samples = npt.NDArray[np.float64]
NotSound = wav_reading.NotSound

RATE = 8000
#: The telephone band ends here; what lies above must be gone before resampling to 8 kHz.
PASS_HZ, STOP_HZ = 3400.0, 4000.0
#: Speech is brought to this level over its sounding parts (-20 dBFS), peaks stay below -1 dBFS.
SPEECH_RMS = 0.1
PEAK = 0.89
SILENCE = 0.01
#: No speech, however quiet, stays below this.
NOTHING = 0.001
LEAD_S, TAIL_S = 0.03, 0.18


def decode_wav(data: bytes, *, longest_s: float | None = None) -> Samples:
    """A WAV of any common kind as samples at `RATE`. Raises NotSound, also where it is longer than
    `longest_s`."""
    samples, rate = wav_reading.read_wav(data)
    if longest_s is not None and samples.size > longest_s * rate:
        raise NotSound(f"it lasts {samples.size / rate:.0f} s; at most {longest_s:g} s are taken")
    return resample(samples, rate)


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


def evened(samples: Samples) -> Samples:
    """Trimmed and at the speech level, however quiet it was; empty where nothing is heard."""
    highest = float(np.max(np.abs(samples), initial=0.0))
    if highest <= NOTHING:
        return samples[:0]
    # What is silence is told from the loudest: a whisper is speech too.
    return even_loudness(trim(samples * (PEAK / highest)))


def even_loudness(samples: Samples) -> Samples:
    """At the speech level; pauses do not count, and no peak is clipped."""
    sounding = samples[np.abs(samples) > SILENCE]
    if not sounding.size:
        return samples
    gain = SPEECH_RMS / float(np.sqrt(np.mean(sounding**2)))
    return samples * min(gain, PEAK / float(np.max(np.abs(samples))))
