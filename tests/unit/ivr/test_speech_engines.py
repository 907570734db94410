"""Who speaks which language, and that one who fails holds nobody else up."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from config.settings import SpeechSettings
from ivr import speech_engines
from ivr.speech import SpeechFailed, Voice
from ivr.speech_engines import EngineByLanguage, engine_for
from tests.fakes.speech_engine import FakeEngine

pytestmark = pytest.mark.unit


async def test_every_language_has_the_engine_of_the_settings() -> None:
    settings = SpeechSettings(
        engines={"de": "piper", "zh": "http", "*": "flite", "en": "espeak"},
        piper_voices={"*": Path("/voices/de_DE-kerstin-low.onnx")},
        http_url="http://127.0.0.1:9/v1/",
        http_model="m",
        http_voices={"zh": "xiaoyi"},
        http_secret=SecretStr("s"),
    )
    async with engine_for(settings) as engine:
        assert engine.voice_for("de-AT") == Voice("piper", "de_DE-kerstin-low")
        assert engine.voice_for("zh") == Voice("http", "http://127.0.0.1:9/v1 m xiaoyi 1")
        assert engine.voice_for("en") == Voice("espeak-ng", "en-us 160")
        assert engine.voice_for("fr") == Voice("flite", "slt")
        assert engine.stand_in is not None
        assert engine.stand_in.voice_for("zh") == Voice("espeak-ng", "cmn 220")
        with pytest.raises(SpeechFailed, match="nothing speaks"):
            engine.stand_in.voice_for("fr")


async def test_flite_and_espeak_need_nobody_to_stand_in() -> None:
    async with engine_for(SpeechSettings()) as engine:
        assert engine.stand_in is None


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


async def test_after_three_failures_a_language_rests_and_others_do_not(engine: FakeEngine) -> None:
    engine.broken = True
    both = EngineByLanguage({"*": engine})
    for _ in range(3):
        with pytest.raises(SpeechFailed, match="broken by the test"):
            await both.speak("Hola", "es-MX")
    with pytest.raises(SpeechFailed, match=r"no speech in this language for 1\d s more"):
        await both.speak("Hola", "es")
    assert len(engine.spoken) == 3
    engine.broken = False
    assert (await both.speak("Bonjour", "fr")).size


async def test_a_success_forgets_the_failures_before_it(engine: FakeEngine) -> None:
    both = EngineByLanguage({"*": engine})
    for broken in (True, True, False, True, True, False):
        engine.broken = broken
        if broken:
            with pytest.raises(SpeechFailed, match="broken by the test"):
                await both.speak("Hola", "es")
        else:
            assert (await both.speak("Hola", "es")).size


async def test_a_rest_ends(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_engines, "REST_S", -1.0)
    both = EngineByLanguage({"*": engine})
    engine.broken = True
    for _ in range(5):
        with pytest.raises(SpeechFailed, match="broken by the test"):
            await both.speak("Hola", "es")
