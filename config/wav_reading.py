"""WAV files of every kind that people and programs write, as numbers between -1 and 1.

Chunks and format tags by the RIFF specification (Microsoft, "Multiple channel audio data and WAVE
files"): PCM of 8 to 32 bit, floats, and the telephone's own A-law and mu-law (ITU-T G.711).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PCM, FLOAT, ALAW, MULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
LOWEST_HZ, HIGHEST_HZ = 4000, 192_000
MOST_CHANNELS = 8
#: How other kinds of sound begin, which are sent by mistake.
OTHERS = {
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xf3": "MP3",
    b"\xff\xf2": "MP3",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b"FORM": "AIFF",
    b"RIFX": "big-endian WAV",
    b"RF64": "RF64",
}

Numbers = npt.NDArray[np.float64]


class NotSound(ValueError):
    """Bytes that are no WAV, or one of a kind we cannot read; the message says which."""


@dataclass(frozen=True, slots=True)
class Format:
    tag: int
    channels: int
    rate: int
    bits: int


def read_wav(data: bytes) -> tuple[Numbers, int]:
    """All channels mixed, and the rate in Hz. What is cut off gives what is there. Raises
    NotSound."""
    if not (data[:4] == b"RIFF" and data[8:12] == b"WAVE"):
        raise NotSound(_not_wav(data))
    found: Format | None = None
    for name, body in _chunks(data):
        if name == b"fmt ":
            found = _format(body)
        elif name == b"data":
            if found is None:
                raise NotSound("not a readable WAV: its format comes after its sound")
            return _mixed(body, found), found.rate
    raise NotSound("not a readable WAV: it ends before its sound")


def _not_wav(data: bytes) -> str:
    for start, kind in OTHERS.items():
        if data.startswith(start):
            return f"{kind}, not WAV; save or ask for it as WAV"
    return "not a WAV" if data else "not a WAV: it is empty"


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Sizes beyond the end are cut: programs that stream do not know them (0xFFFFFFFF)."""
    at, view = 12, memoryview(data)
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], view[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _format(body: memoryview) -> Format:
    try:
        tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
        if tag == EXTENSIBLE:
            (tag,) = struct.unpack_from("<H", body, 24)
    except struct.error as error:
        raise NotSound("not a readable WAV: its format is cut off") from error
    if not (1 <= channels <= MOST_CHANNELS and LOWEST_HZ <= rate <= HIGHEST_HZ):
        raise NotSound(f"a WAV of {channels} channels at {rate} Hz; wanted 4 to 192 kHz")
    if (tag, bits) not in _READERS:
        raise NotSound(f"a WAV of format {tag} with {bits} bit; PCM of 16 bit is always right")
    return Format(tag, channels, rate, bits)


def _mixed(body: memoryview, format_: Format) -> Numbers:
    frame = format_.channels * format_.bits // 8
    whole = bytes(body[: len(body) // frame * frame])
    numbers = _READERS[format_.tag, format_.bits](whole)
    if format_.tag == FLOAT:
        numbers = np.clip(np.nan_to_num(numbers, posinf=1, neginf=-1), -1, 1)
    mixed: Numbers = numbers.reshape(-1, format_.channels).mean(axis=1)
    return mixed


def _pcm(kind: str) -> Callable[[bytes], Numbers]:
    def read(frames: bytes) -> Numbers:
        return np.frombuffer(frames, kind).astype(np.float64) / 2.0 ** (8 * int(kind[-1]) - 1)

    return read


def _floats(kind: str) -> Callable[[bytes], Numbers]:
    return lambda frames: np.frombuffer(frames, kind).astype(np.float64)


def _pcm_8(frames: bytes) -> Numbers:
    return (np.frombuffer(frames, "u1").astype(np.float64) - 128) / 128


def _pcm_24(frames: bytes) -> Numbers:
    apart = np.frombuffer(frames, "u1").reshape(-1, 3)
    wide = np.zeros((apart.shape[0], 4), dtype="u1")
    wide[:, 1:] = apart
    return wide.view("<i4").ravel().astype(np.float64) / 2.0**31


def _from_mulaw(frames: bytes) -> Numbers:
    code = ~np.frombuffer(frames, "u1")
    exponent, step = (code >> 4 & 7).astype(np.int64), (code & 15).astype(np.int64)
    size = ((step << 3) + 132 << exponent) - 132
    return np.where(code & 128, -size, size) / 32768.0


def _from_alaw(frames: bytes) -> Numbers:
    code = np.frombuffer(frames, "u1") ^ 0x55
    exponent, step = (code >> 4 & 7).astype(np.int64), (code & 15).astype(np.int64)
    size = (step << 4) + 8
    size = np.where(exponent > 0, size + 256 << np.maximum(exponent - 1, 0), size)
    return np.where(code & 128, size, -size) / 32768.0


_READERS: dict[tuple[int, int], Callable[[bytes], Numbers]] = {
    (PCM, 8): _pcm_8,
    (PCM, 16): _pcm("<i2"),
    (PCM, 24): _pcm_24,
    (PCM, 32): _pcm("<i4"),
    (FLOAT, 32): _floats("<f4"),
    (FLOAT, 64): _floats("<f8"),
    (ALAW, 8): _from_alaw,
    (MULAW, 8): _from_mulaw,
}
