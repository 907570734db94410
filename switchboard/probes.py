"""Asks what cannot tell by itself, now and then, so that /readyz answers from memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import redis.asyncio as redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from calls.errors import Misconfigured, SwitchboardError
from switchboard.health import PartState
from switchboard.still_wanted import still_wanted


class Probe:
    """`error` is None while `ask` answers in time. Asked at once and then every `every_s`."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[object]],
        *,
        every_s: float = 10.0,
        deadline_s: float = 2.0,
        remedy: str = "",
    ) -> None:
        self._ask = ask
        self._every_s = every_s
        self._deadline_s = deadline_s
        self._remedy = remedy
        self.error: str | None = "not asked yet"

    async def watch(self) -> None:
        while True:
            await self.ask_once()
            if still_wanted():
                await asyncio.sleep(self._every_s)

    async def ask_once(self) -> None:
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._ask()
        except TimeoutError:
            self.error = f"no answer in {self._deadline_s:g} s"
        except (SwitchboardError, SQLAlchemyError, RedisError, OSError) as error:
            self.error = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        else:
            self.error = None

    def state(self) -> PartState:
        return PartState(self.error is None, self.error or "answers", remedy=self._remedy)


def redis_ping(url: str | None) -> Callable[[], Awaitable[object]]:
    """One connection per question: nothing is kept that could go stale. Raises Misconfigured for
    what is no address of a Redis."""
    if url is not None:
        try:
            _ = redis.from_url(url)
        except ValueError as error:
            # What was written may hold a password, so it is not repeated.
            raise Misconfigured(
                "redis.url: not an address; use redis://HOST:PORT/0 or unix:///FILE"
            ) from error

    async def ping() -> None:
        if url is None:
            return
        client = redis.from_url(url)
        try:
            await client.ping()
        finally:
            await client.aclose()

    return ping
