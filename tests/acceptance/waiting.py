"""Waiting for what another process does: asked again and again, under a deadline, never by luck."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(
    ask: Callable[[], Awaitable[T]], what: str, *, deadline_s: float = 30.0, every_s: float = 0.05
) -> T:
    """The first true answer of `ask`; fails naming `what`."""
    try:
        async with asyncio.timeout(deadline_s):
            while not (answer := await ask()):
                await asyncio.sleep(every_s)
            return answer
    except TimeoutError:
        raise AssertionError(f"not seen within {deadline_s:g} s: {what}") from None
