"""Waiting in one process for what its own tasks do: under a deadline, never by luck."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_EVERY_S = 0.005


async def wait_until(reached: Callable[[], object], deadline_s: float = 10.0) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(deadline_s):
        while not reached():
            await asyncio.sleep(_EVERY_S)
