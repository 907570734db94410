"""Questions to a system of the company's own, over HTTP: only to hosts that the administrator
allows, signed, and never believed more than was asked for.

The question is a POST of JSON; `X-Switchboard-Signature: t=UNIX,v1=HEX`, where HEX is the
HMAC-SHA256 of `t.body` under the settings' secret. The answer is a flat JSON object.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self

import aiohttp
from yarl import URL

from calls.bodies import PIECE, TooLong, whole
from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.ports import WebhookAnswer
from calls.signatures import signature
from config.clear_text import REFUSED, may_be_clear
from config.public_addresses import careful_session, why
from config.settings import RulebookSettings

SIGNATURE_HEADER = "X-Switchboard-Signature"
MAX_ANSWER_BYTES = 16 * 1024
MAX_VALUES = 50
MAX_TEXT = 500
#: Beyond, a whole number is no count of anything (and JavaScript could not have sent it exactly).
MAX_WHOLE = 2**53
_OK = 200


class HttpWebhooks:
    """Implements `calls.ports.Webhooks`. Use as `async with`."""

    def __init__(self, *, settings: RulebookSettings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._hosts = frozenset(host.lower().rstrip(".") for host in settings.webhook_hosts)
        self._now = now

    async def __aenter__(self) -> Self:
        self._session = careful_session()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    async def ask(
        self, webhook: str, url: str, body: Mapping[str, object], *, deadline: Deadline
    ) -> WebhookAnswer:
        """An answer that is late, not 200, too long or not a JSON object is Unavailable."""
        target = self._allowed(webhook, url)
        payload = json.dumps(body, separators=(",", ":")).encode()
        secret = await asyncio.to_thread(self._secret)
        if not secret:
            raise Unavailable(f"webhook {webhook}: set rulebook.webhook_secret, it signs questions")
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            SIGNATURE_HEADER: signature(secret, int(self._now()), payload),
        }
        answer = await deadline.bound(
            f"webhook {webhook}", self._exchange(webhook, target, payload, headers)
        )
        return WebhookAnswer(flat_values(webhook, answer))

    def _allowed(self, webhook: str, url: str) -> URL:
        """Read by the parser that the request uses, so that both mean the same host."""
        try:
            target = URL(url)
        except ValueError as error:
            raise Unavailable(f"webhook {webhook}: its address cannot be read") from error
        host = (target.host or "").lower().rstrip(".")
        if target.scheme not in ("http", "https") or host not in self._hosts:
            raise Unavailable(f"webhook {webhook}: its host is not in rulebook.webhook_hosts")
        if not may_be_clear(target.scheme, host, names=False):
            raise Unavailable(f"webhook {webhook}: {REFUSED}")
        if target.user is not None or target.password is not None:
            raise Unavailable(f"webhook {webhook}: its address must not hold a password")
        return target

    async def _exchange(
        self, webhook: str, target: URL, payload: bytes, headers: Mapping[str, str]
    ) -> bytes:
        try:
            async with self._session.post(
                target, data=payload, headers=headers, allow_redirects=False
            ) as response:
                if response.status != _OK:
                    raise Unavailable(f"webhook {webhook} answered {response.status}")
                return await _read(webhook, response)
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"webhook {webhook}: {why(error)}") from error

    def _secret(self) -> bytes:
        """Read for each question, as a secret may be changed while we run."""
        if self._settings.webhook_secret_file is None:
            return self._settings.webhook_secret.get_secret_value().encode()
        try:
            return self._settings.webhook_secret_file.read_bytes().strip()
        except OSError as error:
            raise Unavailable("rulebook.webhook_secret_file cannot be read") from error


def flat_values(webhook: str, answer: bytes) -> dict[str, str | int | float | bool]:
    """The texts, numbers and yes or no of a JSON object; what is nested, null, too long or too big
    is dropped. Raises Unavailable where it is no JSON object."""
    try:
        found = json.loads(answer, parse_constant=_no_such_number)
    except (ValueError, RecursionError) as error:
        raise Unavailable(f"webhook {webhook} answered no JSON") from error
    if not isinstance(found, dict):
        raise Unavailable(f"webhook {webhook} answered no JSON object")
    kept = {name: value for name, value in found.items() if _is_flat(value)}
    return dict(list(kept.items())[:MAX_VALUES])


def _is_flat(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    return isinstance(value, int | float) and abs(value) <= MAX_WHOLE


def _no_such_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


async def _read(webhook: str, response: aiohttp.ClientResponse) -> bytes:
    try:
        return await whole(response.content.iter_chunked(PIECE), MAX_ANSWER_BYTES)
    except TooLong as error:
        raise Unavailable(f"webhook {webhook} answered {error}") from error
