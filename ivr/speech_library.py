"""Speaks by a library kept warm in a child process, else by the program of the same name."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from calls.errors import DeadlineExceeded
from ivr import sound, speech, speech_child
from ivr.speech import SpeechFailed
from ivr.speech_programs import run_program
from ivr.speech_warm import WarmPool

log = logging.getLogger(__name__)


class LibraryOrProgram:
    """`library` is `flite` or `espeak`; None: the program alone, for it is not the usual one."""

    def __init__(self, *, library: str | None, program: str, package: str) -> None:
        self._program = program
        self._package = package
        self._warm: WarmPool | None = None
        if library is not None:
            self._warm = WarmPool(
                program=sys.executable,
                arguments=lambda folder: (
                    *("-I", "-S", str(Path(speech_child.__file__))),
                    *(library, str(folder)),
                ),
                package=package,
            )

    async def speak(self, text: str, voice: str, arguments: Sequence[str]) -> sound.Samples:
        """`arguments` are the program's own: it reads the file `text` and writes `speech.wav`.
        Raises SpeechFailed, or DeadlineExceeded."""
        wav = await self._by_library(text, voice)
        if wav is None:
            wav = await run_program(
                self._program,
                arguments,
                text,
                package=self._package,
                deadline_s=speech.deadline_s(text),
            )
        return await asyncio.to_thread(speech.finished, wav, self._program)

    async def _by_library(self, text: str, voice: str) -> bytes | None:
        """None where the program is to try."""
        if self._warm is None or self._warm.rests:
            return None
        line = json.dumps({"voice": voice, "text": text})
        try:
            return await self._warm.wav(line, deadline_s=speech.deadline_s(text))
        except DeadlineExceeded:
            raise
        except SpeechFailed as error:
            log.warning("speech: %s is started anew for each sentence: %s", self._program, error)
            return None

    async def close(self) -> None:
        if self._warm is not None:
            await self._warm.close()
