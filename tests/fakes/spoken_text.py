"""Speech without sound: the address of a text shows the text."""

from __future__ import annotations

from urllib.parse import quote, unquote

from calls.deadlines import Deadline
from ivr.sentences import estimated_s, fragments

PREFIX = "http://speech/"


class FakeSpeech:
    """Implements `calls.ports.SpokenText`. Texts that hold a word of `unready` are not had in
    time; `silent` stands for no speech at all. A text of `recorded` is a piece of its own."""

    def __init__(self) -> None:
        self.unready: set[str] = set()
        self.silent = False
        self.asked: list[tuple[str, str]] = []
        self.recorded: set[str] = set()

    async def render(self, text: str, language: str, *, deadline: Deadline) -> str | None:
        self.asked.append((text, language))
        if self.silent or any(word in text for word in self.unready):
            return None
        return PREFIX + quote(text)

    def pieces(self, text: str, language: str) -> tuple[str, ...]:
        for recorded in sorted(self.recorded, key=len, reverse=True):
            before, found, after = text.partition(recorded)
            if found:
                after = after.lstrip(" ,.;:!?，。；：！？")
                return (*self.pieces(before, language), recorded, *self.pieces(after, language))
        return fragments(text)

    def seconds(self, text: str, language: str) -> float:
        return sum(estimated_s(piece, language) for piece in self.pieces(text, language))


def words(sounds: object) -> list[str]:
    """The texts behind addresses."""
    assert isinstance(sounds, list | tuple)
    return [unquote(str(sound).removeprefix(PREFIX)) for sound in sounds]
