"""What a caller really heard: Asterisk records the line, and sounds are found in the recording."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ivr import sound
from switchboard.demo.private_pbx import PrivatePbx
from tests.acceptance.waiting import until

#: As alike as a sound is to itself after the telephone's coding, with room for a lost packet.
ALIKE = 0.8

Numbers = npt.NDArray[np.float64]


class Recording:
    """One direction of one channel: what was played to the caller. Times are seconds from the
    start of the recording. Read it after `stop`."""

    def __init__(self, *, pbx: PrivatePbx, channel: str, path: Path) -> None:
        self._pbx = pbx
        self._channel = channel
        self._path = path
        self.samples: Numbers = np.zeros(0)
        self._began = 0.0

    async def start(self) -> Self:
        await self._pbx.rx("module load app_mixmonitor.so")
        both = self._path.with_name(f"{self._path.stem}-both.wav")
        # The main file must be named too. S: silence where nothing was played, so that seconds
        # of the file are seconds of the call.
        answer = await self._pbx.rx(
            f"mixmonitor start {self._channel} {both},t({self._path})r({both}.caller.wav)S"
        )
        assert "No such" not in answer, answer
        self._began = time.monotonic()
        return self

    async def stop(self) -> Self:
        """Also after the channel has gone, which ends the recording by itself."""
        await self._pbx.rx(f"mixmonitor stop {self._channel}")
        wav = await until(self._whole, f"the recording of {self._channel}")
        self.samples = sound.decode_wav(wav)
        return self

    async def _whole(self) -> bytes:
        """Nothing while Asterisk still has the file open: it closes it some time after `stop`."""
        if self._path in await asyncio.to_thread(_open_files, self._pbx.pid):
            return b""
        return await asyncio.to_thread(_bytes, self._path)

    @property
    def now_s(self) -> float:
        """How long it has been recorded by now."""
        return time.monotonic() - self._began

    @property
    def seconds(self) -> float:
        return self.samples.size / sound.RATE

    def find(self, wav: bytes | Numbers, *, alike: float = ALIKE) -> list[tuple[float, float]]:
        """Where the sound begins, and how much alike it is there (1: the same but for loudness),
        each place once, in order."""
        wanted = sound.decode_wav(wav) if isinstance(wav, bytes) else wav
        if not 0 < wanted.size <= self.samples.size:
            return []
        likeness = _likeness(self.samples, wanted)
        found: list[tuple[float, float]] = []
        while likeness.size and (best := float(likeness.max())) >= alike:
            at = int(likeness.argmax())
            found.append((at / sound.RATE, best))
            likeness[max(0, at - wanted.size // 2) : at + wanted.size // 2 + 1] = 0
        return sorted(found)

    def heard(self, sounds: Mapping[str, bytes], *, alike: float = ALIKE) -> list[str]:
        """The names of the sounds in the order in which they were heard."""
        places = [
            (at, name) for name, wav in sounds.items() for at, _ in self.find(wav, alike=alike)
        ]
        return [name for _, name in sorted(places)]

    def first_sound_s(self, *, loud: float = 0.02) -> float:
        """When something is heard first; the end where nothing is."""
        found = np.flatnonzero(np.abs(self.samples) > loud)
        return float(found[0]) / sound.RATE if found.size else self.seconds

    def loudness(self, start_s: float, end_s: float) -> float:
        """Root of the mean square, 0 to 1."""
        part = self.samples[round(start_s * sound.RATE) : round(end_s * sound.RATE)]
        return float(np.sqrt(np.mean(part**2))) if part.size else 0.0


def _open_files(pid: int) -> set[Path]:
    """What the process `pid` has open by now."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            found.add(descriptor.readlink())
    return found


async def record(pbx: PrivatePbx, channel: str) -> Recording:
    """Recording has begun; end it by `stop`."""
    folder = pbx.run / "recordings"
    folder.mkdir(exist_ok=True)
    path = folder / f"{secrets.token_hex(8)}.wav"
    return await Recording(pbx=pbx, channel=channel, path=path).start()


async def callers_channel(pbx: PrivatePbx, *, other_than: frozenset[str] = frozenset()) -> str:
    """The trunk's channel, as soon as there is one."""

    async def find() -> str | None:
        listed = await pbx.rx("core show channels concise")
        names = [line.partition("!")[0] for line in listed.splitlines() if "!" in line]
        trunk = [name for name in names if name.startswith("PJSIP/trunk-")]
        return next((name for name in trunk if name not in other_than), None)

    channel = await until(find, "a caller's channel")
    assert channel is not None
    return channel


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _likeness(samples: Numbers, wanted: Numbers) -> Numbers:
    """The normalised correlation at each place where the whole of `wanted` fits."""
    places = samples.size - wanted.size + 1
    size = 1 << (samples.size + wanted.size - 1).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(wanted, size))
    products = np.fft.irfft(spectrum, size)[:places]
    energy = np.concatenate([[0.0], np.cumsum(samples**2)])
    own = float(np.sum(wanted**2))
    around = energy[wanted.size :] - energy[:places]
    # In near silence anything would be alike.
    likeness: Numbers = products / np.sqrt(np.maximum(around, own / 100) * own)
    return likeness
