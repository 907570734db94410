"""Several questions at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


async def all_of(*questions: Awaitable[T]) -> list[T]:
    """All answers in the order of the questions; the first failure ends the others."""
    tasks = [asyncio.ensure_future(question) for question in questions]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def both(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """As `all_of`, of two kinds."""
    left, right = await all_of(_any(first), _any(second))
    return left, right


async def _any(question: Awaitable[Any]) -> Any:
    return await question
