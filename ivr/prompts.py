"""Text to a playable address, with a cache between the caller and the speech programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial

from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.ports import SpokenText
from config.rulebook import Rulebook
from ivr import sound, speech
from ivr.prompt_store import Maker, PromptStore, recipe_name
from ivr.recordings import Recordings
from ivr.sentences import estimated_s, fragments

#: What one prompt may take when it is rendered ahead of any caller.
PRERENDER_S = 30.0
#: Of the time there is, for a way after which there is another.
FIRST_SHARE = 0.6
#: Texts whose ways are remembered.
KNOWN_TEXTS = 4096

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to make a piece of text sound; `name` is that in the store."""

    name: str
    make: Maker


class Prompts:
    """Implements `calls.ports.SpokenText`. Without `recordings` everything is spoken."""

    def __init__(
        self,
        *,
        store: PromptStore,
        engine: speech.SpeechEngine,
        stand_in: speech.SpeechEngine | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        """`stand_in` speaks what `engine` cannot, in the languages that it knows."""
        self._store = store
        self._engines = (engine, stand_in) if stand_in is not None else (engine,)
        self._recordings = recordings
        self._ways = lru_cache(KNOWN_TEXTS)(self._found_ways)
        self._pieces = lru_cache(KNOWN_TEXTS)(self._parted)

    async def take(self, rulebook: Rulebook) -> None:
        """From now on the recordings of this rulebook are heard."""
        if self._recordings is not None:
            await self._recordings.take(rulebook)
        self.forget()

    def forget(self) -> None:
        """Texts spoken lately; callers' names stand in them."""
        self._ways.cache_clear()
        self._pieces.cache_clear()

    async def render(self, text: str, language: str, *, deadline: Deadline) -> str | None:
        ways = self._ways(text, language)
        for way in ways:
            own = deadline
            if way is not ways[-1]:
                own = Deadline.after(deadline.left_s * FIRST_SHARE)
            url = await self._store.address(way.name, way.make, deadline=own)
            if url is not None:
                return url
        return None

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
            way, deadline = self._recorded(sha256), Deadline.after(PRERENDER_S)
            missing += await self._store.address(way.name, way.make, deadline=deadline) is None
            if progress is not None:
                progress(done, of)
        for done, (text, language) in enumerate(wanted, len(sounds) + 1):
            for piece in self._pieces(text, language):
                url = await self.render(piece, language, deadline=Deadline.after(PRERENDER_S))
                missing += url is None
            if progress is not None:
                progress(done, of)
        return missing

    def _found_ways(self, text: str, language: str) -> tuple[Way, ...]:
        """By preference; none for what cannot be spoken at all."""
        try:
            line = speech.plain_text(text)
        except Unavailable:
            return ()
        ways: list[Way] = []
        if self._recordings is not None:
            sha256 = self._recordings.words.sound_for(line, language)
            if sha256 is not None and sha256 not in self._recordings.unplayable:
                ways.append(self._recorded(sha256))
        for engine in self._engines:
            with suppress(Unavailable):
                voice = engine.voice_for(language)
                name = recipe_name(voice.engine, voice.name, language, line)
                ways.append(Way(name, partial(_spoken, engine, line, language)))
        return tuple(ways)

    def _parted(self, text: str, language: str) -> tuple[str, ...]:
        if self._recordings is None or not self._recordings.words.by_words:
            return fragments(text)
        return self._recordings.words.pieces(text, language)

    def _piece_s(self, piece: str, language: str) -> float:
        for way in self._ways(piece, language):
            seconds = self._store.seconds(way.name)
            if seconds is not None:
                return seconds
        return estimated_s(piece, language)

    def _recorded(self, sha256: str) -> Way:
        return Way(recipe_name("recording", sha256), partial(self._wav_of, sha256))

    async def _wav_of(self, sha256: str) -> bytes:
        assert self._recordings is not None
        try:
            return await self._recordings.wav(sha256)
        except Unavailable:
            # Whoever asks next is not to try it again.
            self._ways.cache_clear()
            raise


async def _spoken(engine: speech.SpeechEngine, line: str, language: str) -> bytes:
    samples = await engine.speak(line, language)
    return await asyncio.to_thread(sound.encode_wav, samples)


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
