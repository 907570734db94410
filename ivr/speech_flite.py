"""English by flite (Debian package `flite`, in main)."""

from __future__ import annotations

import unicodedata

from ivr import sound
from ivr.speech import Voice, plain_text
from ivr.speech_library import LibraryOrProgram

PROGRAM = "flite"


class Flite:
    """`program` None: flite's own, with its library kept warm where `warm` says so."""

    def __init__(self, *, program: str, voice: str, warm: bool = True) -> None:
        self._voice = Voice("flite", voice)
        library = "flite" if warm and program == PROGRAM else None
        self._speaker = LibraryOrProgram(
            library=library, program=program, package="Debian: apt-get install flite"
        )

    def voice_for(self, language: str) -> Voice:
        return self._voice

    async def speak(self, text: str, language: str) -> sound.Samples:
        arguments = ["-voice", self._voice.name, "-f", "text", "-o", "speech.wav"]
        return await self._speaker.speak(
            without_accents(plain_text(text)), self._voice.name, arguments
        )

    async def close(self) -> None:
        await self._speaker.close()


def without_accents(text: str) -> str:
    """flite 2.2 reads ASCII only: `José` must reach it as `Jose`, not as `Jos`."""
    apart = unicodedata.normalize("NFKD", text.replace("’", "'").replace("ß", "ss"))
    return "".join(c for c in apart if not unicodedata.combining(c))
