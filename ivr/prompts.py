"""Text to a playable address, with a cache between the caller and the speech programs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence

from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.ports import SpokenText
from ivr import sound, speech
from ivr.prompt_store import PromptStore, recipe_name

#: What one prompt may take when it is rendered ahead of any caller.
PRERENDER_S = 30.0
#: Fewer characters than this are no sentence of their own ("No.", "Dr. Li").
FRAGMENT_MIN = 12

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*")

Progress = Callable[[int, int], None]


class Prompts:
    """Implements `calls.ports.SpokenText`."""

    def __init__(self, *, store: PromptStore, engine: speech.SpeechEngine) -> None:
        self._store = store
        self._engine = engine

    async def render(self, text: str, language: str, *, deadline: Deadline) -> str | None:
        try:
            line = speech.plain_text(text)
            voice = self._engine.voice_for(language)
        except Unavailable:
            return None

        async def make() -> bytes:
            samples = await self._engine.speak(line, language)
            return await asyncio.to_thread(sound.encode_wav, samples)

        name = recipe_name(voice.engine, voice.name, language, line)
        return await self._store.address(name, make, deadline=deadline)

    async def prerender(
        self, texts: Iterable[tuple[str, str]], progress: Progress | None = None
    ) -> int:
        """Renders pairs of (text, language) one after another, so that callers come between;
        `progress(done, of)` is told after each. Returns how many could not be had."""
        wanted = list(dict.fromkeys(texts))
        missing = 0
        for done, (text, language) in enumerate(wanted, 1):
            for fragment in fragments(text):
                url = await self.render(fragment, language, deadline=Deadline.after(PRERENDER_S))
                missing += url is None
            if progress is not None:
                progress(done, len(wanted))
        return missing


def fragments(text: str) -> tuple[str, ...]:
    """The sentences of a text: where one changes from caller to caller, the others stay cached."""
    parts: list[str] = []
    for part in _SENTENCE_END.split(" ".join(text.split())):
        if not any(c.isalnum() for c in part):
            continue
        if parts and _is_short(parts[-1]):
            joint = "" if parts[-1][-1] in "。！？" else " "
            parts[-1] = f"{parts[-1]}{joint}{part}"
        else:
            parts.append(part)
    return tuple(parts)


def _is_short(text: str) -> bool:
    # A Chinese character is about a syllable; three of them are as long as a short word.
    return sum(3 if c > "\u2e80" else 1 for c in text) < FRAGMENT_MIN


async def render_all(
    prompts: SpokenText, texts: Sequence[str], language: str, *, deadline: Deadline
) -> tuple[str, ...] | None:
    """Addresses of all sentences of all texts in order, or None where one cannot be had in time:
    half a sentence helps nobody."""
    wanted = [fragment for text in texts for fragment in fragments(text)]
    urls = await asyncio.gather(
        *(prompts.render(fragment, language, deadline=deadline) for fragment in wanted)
    )
    return tuple(url for url in urls if url is not None) if all(urls) else None
