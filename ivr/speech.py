"""Text to speech by the programs of the machine: flite for English, espeak-ng for the rest.

The text reaches a program in a file, never on a command line; a program that hangs is killed with
everything it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from calls.errors import DeadlineExceeded, Unavailable
from config.settings import SpeechSettings
from ivr import sound

#: Longer text is refused: some three minutes of speech, what a rulebook's text may come to.
TEXT_LIMIT = 2000
WAV_LIMIT = 20_000_000
PROGRAM_DEADLINE_S = 20.0
#: espeak-ng 1.51 names Mandarin by ISO 639-3; its `zh` is an alias that other versions lack.
ESPEAK_VOICES = {"zh": "cmn", "cmn": "cmn", "en": "en-us", "yue": "yue"}

_LANGUAGE = re.compile(r"[a-z]{2,3}")


class SpeechFailed(Unavailable):
    """A speech program is missing, refused the text or took too long; the message says what to
    do."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What makes the same text sound different; part of a prompt's name in the cache."""

    engine: str
    name: str


class SpeechEngine(Protocol):
    def voice_for(self, language: str) -> Voice: ...

    async def speak(self, text: str, language: str) -> sound.Samples:
        """Raises SpeechFailed."""
        ...


def base_language(language: str) -> str:
    """`zh` of `zh-CN` or `zh_TW`. Raises SpeechFailed for what is no language code."""
    base = re.split(r"[-_]", language.strip().lower())[0]
    if not _LANGUAGE.fullmatch(base):
        raise SpeechFailed("not a language code; expected one like en or zh")
    return base


def plain_text(text: str) -> str:
    """One line without control characters, at most TEXT_LIMIT long. Raises SpeechFailed where
    nothing can be spoken."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not any(c.isalnum() for c in line):
        raise SpeechFailed("nothing in the text can be spoken")
    if len(line) > TEXT_LIMIT:
        raise SpeechFailed(f"the text has {len(line)} characters; at most {TEXT_LIMIT} are spoken")
    return line


def without_accents(text: str) -> str:
    """flite 2.2 reads ASCII only: `José` must reach it as `Jose`, not as `Jos`."""
    apart = unicodedata.normalize("NFKD", text.replace("’", "'").replace("ß", "ss"))
    return "".join(c for c in apart if not unicodedata.combining(c))


class Flite:
    """English. Debian package `flite` (in main)."""

    def __init__(self, *, program: str, voice: str) -> None:
        self._program = program
        self._voice = Voice("flite", voice)

    def voice_for(self, language: str) -> Voice:
        return self._voice

    async def speak(self, text: str, language: str) -> sound.Samples:
        spoken = without_accents(plain_text(text))
        arguments = ["-voice", self._voice.name, "-f", "text", "-o", "speech.wav"]
        return _finished(await run_program(self._program, arguments, spoken, package="flite"))


class Espeak:
    """Every other language; its Mandarin is a robotic placeholder. Debian package `espeak-ng`."""

    def __init__(self, *, program: str) -> None:
        self._program = program

    def voice_for(self, language: str) -> Voice:
        base = base_language(language)
        return Voice("espeak-ng", ESPEAK_VOICES.get(base, base))

    async def speak(self, text: str, language: str) -> sound.Samples:
        voice = self.voice_for(language)
        arguments = ["-v", voice.name, "-s", "160", "-b", "1", "-f", "text", "-w", "speech.wav"]
        wav = await run_program(self._program, arguments, plain_text(text), package="espeak-ng")
        return _finished(wav)


class EngineByLanguage:
    """English by flite, the rest by espeak-ng."""

    def __init__(self, *, english: SpeechEngine, others: SpeechEngine) -> None:
        self._english = english
        self._others = others

    def voice_for(self, language: str) -> Voice:
        return self._engine(language).voice_for(language)

    async def speak(self, text: str, language: str) -> sound.Samples:
        return await self._engine(language).speak(text, language)

    def _engine(self, language: str) -> SpeechEngine:
        return self._english if base_language(language) == "en" else self._others


def engine_for(settings: SpeechSettings) -> SpeechEngine:
    return EngineByLanguage(
        english=Flite(program=settings.flite, voice=settings.flite_voice),
        others=Espeak(program=settings.espeak),
    )


def _finished(wav: bytes) -> sound.Samples:
    try:
        samples = sound.trim(sound.decode_wav(wav))
    except sound.NotSound as error:
        raise SpeechFailed(f"the speech program wrote no sound: {error}") from error
    if not samples.size:
        raise SpeechFailed("the speech program wrote silence")
    return sound.even_loudness(samples)


async def run_program(
    program: str,
    arguments: list[str],
    text: str,
    *,
    package: str,
    deadline_s: float = PROGRAM_DEADLINE_S,
) -> bytes:
    """The WAV that `program` wrote as `speech.wav` from the file `text` in its working folder."""
    folder = await asyncio.to_thread(_folder_with, text)
    try:
        process = await _start(program, arguments, folder.name, package)
        await _wait(process, program, deadline_s)
        return await asyncio.to_thread(_read, Path(folder.name, "speech.wav"), program)
    finally:
        await asyncio.to_thread(folder.cleanup)


async def _start(
    program: str, arguments: list[str], folder: str, package: str
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            program,
            *arguments,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise SpeechFailed(
            f"cannot run the speech program {program!r} ({error.strerror}); "
            f"install it (Debian: apt-get install {package}) or name another under `speech:`"
        ) from error


async def _wait(process: asyncio.subprocess.Process, program: str, deadline_s: float) -> None:
    try:
        async with asyncio.timeout(deadline_s):
            code = await process.wait()
    except TimeoutError as error:
        raise DeadlineExceeded(f"{program} did not finish in {deadline_s:g} s") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
    if code:
        raise SpeechFailed(f"{program} ended with status {code}; is the voice installed?")


def _folder_with(text: str) -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="switchboard-speech-")
    Path(folder.name, "text").write_text(text + "\n", encoding="utf-8")
    return folder


def _read(path: Path, program: str) -> bytes:
    try:
        if path.stat().st_size > WAV_LIMIT:
            raise SpeechFailed(f"{program} wrote more than {WAV_LIMIT} bytes")
        return path.read_bytes()
    except OSError as error:
        raise SpeechFailed(f"{program} wrote no sound ({error.strerror})") from error
