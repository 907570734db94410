"""Speech by Piper, kept running: loading a voice takes longer than a caller waits.

Command line as in piper 1.8 (`python -m piper`, the program `piper`) and in the C++ program of the
same name before it: `--model FILE --output-dir FOLDER`, a text per line on standard input, the path
of each WAV told on a line. Voices are files of your own: NAME.onnx with NAME.onnx.json beside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from ivr import sound
from ivr.speech import SpeechFailed, Voice, base_language, deadline_s, finished, plain_text
from ivr.speech_warm import WarmPool

#: Loading the voice, besides the speaking.
LOADING_S = 20.0


class Piper:
    """`voices` by language code; `*` for any other."""

    def __init__(self, *, program: str, voices: Mapping[str, Path]) -> None:
        self._program = program
        self._voices = voices
        self._pools: dict[Path, WarmPool] = {}

    def voice_for(self, language: str) -> Voice:
        return Voice("piper", self._file(language).stem)

    async def speak(self, text: str, language: str) -> sound.Samples:
        pool = self._pool(self._file(language))
        line = plain_text(text)
        if pool.rests:
            raise SpeechFailed(f"{self._program} failed a moment ago and rests")
        wav = await pool.wav(line, deadline_s=LOADING_S + deadline_s(line))
        return await asyncio.to_thread(finished, wav, self._program)

    async def close(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    def _file(self, language: str) -> Path:
        found = self._voices.get(base_language(language)) or self._voices.get("*")
        if found is None:
            raise SpeechFailed("speech.piper_voices names no voice for this language")
        return found

    def _pool(self, voice: Path) -> WarmPool:
        if voice not in self._pools:
            model = str(voice.absolute())
            self._pools[voice] = WarmPool(
                program=self._program,
                # With underscores: the C++ program knows only these, the other one both.
                arguments=lambda folder: ("--model", model, "--output_dir", str(folder)),
                package="pip install piper-tts",
            )
        return self._pools[voice]
