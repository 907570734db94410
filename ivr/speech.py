"""The port of everything that makes speech of text, and what all of it shares.

Behind it: `speech_flite`, `speech_espeak`, `speech_piper`, `speech_http`; `speech_engines` chooses
by language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from calls.errors import Unavailable
from ivr import sound

#: Longer text is refused: some three minutes of speech, what a rulebook's text may come to.
TEXT_LIMIT = 2000
LONGEST_S = 300.0
WAV_LIMIT = 20_000_000

_LANGUAGE = re.compile(r"[a-z]{2,3}")


class SpeechFailed(Unavailable):
    """An engine is missing, refused the text or took too long; the message says what to do and
    never holds the text."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What makes the same text sound different; part of a prompt's name in the cache."""

    engine: str
    name: str


class SpeechEngine(Protocol):
    def voice_for(self, language: str) -> Voice:
        """Raises SpeechFailed for what is no language code."""
        ...

    async def speak(self, text: str, language: str) -> sound.Samples:
        """Trimmed and evened. Raises SpeechFailed, or DeadlineExceeded."""
        ...

    async def close(self) -> None:
        """Ends whatever was kept running."""
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


def deadline_s(text: str) -> float:
    """What speaking a text may take a program: plenty for its length on a busy machine, and no
    more, for others wait meanwhile."""
    return 3.0 + 0.01 * len(text)


def finished(wav: bytes, speaker: str) -> sound.Samples:
    """What an engine wrote, ready to be kept. Raises SpeechFailed. Blocks: call it in a thread."""
    try:
        samples = sound.evened(sound.decode_wav(wav, longest_s=LONGEST_S))
    except sound.NotSound as error:
        raise SpeechFailed(f"{speaker} wrote no sound: {error}") from error
    if not samples.size:
        raise SpeechFailed(f"{speaker} wrote silence")
    return samples
