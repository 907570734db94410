"""The HTTP speech adapter against a real server on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from config.settings import SpeechSettings
from ivr import sound
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.speech import SpeechFailed, Voice
from ivr.speech_engines import engine_for
from ivr.speech_http import HttpSpeech
from tests.fakes.humming import hum
from tests.fakes.speech_endpoint import MP3, SpeechEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture
async def endpoint() -> AsyncIterator[SpeechEndpoint]:
    async with SpeechEndpoint() as opened:
        yield opened


@pytest.fixture
async def engine(endpoint: SpeechEndpoint) -> AsyncIterator[HttpSpeech]:
    opened = HttpSpeech(
        url=endpoint.url + "/",
        model="local-tts",
        voices={"zh": "xiaoyi", "*": "alloy"},
        secret="s3cret",
        speed=1.25,
        deadline_s=5,
    )
    yield opened
    await opened.close()


async def test_a_sentence_is_asked_for_as_documented(
    engine: HttpSpeech, endpoint: SpeechEndpoint
) -> None:
    samples = await engine.speak("您好，\n王小明。", "zh-CN")
    assert endpoint.asked == [
        {
            "model": "local-tts",
            "voice": "xiaoyi",
            "input": "您好， 王小明。",
            "response_format": "wav",
            "speed": 1.25,
        }
    ]
    assert endpoint.tokens == ["Bearer s3cret"]
    assert samples.size / sound.RATE == pytest.approx(1 + sound.TAIL_S, abs=0.05)


async def test_without_a_secret_none_is_sent(endpoint: SpeechEndpoint) -> None:
    engine = HttpSpeech(url=endpoint.url, model="m", voices={"*": "v"})
    await engine.speak("Hello there", "en")
    await engine.close()
    assert endpoint.tokens == [None]


def test_every_part_of_the_voice_names_it() -> None:
    def voice(**changes: object) -> Voice:
        values = {"url": "http://a/v1", "model": "m", "voices": {"*": "v"}, "speed": 1.0}
        return HttpSpeech(**{**values, **changes}).voice_for("en")  # type: ignore[arg-type]

    others = [{"url": "http://b/v1"}, {"model": "n"}, {"voices": {"en": "w"}}, {"speed": 1.5}]
    assert len({voice(), *(voice(**other) for other in others)}) == 5


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        (b"{}", 401, r"answered 401; is speech\.http_secret right\?"),
        (b"{}", 404, r"answered 404; is speech\.http_url right\?"),
        (b"{}", 429, "answered 429$"),
        (b"oops", 500, "answered 500$"),
        (MP3, 200, "MP3, not WAV; save or ask for it as WAV"),
        (b'{"error": 1}', 200, "wrote no sound: not a WAV"),
        (b"", 200, "wrote no sound: not a WAV: it is empty"),
        (hum(0.0), 200, "wrote silence"),
        (hum()[:30], 200, "wrote no sound"),
    ],
)
async def test_what_is_no_speech_is_named(
    engine: HttpSpeech, endpoint: SpeechEndpoint, body: bytes, status: int, complaint: str
) -> None:
    endpoint.sends(body, status)
    with pytest.raises(SpeechFailed, match=complaint):
        await engine.speak("Hello there", "en")


async def test_an_answer_without_end_is_cut_off(
    engine: HttpSpeech, endpoint: SpeechEndpoint
) -> None:
    endpoint.answer = endpoint.pour
    with pytest.raises(SpeechFailed, match="more than 20000000 bytes"):
        await engine.speak("Hello there", "en")


async def test_nobody_is_followed_elsewhere(engine: HttpSpeech, endpoint: SpeechEndpoint) -> None:
    endpoint.answer = endpoint.redirect
    with pytest.raises(SpeechFailed, match="answered 307"):
        await engine.speak("Hello there", "en")
    assert len(endpoint.asked) == 1


async def test_a_silent_endpoint_is_given_up(endpoint: SpeechEndpoint) -> None:
    endpoint.answer = endpoint.hang
    engine = HttpSpeech(url=endpoint.url, model="m", voices={"*": "v"}, deadline_s=0.2)
    with pytest.raises(DeadlineExceeded, match=r"did not answer in 0\.2 s"):
        await engine.speak("Hello there", "en")
    await engine.close()


async def test_nobody_there_says_so_and_not_what_was_to_be_spoken() -> None:
    engine = HttpSpeech(url="http://127.0.0.1:9/v1", model="m", voices={"*": "v"})
    with pytest.raises(SpeechFailed, match="cannot be reached") as raised:
        await engine.speak("Hello Maria Garcia", "en")
    await engine.close()
    assert "Maria" not in str(raised.value)


async def test_a_language_without_a_voice_is_refused() -> None:
    engine = HttpSpeech(url="http://127.0.0.1:9/v1", model="m", voices={"zh": "v"})
    with pytest.raises(SpeechFailed, match=r"speech\.http_voices names no voice"):
        engine.voice_for("en")


async def test_while_the_endpoint_is_away_the_programs_of_the_machine_speak(
    endpoint: SpeechEndpoint, tmp_path: Path
) -> None:
    settings = SpeechSettings(engines={"zh": "http"}, http_url=endpoint.url)
    async with (
        engine_for(settings) as engine,
        PromptStore(folder=tmp_path, limit_bytes=10**7, base_url="http://x") as store,
    ):
        prompts = Prompts(store=store, engine=engine, stand_in=engine.stand_in)

        async def heard(text: str) -> float:
            url = await prompts.render(text, "zh", deadline=Deadline.after(30))
            assert url is not None
            return store.seconds(url.removeprefix("http://x/prompts/")[:64]) or 0.0

        endpoint.sends(b"", 503)
        assert await heard("人工服务，请按0。") > 1.5, "by espeak-ng"
        endpoint.answer = endpoint.speak
        assert await heard("人工服务，请按0。") == pytest.approx(1 + sound.TAIL_S, abs=0.05)
