"""Speech from an HTTP endpoint that speaks OpenAI's `POST /audio/speech`, on premises or not.

Every sentence is sent there, callers' names among them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from yarl import URL

from calls.errors import DeadlineExceeded
from config.public_addresses import resolver_for, why
from ivr import sound
from ivr.speech import WAV_LIMIT, SpeechFailed, Voice, base_language, finished, plain_text

WHO = "the speech endpoint"


class HttpSpeech:
    """`voices` by language code; `*` for any other. `url` ends before `/audio/speech`."""

    def __init__(
        self,
        *,
        url: str,
        model: str,
        voices: Mapping[str, str],
        secret: str = "",
        speed: float = 1.0,
        deadline_s: float = 10.0,
    ) -> None:
        self._url = url.rstrip("/")
        self._model = model
        self._voices = voices
        self._speed = speed
        self._deadline_s = deadline_s
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self._session: aiohttp.ClientSession | None = None

    def voice_for(self, language: str) -> Voice:
        parts = (self._url, self._model, self._voice(language), f"{self._speed:g}")
        return Voice("http", " ".join(parts))

    async def speak(self, text: str, language: str) -> sound.Samples:
        body = {
            "model": self._model,
            "voice": self._voice(language),
            "input": plain_text(text),
            "response_format": "wav",
            "speed": self._speed,
        }
        try:
            async with asyncio.timeout(self._deadline_s):
                wav = await self._ask(body)
        except TimeoutError as error:
            raise DeadlineExceeded(f"{WHO} did not answer in {self._deadline_s:g} s") from error
        except aiohttp.ClientError as error:
            raise SpeechFailed(f"{WHO} cannot be reached ({why(error)})") from error
        return await asyncio.to_thread(finished, wav, WHO)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(self, body: Mapping[str, object]) -> bytes:
        if self._session is None:
            # No cookies, no proxy of the environment, no way elsewhere with our secret.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver_for(URL(self._url).scheme)),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        url = f"{self._url}/audio/speech"
        async with self._session.post(url, json=body, allow_redirects=False) as answer:
            if answer.status != 200:
                raise SpeechFailed(f"{WHO} answered {answer.status}{_hint(answer.status)}")
            wav = bytearray()
            async for chunk in answer.content.iter_any():
                wav += chunk
                if len(wav) > WAV_LIMIT:
                    raise SpeechFailed(f"{WHO} sent more than {WAV_LIMIT} bytes")
        return bytes(wav)

    def _voice(self, language: str) -> str:
        found = self._voices.get(base_language(language)) or self._voices.get("*")
        if found is None:
            raise SpeechFailed("speech.http_voices names no voice for this language")
        return found


def _hint(status: int) -> str:
    if status in (401, 403):
        return "; is speech.http_secret right?"
    return "; is speech.http_url right?" if status in (404, 405) else ""
