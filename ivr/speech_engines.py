"""Which engine speaks which language, and a rest for one that fails again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from calls.errors import Unavailable
from config.settings import SpeechSettings
from ivr import sound
from ivr.speech import SpeechEngine, SpeechFailed, Voice, base_language
from ivr.speech_espeak import Espeak
from ivr.speech_flite import Flite
from ivr.speech_http import HttpSpeech
from ivr.speech_piper import Piper

#: So many failures in a row and a language's engine is not asked for REST_S: each would hold up
#: what others wait for.
FAILURES, REST_S = 3, 15.0


@dataclass(slots=True)
class _Trouble:
    failures: int = 0
    until: float = 0.0


class EngineByLanguage:
    """`engines` by language code, `*` for any other; without `*` no other is spoken. Use as
    `async with`, or close it."""

    def __init__(
        self,
        engines: Mapping[str, SpeechEngine],
        *,
        stand_ins: Mapping[str, SpeechEngine] | None = None,
    ) -> None:
        """`stand_ins` are for languages whose engine may be away."""
        self._engines = engines
        self.stand_in = EngineByLanguage(stand_ins) if stand_ins else None
        self._troubles: dict[str, _Trouble] = {}

    def voice_for(self, language: str) -> Voice:
        return self._engine(language).voice_for(language)

    async def speak(self, text: str, language: str) -> sound.Samples:
        engine = self._engine(language)
        trouble = self._troubles.setdefault(base_language(language), _Trouble())
        now = asyncio.get_running_loop().time()
        if now < trouble.until:
            raise SpeechFailed(f"no speech in this language for {trouble.until - now:.0f} s more")
        try:
            samples = await engine.speak(text, language)
        except Unavailable:
            trouble.failures += 1
            if trouble.failures >= FAILURES:
                trouble.until = asyncio.get_running_loop().time() + REST_S
            raise
        self._troubles.pop(base_language(language), None)
        return samples

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        once = {id(engine): engine for engine in self._engines.values()}
        if self.stand_in is not None:
            once[id(self.stand_in)] = self.stand_in
        await asyncio.gather(*(engine.close() for engine in once.values()))

    def _engine(self, language: str) -> SpeechEngine:
        found = self._engines.get(base_language(language)) or self._engines.get("*")
        if found is None:
            raise SpeechFailed("nothing speaks this language")
        return found


def engine_for(settings: SpeechSettings) -> EngineByLanguage:
    """Where Piper or the endpoint does not speak, flite does for English and espeak-ng else."""
    made: dict[str, SpeechEngine] = {}

    def engine(name: str) -> SpeechEngine:
        if name not in made:
            made[name] = _engine(name, settings)
        return made[name]

    names = settings.engine_names
    away = [language for language, name in names.items() if name in ("piper", "http")]
    return EngineByLanguage(
        {language: engine(name) for language, name in names.items()},
        stand_ins={
            language: engine("flite" if language == "en" else "espeak") for language in away
        },
    )


def _engine(name: str, settings: SpeechSettings) -> SpeechEngine:
    match name:
        case "flite":
            return Flite(
                program=settings.flite, voice=settings.flite_voice, warm=settings.keep_warm
            )
        case "piper":
            return Piper(program=settings.piper, voices=settings.piper_voices)
        case "http":
            return HttpSpeech(
                url=settings.http_url or "",
                model=settings.http_model,
                voices=settings.http_voices,
                secret=settings.http_secret.get_secret_value(),
                speed=settings.http_speed,
                deadline_s=settings.http_deadline_s,
            )
        case _:
            return Espeak(program=settings.espeak, warm=settings.keep_warm)
