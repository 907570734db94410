"""Text to a playable address, with a cache between the caller and the speech programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.ports import SpokenText
from config.rulebook import Rulebook
from ivr import sound, speech
from ivr.prompt_store import PromptStore, recipe_name
from ivr.recordings import Recordings
from ivr.sentences import estimated_s, fragments

#: What one prompt may take when it is rendered ahead of any caller.
PRERENDER_S = 30.0
#: Texts whose recipes are remembered.
KNOWN_TEXTS = 4096

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one piece of text is made to sound, by preference; the names are those in the store."""

    line: str
    spoken: str
    sha256: str | None
    recorded: str | None


class Prompts:
    """Implements `calls.ports.SpokenText`. Without `recordings` everything is spoken."""

    def __init__(
        self,
        *,
        store: PromptStore,
        engine: speech.SpeechEngine,
        recordings: Recordings | None = None,
    ) -> None:
        self._store = store
        self._engine = engine
        self._recordings = recordings
        self._recipe = lru_cache(KNOWN_TEXTS)(self._written_recipe)
        self._pieces = lru_cache(KNOWN_TEXTS)(self._parted)

    async def take(self, rulebook: Rulebook) -> None:
        """From now on the recordings of this rulebook are heard."""
        if self._recordings is not None:
            await self._recordings.take(rulebook)
        self._recipe.cache_clear()
        self._pieces.cache_clear()

    async def render(self, text: str, language: str, *, deadline: Deadline) -> str | None:
        recipe = self._recipe(text, language)
        if recipe is None:
            return None
        url = await self._recorded(recipe, deadline)
        if url is None:
            make = partial(self._speak, recipe.line, language)
            url = await self._store.address(recipe.spoken, make, deadline=deadline)
        return url

    def pieces(self, text: str, language: str) -> tuple[str, ...]:
        return self._pieces(text, language)

    def seconds(self, text: str, language: str) -> float:
        return sum(self._piece_s(piece, language) for piece in self._pieces(text, language))

    async def prerender(
        self, texts: Iterable[tuple[str, str]], progress: Progress | None = None
    ) -> int:
        """Readies all recordings and renders pairs of (text, language), one after another, so that
        callers come between; `progress(done, of)` is told after each. Returns how many could not
        be had."""
        wanted = list(dict.fromkeys(texts))
        sounds = self._recordings.sounds if self._recordings is not None else ()
        of = len(sounds) + len(wanted)
        missing = 0
        for done, sha256 in enumerate(sounds, 1):
            missing += await self._ready(sha256, Deadline.after(PRERENDER_S)) is None
            if progress is not None:
                progress(done, of)
        for done, (text, language) in enumerate(wanted, len(sounds) + 1):
            for piece in self._pieces(text, language):
                url = await self.render(piece, language, deadline=Deadline.after(PRERENDER_S))
                missing += url is None
            if progress is not None:
                progress(done, of)
        return missing

    def _written_recipe(self, text: str, language: str) -> Recipe | None:
        try:
            line = speech.plain_text(text)
            voice = self._engine.voice_for(language)
        except Unavailable:
            return None
        spoken = recipe_name(voice.engine, voice.name, language, line)
        sha256 = self._recordings.words.sound_for(line, language) if self._recordings else None
        return Recipe(line, spoken, sha256, _recording_name(sha256) if sha256 else None)

    def _parted(self, text: str, language: str) -> tuple[str, ...]:
        if self._recordings is None or not self._recordings.words.by_words:
            return fragments(text)
        return self._recordings.words.pieces(text, language)

    def _piece_s(self, piece: str, language: str) -> float:
        recipe = self._recipe(piece, language)
        for name in (recipe.recorded, recipe.spoken) if recipe is not None else ():
            known = self._store.seconds(name) if name is not None else None
            if known is not None:
                return known
        return estimated_s(piece, language)

    async def _recorded(self, recipe: Recipe, deadline: Deadline) -> str | None:
        if recipe.sha256 is None:
            return None
        return await self._ready(recipe.sha256, deadline)

    async def _ready(self, sha256: str, deadline: Deadline) -> str | None:
        """The address of a recording; None where it cannot be played."""
        if self._recordings is None or sha256 in self._recordings.unplayable:
            return None
        make = partial(self._recordings.wav, sha256)
        return await self._store.address(_recording_name(sha256), make, deadline=deadline)

    async def _speak(self, line: str, language: str) -> bytes:
        samples = await self._engine.speak(line, language)
        return await asyncio.to_thread(sound.encode_wav, samples)


def _recording_name(sha256: str) -> str:
    return recipe_name("recording", sha256)


async def render_all(
    prompts: SpokenText, texts: Sequence[str], language: str, *, deadline: Deadline
) -> tuple[str, ...] | None:
    """Addresses of all pieces of all texts in order, or None where one cannot be had in time:
    half a sentence helps nobody."""
    wanted = [piece for text in texts for piece in prompts.pieces(text, language)]
    urls = await asyncio.gather(
        *(prompts.render(piece, language, deadline=deadline) for piece in wanted)
    )
    return tuple(url for url in urls if url is not None) if all(urls) else None
