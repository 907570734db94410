"""What a caller really heard: Asterisk records the line, and sounds are found in the recording."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from calls.deadlines import Deadline
from ivr import sound
from ivr.prompt_store import WAV_HEAD
from ivr.prompts import Prompts
from switchboard.demo.private_pbx import PrivatePbx
from tests.acceptance.waiting import until

#: As alike as a sound is to itself after the telephone's coding, with room for lost packets.
ALIKE = 0.8
#: What the telephone's coding (G.711) makes silence of.
SILENT = 4.5 / 32768
#: Silence this long is a pause. Shorter than a packet: it may lie beside a silence of the sound's.
PAUSE_S = 0.0025
#: With pauses, a sound may last longer by this factor.
LONGEST = 1.5
#: A sound is looked for in pieces of about this length, each up to so much nearer to the one
#: before or farther off (eight packets at once were seen missing), all together up to so much.
PIECE_S, SHIFT_S, SPARE_S = 0.3, 0.2, 0.5
#: Sounds that begin closer to each other are one sound.
ONE_PLACE_S = 0.25
#: As far as a note's energy spreads in part of a second.
NOTE_HZ = 10

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
        answer = await self._pbx.rx(f"mixmonitor start {self._channel} {mixmonitor(self._path)}")
        assert "No such" not in answer, answer
        self._began = time.monotonic()
        return self

    async def stop(self) -> Self:
        """Also after the channel has gone, which ends the recording by itself."""
        await self._pbx.rx(f"mixmonitor stop {self._channel}")
        return await self.over()

    async def over(self) -> Self:
        """Once the channel has gone."""
        wav = await until(self._whole, f"the recording of {self._channel}")
        self.samples = sound.decode_wav(wav)
        return self

    async def _whole(self) -> bytes:
        """Nothing while Asterisk still has the file open: it closes it some time after `stop`."""
        return b"" if await self.goes_on() else await asyncio.to_thread(_bytes, self._path)

    async def so_far(self) -> Self:
        """What is in the file while it grows, 32 KiB at a time (main/file.c of Asterisk 22)."""
        wav = await asyncio.to_thread(_bytes, self._path)
        data = wav[WAV_HEAD:]
        self.samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2") / 32768
        return self

    async def goes_on(self) -> bool:
        """Asterisk has the file open."""
        return self._path in await asyncio.to_thread(_open_files, self._pbx.pid)

    @property
    def now_s(self) -> float:
        """How long it has been recorded by now."""
        return time.monotonic() - self._began

    @property
    def seconds(self) -> float:
        return self.samples.size / sound.RATE

    def find(self, wav: bytes | Numbers, *, alike: float = ALIKE) -> list[tuple[float, float]]:
        """Where the sound begins, and how much alike it is there (1: the same but for loudness),
        each place once, in order.

        Pauses do not count. Asterisk that is given no processor for a while (30 ms on a busy
        machine; Debian's service has real-time priority) is late with its next packet, and there
        is silence for it in the middle of a sound; now and then MixMonitor loses some (22.10).
        Other sentences were up to 0.63 alike, the same one at least 0.93."""
        wanted = sound.decode_wav(wav) if isinstance(wav, bytes) else wav
        here, there = _without_pauses(self.samples), _without_pauses(wanted)
        if not 0 < there.size <= here.size:
            return []
        likeness = _likeness(self.samples[here], wanted[there])
        starts = here[: likeness.size]
        likeness[here[there.size - 1 :] - starts > LONGEST * wanted.size] = 0
        found: list[tuple[float, float]] = []
        while likeness.size and (best := float(likeness.max())) >= alike:
            at = int(likeness.argmax())
            found.append((float(starts[at] - there[0]) / sound.RATE, best))
            likeness[max(0, at - there.size // 2) : at + there.size // 2 + 1] = 0
        return sorted(found)

    def heard(self, sounds: Mapping[str, bytes], *, alike: float = ALIKE) -> list[str]:
        """The names of the sounds in the order in which they were heard. Where two of them are
        found, it is the one more alike: "number two" is much like "number three"."""
        places = [
            (likeness, at, name)
            for name, wav in sounds.items()
            for at, likeness in self.find(wav, alike=alike)
        ]
        taken: list[tuple[float, str]] = []
        for _, at, name in sorted(places, reverse=True):
            if all(abs(at - other) > ONE_PLACE_S for other, _ in taken):
                taken.append((at, name))
        return [name for _, name in sorted(taken)]

    def first_sound_s(self, *, loud: float = 0.02) -> float:
        """When something is heard first; the end where nothing is."""
        found = np.flatnonzero(np.abs(self.samples) > loud)
        return float(found[0]) / sound.RATE if found.size else self.seconds

    def loudness(self, start_s: float, end_s: float) -> float:
        """Root of the mean square, 0 to 1."""
        part = self.samples[round(start_s * sound.RATE) : round(end_s * sound.RATE)]
        return float(np.sqrt(np.mean(part**2))) if part.size else 0.0

    def share_of(self, notes_hz: Sequence[float], start_s: float, end_s: float) -> float:
        """How much of what is heard is these notes, 0 to 1, however loud it is."""
        part = self.samples[round(start_s * sound.RATE) : round(end_s * sound.RATE)]
        energy = np.abs(np.fft.rfft(part * np.hanning(part.size))) ** 2
        heard_hz = np.fft.rfftfreq(part.size, 1 / sound.RATE)
        notes = np.any([np.abs(heard_hz - note) < NOTE_HZ for note in notes_hz], axis=0)
        return float(energy[notes].sum() / max(energy.sum(), np.finfo(float).tiny))


async def rendered(prompts: Prompts, text: str, language: str = "en") -> str:
    """Its address. A busy machine may not speak in the time that a sentence has, and is asked
    again."""

    async def spoken() -> str | None:
        return await prompts.render(text, language, deadline=Deadline.after(30))

    return str(await until(spoken, f"the sound of {text!r}"))


def _open_files(pid: int) -> set[Path]:
    """What the process `pid` has open by now."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            found.add(descriptor.readlink())
    return found


def mixmonitor(path: Path) -> str:
    """What MixMonitor is told, by the console or by a dialplan, so that `path` is what was played
    to the caller."""
    both = path.with_name(f"{path.stem}-both.wav")
    # The main file must be named too. S: silence where nothing was played, so that seconds of the
    # file are seconds of the call.
    return f"{both},t({path})r({both}.caller.wav)S"


def new_path(pbx: PrivatePbx) -> Path:
    folder = pbx.run / "recordings"
    folder.mkdir(exist_ok=True)
    return folder / f"{secrets.token_hex(8)}.wav"


async def record(pbx: PrivatePbx, channel: str) -> Recording:
    """Recording has begun; end it by `stop`."""
    return await Recording(pbx=pbx, channel=channel, path=new_path(pbx)).start()


async def recorded_line(
    pbx: PrivatePbx, dialled: str, *before: str, context: str = "switchboard-in"
) -> tuple[str, Recording]:
    """A number that leads to `dialled` by way of MixMonitor, and its recording: not a packet is
    missed, however busy the machine. `before` are steps of the dialplan. One call each."""
    line = f"+19{secrets.randbelow(10**9):09}"
    await pbx.rx("module load app_mixmonitor.so")
    path = new_path(pbx)
    steps = (f"MixMonitor({mixmonitor(path)})", *before, f"Goto({context},{dialled},1)")
    for priority, step in enumerate(steps, 1):
        await pbx.rx(f"dialplan add extension {line},{priority},{step} into {context}")
    return line, Recording(pbx=pbx, channel=line, path=path)


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


def _without_pauses(samples: Numbers) -> npt.NDArray[np.intp]:
    """Places of the samples that are left."""
    edges = np.diff(np.abs(samples) < SILENT, prepend=False, append=False)
    begins, ends = np.flatnonzero(edges).reshape(-1, 2).T
    pauses = ends - begins >= PAUSE_S * sound.RATE
    depth = np.zeros(samples.size + 1)
    depth[begins[pauses]] = 1
    depth[ends[pauses]] -= 1
    return np.flatnonzero(np.cumsum(depth[:-1]) == 0)


def _likeness(samples: Numbers, wanted: Numbers) -> Numbers:
    """For each place where the whole of `wanted` fits, the likeness of its pieces one behind the
    other, each weighed by its energy."""
    places = samples.size - wanted.size + 1
    # Where the sound begins with the recording, its rest may have come earlier.
    spare = round(SPARE_S * sound.RATE)
    samples = np.pad(samples, spare)
    size = 1 << (samples.size + wanted.size - 1).bit_length()
    spectrum = np.fft.rfft(samples, size)
    energy = np.concatenate([[0.0], np.cumsum(samples**2)])
    pieces = np.array_split(wanted, max(1, round(wanted.size / (PIECE_S * sound.RATE))))
    begin = wanted.size
    likeness = np.zeros(places + 2 * spare)
    # From the last to the first: a place is then where the first one begins.
    for piece in reversed(pieces):
        begin -= piece.size
        here = slice(begin, begin + likeness.size)
        if likeness.any():
            likeness = maximum_filter1d(likeness, 2 * round(SHIFT_S * sound.RATE) + 1)
        own = float(np.sum(piece**2))
        products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)[here]
        around = (energy[piece.size :] - energy[: -piece.size])[here]
        # In near silence anything would be alike.
        scale = np.sqrt(np.maximum(around, own / 100) * own)
        likeness += products / scale * (own / float(np.sum(wanted**2)))
    return likeness[spare : spare + places]
