"""Every language by espeak-ng (Debian package `espeak-ng`); its Mandarin is robotic: record it."""

from __future__ import annotations

from ivr import sound
from ivr.speech import Voice, base_language, plain_text
from ivr.speech_library import LibraryOrProgram

PROGRAM = "espeak-ng"
#: espeak-ng 1.51 names Mandarin by ISO 639-3; its `zh` is an alias that other versions lack.
VOICES = {"zh": "cmn", "cmn": "cmn", "en": "en-us", "yue": "yue"}
#: Words a minute; at the usual pace each Chinese syllable takes 0.4 s, twice a person's.
PACE, PACES = 160, {"cmn": 220, "yue": 220}


class Espeak:
    def __init__(self, *, program: str, warm: bool = True) -> None:
        library = "espeak" if warm and program == PROGRAM else None
        self._speaker = LibraryOrProgram(
            library=library, program=program, package="Debian: apt-get install espeak-ng"
        )

    def voice_for(self, language: str) -> Voice:
        base = base_language(language)
        name = VOICES.get(base, base)
        return Voice("espeak-ng", f"{name} {PACES.get(name, PACE)}")

    async def speak(self, text: str, language: str) -> sound.Samples:
        voice = self.voice_for(language).name
        name, _, pace = voice.partition(" ")
        arguments = ["-v", name, "-s", pace, "-b", "1", "-f", "text", "-w", "speech.wav"]
        return await self._speaker.speak(plain_text(text), voice, arguments)

    async def close(self) -> None:
        await self._speaker.close()
