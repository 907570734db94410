"""A point in time by which an answer is worth having."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from calls.errors import DeadlineExceeded

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadline:
    """Seconds on the running loop's own clock, so that tests can own the time."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(asyncio.get_running_loop().time() + seconds)

    @property
    def left_s(self) -> float:
        return max(0.0, self.at - asyncio.get_running_loop().time())

    async def bound(self, what: str, answer: Awaitable[T]) -> T:
        """The answer, or DeadlineExceeded naming `what`; the question is cancelled then."""
        try:
            async with asyncio.timeout_at(self.at):
                return await answer
        except TimeoutError as error:
            raise DeadlineExceeded(f"{what} did not answer in time") from error
